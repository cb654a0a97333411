"""Scores of held-out memberships, a scorer for grid search, reliability."""

from sk_gene2vec.metrics._held_out import split_memberships
from sk_gene2vec.metrics._held_out_scores import (
    HeldOutMembershipScorer,
    held_out_membership_score,
    held_out_membership_scores,
)
from sk_gene2vec.metrics._reliability import reliability_table

__all__ = [
    "HeldOutMembershipScorer",
    "held_out_membership_score",
    "held_out_membership_scores",
    "reliability_table",
    "split_memberships",
]

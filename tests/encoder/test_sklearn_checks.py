"""scikit-learn's own estimator checks."""

import pytest
from sklearn.exceptions import SkipTestWarning
from sklearn.utils.estimator_checks import (
    check_do_not_raise_errors_in_init_or_set_params,
    check_estimator_cloneable,
    check_estimator_repr,
    check_get_params_invariance,
    check_mixin_order,
    check_no_attributes_set_in_init,
    check_param_validation,
    check_parameters_default_constructible,
    check_set_params,
    check_valid_tag_types,
    estimator_checks_generator,
    parametrize_with_checks,
)

from sk_gene2vec import GeneSetEncoder, GmtVectorizer

# scikit-learn's matrices look like counts, with columns of ones; test_encoder.py
# tests the warnings.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.* only in sets:UserWarning"),
    pytest.mark.filterwarnings("ignore:.* values in X are above 1:UserWarning"),
]

REASON = "takes every predict_proba for a classifier's"


@parametrize_with_checks(
    [
        GeneSetEncoder(embedding_dim=3),
        GeneSetEncoder(embedding_dim=3, gene_input="one-hot"),
    ],
    expected_failed_checks=lambda estimator: {
        "check_estimator_sparse_array": REASON,
        "check_estimator_sparse_matrix": REASON,
    },
)
def test_encoder(estimator, check):
    check(estimator)


@pytest.mark.parametrize(
    "check",
    [
        check_do_not_raise_errors_in_init_or_set_params,
        check_estimator_cloneable,
        check_estimator_repr,
        check_get_params_invariance,
        check_mixin_order,
        check_no_attributes_set_in_init,
        check_param_validation,
        check_parameters_default_constructible,
        check_set_params,
        check_valid_tag_types,
    ],
)
def test_vectorizer_checks_that_apply_to_text(check):
    check("GmtVectorizer", GmtVectorizer({"SET": ["A", "B"]}))


def test_vectorizer_checks_that_the_generator_gives():
    """The generator gives few checks for text, and warns of it."""
    vectorizer = GmtVectorizer({"SET": ["A", "B"]})
    with pytest.warns(SkipTestWarning, match="requires input +of type .*string=True"):
        checks = list(estimator_checks_generator(vectorizer, legacy=True))
    assert len(checks) >= 1
    for estimator, check in checks:
        check(estimator)

"""Bundled gene sets and gene labels."""

from ._bundled import load_go_bp, load_go_mf_classes

__all__ = ["load_go_bp", "load_go_mf_classes"]

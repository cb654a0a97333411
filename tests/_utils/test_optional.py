"""Optional packages, there and not."""

import sys

import pytest

from sk_gene2vec._utils._optional import optional


def test_module_that_is_there():
    assert optional("os.path", "this test").join("a", "b")


@pytest.mark.parametrize(
    ("given", "package"), [(None, "umap"), ("umap-learn", "umap-learn")]
)
def test_module_that_is_not(monkeypatch, given, package):
    monkeypatch.setitem(sys.modules, "umap.umap_", None)
    with pytest.raises(ImportError) as caught:
        optional("umap.umap_", "plot_embedding", given)
    assert str(caught.value) == (
        "Cannot import umap.umap_, which plot_embedding needs. Install it with "
        f"`pip install {package}`."
    )

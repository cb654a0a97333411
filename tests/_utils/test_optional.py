"""Optional packages, there and not."""

import sys

import pytest

from sk_gene2vec._utils._optional import optional


def test_module_that_is_there():
    assert optional("os.path", "this test").join("a", "b")


@pytest.mark.parametrize(
    ("extra", "package"), [(None, "pooch"), ("datasets", '"sk-gene2vec[datasets]"')]
)
def test_module_that_is_not(monkeypatch, extra, package):
    monkeypatch.setitem(sys.modules, "pooch.core", None)
    with pytest.raises(ImportError) as caught:
        optional("pooch.core", "fetch_msigdb", extra)
    assert str(caught.value) == (
        "Cannot import pooch.core, which fetch_msigdb needs. Install it with "
        f"`pip install {package}`."
    )

"""Products with sparse rows against dense ones."""

import numpy as np
import pytest
import torch

from sk_gene2vec.encoder.training._sparse_rows import SparseProduct


def test_sparse_product_equals_dense_product(rows_of):
    rng = np.random.default_rng(1)
    dense = rng.random((7, 9)) * (rng.random((7, 9)) < 0.3)
    dense[2] = 0
    dense[:, 4] = 0
    weight = torch.from_numpy(rng.normal(size=(9, 3))).requires_grad_()
    values = torch.from_numpy(dense[dense != 0])
    product = SparseProduct.apply(rows_of(dense), values, weight)
    expected = torch.from_numpy(dense) @ weight
    np.testing.assert_allclose(product.detach(), expected.detach(), atol=1e-12)
    upstream = torch.from_numpy(rng.normal(size=(7, 3)))
    (expected_grad,) = torch.autograd.grad(expected, weight, upstream)
    (grad,) = torch.autograd.grad(product, weight, upstream)
    np.testing.assert_allclose(grad, expected_grad, atol=1e-12)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_entry_products_are_entries_of_the_dense_product(rows_of, share):
    rng = np.random.default_rng(2)
    dense = rng.random((7, 9)) < share
    left, right = (torch.from_numpy(rng.normal(size=(n, 4))) for n in (7, 9))
    rows = rows_of(dense)
    products = rows.entry_products(left, right)
    expected = (left @ right.T)[torch.from_numpy(dense)]
    np.testing.assert_allclose(products, expected, atol=1e-12)
    np.testing.assert_array_equal((left @ right.T).view(-1)[rows.positions], expected)


def test_rows_of_a_memory_map_are_read_without_a_warning(rows_of):
    rows = rows_of(np.eye(3))
    for array in (rows.host.data, rows.host.indices, rows.host.indptr):
        array.flags.writeable = False
    product = rows.product(torch.ones(3), torch.eye(3))
    assert torch.equal(product, torch.eye(3))

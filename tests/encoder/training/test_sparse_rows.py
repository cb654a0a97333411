"""Products with sparse rows against dense ones."""

import numpy as np
import pytest
import torch

from sk_gene2vec.encoder.training import _sparse_rows as sparse_rows
from sk_gene2vec.encoder.training._sparse_rows import EntryProducts, SparseProduct


@pytest.mark.parametrize("sparse_grad", [False, True])
def test_sparse_product_equals_dense_product(rows_of, sparse_grad):
    rng = np.random.default_rng(1)
    dense = rng.random((7, 9)) * (rng.random((7, 9)) < 0.3)
    dense[2] = 0
    dense[:, 4] = 0
    weight = torch.from_numpy(rng.normal(size=(9, 3))).requires_grad_()
    values = torch.from_numpy(dense[dense != 0])
    product = SparseProduct.apply(rows_of(dense), values, weight, sparse_grad)
    expected = torch.from_numpy(dense) @ weight
    np.testing.assert_allclose(product.detach(), expected.detach(), atol=1e-12)
    upstream = torch.from_numpy(rng.normal(size=(7, 3)))
    (expected_grad,) = torch.autograd.grad(expected, weight, upstream)
    (grad,) = torch.autograd.grad(product, weight, upstream)
    assert grad.is_sparse is sparse_grad
    np.testing.assert_allclose(grad.to_dense(), expected_grad, atol=1e-12)


@pytest.mark.parametrize("gather", [3, 10**6])
def test_entry_products_equal_those_of_the_dense_product(problem, gather, monkeypatch):
    monkeypatch.setattr(sparse_rows, "_GATHER_SIZE", gather)
    hidden, output, targets, y = problem
    right = output.detach()[:, :-1].clone().requires_grad_()
    products = EntryProducts.apply(targets.members, hidden, right)
    expected = (hidden @ right.T)[y == 1]
    np.testing.assert_allclose(products.detach(), expected.detach(), atol=1e-12)
    upstream = torch.linspace(-1, 1, len(expected), dtype=torch.float64)
    expected_grads = torch.autograd.grad(expected, [hidden, right], upstream)
    grads = torch.autograd.grad(products, [hidden, right], upstream)
    assert grads[1].is_sparse
    np.testing.assert_allclose(grads[0], expected_grads[0], atol=1e-12)
    np.testing.assert_allclose(grads[1].to_dense(), expected_grads[1], atol=1e-12)

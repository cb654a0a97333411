"""GeneSetEncoder: what it learns, returns and refuses."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import (
    check_dataframe_column_names_consistency,
    check_param_validation,
    check_set_output_transform,
    check_set_output_transform_pandas,
    check_transformer_get_feature_names_out,
    check_transformer_get_feature_names_out_pandas,
)
from skorch.callbacks import Callback, EarlyStopping

from sk_gene2vec import GeneSetEncoder, GeneSets
from sk_gene2vec._utils import _memberships as memberships
from sk_gene2vec.encoder._inference import decode_logits
from sk_gene2vec.metrics import (
    held_out_membership_score,
    held_out_membership_scores,
    split_memberships,
)

INPUTS = ["membership", "one-hot"]


@pytest.fixture(scope="module")
def X():
    """Sixty genes of three kinds, each kind in ten sets of its own."""
    rng = np.random.default_rng(0)
    kind = np.repeat([0, 1, 2], 20)
    own = kind[:, None] == np.repeat([0, 1, 2], 10)
    return (rng.random((60, 30)) < np.where(own, 0.7, 0.05)).astype(np.float32)


def make(**changes):
    parameters = {"embedding_dim": 4, "batch_size": 20, "random_state": 0}
    return GeneSetEncoder(**(parameters | changes))


@pytest.fixture(scope="module", params=INPUTS)
def fitted(request, X):
    return make(gene_input=request.param, max_epochs=60).fit(X)


def test_shapes_and_attributes(fitted, X):
    embedding = fitted.transform(X)
    assert embedding.shape == (60, 4)
    assert fitted.embedding_.shape == (60, 4)
    np.testing.assert_allclose(embedding, fitted.embedding_, atol=1e-6)
    assert fitted.gene_set_embedding_.shape == (30, 4)
    assert [c.shape for c in fitted.coefs_] == [
        (30 if fitted.gene_input == "membership" else 60, 4),
        (4, 30),
    ]
    assert [i.shape for i in fitted.intercepts_] == [(4,), (30,)]
    assert fitted.n_features_in_ == 30
    assert fitted.n_iter_ == len(fitted.loss_curve_) == 60
    assert fitted.loss_curve_[-1] < 0.7 * fitted.loss_curve_[0]
    assert list(fitted.get_feature_names_out()) == [
        f"genesetencoder{i}" for i in range(4)
    ]


def test_genes_of_a_kind_end_up_together(fitted, X):
    unit = fitted.embedding_ / np.linalg.norm(fitted.embedding_, axis=1)[:, None]
    similarity = unit @ unit.T
    np.fill_diagonal(similarity, -1)
    nearest = similarity.argmax(axis=1)
    assert (nearest // 20 == np.arange(60) // 20).mean() > 0.9


def test_predict_proba_is_high_for_the_sets_of_a_kind(fitted, X):
    probability = fitted.predict_proba(X)
    assert probability[X == 1].mean() > 2 * probability[X == 0].mean()
    # Each set is an output of its own: rows do not sum to one.
    assert np.ptp(probability.sum(axis=1)) > 0.1


def test_inverse_transform_decodes_embeddings(fitted, X):
    inverse = fitted.inverse_transform(fitted.transform(X))
    np.testing.assert_array_equal(inverse, fitted.predict_proba(X))
    with pytest.raises(ValueError, match="Expected embeddings with 4 columns, got 30"):
        fitted.inverse_transform(X)


def test_score_is_the_held_out_ndcg(fitted, X):
    expected = held_out_membership_score(fitted, X, random_state=0)
    assert fitted.score(X) == expected
    assert fitted.score(X) == fitted.score(sp.csr_array(X))
    assert 0.5 < fitted.score(X) < 1


def test_score_of_genes_with_few_memberships_and_of_none():
    few = np.kron(np.eye(3), np.ones((9, 3)))
    encoder = make().fit(few)
    expected = held_out_membership_score(
        encoder, few, min_memberships=2, random_state=0
    )
    assert encoder.score(few) == expected
    # One gene with more of them does not replace all the others.
    more = few.copy()
    more[0, :6] = 1
    hidden = split_memberships(more, min_memberships=2, random_state=0)
    scores = held_out_membership_scores(encoder, *hidden, metrics=["ndcg"])
    assert encoder.score(more) == scores["ndcg"]
    assert (hidden[1].sum(axis=1) > 0).all()
    with pytest.raises(ValueError, match="at least 2 memberships"):
        encoder.score(np.eye(9))


def network_loss(encoder, X):
    """Mean loss of the network's own logits, as in training."""
    logits = decode_logits(encoder.transform(X), encoder._layers())
    members, others = np.logaddexp(0, -logits), np.logaddexp(0, logits)
    return np.mean(X * members + (1 - X) * others)


@pytest.mark.parametrize("gene_input", INPUTS)
def test_unseen_genes_are_embedded_near_their_kind(X, gene_input):
    held_out = np.arange(0, 60, 4)
    train = np.setdiff1d(np.arange(60), held_out)
    encoder = make(gene_input=gene_input, max_epochs=60).fit(X[train])
    embedding = encoder.transform(X[held_out])
    assert embedding.shape == (15, 4)
    centres = np.array(
        [encoder.embedding_[train // 20 == kind].mean(axis=0) for kind in range(3)]
    )
    distance = np.linalg.norm(embedding[:, None] - centres, axis=2)
    assert (distance.argmin(axis=1) == held_out // 20).mean() > 0.9


@pytest.mark.parametrize("gene_input", INPUTS)
def test_gene_without_a_set_has_no_embedding_and_average_probabilities(X, gene_input):
    with_empty = X.copy()
    with_empty[5] = 0
    encoder = make(gene_input=gene_input).fit(with_empty)
    nothing = np.zeros((1, 30))
    assert not encoder.transform(nothing).any()
    assert not encoder.embedding_[5].any()
    assert encoder.embedding_[:5].any(axis=1).all()
    expected = with_empty.mean(axis=0).astype(np.float32)
    np.testing.assert_array_equal(encoder.gene_set_frequency_, expected)
    np.testing.assert_array_equal(encoder.predict_proba(nothing)[0], expected)
    decoded = encoder.inverse_transform(np.zeros((1, 4)))
    np.testing.assert_array_equal(decoded[0], expected)


def test_a_gene_only_in_a_set_of_all_genes_has_no_embedding(X):
    X = np.hstack([X, np.ones((60, 1))])
    encoder = make().fit(X)
    in_it_alone = np.zeros((1, 31))
    in_it_alone[0, 30] = 1
    message = "1 of 1 gene is only in sets with none or all of the genes seen in fit"
    with pytest.warns(UserWarning, match=message):
        assert not encoder.transform(in_it_alone).any()
    with pytest.warns(UserWarning, match=message):
        probability = encoder.predict_proba(in_it_alone)[0]
    np.testing.assert_array_equal(probability, encoder.gene_set_frequency_)
    X[:2, :30] = 0
    with pytest.warns(
        UserWarning, match=message.replace("1 of 1 gene is", "2 of 60 genes are")
    ):
        encoder.fit(X)
    assert not encoder.embedding_[:2].any()
    # A table has a row for such genes.
    one_hot = make(gene_input="one-hot").fit(X)
    assert one_hot.transform(in_it_alone).any()


CALLS = {
    "fit": lambda encoder, X: encoder.fit(X),
    "fit_transform": lambda encoder, X: encoder.fit_transform(X),
    "transform": lambda encoder, X: encoder.transform(X),
    "predict_proba": lambda encoder, X: encoder.predict_proba(X),
    "fit of a pipeline": lambda encoder, X: make_pipeline(clone(encoder)).fit(X),
    "fit_transform of a pipeline": lambda encoder, X: make_pipeline(
        clone(encoder)
    ).fit_transform(X),
    "transform of a pipeline": lambda encoder, X: make_pipeline(encoder).transform(X),
    "transform to pandas": lambda encoder, X: encoder.set_output(
        transform="pandas"
    ).transform(X),
    "transform in two steps": lambda encoder, X: make_pipeline(
        "passthrough", make_pipeline("passthrough", encoder)
    ).transform(X),
}


@pytest.mark.parametrize("call", CALLS)
def test_every_way_warns_once_at_the_line_of_the_caller(X, call):
    X = np.hstack([X, np.ones((60, 1))])
    X[5, :30] = 0
    encoder = make(max_epochs=1)
    with pytest.warns(UserWarning, match="only in sets"):
        encoder.fit(X)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        CALLS[call](encoder, X)
    assert [warning.filename for warning in caught] == [__file__]
    assert "1 of 60 genes is only in sets" in str(caught[0].message)


def test_a_score_in_blocks_warns_once(X, monkeypatch):
    X = np.hstack([X, np.ones((60, 1))])
    encoder = make(max_epochs=1).fit(X)
    # With one of two memberships hidden, some genes are left in the set of all alone.
    X[:, 1:30] = 0
    X[:, 0] = 1
    monkeypatch.setattr(memberships, "_BLOCK_SIZE", 7 * 31)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        encoder.score(X)
    assert len(caught) == 1


@pytest.mark.parametrize("gene_input", INPUTS)
def test_fit_transform_is_fit_and_transform(X, gene_input):
    encoder = make(gene_input=gene_input)
    expected = clone(encoder).fit(X).transform(X)
    np.testing.assert_array_equal(encoder.fit_transform(X), expected)


@pytest.mark.filterwarnings("error")
def test_a_warning_that_is_an_error_leaves_the_encoder_as_it_was(X):
    X = np.hstack([X, np.ones((60, 1))])
    X[5, :30] = 0
    encoder = make(max_epochs=1)
    with pytest.raises(UserWarning, match="only in sets"):
        encoder.fit(X)
    assert not hasattr(encoder, "coefs_")


@pytest.mark.parametrize("gene_input", INPUTS)
def test_parameters_set_after_fit_change_nothing_that_was_fitted(X, gene_input):
    encoder = make(gene_input=gene_input, activation="rmsnorm").fit(X)
    embedding, probability = encoder.transform(X), encoder.predict_proba(X)
    other = {"membership": "one-hot", "one-hot": "membership"}[gene_input]
    encoder.set_params(
        activation="tanh", gene_input=other, embedding_dim=7, hidden_layer_sizes=(3,)
    )
    np.testing.assert_array_equal(encoder.transform(X), embedding)
    np.testing.assert_array_equal(encoder.predict_proba(X), probability)
    assert encoder.gene_set_embedding_.shape == (30, 4)
    assert len(encoder.get_feature_names_out()) == 4


@pytest.mark.parametrize(
    "names",
    [
        ["TP53", "MDM2"],
        np.array(["TP53", "MDM2"]),
        pd.Series(["TP53", "MDM2"]),
        pd.DataFrame({"gene": ["TP53", "MDM2"]}),
        {"P53_PATHWAY": ["TP53", "MDM2"]},
        GeneSets({"P53_PATHWAY": ["TP53", "MDM2"]}),
        "TP53",
    ],
    ids=["list", "array", "Series", "DataFrame", "dict", "GeneSets", "str"],
)
@pytest.mark.filterwarnings("ignore:X has feature names")
def test_names_in_place_of_a_matrix(X, names):
    message = r"gene x gene-set matrix, got '(TP53|P53_PATHWAY)'\. GmtVectorizer makes"
    with pytest.raises(ValueError, match=message):
        make().fit(names)
    with pytest.raises(ValueError, match=message):
        make().fit(X).transform(names)


def test_one_hot_table_holds_each_distinct_row_once(X):
    repeated = np.vstack([X, X[:10], X[:10]])
    n_distinct = len(np.unique(X, axis=0))
    encoder = make(gene_input="one-hot").fit(repeated)
    assert encoder.coefs_[0].shape == (n_distinct, 4)
    np.testing.assert_array_equal(encoder.embedding_[60:70], encoder.embedding_[:10])
    np.testing.assert_array_equal(encoder.transform(X), encoder.embedding_[:60])


def test_one_hot_weighs_rows_by_how_often_they_occur():
    # Two kinds of gene, nine to one: an embedding that cannot tell them apart
    # must predict the shares of the ten genes, not those of the two rows.
    X = np.repeat([[1, 0], [0, 1]], [9, 1], axis=0)
    parameters = {"embedding_dim": 1, "max_epochs": 300, "lr": 0.05}
    curve = make(gene_input="one-hot", **parameters).fit(X).loss_curve_
    # The output bias starts at the log-odds of (9.5, 1.5) out of 11.
    p = np.array([9.5, 1.5]) / 11
    y = X.astype(float)
    start = -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))
    assert curve[0] == pytest.approx(start, abs=0.02)


@pytest.mark.filterwarnings("ignore:.* values in X are above 1")
@pytest.mark.parametrize("gene_input", INPUTS)
@pytest.mark.parametrize(
    "form",
    [
        sp.csr_array,
        sp.csr_matrix,
        sp.csc_array,
        sp.csc_matrix,
        sp.coo_array,
        sp.coo_matrix,
        lambda X: sp.csr_array(X.astype(np.int8)),
        lambda X: sp.csr_array(X.astype(bool)),
        lambda X: 7 * X,
        lambda X: X.astype(np.int64),
        lambda X: X.astype(bool),
        np.asfortranarray,
        pd.DataFrame,
    ],
)
def test_equal_matrices_give_equal_embeddings(X, form, gene_input):
    expected = make(gene_input=gene_input, max_epochs=3).fit(X)
    encoder = make(gene_input=gene_input, max_epochs=3).fit(form(X))
    np.testing.assert_array_equal(encoder.embedding_, expected.embedding_)
    np.testing.assert_allclose(
        encoder.transform(form(X)), expected.transform(X), rtol=1e-5, atol=1e-6
    )


def test_int64_indices_unsorted_duplicates_and_explicit_zeros(X):
    expected = make(max_epochs=3).fit(X).embedding_
    rows, columns = np.nonzero(X)
    order = np.random.default_rng(0).permutation(len(rows))
    rows = np.concatenate([rows[order], rows[:5], [0]])
    columns = np.concatenate(
        [columns[order], columns[:5], np.flatnonzero(X[0] == 0)[:1]]
    )
    values = np.r_[np.ones(len(rows) - 1), 0]
    messy = sp.csr_array(sp.coo_array((values, (rows, columns)), shape=X.shape))
    messy.indices = messy.indices.astype(np.int64)
    messy.indptr = messy.indptr.astype(np.int64)
    before = messy.copy()
    encoder = make(max_epochs=3).fit(messy)
    np.testing.assert_array_equal(encoder.embedding_, expected)
    # The caller's matrix is not changed.
    np.testing.assert_array_equal(messy.indices, before.indices)
    np.testing.assert_array_equal(messy.data, before.data)


def test_dense_input_is_read_in_blocks(X, monkeypatch):
    expected = make(max_epochs=3).fit(X).embedding_
    monkeypatch.setattr(memberships, "_BLOCK_SIZE", 7 * 30)
    np.testing.assert_array_equal(make(max_epochs=3).fit(X).embedding_, expected)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_transform_keeps_the_float_dtype(fitted, X, dtype):
    for matrix in (X.astype(dtype), sp.csr_array(X.astype(dtype))):
        assert fitted.transform(matrix).dtype == dtype
        assert fitted.predict_proba(matrix).dtype == dtype
    assert fitted.transform(X.astype(np.int8)).dtype == np.float64


@pytest.mark.parametrize("gene_input", INPUTS)
@pytest.mark.parametrize("activation", ["identity", "relu", "rmsnorm", "tanh"])
@pytest.mark.parametrize("hidden_layer_sizes", [(), (6,), [6, 5], np.array([6]), 6])
def test_architectures(X, gene_input, activation, hidden_layer_sizes):
    encoder = make(
        gene_input=gene_input,
        activation=activation,
        hidden_layer_sizes=hidden_layer_sizes,
        dropout=0.0,
        max_epochs=20,
    ).fit(X)
    sizes = np.atleast_1d(np.asarray(hidden_layer_sizes, dtype=int)).tolist()
    assert [c.shape[1] for c in encoder.coefs_] == [4, *sizes, 30]
    assert [len(i) for i in encoder.intercepts_] == [4, *sizes, 30]
    assert hasattr(encoder, "gene_set_embedding_") is (not sizes)
    assert encoder.loss_curve_[-1] < encoder.loss_curve_[0]
    # NumPy computes what torch trained: with nothing masked or dropped, the last
    # epoch's loss and that of the exported weights are close.
    if gene_input == "one-hot":
        loss = network_loss(encoder, X)
        assert loss == pytest.approx(encoder.loss_curve_[-1], rel=0.05)


@pytest.mark.parametrize("gene_input", INPUTS)
def test_sampled_negatives_learn_what_the_exact_loss_learns(X, gene_input):
    parameters = {"gene_input": gene_input, "max_epochs": 60}
    exact = make(**parameters).fit(X)
    estimate = make(n_negatives=15, **parameters).fit(X)
    start = make(max_epochs=1, lr=1e-9, **{"gene_input": gene_input}).fit(X)
    gained = network_loss(start, X) - network_loss(estimate, X)
    assert gained > 0.7 * (network_loss(start, X) - network_loss(exact, X))


def test_as_many_negatives_as_gene_sets_are_the_exact_loss(X):
    exact, sampled = (make(n_negatives=n).fit(X) for n in (None, X.shape[1]))
    assert sampled.loss_curve_ == exact.loss_curve_
    np.testing.assert_array_equal(sampled.embedding_, exact.embedding_)


def test_bfloat16_trains_nearly_the_same_with_other_roundings(X):
    exact, rounded = (
        make(precision=precision, max_epochs=3).fit(X)
        for precision in ("float32", "bfloat16")
    )
    assert rounded.loss_curve_ != exact.loss_curve_
    np.testing.assert_allclose(rounded.loss_curve_, exact.loss_curve_, rtol=1e-2)


@pytest.mark.parametrize("random_state", [3, None])
def test_random_state(X, random_state):
    a, b = (make(random_state=random_state, max_epochs=1).fit(X) for _ in range(2))
    assert np.array_equal(a.embedding_, b.embedding_) is (random_state == 3)


def test_random_state_instance_advances(X):
    state = np.random.RandomState(0)
    a, b = (make(random_state=state, max_epochs=1).fit(X) for _ in range(2))
    assert not np.array_equal(a.embedding_, b.embedding_)
    again = make(random_state=np.random.RandomState(0), max_epochs=1).fit(X)
    np.testing.assert_array_equal(again.embedding_, a.embedding_)


def test_y_is_ignored(X):
    a = make(max_epochs=1).fit(X)
    b = make(max_epochs=1).fit(X, np.arange(60))
    np.testing.assert_array_equal(a.embedding_, b.embedding_)


def test_pickle_is_small_and_holds_no_torch(fitted, X):
    data = pickle.dumps(fitted)
    assert b"torch" not in data
    assert len(data) < 25_000
    again = pickle.loads(data)
    np.testing.assert_array_equal(again.transform(X), fitted.transform(X))


def test_clone_keeps_parameters_only(fitted):
    fresh = clone(fitted)
    assert fresh.get_params() == fitted.get_params()
    with pytest.raises(NotFittedError):
        fresh.transform(np.zeros((1, 30)))


@pytest.mark.parametrize("container", [np.asarray, sp.csr_array])
def test_counts_in_place_of_memberships_warn(X, container):
    counts = X * np.random.default_rng(0).poisson(3, X.shape)
    with pytest.warns(UserWarning, match=r"\d of [\d,]+ values in X are above 1"):
        encoder = make(max_epochs=1).fit(container(counts))
    # They are memberships all the same; a few of them, and new genes, do not warn.
    encoder.transform(container(X * 5))
    some = X.copy()
    some[0] *= 2
    make(max_epochs=1).fit(container(some))


def test_rarity_counts_every_gene(X):
    np.testing.assert_allclose(
        make().fit(X).gene_set_weights_, np.log(60 / X.sum(axis=0)), rtol=1e-6
    )


def test_early_stopping_of_skorch_ends_the_fit_normally(X):
    stopping = EarlyStopping(monitor="train_loss", patience=2, threshold=0.9)
    encoder = make(callbacks=[stopping], max_epochs=50).fit(X)
    assert encoder.n_iter_ == 3
    assert encoder.transform(X).shape == (60, 4)


class Stopper(Callback):
    def __init__(self, error):
        self.error = error

    def on_epoch_end(self, net, **kwargs):
        raise self.error


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("full disk")])
def test_a_fit_that_breaks_leaves_no_fitted_state(X, error):
    encoder = make(callbacks=[Stopper(error)])
    with pytest.raises(type(error)):
        encoder.fit(X)
    with pytest.raises(NotFittedError):
        encoder.transform(X)


@pytest.mark.filterwarnings("ignore:.* only in sets")
def test_a_fit_that_breaks_keeps_the_previous_one(X):
    encoder = make(max_epochs=1).fit(
        pd.DataFrame(X, columns=[f"S{i}" for i in range(30)])
    )
    before = {k: v for k, v in vars(encoder).items() if k.endswith("_")}
    with pytest.raises(RuntimeError, match="full disk"):
        encoder.set_params(callbacks=[Stopper(RuntimeError("full disk"))]).fit(X[:, :7])
    after = {k: v for k, v in vars(encoder).items() if k.endswith("_")}
    assert after == before


def test_divergence_suggests_a_smaller_lr_and_leaves_no_fitted_state(X):
    encoder = make(lr=1e38)
    with pytest.raises(ValueError, match="Use a smaller lr, for example lr=1e"):
        encoder.fit(X)
    with pytest.raises(NotFittedError):
        encoder.predict_proba(X)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (lambda X: X[:, :0], "0 feature"),
        (lambda X: X[:0], "0 sample"),
        (lambda X: -X, "Negative values in data"),
        (lambda X: sp.csr_array(-X), "Negative values in data"),
        (lambda X: np.where(X == 1, np.nan, X), "NaN"),
        (lambda X: sp.csr_array(np.where(X == 1, np.inf, X)), "infinity"),
        (lambda X: X[0], "Expected 2D array"),
        (lambda X: [["TP53"], ["BRCA1"]], "got 'TP53'"),
    ],
)
def test_matrices_that_are_refused(X, bad, message):
    encoder = make()
    with pytest.raises(ValueError, match=message):
        encoder.fit(bad(X))
    with pytest.raises(NotFittedError):
        encoder.transform(X)


def test_wrong_number_of_columns(fitted, X):
    with pytest.raises(ValueError, match=r"29 features.*expecting 30 features"):
        fitted.transform(X[:, 1:])


@pytest.mark.parametrize(
    ("parameter", "value", "message"),
    [
        ("embedding_dim", 0, "'embedding_dim' .* in the range \\[1, inf\\). Got 0"),
        ("gene_input", "onehot", "'gene_input' .*'one-hot'.*Got 'onehot'"),
        ("mask_rate", 0.0, "'mask_rate'"),
        ("mask_rate", 1.0, "'mask_rate'"),
        ("dropout", 1.0, "'dropout'"),
        ("weight_decay", -1.0, "'weight_decay'"),
        ("completeness", 0.0, "'completeness'"),
        ("completeness", 1.0, "'completeness'"),
        ("activation", "swish", "'activation'"),
        ("lr", 0, "'lr'"),
        ("max_epochs", 0, "'max_epochs'"),
        ("batch_size", 0, "'batch_size'"),
        ("n_negatives", 0, "'n_negatives'"),
        ("precision", "float8", "'precision'"),
        ("hidden_layer_sizes", (0,), r"at least 1.*got \[0\]"),
        ("hidden_layer_sizes", (1.5,), r"integers.*got \[1.5\]"),
        ("hidden_layer_sizes", [[3]], r"integers.*got \[\[3\]\]"),
        ("device", "cuda:7", "Expected device to be .*, got 'cuda:7'"),
    ],
)
def test_bad_parameters(X, parameter, value, message):
    with pytest.raises(ValueError, match=message):
        make(**{parameter: value}).fit(X)


def test_global_states_are_left_alone(X):
    numpy_state = np.random.get_state()[1].copy()  # noqa: NPY002
    torch_state = torch.random.get_rng_state()
    threads, dtype = torch.get_num_threads(), torch.get_default_dtype()
    make(random_state=5).fit(X)
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_state)  # noqa: NPY002
    assert torch.equal(torch.random.get_rng_state(), torch_state)
    assert torch.get_num_threads() == threads
    assert torch.get_default_dtype() == dtype


def test_default_dtype_of_the_caller_changes_nothing(X):
    expected = make(max_epochs=2, hidden_layer_sizes=(5,)).fit(X).embedding_
    torch.set_default_dtype(torch.float64)
    try:
        embedding = make(max_epochs=2, hidden_layer_sizes=(5,)).fit(X).embedding_
    finally:
        torch.set_default_dtype(torch.float32)
    np.testing.assert_array_equal(embedding, expected)


@pytest.mark.filterwarnings("ignore:.* values in X are above 1")
# Some of the checks mix frames and their bare values on purpose.
@pytest.mark.filterwarnings(
    "ignore:X (has|does not have valid) feature names:UserWarning"
)
# scikit-learn's matrices have genes that are only in sets of all genes.
@pytest.mark.filterwarnings("ignore:.* only in sets")
@pytest.mark.parametrize("gene_input", INPUTS)
@pytest.mark.parametrize(
    "check",
    [
        check_param_validation,
        check_set_output_transform,
        check_set_output_transform_pandas,
        check_transformer_get_feature_names_out,
        check_transformer_get_feature_names_out_pandas,
        check_dataframe_column_names_consistency,
    ],
)
def test_checks_that_the_generator_leaves_out(check, gene_input):
    encoder = GeneSetEncoder(embedding_dim=3, gene_input=gene_input)
    check("GeneSetEncoder", encoder)

"""The methods that a user would pick instead, and how the benchmarks run them.

Each peer is a small estimator: `fit`, `transform` to an embedding and
`inverse_transform` to scores of all gene sets, which is what
`sk_gene2vec.metrics.held_out_membership_scores` ranks. Its `settings` are a small grid;
every one of them is run, and the tables show the one that does best for the peer.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
from _autoencoders import ELSA, SANSA
from _common import HALLMARK, HERE, MSIGDB, machine, shared
from numpy.typing import NDArray
from scipy.linalg import get_lapack_funcs
from sklearn.base import BaseEstimator
from sklearn.decomposition import NMF as SklearnNMF
from sklearn.decomposition import TruncatedSVD
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import normalize

from sk_gene2vec import GeneSetEncoder, GmtVectorizer, read_gmt
from sk_gene2vec.datasets import load_go_bp

# Number of rows of the item-item matrix that are computed at a time.
_STRIP = 512

# Sets that a collection leaves out, by the start of their names. C5 is GO.
_LEFT_OUT = {"msigdb_no_c5": "GO_", "msigdb_no_reactome": "REACTOME_"}
COLLECTIONS = ("msigdb", *_LEFT_OUT, "go_bp", "hallmark")


def load(name: str) -> tuple[Any, list[str]]:
    """Memberships of a collection as float32 CSR, and its genes."""
    if name == "go_bp":
        gene_sets = load_go_bp()
    else:
        gene_sets = read_gmt(shared(HALLMARK if name == "hallmark" else MSIGDB))
    if name in _LEFT_OUT:
        without = _LEFT_OUT[name]
        kept = {x: y for x, y in gene_sets.items() if not x.startswith(without)}
        genes = sorted({gene for members in kept.values() for gene in members})
        return GmtVectorizer(kept).fit_transform(genes).astype(np.float32), genes
    genes = gene_sets.genes
    return GmtVectorizer(gene_sets).fit_transform(genes).astype(np.float32), genes


class Popularity(BaseEstimator):
    """Gene sets by their number of genes, the same for every gene."""

    settings: ClassVar = [{}]
    embeds = False

    def fit(self, X: Any, y: Any = None) -> Popularity:
        self.sizes_ = np.asarray(X.sum(axis=0), dtype=np.float32).ravel()
        return self

    def transform(self, X: Any) -> Any:
        return np.ones((X.shape[0], 1), dtype=np.float32)

    def inverse_transform(self, embedding: Any) -> Any:
        return embedding * self.sizes_


class SVD(BaseEstimator):
    """TruncatedSVD of the 0/1 matrix.

    Best settings: 10 power iterations instead of the default 5.
    """

    settings: ClassVar = [{}]

    def __init__(self, dim: int = 100) -> None:
        self.dim = dim

    def fit(self, X: Any, y: Any = None) -> SVD:
        self.svd_ = TruncatedSVD(self.dim, n_iter=10, random_state=0).fit(X)
        return self

    def transform(self, X: Any) -> Any:
        return self.svd_.transform(X)

    def inverse_transform(self, embedding: Any) -> Any:
        return self.svd_.inverse_transform(embedding)


def idf(X: Any) -> NDArray[Any]:
    """Logarithm of the number of genes over the size of each set."""
    sizes = np.asarray(X.sum(axis=0), dtype=np.float32).ravel()
    return np.log(X.shape[0] / np.maximum(sizes, 1), dtype=np.float32)


def tfidf_rows(X: Any, weights: NDArray[Any]) -> sp.csr_matrix:
    """Rows weighted by the idf, of unit length."""
    return normalize(sp.csr_matrix(X @ sp.diags(weights)))


class TfidfSVD(BaseEstimator):
    """TruncatedSVD of TF-IDF rows of unit length.

    Best settings: idf = log(n / size), rows of unit length before the SVD; the ranking
    is its own reconstruction, as it is or divided by the idf, whichever is better.
    """

    settings: ClassVar = [{"divide": False}, {"divide": True}]
    embedding_settings: ClassVar = [{}]

    def __init__(self, dim: int = 100, divide: bool = False) -> None:
        self.dim = dim
        self.divide = divide

    def fit(self, X: Any, y: Any = None) -> TfidfSVD:
        self.idf_ = idf(X)
        self.svd_ = TruncatedSVD(self.dim, n_iter=10, random_state=0)
        self.svd_.fit(tfidf_rows(X, self.idf_))
        return self

    def transform(self, X: Any) -> Any:
        return self.svd_.transform(tfidf_rows(X, self.idf_))

    def inverse_transform(self, embedding: Any) -> Any:
        scores = self.svd_.inverse_transform(embedding)
        # A set of all genes has no weight to divide by.
        return scores / np.maximum(self.idf_, 1e-3) if self.divide else scores


class NMF(BaseEstimator):
    """Non-negative matrix factorisation of the 0/1 matrix.

    Best settings: coordinate descent from NNDSVD with zeros filled by the mean, 60
    iterations, no penalty (from 0 to 1e-4 it changes NDCG@100 on GO BP by 0.005).
    """

    settings: ClassVar = [{}]

    def __init__(self, dim: int = 100) -> None:
        self.dim = dim

    def fit(self, X: Any, y: Any = None) -> NMF:
        self.nmf_ = SklearnNMF(
            self.dim,
            init="nndsvda",
            max_iter=60,
            random_state=0,
        )
        with warnings.catch_warnings():
            # Sixty iterations, converged or not: more cost minutes at full size.
            warnings.simplefilter("ignore", ConvergenceWarning)
            self.embedding_ = self.nmf_.fit_transform(sp.csr_matrix(X))
        return self

    def transform(self, X: Any) -> Any:
        return self.nmf_.transform(sp.csr_matrix(X))

    def inverse_transform(self, embedding: Any) -> Any:
        return self.nmf_.inverse_transform(embedding)


class ALS(BaseEstimator):
    """Weighted matrix factorisation, `implicit.als.AlternatingLeastSquares`.

    Best settings: a grid of alpha, the weight of a membership (on GO BP, 100 instead of
    the default 1 lifts NDCG@100 from 0.55 to 0.77; regularization from 0.01 to 10
    changes it by 0.01 at most), 15 iterations, a gene's own vector solved exactly.
    """

    settings: ClassVar = [{"alpha": x} for x in (1.0, 5.0, 25.0, 100.0)]
    needs = "implicit"

    def __init__(
        self, dim: int = 100, alpha: float = 1.0, regularization: float = 1.0
    ) -> None:
        self.dim = dim
        self.alpha = alpha
        self.regularization = regularization

    def fit(self, X: Any, y: Any = None) -> ALS:
        from implicit.cpu.als import AlternatingLeastSquares
        from threadpoolctl import threadpool_limits

        self.als_ = AlternatingLeastSquares(
            self.dim,
            regularization=self.regularization,
            alpha=self.alpha,
            iterations=15,
            num_threads=int(os.environ.get("OMP_NUM_THREADS", 0)),
            random_state=0,
        )
        # Its threads and those of BLAS would slow each other down.
        with threadpool_limits(1, "blas"):
            self.als_.fit(sp.csr_matrix(X), show_progress=False)
        self.embedding_ = self.als_.user_factors
        return self

    def transform(self, X: Any) -> Any:
        return self.als_.recalculate_user(np.arange(X.shape[0]), sp.csr_matrix(X))

    def inverse_transform(self, embedding: Any) -> Any:
        return embedding @ self.als_.item_factors.T


def ease_weights(X: sp.csr_array, penalty: Any) -> NDArray[Any]:
    """Compute the weights of the gene sets on each other in EASE, diagonal zero.

    Parameters
    ----------
    X : csr_array of shape (n_genes, n_gene_sets), float32 or float64
        Memberships.
    penalty : float or ndarray of shape (n_gene_sets,)
        Ridge penalty, above 0; or one for each gene set.

    Returns
    -------
    ndarray of shape (n_gene_sets, n_gene_sets), of the type of X
        ``X @ weights`` predicts each membership from the gene's other gene sets.

    Raises
    ------
    LinAlgError
        If the penalised item-item matrix is not positive definite in that precision.
    """
    n_sets = X.shape[1]
    transposed = X.T.tocsr()
    gram = np.empty((n_sets, n_sets), dtype=X.dtype)
    for start in range(0, n_sets, _STRIP):
        strip = slice(start, start + _STRIP)
        gram[strip] = (transposed[strip] @ X).toarray()
    gram[np.diag_indices(n_sets)] += penalty
    # The transpose of a symmetric matrix is a Fortran array to LAPACK: no copy.
    potrf, potri = get_lapack_funcs(("potrf", "potri"), (gram,))
    factor, info = potrf(gram.T, lower=0, clean=0, overwrite_a=1)
    if info == 0:
        inverse, info = potri(factor, lower=0, overwrite_c=1)
    if info != 0:
        raise np.linalg.LinAlgError(
            "Expected a positive definite item-item matrix, got one that LAPACK cannot "
            f"invert (info={info}). Use a larger penalty than {np.min(penalty):g}."
        )
    # LAPACK fills one triangle: copy it to the other, by strips.
    inverse = inverse.T
    for start in range(0, n_sets, _STRIP):
        stop = min(start + _STRIP, n_sets)
        square = inverse[start:stop, start:stop]
        square[:] = np.tril(square) + np.tril(square, -1).T
        inverse[start:stop, stop:] = inverse[stop:, start:stop].T
    inverse /= -inverse.diagonal().copy()
    inverse[np.diag_indices(n_sets)] = 0
    return np.asarray(inverse)


class EASE(BaseEstimator):
    """EASE: a closed-form item-item model, gene sets as items; no embedding.

    Best settings: a grid of the one parameter, the ridge penalty. The inverse is
    computed in place, in float32: 4 bytes times the squared number of gene sets.

    H. Steck, "Embarrassingly shallow autoencoders for sparse data", WWW 2019.
    """

    settings: ClassVar = [{"penalty": x} for x in (10.0, 50.0, 200.0, 1000.0)]
    embeds = False

    def __init__(self, penalty: float = 200.0) -> None:
        self.penalty = penalty

    def fit(self, X: Any, y: Any = None) -> EASE:
        self.weights_ = ease_weights(sp.csr_array(X, dtype=np.float32), self.penalty)
        return self

    def transform(self, X: Any) -> Any:
        return X

    def inverse_transform(self, X: Any) -> Any:
        return np.asarray(X.astype(np.float32) @ self.weights_)


class EDLAE(EASE):
    """EDLAE: EASE, with a penalty that grows with the size of a gene set.

    The solution in closed form for a dropout probability p of the inputs: the ridge
    penalty of a gene set is `penalty` plus its number of genes times p / (1 - p).

    Best settings: a grid of both.

    H. Steck, "Autoencoders that don't overfit towards the identity", NeurIPS 2020.
    """

    settings: ClassVar = [
        {"penalty": penalty, "dropout": dropout}
        for dropout in (0.03, 0.1, 0.3)
        for penalty in (5.0, 50.0)
    ]

    def __init__(self, penalty: float = 10.0, dropout: float = 0.3) -> None:
        super().__init__(penalty)
        self.dropout = dropout

    def fit(self, X: Any, y: Any = None) -> EDLAE:
        X = sp.csr_array(X, dtype=np.float32)
        growth = self.dropout / (1 - self.dropout)
        self.weights_ = ease_weights(X, self.penalty + growth * X.sum(axis=0))
        return self


class Word2Vec(BaseEstimator):
    """Skip-gram Word2Vec by gensim, gene sets as sentences of genes.

    Best settings: negative sampling, every sentence shuffled again in each epoch and a
    window of 10 genes either side, which samples all pairs of a gene set alike; 0.1 as
    the first learning rate (on GO BP it lifts NDCG@100 from 0.43, at gensim's 0.025, to
    0.56); no down-sampling of frequent genes; sets are the mean of their genes'
    vectors, ranked by dot product or by cosine, whichever is better.
    """

    settings: ClassVar = [{"cosine": False}, {"cosine": True}]
    embedding_settings: ClassVar = [{}]
    needs = "gensim"

    def __init__(
        self,
        dim: int = 100,
        cosine: bool = False,
        window: int = 10,
        epochs: int = 10,
        negative: int = 5,
        sample: float = 0.0,
        lr: float = 0.1,
    ) -> None:
        self.dim = dim
        self.cosine = cosine
        self.window = window
        self.epochs = epochs
        self.negative = negative
        self.sample = sample
        self.lr = lr

    def fit(self, X: Any, y: Any = None) -> Word2Vec:
        from gensim.models import Word2Vec as Gensim

        X = sp.csr_matrix(X)
        model = Gensim(
            Sentences(X),
            vector_size=self.dim,
            window=self.window,
            epochs=self.epochs,
            negative=self.negative,
            sample=self.sample,
            alpha=self.lr,
            sg=1,
            min_count=1,
            seed=0,
            # With several workers, results would differ from run to run.
            workers=1,
        )
        place = model.wv.key_to_index
        known = [place.get(str(gene), -1) for gene in range(X.shape[0])]
        # A gene that is in no set has no vector: zeros.
        table = np.vstack([model.wv.vectors, np.zeros(self.dim, np.float32)])
        self.embedding_ = table[known]
        keys = self._keys(X)
        self.row_ = {key: row for row, key in reversed(list(enumerate(keys)))}
        table = normalize(self.embedding_) if self.cosine else self.embedding_
        sizes = np.maximum(np.asarray(X.sum(axis=0)).ravel(), 1)
        self.sets_ = (X.T @ table) / sizes[:, np.newaxis].astype(np.float32)
        if self.cosine:
            self.sets_ = normalize(self.sets_)
        return self

    def transform(self, X: Any) -> Any:
        """Vector of the gene with the same row in `fit`, else mean of its sets."""
        X = sp.csr_matrix(X)
        sizes = np.maximum(np.diff(X.indptr), 1)
        embedding = (X @ self.sets_) / sizes[:, np.newaxis].astype(np.float32)
        for i, key in enumerate(self._keys(X)):
            if key in self.row_:
                embedding[i] = self.embedding_[self.row_[key]]
        return embedding

    def inverse_transform(self, embedding: Any) -> Any:
        return embedding @ self.sets_.T

    def _keys(self, X: Any) -> list[bytes]:
        X.sort_indices()
        indices = X.indices.astype(np.int32)
        rows = zip(X.indptr[:-1], X.indptr[1:], strict=True)
        return [indices[a:b].tobytes() for a, b in rows]


class Sentences:
    """Gene sets as sentences of gene numbers, shuffled again in each pass."""

    def __init__(self, X: Any) -> None:
        by_set = X.T.tocsr()
        self.words = np.array([str(i) for i in range(X.shape[0])], dtype=object)
        self.sets = np.split(by_set.indices, by_set.indptr[1:-1])
        self.rng = np.random.default_rng(0)

    def __iter__(self) -> Iterator[list[str]]:
        for i in self.rng.permutation(len(self.sets)):
            yield self.words[self.rng.permutation(self.sets[i])].tolist()


PEERS: dict[str, tuple[str, type]] = {
    "popularity": ("popularity", Popularity),
    "svd": ("TruncatedSVD", SVD),
    "tfidf": ("TruncatedSVD, TF-IDF unit rows", TfidfSVD),
    "nmf": ("NMF", NMF),
    "als": ("implicit ALS", ALS),
    "ease": ("EASE", EASE),
    "edlae": ("EDLAE", EDLAE),
    "sansa": ("SANSA", SANSA),
    "elsa": ("ELSA", ELSA),
    "word2vec": ("Word2Vec, sets as sentences", Word2Vec),
}

NOTEBOOK = {
    "gene_input": "one-hot",
    "activation": "relu",
    "dropout": 0.0,
    "weight_decay": 0.0,
    "lr": 0.01,
    "batch_size": 1000,
    "hidden_layer_sizes": (100,),
}
# The notebook trains for 100 epochs, but the full problem needs only 20.
ONE_HOT_SETTINGS = [{"max_epochs": 20}, {"max_epochs": 100}]
# name: label, parameters of the encoder, grid
OURS: dict[str, tuple[str, dict[str, Any], list[dict[str, Any]]]] = {
    "one_hot": ("ours, one-hot as in the notebook", NOTEBOOK, ONE_HOT_SETTINGS),
    "sampled": ("ours, 2,048 negatives", {"n_negatives": 2048}, [{}]),
    "membership": ("ours (default)", {}, [{}]),
}


def settings_of(method: str, *, embedding: bool = False) -> list[dict[str, Any]]:
    """Grid of a method, or only the settings that change the vectors."""
    if method in OURS:
        return OURS[method][2]
    peer: Any = PEERS[method][1]
    if embedding:
        return getattr(peer, "embedding_settings", peer.settings)
    return peer.settings


def make(method: str, dim: int | None, settings: dict[str, Any]) -> Any:
    """Build an unfitted estimator; `dim` is None for methods without an embedding."""
    if method in OURS:
        fixed = OURS[method][1] | {"embedding_dim": dim, "random_state": 0}
        return GeneSetEncoder(**fixed | settings)
    return PEERS[method][1](**({} if dim is None else {"dim": dim}) | settings)


def label_of(method: str) -> str:
    return (OURS if method in OURS else PEERS)[method][0]


def embeds(method: str) -> bool:
    return method in OURS or getattr(PEERS[method][1], "embeds", True)


def fit_timed(estimator: Any, X: Any) -> float:
    """Fit; return the wall time in seconds."""
    start = time.perf_counter()
    estimator.fit(X)
    return time.perf_counter() - start


def embedding_of(estimator: Any, X: Any) -> Any:
    """Vectors of the rows that the estimator was fitted on."""
    embedding = getattr(estimator, "embedding_", None)
    return estimator.transform(X) if embedding is None else embedding


def installed(methods: list[str]) -> list[str]:
    """Leave out the methods whose package is missing, with a message."""
    kept = []
    for method in methods:
        needs = method in PEERS and getattr(PEERS[method][1], "needs", None)
        if needs and importlib.util.find_spec(needs) is None:
            print(f"{label_of(method)}: {needs} is not installed, left out")
        else:
            kept.append(method)
    return kept


class Records:
    """Results of jobs, in a file that is written after each of them.

    A job is a dict of JSON values. A record is the job with what came of it; a job that
    is run again replaces its record.
    """

    def __init__(self, stem: str) -> None:
        self.path: Path = HERE / "results" / f"{stem}.json"
        self.records: list[dict[str, Any]] = []
        if self.path.exists():
            self.records = json.loads(self.path.read_text()).get("records", [])

    def run(self, script: str, job: dict[str, Any], timeout: float) -> None:
        """Run a job in a process of its own, and record its result."""
        job = json.loads(json.dumps(job))
        name = " ".join(str(x) for x in job.values() if x not in (None, {}))
        command = [sys.executable, script, "--job", json.dumps(job)]
        start = time.perf_counter()
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=timeout, check=False
            )
        except subprocess.TimeoutExpired:
            outcome: dict[str, Any] = {"failed": f"not done after {timeout:g} s"}
        else:
            if done.returncode == 0:
                outcome = json.loads(done.stdout.splitlines()[-1])
            else:
                last = (done.stderr.strip().splitlines() or ["no message"])[-1]
                outcome = {"failed": f"exit {done.returncode}: {last}"}
        seconds = time.perf_counter() - start
        print(f"{name}: {outcome.get('failed', 'done')}, {seconds:.0f} s", flush=True)
        self.add(job, outcome | {"seconds_with_scoring": seconds})

    def add(self, job: dict[str, Any], outcome: dict[str, Any]) -> None:
        """Record the result of a job, in place of its previous result."""
        where = machine()
        outcome = outcome | {"date": where["date"], "threads": where["threads"]}
        self.records = [x for x in self.records if any(x.get(k) != job[k] for k in job)]
        self.records.append(job | outcome)
        self.path.parent.mkdir(exist_ok=True)
        result = {"machine": where, "records": self.records}
        self.path.write_text(json.dumps(result, indent=1) + "\n")

    def best(self, key: str, **wanted: Any) -> dict[str, Any] | None:
        """Find a job's record with the highest `key`, or one that failed if all did."""
        found = [x for x in self.records if all(x.get(k) == wanted[k] for k in wanted)]
        return max(found, key=lambda x: x.get(key, -1.0), default=None)


def describe(settings: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in settings.items())

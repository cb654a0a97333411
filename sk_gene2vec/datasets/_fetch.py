"""Collections by name from MSigDB and Enrichr, kept in a cache folder."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from hashlib import sha256
from numbers import Integral, Real
from pathlib import Path
from urllib.parse import urlencode

from sklearn.utils.validation import check_scalar

from sk_gene2vec._utils._messages import near_misses
from sk_gene2vec.datasets._cache import SAFE_URL, Remote, cache_folder, cached_gmt
from sk_gene2vec.gene_sets._gene_sets import GeneSets
from sk_gene2vec.gene_sets._gmt import check_on_duplicate, read_gmt

MSIGDB_PAGE = "https://www.gsea-msigdb.org/gsea/downloads.jsp"
MSIGDB_TERMS = "https://www.gsea-msigdb.org/gsea/msigdb_license_terms.jsp"
ENRICHR_PAGE = "https://maayanlab.cloud/Enrichr/#libraries"
ENRICHR_TERMS = "https://maayanlab.cloud/Enrichr/help#terms"

ID_TYPES = ("symbols", "entrez")
# Names are checked by their shape: a list of them would lack every later release.
_VERSION_SHAPE = r"[3-7]\.\d(\.\d)?|20\d\d\.\d\.(Hs|Mm)"
_HUMAN_SHAPE, _MOUSE_SHAPE = r"(h|c\d+)(\.\w+)+|msigdb", r"(mh|m\d+)(\.\w+)+|msigdb"
_LIBRARY_SHAPE = r"\w[\w.+-]{0,149}"
#: Organism -> the site that has its libraries, as in GSEApy.
SITES = {"human": "Enrichr", "mouse": "Enrichr"} | {
    name: f"{name.title()}Enrichr" for name in ("fly", "yeast", "worm", "fish")
}


def fetch_msigdb(
    collection: str = "h.all",
    *,
    version: str = "2024.1.Hs",
    id_type: str = "symbols",
    data_home: str | os.PathLike[str] | None = None,
    base_url: str = "https://data.broadinstitute.org/gsea-msigdb/msigdb/release",
    force_download: bool = False,
    n_retries: int = 3,
    timeout: float = 30.0,
    progressbar: bool = False,
) -> GeneSets:
    """Fetch a collection of the Molecular Signatures Database (MSigDB).

    The first call downloads it, later calls read it from the cache folder.

    Parameters
    ----------
    collection : str, default="h.all"
        The collection as MSigDB names its files: "h.all" (Hallmark, 50 sets),
        "c2.cp.reactome", "c5.go.bp", ...; "mh.all", "m5.go.bp", ... for mouse;
        "msigdb" for everything.

    version : str, default="2024.1.Hs"
        The release: "2024.1.Hs" (human), "2024.1.Mm" (mouse), "7.5.1" (before 2022).

    id_type : {"symbols", "entrez"}, default="symbols"
        Genes as symbols or as NCBI (Entrez) gene ids.

    data_home : str or path-like, default=None
        The cache folder. None for the environment variable SK_GENE2VEC_DATA, or, if
        that is not set, the user's cache folder (on Linux ``~/.cache/sk_gene2vec``).

    base_url : str
        Address of the releases; a mirror has the same folders. It begins with https,
        or with http for a server on this machine, which is asked without a proxy.

    force_download : bool, default=False
        If True, download even if there is a copy, and replace it. If False, a missing
        or damaged copy is downloaded again, and it is an error if the server has
        another content than at the first download.

    n_retries : int, default=3
        Number of further tries after a failure that may be temporary: no connection, a
        timeout, a file that broke off, an error of the server. The first of them comes
        after a second, the next ones after 2, 3, ... more.

    timeout : float, default=30.0
        Seconds to wait for a server that sends nothing.

    progressbar : bool, default=False
        If True, show the progress of the download.

    Returns
    -------
    gene_sets : GeneSets
        The collection. Its `attrs` are `name`, `version`, `url`, `licence` and
        `retrieved`, the date (UTC) of the download.

    Raises
    ------
    DownloadError
        If the download fails, or the file on the server has changed, or the cache
        folder cannot be written; an `OSError`. The message names the URL and says how
        to continue with a file downloaded by hand. The cache is left as it was.
    TypeError, ValueError
        If a parameter has another type, or cannot be the name of a collection,
        release or type.

    See Also
    --------
    fetch_enrichr : The libraries of Enrichr.
    sk_gene2vec.read_gmt : Read a local file.

    Notes
    -----
    MSigDB 7.0 and later are licensed under CC BY 4.0, KEGG sets excepted [2]_.

    The SHA-256 of the file is kept beside it, as ``sha256sum`` writes it, and compared
    at every call. A file enters the cache only after it was received as a whole and
    read as GMT. Several processes may fetch the same file at the same time.

    References
    ----------
    .. [1] Liberzon et al. (2015). The Molecular Signatures Database hallmark gene set
       collection. Cell Systems 1, 417-425. https://doi.org/10.1016/j.cels.2015.12.004
    .. [2] https://www.gsea-msigdb.org/gsea/msigdb_license_terms.jsp

    Examples
    --------
    >>> from sk_gene2vec.datasets import fetch_msigdb
    >>> gene_sets = fetch_msigdb("c5.go.bp")  # doctest: +SKIP
    >>> fetch_msigdb(id_type="ensembl")
    Traceback (most recent call last):
    ValueError: Unknown id_type 'ensembl'. Known: symbols, entrez.
    """
    _check_msigdb(collection, version, id_type)
    stem = f"{collection}.v{version}.{id_type}"
    url = f"{_checked_base(base_url, n_retries, timeout)}/{version}/{stem}.gmt"
    known = f"The releases and their collections are listed at {MSIGDB_PAGE}."
    remote = Remote(url, known, n_retries, timeout, progressbar)
    path = _cache_file(data_home, stem, url)
    retrieved = cached_gmt(remote, path, force_download)
    licence = f"CC BY 4.0, KEGG sets excepted; {MSIGDB_TERMS}"
    if version[0] in "3456":
        licence = f"not CC BY throughout before release 7.0, see {MSIGDB_TERMS}"
    return read_gmt(path)._with_attrs(
        name=f"MSigDB {collection}, {id_type}",
        version=version,
        url=url,
        licence=licence,
        retrieved=retrieved,
    )


def fetch_enrichr(
    library: str,
    *,
    organism: str = "human",
    on_duplicate: str = "raise",
    data_home: str | os.PathLike[str] | None = None,
    base_url: str = "https://maayanlab.cloud",
    force_download: bool = False,
    n_retries: int = 3,
    timeout: float = 30.0,
    progressbar: bool = False,
) -> GeneSets:
    """Fetch a gene-set library of Enrichr.

    The first call downloads it, later calls read it from the cache folder.

    Parameters
    ----------
    library : str
        The library as Enrichr names it, such as "KEGG_2021_Human"; all names are at
        https://maayanlab.cloud/Enrichr/#libraries.

    organism : {"human", "mouse", "fly", "yeast", "worm", "fish"}, default="human"
        Organism of the library; human and mouse share one Enrichr. Case does not
        matter.

    on_duplicate : {"raise", "merge", "first"}, default="raise"
        How to handle a repeated set name, as in :func:`sk_gene2vec.read_gmt`.

    data_home : str or path-like, default=None
        The cache folder. None for the environment variable SK_GENE2VEC_DATA, or, if
        that is not set, the user's cache folder (on Linux ``~/.cache/sk_gene2vec``).

    base_url : str
        Address of Enrichr. It begins with https, or with http for a server on this
        machine, which is asked without a proxy.

    force_download : bool, default=False
        If True, download even if there is a copy, and replace it. If False, a missing
        or damaged copy is downloaded again, and it is an error if the server has
        another content than at the first download.

    n_retries : int, default=3
        Number of further tries after a failure that may be temporary: no connection, a
        timeout, a file that broke off, an error of the server. The first of them comes
        after a second, the next ones after 2, 3, ... more.

    timeout : float, default=30.0
        Seconds to wait for a server that sends nothing.

    progressbar : bool, default=False
        If True, show the progress of the download.

    Returns
    -------
    gene_sets : GeneSets
        The library. Its `attrs` are `name`, `version`, `url`, `licence` and
        `retrieved`. Enrichr does not number its libraries: `version` is the date (UTC)
        of the download, as is `retrieved`.

    Raises
    ------
    DownloadError
        If the download fails, or the library on the server has changed, or the cache
        folder cannot be written; an `OSError`. The message names the URL and the page
        that lists all libraries, and says how to continue with a file downloaded by
        hand. The cache is left as it was.
    GeneSetFormatError
        If a name occurs twice and `on_duplicate` is "raise".
    TypeError, ValueError
        If a parameter has another type or value.

    See Also
    --------
    fetch_msigdb : The collections of MSigDB.
    sk_gene2vec.read_gmt : Read a local file.

    Notes
    -----
    Enrichr does not state a licence per library. Its own terms apply [2]_, and those of
    the database that the library comes from.

    The SHA-256 of the file is kept beside it, as ``sha256sum`` writes it, and compared
    at every call.

    References
    ----------
    .. [1] Kuleshov et al. (2016). Enrichr: a comprehensive gene set enrichment analysis
       web server 2016 update. Nucleic Acids Research 44, W90-W97.
       https://doi.org/10.1093/nar/gkw377
    .. [2] https://maayanlab.cloud/Enrichr/help#terms

    Examples
    --------
    >>> from sk_gene2vec.datasets import fetch_enrichr
    >>> gene_sets = fetch_enrichr("KEGG_2021_Human")  # doctest: +SKIP
    >>> fetch_enrichr("KEGG_2021_Human", organism="dog")
    Traceback (most recent call last):
    ValueError: Unknown organism 'dog'. Known: human, mouse, fly, yeast, worm, fish.
    """
    _check_type(organism=organism, library=library)
    check_on_duplicate(on_duplicate)
    if organism.lower() not in SITES:
        raise ValueError(_unknown("organism", organism, SITES))
    if not re.fullmatch(_LIBRARY_SHAPE, library):
        raise ValueError(
            "Expected the name of an Enrichr library, such as 'KEGG_2021_Human', got "
            f"{library!r}. All names are at {ENRICHR_PAGE}."
        )
    site = SITES[organism.lower()]
    query = urlencode({"mode": "text", "libraryName": library})
    base = _checked_base(base_url, n_retries, timeout)
    url = f"{base}/{site}/geneSetLibrary?{query}"
    known = f"All libraries are listed at {ENRICHR_PAGE}."
    remote = Remote(url, known, n_retries, timeout, progressbar)
    path = _cache_file(data_home, f"{site}.{library}", url)
    retrieved = cached_gmt(remote, path, force_download)
    return read_gmt(path, on_duplicate=on_duplicate)._with_attrs(
        name=f"{site} {library}",
        version=retrieved,
        url=url,
        licence=f"none stated; terms of Enrichr ({ENRICHR_TERMS}) and of the source",
        retrieved=retrieved,
    )


def _check_msigdb(collection: str, version: str, id_type: str) -> None:
    _check_type(collection=collection, version=version, id_type=id_type)
    if id_type not in ID_TYPES:
        raise ValueError(_unknown("id_type", id_type, ID_TYPES))
    if not re.fullmatch(_VERSION_SHAPE, version):
        raise ValueError(
            "Expected a release of MSigDB, such as version='2024.1.Hs' for human, "
            f"'2024.1.Mm' for mouse, or '7.5.1', got {version!r}. All are listed at "
            f"{MSIGDB_PAGE}."
        )
    is_mouse = version.endswith(".Mm")
    if not re.fullmatch(_MOUSE_SHAPE if is_mouse else _HUMAN_SHAPE, collection):
        raise ValueError(
            f"Expected a collection of MSigDB {version}, as its files are named, got "
            f"{collection!r}. Human collections such as 'h.all', 'c2.all' and "
            "'c2.cp.reactome' are in releases such as version='2024.1.Hs', and mouse "
            "collections such as 'mh.all' and 'm2.all' in version='2024.1.Mm'. All are "
            f"listed at {MSIGDB_PAGE}."
        )


def _check_type(**names: object) -> None:
    for what, given in names.items():
        if not isinstance(given, str):
            raise TypeError(f"Expected {what} to be a str, got {given!r}.")


def _unknown(what: str, given: str, known: Iterable[str]) -> str:
    hint = near_misses(given, known) or "."
    return f"Unknown {what} {given!r}{hint} Known: {', '.join(known)}."


def _checked_base(base_url: str, n_retries: int, timeout: float) -> str:
    check_scalar(n_retries, "n_retries", Integral, min_val=0)
    check_scalar(timeout, "timeout", Real, min_val=0, include_boundaries="neither")
    if not SAFE_URL.match(base_url):
        raise ValueError(
            "Expected a base_url that begins with https:// (or http:// for a server on "
            f"this machine), got {base_url!r}."
        )
    return base_url.rstrip("/")


def _cache_file(data_home: str | os.PathLike[str] | None, stem: str, url: str) -> Path:
    """Name the file in the cache; files of two mirrors have two names."""
    digest = sha256(url.encode()).hexdigest()
    return cache_folder(data_home) / f"{stem}.{digest[:8]}.gmt"

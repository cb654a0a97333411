"""Fetching collections from a server on loopback that misbehaves."""

import datetime
import gzip
import hashlib
import os
import socket
import subprocess
import sys
import threading

import pytest
from _server import (
    good,
    hanging,
    redirect,
    running_server,
    status,
    together,
    truncated,
    truncated_chunks,
    without_length,
)

from sk_gene2vec import GeneSetFormatError, GmtVectorizer
from sk_gene2vec.datasets import (
    DownloadError,
    _cache,
    fetch_enrichr,
    fetch_msigdb,
)

GMT = b"APOPTOSIS\tabout it\tCASP3\tTP53\nCELL_CYCLE\t\tTP53\tRB1\n"
CHANGED = GMT.replace(b"RB1", b"CDK4")
SETS = {"APOPTOSIS": ("CASP3", "TP53"), "CELL_CYCLE": ("TP53", "RB1")}
HALLMARK = "/2024.1.Hs/h.all.v2024.1.Hs.symbols.gmt"
KEGG = "/Enrichr/geneSetLibrary?mode=text&libraryName=KEGG_2021_Human"


@pytest.fixture(autouse=True)
def no_surroundings(monkeypatch):
    monkeypatch.delenv("SK_GENE2VEC_DATA", raising=False)
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    resolve = socket.getaddrinfo

    def resolve_this_machine(host, *args, **kwargs):
        assert host in ("127.0.0.1", "localhost"), f"the test asks for {host}"
        return resolve(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", resolve_this_machine)


@pytest.fixture
def waits(monkeypatch):
    """Seconds that would have been slept."""
    seconds = []
    monkeypatch.setattr("time.sleep", seconds.append)
    return seconds


@pytest.fixture
def server():
    with running_server() as server:
        yield server


@pytest.fixture
def fetch(server, tmp_path, waits):
    """fetch_msigdb from the server to a fresh folder."""

    def fetch_from_server(collection="h.all", **options):
        options = {"data_home": tmp_path, "base_url": server.url} | options
        return fetch_msigdb(collection, **options)

    return fetch_from_server


@pytest.fixture
def enrichr(server, tmp_path, waits):
    def fetch_from_server(library="KEGG_2021_Human", **options):
        options = {"data_home": tmp_path, "base_url": server.url} | options
        return fetch_enrichr(library, **options)

    return fetch_from_server


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def gmt_file(folder):
    (path,) = folder.glob("*.gmt")
    return path


def record_of(path):
    return path.with_name(f"{path.name}.sha256")


# What comes when all is well


def test_the_collection_and_where_it_comes_from(fetch, server):
    server.answers[HALLMARK] = [good(GMT)]
    gene_sets = fetch()
    assert dict(gene_sets) == SETS
    assert gene_sets.descriptions["APOPTOSIS"] == "about it"
    today = datetime.datetime.now(datetime.UTC).date()
    retrieved = datetime.date.fromisoformat(gene_sets.attrs["retrieved"])
    assert today - retrieved < datetime.timedelta(days=2)
    assert {**gene_sets.attrs, "retrieved": ""} == {
        "name": "MSigDB h.all, symbols",
        "version": "2024.1.Hs",
        "url": server.url + HALLMARK,
        "licence": "CC BY 4.0, KEGG sets excepted; "
        "https://www.gsea-msigdb.org/gsea/msigdb_license_terms.jsp",
        "retrieved": "",
    }


def test_no_request_and_no_sound_when_the_file_is_cached(fetch, server, capfd):
    server.answers[HALLMARK] = [good(GMT)]
    first = fetch()
    server.answers[HALLMARK] = [status(500)]
    second = fetch()
    assert server.log == [HALLMARK]
    assert second == first
    assert second.attrs == first.attrs
    assert capfd.readouterr() == ("", "")


def test_cached_files_need_no_write_access(fetch, server, tmp_path):
    server.answers[HALLMARK] = [good(GMT)]
    fetch()
    tmp_path.chmod(0o500)
    before = contents(tmp_path)
    assert dict(fetch()) == SETS
    assert contents(tmp_path) == before


def test_the_checksum_is_kept_as_sha256sum_writes_it(fetch, server, tmp_path):
    server.answers[HALLMARK] = [good(GMT)]
    fetch()
    path = gmt_file(tmp_path)
    line, comment = record_of(path).read_text().splitlines()
    assert line == f"{hashlib.sha256(GMT).hexdigest()}  {path.name}"
    assert comment.startswith("#")
    assert path.read_bytes() == GMT
    assert len(list(tmp_path.iterdir())) == 2


def test_a_progress_bar_if_asked(fetch, server, capfd):
    server.answers[HALLMARK] = [good(GMT)]
    fetch(progressbar=True)
    assert "100%" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("options", "path"),
    [
        ({"version": "7.5.1"}, "/7.5.1/h.all.v7.5.1.symbols.gmt"),
        ({"version": "6.2"}, "/6.2/h.all.v6.2.symbols.gmt"),
        (
            {"collection": "c5.go.bp", "id_type": "entrez"},
            "/2024.1.Hs/c5.go.bp.v2024.1.Hs.entrez.gmt",
        ),
        (
            {"collection": "m2.cp", "version": "2023.2.Mm"},
            "/2023.2.Mm/m2.cp.v2023.2.Mm.symbols.gmt",
        ),
        # Releases newer than this package.
        ({"version": "2031.2.Hs"}, "/2031.2.Hs/h.all.v2031.2.Hs.symbols.gmt"),
        (
            {"collection": "c12.new_one", "version": "2031.2.Hs"},
            "/2031.2.Hs/c12.new_one.v2031.2.Hs.symbols.gmt",
        ),
    ],
)
def test_msigdb_urls(fetch, server, options, path):
    server.answers[path] = [good(GMT)]
    gene_sets = fetch(**options)
    assert server.log == [path]
    assert gene_sets.attrs["url"] == server.url + path


def test_old_releases_are_not_called_free(fetch, server):
    server.answers["/6.2/h.all.v6.2.symbols.gmt"] = [good(GMT)]
    assert fetch(version="6.2").attrs["licence"].startswith("not CC BY")


@pytest.mark.parametrize(
    ("organism", "site"),
    [
        ("human", "Enrichr"),
        ("mouse", "Enrichr"),
        ("Fly", "FlyEnrichr"),
        ("yeast", "YeastEnrichr"),
        ("worm", "WormEnrichr"),
        ("fish", "FishEnrichr"),
    ],
)
def test_enrichr_urls(enrichr, server, organism, site):
    path = f"/{site}/geneSetLibrary?mode=text&libraryName=KEGG_2019"
    server.answers[path] = [good(b"Cell cycle\t\tTP53,1.0\tRB1,1.0\t\n")]
    gene_sets = enrichr("KEGG_2019", organism=organism)
    assert dict(gene_sets) == {"Cell cycle": ("TP53", "RB1")}
    assert gene_sets.attrs["name"] == f"{site} KEGG_2019"
    assert gene_sets.attrs["version"] == gene_sets.attrs["retrieved"]
    assert gene_sets.attrs["url"] == server.url + path
    assert "help#terms" in gene_sets.attrs["licence"]
    enrichr("KEGG_2019", organism=organism)
    assert server.log == [path]


def test_repeated_names_do_not_hinder_the_download(enrichr, server):
    server.answers[KEGG] = [good(GMT + b"CELL_CYCLE\t\tCDK4\n")]
    with pytest.raises(GeneSetFormatError, match="'CELL_CYCLE' occurs twice"):
        enrichr()
    assert enrichr(on_duplicate="merge")["CELL_CYCLE"] == ("TP53", "RB1", "CDK4")
    assert server.log == [KEGG]


@pytest.mark.parametrize("headers", [{}, {"Content_Encoding": "gzip"}])
def test_gzip_as_file_and_on_the_way(fetch, server, headers):
    server.answers[HALLMARK] = [good(gzip.compress(GMT), **headers)]
    assert dict(fetch()) == SETS
    assert dict(fetch()) == SETS


def test_mirrors_are_kept_apart(fetch, server):
    server.answers[HALLMARK] = [good(GMT)]
    server.answers["/mirror" + HALLMARK] = [good(CHANGED)]
    fetch()
    mirrored = fetch(base_url=server.url + "/mirror/")
    assert mirrored["CELL_CYCLE"] == ("TP53", "CDK4")
    assert dict(fetch()) == SETS
    assert len(server.log) == 2


# Where the cache is


def test_the_environment_variable_names_the_folder(
    fetch, server, tmp_path, monkeypatch
):
    server.answers[HALLMARK] = [good(GMT)]
    monkeypatch.setenv("SK_GENE2VEC_DATA", str(tmp_path / "a" / "b"))
    fetch(data_home=None)
    assert gmt_file(tmp_path / "a" / "b").read_bytes() == GMT
    fetch(data_home=tmp_path / "c")
    assert gmt_file(tmp_path / "c").read_bytes() == GMT


def test_the_users_cache_folder_is_the_default(fetch, server, tmp_path, monkeypatch):
    server.answers[HALLMARK] = [good(GMT)]
    monkeypatch.setattr("pooch.os_cache", lambda project: tmp_path / "cache" / project)
    fetch(data_home=None)
    assert gmt_file(tmp_path / "cache" / "sk_gene2vec").read_bytes() == GMT


def test_a_tilde_is_the_home_folder(fetch, server, tmp_path, monkeypatch):
    server.answers[HALLMARK] = [good(GMT)]
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    fetch(data_home="~/genes")
    assert gmt_file(tmp_path / "genes").read_bytes() == GMT


# A server that misbehaves


def check_failure(fetch, server, tmp_path, reason, n_requests, path=HALLMARK):
    """The fetch fails with this reason, and the cache stays empty."""
    with pytest.raises(DownloadError) as caught:
        fetch()
    message = str(caught.value)
    assert server.url + path in message
    assert reason in message
    assert "read_gmt" in message
    assert "data_home" not in message
    assert isinstance(caught.value, OSError)
    assert server.log == [path] * n_requests
    assert list(tmp_path.iterdir()) == []
    return message


def test_404_is_final_and_says_where_to_look(fetch, server, tmp_path, waits):
    message = check_failure(fetch, server, tmp_path, "404 Not Found", 1)
    assert "https://www.gsea-msigdb.org/gsea/downloads.jsp" in message
    assert waits == []


def test_500_then_good(fetch, server, waits):
    server.answers[HALLMARK] = [status(500), status(503), status(429), good(GMT)]
    assert dict(fetch()) == SETS
    assert waits == [1, 2, 3]


def test_500_forever(fetch, server, tmp_path, waits):
    server.answers[HALLMARK] = [status(500)]
    check_failure(fetch, server, tmp_path, "500 Server Error", 4)
    assert waits == [1, 2, 3]


@pytest.mark.parametrize(
    "broken",
    [truncated(GMT), truncated_chunks(GMT), good(GMT, Content_Encoding="gzip")],
    ids=["length", "chunks", "not gzip"],
)
def test_a_file_that_breaks_off(fetch, server, tmp_path, broken):
    server.answers[HALLMARK] = [broken]
    check_failure(fetch, server, tmp_path, "Cannot fetch", 4)
    server.answers[HALLMARK] = [broken, good(GMT)]
    assert dict(fetch()) == SETS


@pytest.mark.parametrize("headers", [{}, {"Transfer_Encoding": "identity"}])
def test_a_file_without_an_end_is_refused(fetch, server, tmp_path, headers):
    """It may have broken off anywhere."""
    server.answers[HALLMARK] = [without_length(GMT, **headers)]
    check_failure(fetch, server, tmp_path, "does not say where the file ends", 1)


def test_a_length_that_is_not_a_number(fetch, server, tmp_path):
    server.answers[HALLMARK] = [good(GMT, Content_Length="many")]
    check_failure(fetch, server, tmp_path, "does not say where the file ends", 1)


@pytest.mark.parametrize("body", [None, GMT], ids=["no headers", "half a body"])
def test_a_silent_server(fetch, server, tmp_path, body):
    server.answers[HALLMARK] = [hanging(body)]

    def impatient():
        fetch(timeout=0.1, n_retries=1)

    message = check_failure(impatient, server, tmp_path, "timed out", n_requests=2)
    assert "are listed at" not in message


@pytest.mark.parametrize(
    "body",
    [
        b"\n<!DOCTYPE html>\n<p>\tSign in\t</p>",
        b'{"error": "no"}',
        b"",
        gzip.compress(GMT)[:-4],
    ],
    ids=["html", "json", "empty", "damaged"],
)
def test_what_is_not_gmt_is_not_cached(fetch, server, tmp_path, body):
    server.answers[HALLMARK] = [good(body)]
    check_failure(fetch, server, tmp_path, "did not send GMT", 1)
    server.answers[HALLMARK] = [good(GMT)]
    assert dict(fetch()) == SETS


@pytest.mark.parametrize("packed", [False, True])
def test_too_large(fetch, server, tmp_path, monkeypatch, packed):
    monkeypatch.setattr(_cache, "_MAX_BYTES", 2**20)
    body = b"A\t\t" + b"A" * 2**21
    headers = {"Content_Encoding": "gzip"} if packed else {}
    server.answers[HALLMARK] = [
        good(gzip.compress(body) if packed else body, **headers)
    ]
    check_failure(fetch, server, tmp_path, "larger than 1 MB", 1)


def test_no_redirect_to_plain_http(fetch, server, tmp_path, monkeypatch):
    asked = []
    resolve = socket.getaddrinfo

    def spy(host, *args, **kwargs):
        asked.append(host)
        return resolve(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", spy)
    server.answers[HALLMARK] = [redirect("http://genes.invalid/a.gmt")]
    reason = "redirects to http://genes.invalid/a.gmt, which is not https"
    check_failure(fetch, server, tmp_path, reason, 1)
    assert set(asked) == {"127.0.0.1"}


@pytest.mark.parametrize("target", ["/elsewhere.gmt", "//{host}/elsewhere.gmt"])
def test_other_redirects_are_followed(fetch, server, target):
    target = target.format(host=server.url.removeprefix("http://"))
    server.answers[HALLMARK] = [redirect(target)]
    server.answers["/elsewhere.gmt"] = [good(GMT)]
    assert dict(fetch()) == SETS
    assert server.log == [HALLMARK, "/elsewhere.gmt"]


@pytest.mark.parametrize(
    "target",
    [
        "http://[::1/",
        "https://[genes]/",
        "https://genes.invalid:99999/",
        "https://" + "a" * 64 + ".invalid/",
        "http://127.0.0.1\\@genes.invalid/",
        "file:///etc/passwd",
    ],
)
def test_redirects_to_no_url(fetch, server, tmp_path, target):
    server.answers[HALLMARK] = [redirect(target)]
    check_failure(lambda: fetch(n_retries=0), server, tmp_path, "Cannot fetch", 1)


def test_redirects_in_a_circle(fetch, server, tmp_path):
    server.answers[HALLMARK] = [redirect(HALLMARK)]
    reason = "Exceeded 30 redirects"
    check_failure(lambda: fetch(n_retries=0), server, tmp_path, reason, 31)


def test_without_a_secure_connection(fetch, server, tmp_path):
    with pytest.raises(DownloadError, match="SSL"):
        fetch(base_url=server.url.replace("http", "https"), n_retries=0)
    assert list(tmp_path.iterdir()) == []


def test_nobody_listens(tmp_path, waits):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(DownloadError, match="refused"):
        fetch_msigdb(data_home=tmp_path, base_url=f"http://127.0.0.1:{port}")
    assert waits == [1, 2, 3]
    assert list(tmp_path.iterdir()) == []


def test_without_a_network(tmp_path, waits, monkeypatch):
    def no_network(*args, **kwargs):
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", no_network)
    with pytest.raises(DownloadError, match="failure in name resolution") as caught:
        fetch_msigdb(data_home=tmp_path)
    url = (
        "https://data.broadinstitute.org/gsea-msigdb/msigdb/release/2024.1.Hs/"
        "h.all.v2024.1.Hs.symbols.gmt"
    )
    assert str(caught.value).startswith(f"Cannot fetch {url}: ")
    assert "force_download" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "all_proxy"])
def test_no_proxy_sees_what_is_on_this_machine(fetch, server, monkeypatch, name):
    server.answers[HALLMARK] = [redirect("/elsewhere.gmt")]
    server.answers["/elsewhere.gmt"] = [good(GMT)]
    with running_server() as proxy:
        monkeypatch.setenv(name, proxy.url)
        assert dict(fetch()) == SETS
    assert proxy.log == []


@pytest.mark.parametrize("name", ["https_proxy", "all_proxy"])
def test_https_goes_through_the_proxy(fetch, server, monkeypatch, name):
    monkeypatch.setenv(name, server.url)
    server.answers["genes.invalid:443"] = [status(407)]
    with pytest.raises(DownloadError, match="Tunnel connection failed: 407"):
        fetch(base_url="https://genes.invalid", n_retries=0)
    assert server.log == ["genes.invalid:443"]


# A cache that is not what it was


@pytest.mark.parametrize("damage", [CHANGED, None], ids=["changed", "missing"])
def test_a_damaged_copy_is_downloaded_again(fetch, server, tmp_path, damage):
    server.answers[HALLMARK] = [good(GMT)]
    fetch()
    path = gmt_file(tmp_path)
    path.unlink() if damage is None else path.write_bytes(damage)
    assert dict(fetch()) == SETS
    assert path.read_bytes() == GMT
    assert len(server.log) == 2


def test_a_damaged_copy_without_a_network(fetch, server, tmp_path):
    server.answers[HALLMARK] = [good(GMT), status(404)]
    fetch()
    gmt_file(tmp_path).write_bytes(CHANGED)
    before = contents(tmp_path)
    with pytest.raises(DownloadError, match="missing or damaged"):
        fetch()
    assert contents(tmp_path) == before


def test_a_changed_file_on_the_server_is_refused(fetch, server, tmp_path):
    server.answers[HALLMARK] = [good(GMT), good(CHANGED)]
    fetch()
    gmt_file(tmp_path).unlink()
    before = contents(tmp_path)
    with pytest.raises(DownloadError, match="force_download=True") as caught:
        fetch(n_retries=0)
    assert server.url + HALLMARK in str(caught.value)
    for digest in (hashlib.sha256(GMT), hashlib.sha256(CHANGED)):
        assert digest.hexdigest() in str(caught.value)
    assert contents(tmp_path) == before
    # As the message says.
    assert fetch(force_download=True)["CELL_CYCLE"] == ("TP53", "CDK4")
    assert fetch()["CELL_CYCLE"] == ("TP53", "CDK4")
    assert len(server.log) == 3


def test_a_failed_forced_download_leaves_the_copy(fetch, server, tmp_path):
    server.answers[HALLMARK] = [good(GMT), status(404)]
    fetch()
    before = contents(tmp_path)
    with pytest.raises(DownloadError, match="404"):
        fetch(force_download=True)
    assert contents(tmp_path) == before
    assert dict(fetch()) == SETS


def test_a_copy_without_a_record_is_not_trusted(fetch, server, tmp_path):
    server.answers[HALLMARK] = [good(CHANGED), good(GMT)]
    fetch()
    record_of(gmt_file(tmp_path)).unlink()
    assert dict(fetch()) == SETS
    assert dict(fetch()) == SETS
    assert len(server.log) == 2


@pytest.mark.parametrize(
    "damage",
    [
        lambda record: "",
        lambda record: "\xff",
        lambda record: record[1:],
        lambda record: record[:-5],
        lambda record: record.replace("# ", ""),
        lambda record: record + record,
    ],
)
def test_a_damaged_record(fetch, server, tmp_path, damage):
    server.answers[HALLMARK] = [good(GMT)]
    fetch()
    record = record_of(gmt_file(tmp_path))
    record.write_text(damage(record.read_text()), encoding="latin-1")
    with pytest.raises(DownloadError, match="force_download=True") as caught:
        fetch()
    assert str(record) in str(caught.value)
    assert dict(fetch(force_download=True)) == SETS


def check_no_folder(fetch, server, folder):
    """The error comes before any request, and says how to name another folder."""
    with pytest.raises(DownloadError, match="Cannot keep") as caught:
        fetch(data_home=folder)
    assert str(folder) in str(caught.value)
    assert "data_home or SK_GENE2VEC_DATA" in str(caught.value)
    assert server.log == []


def test_a_folder_that_cannot_be(fetch, server, tmp_path):
    (tmp_path / "file").touch()
    check_no_folder(fetch, server, tmp_path / "file")
    check_no_folder(fetch, server, tmp_path / "file" / "below")
    check_no_folder(fetch, server, tmp_path / ("a" * 300))


def test_a_folder_on_a_drive_that_does_not_exist(fetch, server, monkeypatch):
    def no_drive(path, *args, **kwargs):
        raise FileNotFoundError(2, "The system cannot find the path", str(path))

    monkeypatch.setattr(os, "mkdir", no_drive)
    check_no_folder(fetch, server, "Z:/genes")


@pytest.mark.skipif(os.name == "nt", reason="needs folders that are read-only")
def test_a_folder_that_cannot_be_written(fetch, server, tmp_path):
    if os.geteuid() == 0:  # root may write anywhere but here
        check_no_folder(fetch, server, "/proc/genes")
        return
    tmp_path.chmod(0o500)
    check_no_folder(fetch, server, tmp_path)


def test_a_full_disk_leaves_nothing(fetch, server, tmp_path):
    """The limit on the size of files stands in for the disk."""
    resource = pytest.importorskip("resource")
    server.answers[HALLMARK] = [good(GMT * 1000)]
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(DownloadError, match="File too large"):
            fetch()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


def test_two_processes_at_once(fetch, server, tmp_path):
    """This one and another, which also tells what the import alone imports."""
    server.answers[HALLMARK] = [together(threading.Barrier(2), GMT)]
    script = f"""
import sys
import sk_gene2vec.datasets
print({{"pooch", "requests", "torch"}} & set(sys.modules))
print(dict(sk_gene2vec.datasets.fetch_msigdb(base_url={server.url!r})))
"""
    environment = os.environ | {"SK_GENE2VEC_DATA": str(tmp_path)}
    command = [sys.executable, "-c", script]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, text=True
    ) as other:
        assert dict(fetch(timeout=60)) == SETS
        assert other.communicate()[0].splitlines() == ["set()", str(SETS)]
    assert server.log == [HALLMARK] * 2
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".gmt", ".sha256"]


# Arguments


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"collection": "H"}, "got 'H'.* 'h.all'"),
        ({"collection": "C2:CP:REACTOME"}, "'c2.cp.reactome'"),
        ({"collection": "mh.all"}, "'mh.all' .* version='2024.1.Mm'"),
        ({"version": "2023.2.Mm"}, r"2023\.2\.Mm.* 'h\.all'.* version='2024\.1\.Hs'"),
        ({"collection": "../h.all"}, "Expected a collection"),
        ({"collection": "h.all\n"}, "Expected a collection"),
        ({"version": "2024.1"}, "Expected a release .* got '2024.1'"),
        ({"version": "2024.1.Rn"}, "Expected a release"),
        ({"version": "7.5.1/.."}, "Expected a release"),
        ({"id_type": "symbol"}, "did you mean 'symbols'. Known: symbols, entrez"),
        ({"n_retries": -1}, "n_retries == -1, must be >= 0"),
        ({"timeout": 0}, "timeout == 0, must be > 0"),
    ],
)
def test_unknown_names(fetch, server, options, message):
    with pytest.raises(ValueError, match=message):
        fetch(**options)
    assert server.log == []


@pytest.mark.parametrize("name", ["collection", "version", "id_type"])
def test_names_are_strings(fetch, name):
    with pytest.raises(TypeError, match=f"Expected {name} to be a str, got 7"):
        fetch(**{name: 7})


@pytest.mark.parametrize(
    "base_url",
    [
        "http://genes.invalid",
        "http://127.0.0.1.genes.invalid",
        "http://localhost@genes.invalid",
        "http://genes.invalid\\@127.0.0.1",
        "http://127.0.0.1\\@genes.invalid",
        "ftp://localhost",
        "file:///srv/genes",
        "genes.invalid",
    ],
)
def test_only_https(fetch, enrichr, base_url):
    for function in (fetch, enrichr):
        with pytest.raises(ValueError, match="begins with https://"):
            function(base_url=base_url)


@pytest.mark.parametrize("base_url", ["https://", "https://:443"])
def test_https_without_a_host(fetch, base_url):
    with pytest.raises(DownloadError, match="URL"):
        fetch(base_url=base_url, n_retries=0)


@pytest.mark.parametrize("library", ["", "a b", "../a", "a/b", "a&mode=json", "a\n"])
def test_library_names(enrichr, server, library):
    with pytest.raises(ValueError, match="Expected the name of an Enrichr library"):
        enrichr(library)
    assert server.log == []


def test_enrichr_arguments(enrichr):
    with pytest.raises(ValueError, match=r"organism 'dog'\. Known: human, mouse"):
        enrichr(organism="dog")
    with pytest.raises(TypeError, match="Expected library to be a str"):
        enrichr(["KEGG_2021_Human"])
    with pytest.raises(TypeError, match="Expected organism to be a str"):
        enrichr(organism=None)
    with pytest.raises(ValueError, match="'merge' or 'first', got 'mrge'"):
        enrichr(on_duplicate="mrge")


def test_an_unknown_library(enrichr, server, tmp_path):
    page = "https://maayanlab.cloud/Enrichr/#libraries"
    with pytest.raises(DownloadError, match=f"404 Not Found.* listed at {page}"):
        enrichr("KEGG_2021")
    assert server.log == [KEGG.removesuffix("_Human")]
    assert list(tmp_path.iterdir()) == []


def test_the_advice_works(fetch, server, tmp_path):
    """A file downloaded by hand reads as the message says."""
    path = tmp_path / "h.all.v2024.1.Hs.symbols.gmt"
    path.write_bytes(GMT)
    assert GmtVectorizer(str(path)).fit_transform(["TP53"]).toarray().tolist() == [
        [1, 1]
    ]

"""Fetching collections from a server on loopback that misbehaves."""

import datetime
import errno
import gzip
import hashlib
import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import requests
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
    _download,
    fetch_enrichr,
    fetch_msigdb,
)

GMT = b"APOPTOSIS\tabout it\tCASP3\tTP53\nCELL_CYCLE\t\tTP53\tRB1\n"
CHANGED = GMT.replace(b"RB1", b"CDK4")
SETS = {"APOPTOSIS": ("CASP3", "TP53"), "CELL_CYCLE": ("TP53", "RB1")}
HALLMARK = "/2024.1.Hs/h.all.v2024.1.Hs.symbols.gmt"
KEGG = "/Enrichr/geneSetLibrary?mode=text&libraryName=KEGG_2021_Human"
STATISTICS = json.dumps(
    {"statistics": [{"libraryName": name} for name in ["KEGG_2021_Human", "huMAP"]]}
).encode()


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
    monkeypatch.setattr(_download, "sleep", seconds.append)
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


def test_cached_files_need_no_write_access(fetch, server, monkeypatch):
    server.answers[HALLMARK] = [good(GMT)]
    fetch()
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    monkeypatch.setattr(Path, "write_bytes", None)
    assert dict(fetch()) == SETS


def test_the_sha256_is_recorded(fetch, server, tmp_path):
    server.answers[HALLMARK] = [good(GMT)]
    fetch()
    (record,) = tmp_path.glob("*.json")
    assert json.loads(record.read_bytes())["sha256"] == hashlib.sha256(GMT).hexdigest()
    assert gmt_file(tmp_path).read_bytes() == GMT
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
    assert 'GmtVectorizer("h.all.v2024.1.Hs.symbols.gmt")' in message
    assert "https://www.gsea-msigdb.org/gsea/downloads.jsp" in message
    assert "data_home" not in message
    assert isinstance(caught.value, OSError)
    assert server.log == [path] * n_requests
    assert list(tmp_path.iterdir()) == []
    return message


def test_404_is_final_and_lists_what_there_is(fetch, server, tmp_path, waits):
    reason = "the server answered 404 Not Found (tried once)."
    message = check_failure(fetch, server, tmp_path, reason, 1)
    assert "Known releases: 7.0," in message
    assert "2024.1.Mm" in message
    assert "human collections" in message
    assert "c2.cp.reactome" in message
    assert waits == []


def test_500_then_good(fetch, server, waits):
    server.answers[HALLMARK] = [status(500), status(503), good(GMT)]
    assert dict(fetch(delay=0.5)) == SETS
    assert waits == [0.5, 1.0]


def test_500_for_ever(fetch, server, tmp_path, waits):
    server.answers[HALLMARK] = [status(500)]
    reason = "the server answered 500 Internal Server Error (tried 4 times)"
    check_failure(fetch, server, tmp_path, reason, 4)
    assert waits == [1.0, 2.0, 4.0]


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (truncated(GMT), "the file broke off"),
        (truncated_chunks(GMT), "the file broke off"),
        (without_length(GMT[:-5]), "closed in the middle of a line"),
        (
            without_length(GMT[:-5], Transfer_Encoding="identity"),
            "closed in the middle of a line",
        ),
        (good(GMT, Content_Encoding="gzip"), "is damaged"),
    ],
    ids=["length", "chunks", "no length", "identity", "not gzip"],
)
def test_truncated(fetch, server, tmp_path, broken, reason):
    server.answers[HALLMARK] = [broken]
    check_failure(fetch, server, tmp_path, reason, 4)
    server.answers[HALLMARK] = [broken, good(GMT)]
    assert dict(fetch()) == SETS


def test_whole_without_length(fetch, server):
    server.answers[HALLMARK] = [without_length(GMT)]
    assert dict(fetch()) == SETS


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (203, "203 Non-Authoritative Information"),
        (206, "206 Partial Content"),
        (300, "300 Multiple Choices"),
    ],
)
def test_an_answer_that_is_not_the_file(fetch, server, tmp_path, code, reason):
    """The body would pass as the file: nobody asked for a part of it, or another."""
    server.answers[HALLMARK] = [good(GMT, code, Content_Range="bytes 0-53/99999")]
    reason = f"the server answered {reason} (tried once)."
    check_failure(fetch, server, tmp_path, reason, 1)


def test_a_length_that_is_no_number(fetch, server, tmp_path):
    server.answers[HALLMARK] = [good(GMT, Content_Length="many")]
    check_failure(fetch, server, tmp_path, "ValueError: ", 1)


@pytest.mark.parametrize("body", [None, GMT], ids=["no headers", "half a body"])
def test_hanging(fetch, server, tmp_path, body):
    server.answers[HALLMARK] = [hanging(body)]

    def impatient():
        fetch(timeout=0.1, n_retries=1)

    message = check_failure(
        impatient, server, tmp_path, "was silent for 0.1 s", n_requests=2
    )
    assert "Known releases" not in message


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"\n<!DOCTYPE html>\n<p>\tSign in\t</p>", "a web page came, not a GMT file"),
        (b'{"error": "no"}', "what came is no GMT file"),
        (b"", "what came is no GMT file"),
        (gzip.compress(GMT)[:-4], "no GMT file: Damaged gzip file"),
    ],
    ids=["html", "json", "empty", "damaged"],
)
def test_what_is_no_gmt_file_is_not_cached(fetch, server, tmp_path, body, reason):
    server.answers[HALLMARK] = [good(body)]
    check_failure(fetch, server, tmp_path, reason, 1)
    server.answers[HALLMARK] = [good(GMT)]
    assert dict(fetch()) == SETS


def test_too_large(fetch, server, tmp_path, monkeypatch):
    monkeypatch.setattr(_download, "MAX_BYTES", 2**20)
    server.answers[HALLMARK] = [good(b"A\t\t" + b"A" * 2**20)]
    check_failure(fetch, server, tmp_path, "the file is larger than 1 MB", 1)


def test_too_large_once_unpacked(fetch, server, tmp_path, monkeypatch):
    monkeypatch.setattr(_download, "MAX_BYTES", 2**20)
    packed = gzip.compress(b"A\t\t" + b"A" * 2**24)
    server.answers[HALLMARK] = [good(packed, Content_Encoding="gzip")]
    check_failure(fetch, server, tmp_path, "the file is larger than 1 MB", 1)


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


def test_no_redirect_from_https_to_http_on_this_machine():
    response = requests.Response()
    response.status_code = 302
    response.url = "https://genes.invalid/a.gmt"
    response.headers["Location"] = "http://localhost/a.gmt"
    with pytest.raises(_download.Failure, match="which is not https"):
        _download._check_answer(response)


def test_other_redirects_are_followed(fetch, server):
    server.answers[HALLMARK] = [redirect("/elsewhere.gmt")]
    server.answers["/elsewhere.gmt"] = [good(GMT)]
    assert dict(fetch()) == SETS
    assert server.log == [HALLMARK, "/elsewhere.gmt"]


def test_the_body_of_a_redirect_is_not_read(fetch, server):
    server.answers[HALLMARK] = [redirect("/elsewhere.gmt", hangs=True)]
    server.answers["/elsewhere.gmt"] = [good(GMT)]
    assert dict(fetch(timeout=5, n_retries=0)) == SETS


@pytest.mark.parametrize(
    "target",
    [
        "http://[::1/",
        "https://[::1/",
        "https://[genes]/",
        "/g\xe9nes.gmt",
        "https://genes.invalid:99999/",
        "https://" + "a" * 64 + ".invalid/",
        "http://127.0.0.1\\@genes.invalid/",
        "file:///etc/passwd",
    ],
)
def test_redirects_to_no_url(fetch, server, tmp_path, target):
    server.answers[HALLMARK] = [redirect(target)]
    check_failure(fetch, server, tmp_path, "(tried once)", 1)


def test_a_redirect_in_utf_8_is_followed(fetch, server):
    server.answers[HALLMARK] = [redirect("/gènes.gmt".encode().decode("latin-1"))]
    server.answers["/g%C3%A8nes.gmt"] = [good(GMT)]
    assert dict(fetch()) == SETS


def test_redirects_in_a_circle(fetch, server, tmp_path):
    server.answers[HALLMARK] = [redirect(HALLMARK)]
    check_failure(fetch, server, tmp_path, "TooManyRedirects", 31)


def test_no_secure_connection(fetch, server, tmp_path):
    with pytest.raises(DownloadError, match=r"no secure connection: .*tried once"):
        fetch(base_url=server.url.replace("http", "https"))
    assert list(tmp_path.iterdir()) == []


def test_nobody_listens(tmp_path, waits):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(DownloadError, match=r"no connection: .*refused.*tried 4 times"):
        fetch_msigdb(data_home=tmp_path, base_url=f"http://127.0.0.1:{port}")
    assert waits == [1, 2, 4]
    assert list(tmp_path.iterdir()) == []


def test_no_name_server(tmp_path, waits, monkeypatch):
    def no_network(*args, **kwargs):
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", no_network)
    with pytest.raises(DownloadError) as caught:
        fetch_msigdb(data_home=tmp_path)
    url = (
        "https://data.broadinstitute.org/gsea-msigdb/msigdb/release/2024.1.Hs/"
        "h.all.v2024.1.Hs.symbols.gmt"
    )
    message = str(caught.value)
    reason = f"Could not download {url}: the host name has no address: "
    assert message.startswith(reason)
    assert "(tried once)" in message
    assert waits == []
    assert f"download {url} by hand" in str(caught.value)
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
@pytest.mark.parametrize(("code", "n_tries"), [(407, "once"), (503, "4 times")])
def test_https_goes_through_the_proxy(
    fetch, server, monkeypatch, waits, name, code, n_tries
):
    monkeypatch.setenv(name, server.url)
    server.answers["genes.invalid:443"] = [status(code)]
    message = (
        rf"the proxy refused: Tunnel connection failed: {code} .* \(tried {n_tries}"
    )
    with pytest.raises(DownloadError, match=message):
        fetch(base_url="https://genes.invalid")
    assert waits == ([] if n_tries == "once" else [1, 2, 4])


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST"])
@pytest.mark.parametrize("name", ["https_proxy", "all_proxy"])
def test_https_on_this_machine_takes_no_proxy(fetch, server, monkeypatch, name, host):
    with running_server() as proxy:
        monkeypatch.setenv(name, proxy.url)
        port = server.server_port
        # The server speaks no TLS.
        with pytest.raises(DownloadError, match="no secure connection"):
            fetch(base_url=f"https://{host}:{port}", n_retries=0)
    assert proxy.log == []


# A cache that is not what it was


def test_a_changed_copy_is_refused(fetch, server, tmp_path):
    server.answers[HALLMARK] = [good(GMT)]
    fetch()
    gmt_file(tmp_path).write_bytes(CHANGED)
    before = contents(tmp_path)
    with pytest.raises(DownloadError, match=r"\.gmt has changed: sha256") as caught:
        fetch()
    assert str(caught.value).startswith(str(gmt_file(tmp_path)))
    for digest in (hashlib.sha256(GMT), hashlib.sha256(CHANGED)):
        assert digest.hexdigest() in str(caught.value)
    assert contents(tmp_path) == before
    assert len(server.log) == 1
    gmt_file(tmp_path).unlink()
    assert dict(fetch()) == SETS


def test_changed_content_is_refused(fetch, server, tmp_path):
    server.answers[HALLMARK] = [good(GMT), good(CHANGED)]
    fetch()
    gmt_file(tmp_path).unlink()
    before = contents(tmp_path)
    with pytest.raises(DownloadError, match=r"\.gmt has changed: sha256") as caught:
        fetch()
    assert str(caught.value).startswith(server.url + HALLMARK)
    assert "force_download=True" in str(caught.value)
    assert contents(tmp_path) == before


def test_changed_content_is_taken_if_forced(fetch, server):
    server.answers[HALLMARK] = [good(GMT), good(CHANGED)]
    fetch()
    assert fetch(force_download=True)["CELL_CYCLE"] == ("TP53", "CDK4")
    assert fetch()["CELL_CYCLE"] == ("TP53", "CDK4")
    assert len(server.log) == 2


def test_a_failed_forced_download_leaves_the_copy(fetch, server, tmp_path):
    server.answers[HALLMARK] = [good(GMT), status(404)]
    fetch()
    before = contents(tmp_path)
    with pytest.raises(DownloadError, match="404"):
        fetch(force_download=True)
    assert contents(tmp_path) == before
    assert dict(fetch()) == SETS


def changed(**entries):
    return lambda record: json.dumps(json.loads(record) | entries)


@pytest.mark.parametrize(
    "damage",
    [
        lambda record: "{",
        lambda record: "[1]",
        lambda record: '{"url": "a"}',
        lambda record: "\xff",
        lambda record: "null",
        lambda record: "[" * 100_000,
        lambda record: '{"sha256":' * 100_000,
        changed(sha256=2),
        changed(sha256=None),
        changed(sha256=["a"] * 64),
        changed(sha256=""),
        changed(sha256="/../../" + "0" * 57),
        changed(sha256="\0" * 64),
        changed(retrieved=None),
        changed(retrieved=20241231),
        changed(retrieved="lately"),
        changed(url=3),
        changed(url="https://genes.invalid/another.gmt"),
        changed(more=1),
    ],
)
def test_a_damaged_record(fetch, server, tmp_path, damage):
    server.answers[HALLMARK] = [good(GMT)]
    fetch()
    (record,) = tmp_path.glob("*.json")
    record.write_text(damage(record.read_text()), encoding="latin-1")
    with pytest.raises(DownloadError, match="Expected the record") as caught:
        fetch()
    assert str(record) in str(caught.value)
    assert dict(fetch(force_download=True)) == SETS


def test_an_unreadable_copy(fetch, server, tmp_path):
    server.answers[HALLMARK] = [good(GMT)]
    fetch()
    path = gmt_file(tmp_path)
    path.unlink()
    path.mkdir()
    with pytest.raises(DownloadError, match=r"Cannot keep .*Is a directory: .*\.gmt"):
        fetch()


@pytest.mark.parametrize("force_download", [False, True])
def test_a_folder_that_cannot_be(fetch, server, tmp_path, force_download):
    with pytest.raises(DownloadError, match=r"Cannot keep .*File name too long"):
        fetch(data_home=tmp_path / ("a" * 300), force_download=force_download)
    assert server.log == []


@pytest.mark.parametrize("name", ["file", "file/below"])
def test_a_file_where_the_folder_should_be(fetch, server, tmp_path, name):
    (tmp_path / "file").touch()
    with pytest.raises(DownloadError, match="not a writable folder") as caught:
        fetch(data_home=tmp_path / name)
    assert "SK_GENE2VEC_DATA" in str(caught.value)
    assert server.log == []


def test_an_unwritable_folder_is_found_before_the_download(
    fetch, server, tmp_path, monkeypatch
):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(DownloadError, match="not a writable folder"):
        fetch(data_home=tmp_path / "new")
    assert server.log == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["gmt", "json"])
def test_a_full_disk_leaves_nothing(fetch, server, tmp_path, monkeypatch, name):
    server.answers[HALLMARK] = [good(GMT)]
    write = Path.write_bytes

    def full(path, data):
        write(path, data[:5])
        if path.suffix == f".{name}":
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(DownloadError, match="No space left"):
        fetch()
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
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".gmt", ".json"]


def test_contents_that_race_do_not_mix(fetch, server, tmp_path, monkeypatch):
    """Another process finishes the same URL, with other content, before we write."""
    server.answers[HALLMARK] = [good(GMT), good(CHANGED)]
    write = _cache._write

    def overtaken(folder, contents):
        monkeypatch.setattr(_cache, "_write", write)
        fetch()
        write(folder, contents)

    monkeypatch.setattr(_cache, "_write", overtaken)
    assert dict(fetch()) == SETS
    assert dict(fetch()) == SETS


# Arguments


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"collection": "h.al"}, "did you mean 'h.all'.* Known: h.all, c1.all"),
        ({"collection": "mh.all"}, r"Unknown human collection \(MSigDB 2024.1.Hs\)"),
        (
            {"version": "2024.1.Mm"},
            "Unknown mouse collection .* 'h.all', did you mean 'mh.all'",
        ),
        ({"collection": "../h.all"}, "Unknown human collection"),
        ({"collection": "../x", "version": "2031.1.Hs"}, "Unknown human collection"),
        ({"collection": "h.all\n", "version": "2031.1.Hs"}, "Unknown human"),
        ({"version": "2024.1"}, "Unknown version '2024.1', did you mean '2024.1"),
        ({"version": "v2024.1.Hs"}, "did you mean '2024.1.Hs"),
        ({"version": "2024.1.Rn"}, "Known: 7.0, 7.1"),
        ({"version": "7.5.1/.."}, "Unknown version"),
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
        "http://[::1",
        "https://:443",
        "ftp://localhost",
        "file:///srv/genes",
        "genes.invalid",
        "https://",
    ],
)
def test_only_https(fetch, enrichr, base_url):
    for function in (fetch, enrichr):
        with pytest.raises(ValueError, match="begins with https://"):
            function(base_url=base_url)


@pytest.mark.parametrize(
    "url", ["https://genes.invalid", "http://localhost:80/a", "http://[::1]:80"]
)
def test_safe_urls(url):
    assert _download.is_safe(url)


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


@pytest.mark.parametrize("answer", [status(404), good(b""), status(500)])
def test_an_unknown_library(enrichr, server, tmp_path, answer):
    path = KEGG.removesuffix("_Human")
    server.answers[path] = [answer]
    server.answers["/Enrichr/datasetStatistics"] = [good(STATISTICS)]
    with pytest.raises(
        DownloadError,
        match=r"Unknown library 'KEGG_2021', did you mean 'KEGG_2021_Human'\? "
        "Known: KEGG_2021_Human, huMAP",
    ):
        enrichr("KEGG_2021", n_retries=0)
    assert server.log == [path, "/Enrichr/datasetStatistics"]
    assert list(tmp_path.iterdir()) == []


def test_a_known_library_that_fails(enrichr, server):
    server.answers[KEGG] = [status(500)]
    server.answers["/Enrichr/datasetStatistics"] = [good(STATISTICS)]
    with pytest.raises(DownloadError, match="so the failure may pass"):
        enrichr()


@pytest.mark.parametrize(
    "body", [None, b"<html>", b"[]", b'{"statistics": [{}]}', b"[" * 100_000]
)
def test_no_list_of_libraries(enrichr, server, body):
    answer = status(500) if body is None else good(body)
    server.answers["/Enrichr/datasetStatistics"] = [answer]
    with pytest.raises(DownloadError, match="404 Not Found") as caught:
        enrichr()
    page = "https://maayanlab.cloud/Enrichr/#libraries"
    assert f"All libraries are listed at {page}" in str(caught.value)
    assert server.log == [KEGG, "/Enrichr/datasetStatistics"]


def test_libraries_whose_names_are_no_text(enrichr, server):
    body = b'{"statistics": [{"libraryName": 5}, {"libraryName": null}]}'
    server.answers["/Enrichr/datasetStatistics"] = [good(body)]
    with pytest.raises(DownloadError, match="404 Not Found"):
        enrichr()


# Without pooch


def test_pooch_is_missing(fetch, monkeypatch):
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(ImportError, match=r'pip install "sk-gene2vec\[datasets\]"`\.$'):
        fetch()


def test_the_advice_works(fetch, server, tmp_path):
    """A file downloaded by hand reads as the message says."""
    path = tmp_path / "h.all.v2024.1.Hs.symbols.gmt"
    path.write_bytes(GMT)
    assert GmtVectorizer(str(path)).fit_transform(["TP53"]).toarray().tolist() == [
        [1, 1]
    ]

"""The interactive map: what the file holds, and the page in a real browser."""

import base64
import errno
import hashlib
import json
import os
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from sk_gene2vec import GeneEmbedding, GeneSets
from sk_gene2vec.plotting import _projection, write_gene_map
from sk_gene2vec.plotting._labels import MAX_CATEGORIES

SVG = "{http://www.w3.org/2000/svg}"
N_GENES = 400
GENES = ["TP53", "MDM2", *(f"G{i}" for i in range(2, N_GENES))]
# TP53 is in all of them; the sizes are 2, 12, 22 ...
GENE_SETS = {f"SET_{k}": ["TP53", *GENES[100 : 101 + 10 * k]] for k in range(7)}
HOSTILE = [
    "</script><script>document.title='broken'</script>",
    "<img src=x onerror=\"document.title='broken'\">",
    "<!--<script>",
    'it\'s "q" & &amp; \\ \\u003c $data ${x} `y`',
    "β-катенин 😀 \u2028 é",
]


@pytest.fixture(scope="module")
def coordinates():
    points = np.random.default_rng(0).normal(size=(N_GENES, 2)) * [1, 0.5]
    points[0] = [2.5, 0.9]  # TP53, off the middle and alone
    return pd.DataFrame(points, index=GENES, columns=["UMAP 1", "UMAP 2"])


@pytest.fixture(scope="module")
def labels():
    """Labels: sixty genes have none, and two of the other three are kinases."""
    kinds = np.resize(["kinase", "kinase", "GPCR"], N_GENES - 60)
    return pd.Series(kinds, index=GENES[: N_GENES - 60], name="function")


@pytest.fixture(scope="module")
def written(tmp_path_factory, coordinates, labels):
    return write_gene_map(
        coordinates,
        tmp_path_factory.mktemp("map") / "map.html",
        gene_sets=GENE_SETS,
        labels=labels,
        title="A map",
    )


def data_of(path):
    """The data of a page, unpacked by hand."""
    page = path.read_text(encoding="utf-8")
    (text,) = re.findall(
        '<script type="application/json" id="data">(.*)</script>', page
    )
    data = json.loads(text)
    points = np.frombuffer(base64.b64decode(data["points"]), "<u2").reshape(-1, 2)
    packed = iter(base64.b64decode(data["memberships"]))

    def number():
        value = shift = 0
        for byte in packed:
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7
        raise AssertionError("the numbers end too early")

    gene_sets = {name: set() for name in data["sets"]}
    for gene in data["genes"] if gene_sets else []:
        place = 0
        for _ in range(number()):
            place += number()
            gene_sets[data["sets"][place]].add(gene)
    assert not list(packed)
    return data, points, gene_sets


def test_the_file_holds_genes_and_gene_sets(written):
    data, _, gene_sets = data_of(written)
    assert data["genes"] == GENES
    assert gene_sets == {name: set(genes) for name, genes in GENE_SETS.items()}
    assert data["axes"] == "UMAP"


def test_the_file_holds_places(tmp_path, coordinates):
    coordinates = coordinates.set_axis(["PCA 1", "PCA 2"], axis=1)
    _, points, _ = data_of(write_gene_map(coordinates, tmp_path / "map.html"))
    # One scale for both directions, the longer from end to end, both in the middle.
    extent = np.ptp(coordinates.to_numpy(), axis=0)
    assert np.ptp(points[:, 0]) == 65535
    assert np.ptp(points[:, 1]) == pytest.approx(65535 * extent[1] / extent[0], abs=2)
    np.testing.assert_allclose(
        (points.min(axis=0) + points.max(axis=0)) / 2, 32767.5, atol=1
    )
    points = points.astype(int)
    scaled = (points - points[0]) / 65535 * extent[0]
    np.testing.assert_allclose(
        scaled, coordinates - coordinates.iloc[0], atol=2e-4 * extent[0]
    )


def test_smallest_gene_sets_come_first(tmp_path, coordinates):
    sets = {"BIG": GENES[:300], "B": GENES[:3], "A": GENES[3:6], "NONE": ["ELSEWHERE"]}
    path = write_gene_map(coordinates, tmp_path / "map.html", gene_sets=sets)
    data, _, gene_sets = data_of(path)
    assert data["sets"] == ["A", "B", "BIG"]
    assert gene_sets["B"] == set(GENES[:3])


def test_descriptions_stand_beside_ids(tmp_path, coordinates):
    gene_sets = GeneSets(
        {"GO:0006915": GENES[:2], "HYPOXIA": GENES[:3]},
        {"GO:0006915": "apoptotic process", "HYPOXIA": "https://example.org"},
    )
    path = write_gene_map(coordinates, tmp_path / "map.html", gene_sets=gene_sets)
    assert data_of(path)[0]["sets"] == ["GO:0006915 apoptotic process", "HYPOXIA"]


def test_many_gene_sets_survive_the_packing(tmp_path):
    """Places beyond one and two bytes, genes in no set, and genes not on the map."""
    rng = np.random.default_rng(0)
    genes = [f"G{i}" for i in range(50)]
    sets = {
        f"S{k}": {f"G{i}" for i in rng.integers(0, 60, size=rng.integers(1, 4))}
        for k in range(17_000)
    }
    sets["S5"] = {"G1", "G59"}
    points = rng.normal(size=(51, 2))
    path = write_gene_map(
        points, tmp_path / "map.html", genes=[*genes, "ALONE"], gene_sets=sets
    )
    _, _, found = data_of(path)
    wanted = {name: members & set(genes) for name, members in sets.items()}
    assert found == {name: members for name, members in wanted.items() if members}


def test_far_groups_of_umap_come_closer(tmp_path, coordinates):
    far = coordinates.copy()
    far.iloc[:10] += 50
    _, points, _ = data_of(write_gene_map(far, tmp_path / "map.html"))
    assert np.ptp(points[10:, 0]) > 65535 / 2
    # Other coordinates are not changed.
    far.columns = ["PCA 1", "PCA 2"]
    _, points, _ = data_of(write_gene_map(far, tmp_path / "map.html"))
    assert np.ptp(points[10:, 0]) < 65535 / 5


def test_nearest_genes_are_those_of_highest_cosine(tmp_path, coordinates):
    vectors = np.random.default_rng(0).normal(size=(N_GENES, 5))
    vectors[3] = 2 * vectors[7]
    embedding = GeneEmbedding(GENES, vectors)
    path = write_gene_map(embedding, tmp_path / "map.html", coordinates=coordinates)
    data, points, _ = data_of(path)
    _, own_points, _ = data_of(write_gene_map(coordinates, tmp_path / "own.html"))
    np.testing.assert_array_equal(points, own_points)
    assert data["axes"] == "UMAP"
    found = np.frombuffer(base64.b64decode(data["nearest"]["genes"]), "<u2")
    percent = np.frombuffer(base64.b64decode(data["nearest"]["percent"]), "i1")
    for row in (3, 250):
        here = slice(10 * row, 10 * row + 10)
        expected = embedding.most_similar(GENES[row], topn=10)
        assert [GENES[i] for i in found[here]] == [gene for gene, _ in expected]
        np.testing.assert_allclose(
            percent[here], [100 * cosine for _, cosine in expected], atol=0.501
        )


def test_a_vector_of_zeros_is_similar_to_no_gene(tmp_path):
    vectors = np.random.default_rng(0).normal(size=(30, 5)).clip(0)
    vectors[[3, 7]] = 0
    embedding = GeneEmbedding(GENES[:30], vectors)
    page = write_gene_map(embedding, tmp_path / "map.html", method="pca")
    nearest = data_of(page)[0]["nearest"]
    percent = np.frombuffer(base64.b64decode(nearest["percent"]), "i1").reshape(30, -1)
    genes = np.frombuffer(base64.b64decode(nearest["genes"]), "<u2").reshape(30, -1)
    assert not percent[[3, 7]].any()
    assert not percent[np.isin(genes, [3, 7])].any()
    assert percent[0, 0] > 50


def test_for_coordinates_the_nearest_are_those_on_the_map(tmp_path):
    points = np.array([[0.0, 0], [3, 0], [1, 0], [7, 0]])
    data, _, _ = data_of(write_gene_map(points, tmp_path / "map.html", genes=GENES[:4]))
    found = np.frombuffer(base64.b64decode(data["nearest"]["genes"]), "<u2")
    assert found.reshape(4, 3).tolist() == [[2, 1, 3], [2, 0, 3], [0, 1, 3], [1, 2, 0]]
    assert data["nearest"]["percent"] == ""


def test_more_genes_than_two_bytes_count(tmp_path):
    genes = [f"G{i}" for i in range(65_537)]
    points = np.column_stack([np.arange(65_537.0), np.zeros(65_537)])
    data, _, _ = data_of(write_gene_map(points, tmp_path / "map.html", genes=genes))
    found = np.frombuffer(base64.b64decode(data["nearest"]["genes"]), "<u4")
    assert found[-10:].tolist() == list(range(65_535, 65_525, -1))


def test_aliases_stand_with_their_genes(tmp_path, coordinates):
    aliases = {
        **{"P53": "TP53", "LFS1": "TP53", "BOTH": ("MDM2", "G2"), "GONE": "ELSEWHERE"},
        **{"HALF": ("MDM2", "ELSEWHERE"), "MDM2": "G3", "A\tB": "G4"},
    }
    path = write_gene_map(coordinates, tmp_path / "map.html", aliases=aliases)
    names = data_of(path)[0]["aliases"]
    assert names[:5] == ["P53\tLFS1", "BOTH\tHALF", "BOTH", "", ""]
    assert not any(names[5:])


@pytest.mark.parametrize(
    "given",
    [lambda frame: frame.iloc[::-1], lambda frame: frame.to_numpy()],
    ids=["other order", "array"],
)
def test_coordinates_are_taken_by_gene(tmp_path, coordinates, given):
    vectors = pd.DataFrame(np.ones((N_GENES, 3)), index=GENES)
    coordinates = coordinates.set_axis(["dimension 1", "dimension 2"], axis=1)
    same, own = (
        data_of(write_gene_map(vectors, tmp_path / "map.html", coordinates=xy))
        for xy in (coordinates, given(coordinates))
    )
    np.testing.assert_array_equal(own[1], same[1])
    assert own[0]["axes"] == "dimension"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (lambda frame: frame.iloc[1:], "two coordinates for every gene"),
        (lambda frame: frame.assign(third=1.0), "two coordinates .* got 3"),
        (lambda frame: frame.to_numpy()[1:], "400 genes and 399 vectors"),
        (lambda frame: frame * np.nan, "finite"),
    ],
    ids=["a gene lacks", "three numbers", "too few", "not finite"],
)
def test_coordinates_must_be_of_the_genes(tmp_path, coordinates, given, message):
    vectors = pd.DataFrame(np.ones((N_GENES, 3)), index=GENES)
    with pytest.raises(ValueError, match=message):
        write_gene_map(vectors, tmp_path / "map.html", coordinates=given(coordinates))
    assert not list(tmp_path.iterdir())


def test_without_gene_sets_and_labels(tmp_path):
    vectors = np.random.default_rng(0).normal(size=(5, 4))
    path = write_gene_map(vectors, tmp_path / "map.html", genes=GENES[:5], method="pca")
    data, _, gene_sets = data_of(path)
    assert (data["labels"], gene_sets, data["axes"]) == (None, {}, "PCA")


def test_genes_on_one_spot_and_own_axes(tmp_path):
    spot = pd.DataFrame(np.ones((3, 2)), index=GENES[:3], columns=["east", "north"])
    data, points, _ = data_of(write_gene_map(spot, tmp_path / "map.html"))
    assert data["axes"] == "east × north"
    assert (points == 32768).all()


def test_categories(tmp_path, coordinates, written):
    data, _, _ = data_of(written)
    assert data["labels"]["title"] == "function"
    assert [(e["name"], e["count"]) for e in data["labels"]["legend"]] == [
        ("kinase", 227),
        ("GPCR", 113),
        ("no label", 60),
    ]
    many = [f"C{i % 25:02d}" for i in range(N_GENES)]
    path = write_gene_map(coordinates, tmp_path / "map.html", labels=many)
    labels = data_of(path)[0]["labels"]
    assert len(labels["legend"]) == MAX_CATEGORIES + 1
    assert labels["legend"][-1] == {
        "name": "other, 5 labels",
        "colour": labels["grey"],
        "count": 80,
    }
    shown = list(base64.b64decode(labels["shown"]))
    assert shown[:26] == [*range(20), *[20] * 5, 0]
    # The page can still tell the true label of a grey gene.
    assert labels["names"][labels["codes"][24]] == "C24"


def test_numbers(tmp_path, coordinates):
    values = np.linspace(-1, 3, N_GENES)
    values[7] = np.nan
    path = write_gene_map(coordinates, tmp_path / "map.html", labels=values)
    labels = data_of(path)[0]["labels"]
    assert (labels["low"], labels["high"], labels["values"][7]) == (-3, 3, None)
    assert (
        labels["stops"]
        != data_of(
            write_gene_map(coordinates, tmp_path / "map.html", labels=values + 1)
        )[0]["labels"]["stops"]
    )
    known = np.delete(np.arange(N_GENES), 7)
    found = np.array(labels["values"], dtype=float)
    np.testing.assert_array_equal(found[known], values[known])


@pytest.mark.parametrize("missing", [None, pd.NA], ids=["plain", "with a missing one"])
def test_identifiers_on_the_map_stay_exact(tmp_path, coordinates, missing):
    values = [*range(672_101, 672_101 + N_GENES - 1), missing]
    labels = data_of(write_gene_map(coordinates, tmp_path / "map.html", labels=values))[
        0
    ]["labels"]
    assert labels["values"] == [*values[:-1], None]
    assert (labels["low"], labels["high"]) == (672_101, 672_101 + N_GENES - 2)


def test_the_page_stands_alone(written):
    page = written.read_text(encoding="utf-8")
    frame = re.sub('id="data">.*</script>', "", page)
    # Addresses that a click opens, and the name of a format.
    for address, count in (
        ("https://www.ncbi.nlm.nih.gov/gene/", 1),
        ("https://www.gsea-msigdb.org/gsea/msigdb/cards/", 1),
        ("http://www.w3.org/2000/svg", 1),
    ):
        assert frame.count(address) == count
        frame = frame.replace(address, "")
    assert not re.search(r"https?:|\bimport\b|url\(|src=|href=", frame)
    (policy,) = re.findall('Content-Security-Policy" content="([^"]*)"', page)
    assert policy.startswith("default-src 'none'; ")
    for kind, tag in (("script", "<script>"), ("style", "<style>")):
        (text,) = re.findall(f"{tag}(.*?)</{kind}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"gene_sets": ["A", "TP53"]}, TypeError, "xpected a mapping .* item 'A'"),
        ({"gene_sets": "h.gmt"}, TypeError, "got 'h.gmt'.* read_gene_sets"),
        ({"gene_sets": {}}, ValueError, "at least one gene set"),
        (
            {"gene_sets": {"A": ["Trp53"]}},
            ValueError,
            "genes of the sets are 'Trp53', those of the embedding 'TP53', ",
        ),
        ({"gene_sets": {7: ["TP53"]}}, TypeError, "gene-set name .* got int 7"),
        ({"gene_sets": {"A": "TP53"}}, TypeError, "iterable of genes, got 'TP53'"),
        ({"labels": ["a"]}, ValueError, "400 labels"),
        ({"title": "a\ud800b"}, ValueError, "surrogates not allowed"),
        ({"method": "mds"}, ValueError, "'umap', 'tsne', 'pca', got 'mds'"),
    ],
)
def test_bad_input(tmp_path, coordinates, given, error, message):
    with pytest.raises(error, match=message):
        write_gene_map(coordinates, tmp_path / "map.html", **given)
    assert not list(tmp_path.iterdir())


def test_genes_must_have_names_and_files_a_folder(tmp_path, coordinates):
    with pytest.raises(ValueError, match="`genes` is None"):
        write_gene_map(coordinates.to_numpy(), tmp_path / "map.html")
    with pytest.raises(FileNotFoundError, match=r"folder that exists.*absent"):
        write_gene_map(coordinates, tmp_path / "absent" / "map.html")


@pytest.mark.parametrize(
    "given",
    [
        {"labels": ["A", "B"]},
        {"gene_sets": {"A": ["NO_SUCH_GENE"]}},
        {"title": "\ud800"},
    ],
)
def test_all_is_checked_before_the_layout(tmp_path, coordinates, monkeypatch, given):
    monkeypatch.setattr(_projection, "_layout", lambda *_: pytest.fail("too early"))
    path = tmp_path / "map.html"
    path.write_text("kept", encoding="utf-8")
    with pytest.raises(ValueError, match=r"Expected|surrogates"):
        write_gene_map(coordinates, path, method="pca", **given)
    assert path.read_text(encoding="utf-8") == "kept"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_write_leaves_the_file(tmp_path, coordinates, monkeypatch):
    path = tmp_path / "map.html"
    path.write_text("kept", encoding="utf-8")

    def fill_the_disk(self, content):
        with self.open("wb") as file:
            file.write(content[:10])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fill_the_disk)
    with pytest.raises(OSError, match="No space left"):
        write_gene_map(coordinates, path)
    assert path.read_text(encoding="utf-8") == "kept"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.name != "posix", reason="needs links, modes and /dev/null")
def test_replacing_keeps_links_modes_and_devices(tmp_path, coordinates):
    path, link, plain = (tmp_path / name for name in ("map.html", "link", "plain"))
    path.write_text("old", encoding="utf-8")
    path.chmod(0o604)
    link.symlink_to(path)
    assert write_gene_map(coordinates, link) == link
    assert link.is_symlink()
    assert "TP53" in path.read_text(encoding="utf-8")
    assert path.stat().st_mode & 0o777 == 0o604
    # A new file has the mode of any other.
    write_gene_map(coordinates, plain)
    (tmp_path / "other").touch()
    assert plain.stat().st_mode == (tmp_path / "other").stat().st_mode
    write_gene_map(coordinates, os.devnull)
    assert Path(os.devnull).is_char_device()


# In the browser.


@pytest.fixture(scope="module")
def opened(open_map, written):
    return open_map(written)


def colours_of_points(page):
    """Number of pixels of the canvas of each colour that has some."""
    return page.ask(
        """(() => {
          const map = document.getElementById("map"), found = {};
          const copy = new OffscreenCanvas(map.width, map.height).getContext(
            "2d", {willReadFrequently: true});
          copy.drawImage(map, 0, 0);
          const {data} = copy.getImageData(0, 0, map.width, map.height);
          for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 90) {
            const colour = [0, 1, 2].map((k) => Math.round(data[i + k] / 32)).join();
            found[colour] = (found[colour] || 0) + 1;
          }
          return found;
        })()"""
    )


def test_opens_offline_without_a_complaint(page, written):
    assert page.requests == [written.as_uri()]
    assert page.ask("document.title") == "A map"
    assert page.text("h1") == "A map"
    assert page.text("#facts") == "400 genes · 7 gene sets · UMAP"
    assert sum(colours_of_points(page).values()) > N_GENES


def test_hover_names_the_gene_and_its_gene_sets(page):
    page.hover(*page.locate("TP53"))
    lines = page.text("#tip").split()
    assert " ".join(lines) == (
        "TP53 function: kinase in 7 gene sets SET_0 SET_1 SET_2 SET_3 SET_4 and 2 more"
    )
    page.hover(2, 2)
    assert page.ask("document.getElementById('tip').hidden")


def test_hover_over_a_gene_in_no_set_and_without_label(page):
    page.ask("document.getElementById('map').focus()")
    x, y = page.locate("G399")
    for _ in range(20):
        page.wheel(x, y, -120)
    x, y = page.locate("G399")
    page.hover(x, y)
    assert page.text("#tip").split("\n")[0] == "G399"
    assert page.text("#tip").split("\n")[-1] == "in no gene set"
    assert "function" not in page.text("#tip")


def test_search_finds_tp53(page):
    page.press("/")
    page.type("tp5")
    assert page.text("#found").split("\n") == ["Genes", "1", "TP53", "7 gene sets"]
    page.press("Enter")
    assert page.text("#found") == ""
    assert page.text("#card-name") == "TP53"
    own = page.text("#card-lists ul:last-child").split()
    assert own[:4] == ["SET_0", "2", "SET_1", "12"]
    view = page.ask("geneMap.view()")
    assert view["zoom"] == 6
    x, y = page.locate("TP53")
    assert y == pytest.approx(400)
    assert x == pytest.approx((300 + 1280 - 348) / 2)  # between legend and card
    page.ask("document.getElementById('query').select()")
    page.type("nothing like it")
    assert page.text("#found") == "No gene or gene set of this name"
    page.press("Escape")
    assert page.ask("document.getElementById('card').hidden")
    assert page.ask("document.activeElement.id") == "map"


def test_search_with_arrows_finds_a_gene_set_and_its_members(page):
    page.press("/")
    page.type("set ")
    texts = page.ask(
        "[...document.querySelectorAll('#found .name')].map(e => e.innerText)"
    )
    assert texts == [f"SET_{k}" for k in range(7)]
    page.press("ArrowDown")
    page.press("ArrowDown")
    page.press("ArrowUp")
    before = sum(colours_of_points(page).values())
    page.press("Enter")
    assert page.text("#card-name") == "SET_1"
    assert page.text("#card-facts") == "12 genes"
    # All other genes are faint.
    assert sum(colours_of_points(page).values()) < before / 2
    # From the set to a gene of it.
    page.ask("document.querySelector('#card-lists button').click()")
    page.settle()
    assert page.text("#card-name") == "TP53"
    page.ask("document.getElementById('close').click()")
    assert page.ask("document.getElementById('card').hidden")


def test_wheel_zooms_where_the_pointer_is(page):
    x, y = page.locate("TP53")
    page.wheel(x, y, -200)
    view = page.ask("geneMap.view()")
    assert view["zoom"] == pytest.approx(np.exp(0.44))
    np.testing.assert_allclose(page.locate("TP53"), [x, y], atol=1)
    page.wheel(x, y, 200)
    assert page.ask("geneMap.view()")["zoom"] == pytest.approx(1)


def test_drag_moves_the_map_and_picks_nothing(page):
    x, y = page.locate("TP53")
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 60, y + 40, steps=2)
    page.mouse.up()
    page.settle()
    np.testing.assert_allclose(page.locate("TP53"), [x - 60, y + 40], atol=0.01)
    assert page.ask("document.getElementById('card').hidden")


def test_click_picks_a_gene_and_beside_it_none(page):
    x, y = page.locate("TP53")
    page.click(x, y)
    assert page.text("#card-name") == "TP53"
    assert page.text("#card-facts") == "function: kinase\nin 7 gene sets"
    page.click(x, 700)
    assert page.ask("document.getElementById('card').hidden")


def test_two_fingers_zoom(page):
    x, y = page.locate("TP53")
    page.touch("touchStart", (x - 50, y), (x + 50, y))
    page.touch("touchMove", (x - 100, y), (x + 100, y))
    page.touch("touchEnd")
    page.settle()
    assert page.ask("geneMap.view()")["zoom"] == pytest.approx(2, rel=0.01)
    np.testing.assert_allclose(page.locate("TP53"), [x, y], atol=1)
    assert page.ask("document.getElementById('card').hidden")


def test_a_finger_picks_a_gene(page):
    x, y = page.locate("TP53")
    page.touch("touchStart", (x + 12, y))
    page.touch("touchEnd")
    page.settle()
    assert page.text("#card-name") == "TP53"


def test_keys_move_and_zoom(page):
    x, y = page.locate("TP53")
    page.press("ArrowRight")
    page.press("ArrowDown")
    np.testing.assert_allclose(page.locate("TP53"), [x - 60, y - 60], atol=0.01)
    page.press("+")
    assert page.ask("geneMap.view()")["zoom"] == pytest.approx(1.4)
    page.press("-")
    page.press("-")
    assert page.ask("geneMap.view()")["zoom"] == pytest.approx(1 / 1.4)


def test_buttons(page):
    page.ask("document.getElementById('in').click()")
    assert page.ask("geneMap.view()")["zoom"] == pytest.approx(1.6)
    page.ask("document.getElementById('out').click()")
    page.ask("document.getElementById('out').click()")
    assert page.ask("geneMap.view()")["zoom"] == pytest.approx(1 / 1.6)
    page.ask("document.getElementById('fit').click()")
    assert page.ask("geneMap.view()")["zoom"] == 1


def test_legend_hides_and_shows(page):
    assert page.text("#legend-title") == "function"
    texts = page.text("#entries").split("\n")
    assert texts == ["kinase", "227", "GPCR", "113", "no label", "60", "Hide all"]
    entry = "document.querySelectorAll('#entries button')[{}].click()".format
    everything = colours_of_points(page)
    page.ask(entry(0))
    page.settle()
    fewer = colours_of_points(page)
    blue = max(everything, key=lambda c: everything[c] - fewer.get(c, 0))
    assert fewer.get(blue, 0) < everything[blue] / 10
    # Hidden genes do not react to the pointer.
    page.hover(*page.locate("TP53"))
    assert page.ask("document.getElementById('tip').hidden")
    page.ask(entry(3))
    page.settle()
    assert colours_of_points(page) == everything
    page.ask(entry(3))
    page.settle()
    assert colours_of_points(page) == {}
    page.ask(entry(3))


def test_light_and_dark(page):
    ground = "getComputedStyle(document.body).backgroundColor"
    assert page.ask(ground) == "rgb(250, 250, 248)"
    page.ask("document.getElementById('theme').click()")
    assert page.ask(ground) == "rgb(19, 21, 26)"
    page.ask("document.getElementById('theme').click()")
    assert page.ask(ground) == "rgb(250, 250, 248)"


@pytest.fixture(scope="module")
def hostile(open_map, tmp_path_factory):
    genes = [*HOSTILE, "TP53"]
    points = np.random.default_rng(0).normal(size=(len(genes), 2))
    path = write_gene_map(
        pd.DataFrame(points, index=genes, columns=["a", HOSTILE[0]]),
        tmp_path_factory.mktemp("hostile") / "map.html",
        gene_sets=dict.fromkeys(HOSTILE, genes),
        labels=pd.Series(HOSTILE, index=HOSTILE, name=HOSTILE[1]),
        title="".join(HOSTILE) + "</title>",
    )
    return open_map(path, size=(420, 800), dark=True, fragment="#TP53")


def test_names_cannot_become_tags(hostile):
    title = "".join(HOSTILE) + "</title>"
    assert hostile.ask("document.title") == re.sub(" +", " ", title)
    assert hostile.ask("document.getElementById('title').textContent") == title
    assert hostile.ask("document.scripts.length") == 2
    assert hostile.ask("document.images.length") == 0
    # The link opened the map at this gene, in the dark.
    assert hostile.text("#card-name") == "TP53"
    assert hostile.ask("document.documentElement.dataset.theme") == "dark"
    own = "#card-lists ul:last-child .name"
    names = f"[...document.querySelectorAll('{own}')].map(e => e.textContent)"
    assert sorted(hostile.ask(names)) == sorted(HOSTILE)
    entries = "[...document.querySelectorAll('#entries .name')].map(e => e.textContent)"
    assert hostile.ask(entries) == [*sorted(HOSTILE), "no label"]
    for gene in HOSTILE:
        assert hostile.locate(gene) is not None
        hostile.ask(f"location.hash = encodeURIComponent({json.dumps(gene)})")
        hostile.settle()
        assert hostile.ask("document.getElementById('card-name').textContent") == gene
        assert HOSTILE[1] in hostile.ask(
            "document.getElementById('card-facts').textContent"
        )
    assert hostile.complaints == []


def test_a_colour_bar_and_no_gene_sets(open_map, tmp_path, coordinates):
    values = pd.Series(np.linspace(0, 5, N_GENES), index=GENES, name="score")
    path = write_gene_map(coordinates, tmp_path / "map.html", labels=values)
    page = open_map(path)
    assert page.text("#legend").split() == ["score", "0", "5"]
    page.press("/")
    page.type("tp53")
    page.press("Enter")
    assert page.text("#card-facts") == "score: 0"
    assert page.ask("document.getElementById('query').placeholder") == "Search genes"
    assert page.complaints == []


@pytest.mark.parametrize(
    ("values", "low", "high", "first"),
    [
        (range(672_101, 672_101 + N_GENES), "672101", "672500", "672101"),
        (np.linspace(0, np.pi, N_GENES), "0", "3.142", "0"),
        (np.linspace(1e-12, 3e-8, N_GENES), "1e-12", "3e-8", "1e-12"),
        (1e6 + np.linspace(0.25, 0.5, N_GENES), "1000000.25", "1000000.5", None),
        (
            9e15 * np.linspace(-1, 1, N_GENES),
            "-9000000000000000",
            "9000000000000000",
            None,
        ),
        ([0.1] * N_GENES, "0.1", "0.1", "0.1"),
    ],
    ids=["identifiers", "floats", "small", "far from zero", "large", "constant"],
)
def test_numbers_are_rounded_when_shown(
    open_map, tmp_path, coordinates, values, low, high, first
):
    zero = ["0"] if min(values) < 0 < max(values) else []
    labels = pd.Series(list(values), index=GENES)
    page = open_map(
        write_gene_map(coordinates, tmp_path / "map.html", labels=labels),
        fragment="#TP53",
    )
    assert page.text("#legend").split() == ["Label", low, *zero, high]
    assert page.text("#card-facts") == (low if first is None else first)
    assert len(colours_of_points(page)) > (1 if low == high else 3)
    assert page.complaints == []


def test_signed_numbers_have_zero_in_the_middle(open_map, tmp_path, coordinates):
    values = pd.Series(np.linspace(-2, 2, N_GENES), index=GENES, name="log2 FC")
    values["TP53"] = -50.0
    path = write_gene_map(coordinates, tmp_path / "map.html", labels=values)
    page = open_map(path)
    title, low, zero, high = page.text("#legend").split("\n")
    assert (title, zero) == ("log2 FC", "0")
    assert low == f"≤ -{high}"  # TP53 is beyond this end, and no gene beyond the other
    assert 2 < float(high) < 3
    middles = page.ask(
        """[...document.querySelectorAll("#entries canvas, .ends :nth-child(2)")].map(
          (e) => (e.getBoundingClientRect().left + e.getBoundingClientRect().right) / 2)
        """
    )
    assert middles[0] == pytest.approx(middles[1], abs=1)
    root = ElementTree.parse(page.save("#svg", tmp_path)).getroot()
    written = {text.text: text for text in root.iter(SVG + "text")}
    assert {"log2 FC", low, "0", high} < written.keys()
    # The scale of the picture: from blue by a grey to orange, the zero below the grey.
    bars = list(root.iter(SVG + "rect"))[-64:]
    first, middle, last = (
        [int(part) for part in bars[k].get("fill")[4:-1].split(",")]
        for k in (0, 32, -1)
    )
    assert first[2] > first[0] + 100
    assert np.ptp(middle) < 15
    assert last[0] > last[2] + 100
    left, right = float(written[low].get("x")), float(written[high].get("x"))
    assert left < float(written["0"].get("x")) < right
    page.press("/")
    page.type("tp53")
    page.press("Enter")
    assert page.text("#card-facts") == "log2 FC: -50"
    assert page.complaints == []


@pytest.mark.parametrize(
    ("link", "gene"),
    [
        ("%", "%"),
        ("100%", "100%"),
        ("50%%20%CE%B2", "50% β"),
        ("%E0%A4", "%E0%A4"),
        ("%ff", "%ff"),
        ("G%c3%A9", "Gé"),
        ("%ZZ%", None),
    ],
)
def test_a_link_may_be_badly_encoded(open_map, tmp_path, link, gene):
    genes = ["%", "100%", "50% β", "%E0%A4", "%ff", "Gé", "TP53"]
    points = np.random.default_rng(0).normal(size=(len(genes), 2))
    path = write_gene_map(points, tmp_path / "map.html", genes=genes)
    page = open_map(path, fragment="#TP53")
    page.ask(f"location.hash = {json.dumps('#' + link)}")
    page.settle()
    assert page.text("#card-name") == (gene or "TP53")
    opened = open_map(path, fragment="#" + link)
    assert opened.text("#card-name") == (gene or "")
    assert opened.complaints == []

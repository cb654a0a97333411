"""The page of the map in a browser, at full size: search, phone, names, pictures."""

import struct
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from sk_gene2vec import read_gmt
from sk_gene2vec.datasets import load_human_gene_aliases
from sk_gene2vec.plotting import write_gene_map

DESKTOP, PHONE = (1280, 800), (390, 844)
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def collection(msigdb_file):
    return read_gmt(msigdb_file("msigdb.v7.1.h-c2-c5-c6-c7.symbols.gmt.gz"))


@pytest.fixture(scope="module")
def written(tmp_path_factory, collection):
    """All of MSigDB, the genes at random places."""
    genes, rng = collection.genes, np.random.default_rng(0)
    return write_gene_map(
        pd.DataFrame(rng.normal(size=(len(genes), 4)), index=genes),
        tmp_path_factory.mktemp("map") / "map.html",
        gene_sets=collection,
        aliases=load_human_gene_aliases(genes),
        coordinates=pd.DataFrame(rng.normal(size=(len(genes), 2)), index=genes),
        title="MSigDB: all / of it",
    )


@pytest.fixture(scope="module", params=[DESKTOP, PHONE], ids=["desktop", "phone"])
def opened(request, open_map, written):
    return open_map(written, size=request.param)


def is_phone(page):
    return page.ask("innerWidth") == PHONE[0]


def search(page, text):
    """Type into the search box, and return the hits listed."""
    page.ask("document.getElementById('query').focus()")
    page.ask("document.getElementById('query').select()")
    page.type(text)
    return texts(page, "#found [role=option] .name")


def texts(page, selector):
    return page.ask(
        f"[...document.querySelectorAll('{selector}')].map(e => e.textContent)"
    )


def box(page, selector):
    """Left, top, right and bottom of an element."""
    return page.ask(
        f"(({{left, top, right, bottom}}) => [left, top, right, bottom])"
        f"(document.querySelector('{selector}').getBoundingClientRect())"
    )


def overlap(a, b):
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def zoom_in(page, steps):
    for _ in range(steps):
        page.ask("document.getElementById('in').click()")
        page.settle()


def covered(root, written):
    """Tell whether a text of a picture has a ground that hides the points."""
    (x, y) = next(
        (float(text.get("x")), float(text.get("y")))
        for text in root.iter(SVG + "text")
        if text.text == written
    )
    after = list(root)[[e.tag for e in root].index(SVG + "circle") :]
    grounds = [
        [float(r.get(k)) for k in ("x", "y", "width", "height")]
        for r in after
        if r.tag == SVG + "rect"
    ]
    return any(
        left < x < left + wide and top < y < top + high
        for left, top, wide, high in grounds
    )


def svg(page, tmp_path):
    """The picture that the page saves, by tag."""
    path = page.save("#svg", tmp_path)
    assert path.name == "MSigDB_all_of_it.svg"
    root = ElementTree.parse(path).getroot()
    return {
        tag: [element.attrib | {"": element.text} for element in root.iter(SVG + tag)]
        for tag in ("circle", "text", "rect")
    }


def test_full_msigdb_is_usable_within_three_seconds(open_map, written):
    assert written.stat().st_size < 8e6
    seconds = []
    # The best of three, because the machine may have other work.
    while len(seconds) < 3 and min(seconds, default=np.inf) > 3:
        page = open_map(written)  # returns when all is drawn
        seconds.append(page.ask("performance.now()") / 1000)
    assert min(seconds) < 3
    assert page.text("#facts").startswith("22,665 genes · 20,832 gene sets")
    assert page.complaints == []


def test_whole_words_and_short_names_come_first(page):
    assert search(page, "hypoxia")[0] == "HALLMARK_HYPOXIA"
    assert search(page, "myc targets v1")[0] == "HALLMARK_MYC_TARGETS_V1"
    assert search(page, "P53")[0] == "TP53 P53"  # by an alias, which is shown
    assert search(page, "tp53")[:2] == ["TP53", "TP53I3"]
    assert search(page, "HLA A")[0] == "HLA-A"
    # Hallmark's gene sets come first, then those of few words.
    sets = [hit for hit in search(page, "p53") if "_" in hit]
    words = [hit.count("_") for hit in sets]
    assert sets[0] == "HALLMARK_P53_PATHWAY"
    assert max(map(len, sets[1:6])) < 25
    assert words[1] == min(words)


def test_all_hits_are_in_the_list(page, collection):
    listed = search(page, "kin")
    sets = {name for name in collection if "KIN" in name.upper()}
    assert texts(page, "#found .head .note")[1] == f"{len(sets):,}"
    n_genes = int(texts(page, "#found .head .note")[0])
    assert n_genes > 10
    assert len(listed) == min(n_genes, 100) + 100
    # The rest is added on scrolling; the headings stay visible, and jump to their part.
    assert overlap(box(page, "#found .head ~ .head"), box(page, "#found"))
    while (n_before := len(listed)) < n_genes + len(sets):
        page.ask("document.getElementById('found').scrollTop = 1e6")
        page.settle()
        listed = texts(page, "#found [role=option] .name")
        assert len(listed) > n_before
    assert sets == set(listed[n_genes:])
    head = "[...document.querySelectorAll('#found .head')].at(-1)"
    page.ask("document.getElementById('found').scrollTop = 0")
    page.ask(f"{head}.click()")
    page.settle()
    first = page.ask(f"{head}.nextSibling.getBoundingClientRect().top")
    top = box(page, "#found")[1]
    assert top < first < top + 50


def test_arrows_go_beyond_the_part_that_is_drawn(page):
    search(page, "kin")
    active = "document.querySelector('#found [aria-selected=true]').id"
    page.press("ArrowUp")
    assert page.ask(active) == "match-0"
    below = int(texts(page, "#found .head .note")[0]) + 105
    page.ask(
        f"for (let k = 0; k < {below}; k++) document.getElementById('query')"
        ".dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowDown'}))"
    )
    assert page.ask(active) == f"match-{below}"
    inside = box(page, "#found [aria-selected=true]")
    assert overlap(inside, box(page, "#found"))


def test_a_click_on_a_hit_picks_it(page):
    search(page, "hypoxia")
    left, top, right, bottom = box(page, "#match-0")
    page.click((left + right) / 2, (top + bottom) / 2)
    assert page.text("#card-name") == "HALLMARK_HYPOXIA"
    assert page.text("#found") == ""


def test_no_button_lies_over_the_hits(page):
    search(page, "hypoxia")
    _, top, right, bottom = box(page, "#found")
    assert bottom - top > 200
    inside = page.ask(
        """([x, top, bottom]) => Array.from({length: 20}, (_, k) => document
          .elementFromPoint(x, top + (k + 0.5) / 20 * (bottom - top))
          .closest("#found")).every(Boolean)""",
        [right - 25, top, min(bottom, page.ask("innerHeight"))],
    )
    assert inside


def test_a_card_lists_ten_genes_then_the_smallest_sets(page, collection):
    search(page, "tp53")
    page.press("Enter")
    assert texts(page, "#card h3") == [
        "Most similar genes",
        "Gene sets, the smallest first",
    ]
    assert "also " in page.text("#card-facts")
    assert "P53" in page.text("#card-facts")
    similar = texts(page, "#card-lists ul:first-of-type .name")
    notes = texts(page, "#card-lists ul:first-of-type .note")
    cosines = [float(note.partition(" · in ")[0]) for note in notes]
    assert len(similar) == 10
    known = dict.fromkeys(similar, 0)
    for members in collection.values():
        for gene in known.keys() & set(members):
            known[gene] += 1
    # The number of gene sets of each stands beside its similarity.
    counts = [note.partition(" · in ")[2].split()[0] for note in notes]
    assert counts == [f"{known[gene]:,}" for gene in similar]
    assert cosines == sorted(cosines, reverse=True)
    own = texts(page, "#card-lists ul:last-of-type .name")
    sizes = [len(collection[name]) for name in own]
    assert len(own) == 919
    assert sizes == sorted(sizes)
    page.ask("document.querySelector('#card-lists button').click()")
    page.settle()
    assert page.text("#card-name") == similar[0]


def test_no_break_inside_words(page):
    search(page, "negative regulation of cellular response")
    page.press("Enter")
    page.ask("document.querySelector('#card-lists button').click()")
    page.settle()
    broken = page.ask(
        """[...document.querySelectorAll("#card .name")].flatMap((name) =>
          [...name.childNodes].filter((part) => {
            const range = document.createRange();
            range.selectNode(part);
            return part.nodeType === 3 && range.getClientRects().length > 1;
          }).map((part) => part.textContent))"""
    )
    assert broken == []
    assert "_" in page.text("#card-lists")


def test_the_card_leaves_the_gene_and_its_name_in_sight(page):
    for gene in ("TP53", "BRCA1", "A1BG"):
        search(page, gene)
        page.press("Enter")
        x, y = page.locate(gene)
        (name,) = [n for n in page.ask("geneMap.names()") if n["gene"] == gene]
        for panel in ("#card", "#search", "nav", "header"):
            assert not overlap(box(page, panel), (x - 8, y - 8, x + 8, y + 8))
            assert not overlap(box(page, panel), name["box"])
        assert box(page, "#card")[3] <= page.ask("innerHeight")
    assert page.ask("document.documentElement.scrollWidth <= innerWidth")


def test_a_gene_under_its_card_is_moved_aside(page):
    """Clicking on a gene moves the map only if the card would cover the gene."""
    zoom_in(page, 6)
    width, height = page.ask("[innerWidth, innerHeight]")
    covered = (width / 2, height - 60) if is_phone(page) else (width - 200, height / 2)
    page.click(*covered)
    if page.ask("document.getElementById('card').hidden"):
        pytest.fail("no gene there")
    gene = page.text("#card-name")
    x, y = page.locate(gene)
    assert not overlap(box(page, "#card"), (x, y, x, y))
    page.ask("document.getElementById('close').click()")
    x, y = page.locate(gene)
    page.click(x, y)
    np.testing.assert_allclose(page.locate(gene), [x, y])


def test_names_appear_on_zooming_in_and_never_overlap(page):
    assert page.ask("geneMap.names()") == []
    for zoomed in (2, 8):
        zoom_in(page, zoomed)
        names = page.ask("geneMap.names()")
        assert len(names) > (8 if is_phone(page) else 25)
        boxes = [name["box"] for name in names]
        boxes += [box(page, panel) for panel in ("header", "nav", "#search")]
        assert not any(
            overlap(a, b) for k, a in enumerate(boxes) for b in boxes[:k] if a != b
        )
        for name in names:
            x, y = page.locate(name["gene"])
            left, top, right, bottom = name["box"]
            assert left < x < right
            assert top < y < bottom + 20


def test_names_stay_when_the_map_moves(page):
    zoom_in(page, 3)
    before = {name["gene"] for name in page.ask("geneMap.names()")}
    page.ask("document.getElementById('map').focus()")
    page.press("ArrowRight")
    after = {name["gene"] for name in page.ask("geneMap.names()")}
    assert len(before & after) > 0.6 * len(before)


def test_members_of_a_set_stand_out(page, tmp_path):
    search(page, "hallmark hypoxia")
    page.press("Enter")
    assert page.text("#card-name") == "HALLMARK_HYPOXIA"
    picture = svg(page, tmp_path)
    ground = page.ask("getComputedStyle(document.body).getPropertyValue('--ground')")
    member = page.ask("getComputedStyle(document.body).getPropertyValue('--member')")
    strong = [c for c in picture["circle"] if c["fill"] == member.strip()]
    others = [c for c in picture["circle"] if float(c.get("fill-opacity", 1)) < 0.2]
    assert len(strong) == sum(c["fill"] == ground.strip() for c in picture["circle"])
    assert (len(strong), len(others)) == (200, 22_465)
    assert min(float(c["r"]) for c in strong) > 2 * max(float(c["r"]) for c in others)
    assert "HALLMARK_HYPOXIA · 200 genes" in [text[""] for text in picture["text"]]
    # All of them are where no panel is.
    for panel in (box(page, "#card"), box(page, "nav")):
        places = [(float(c["cx"]), float(c["cy"])) * 2 for c in strong]
        assert not any(overlap(panel, place) for place in places)


def test_a_set_of_most_genes_does_not_cover_the_map(page, collection, tmp_path):
    search(page, max(collection, key=lambda name: len(collection[name])))
    page.press("Enter")
    member = page.ask("getComputedStyle(document.body).getPropertyValue('--member')")
    circles = svg(page, tmp_path)["circle"]
    radii = [float(c["r"]) for c in circles if c["fill"] == member.strip()]
    assert len(radii) > 1500
    width, height = page.ask("[innerWidth, innerHeight]")
    assert np.pi * np.sum(np.square(radii)) < 0.1 * width * height


def test_points_are_smaller_on_a_small_screen(open_map, written, tmp_path):
    radii = []
    for size in (DESKTOP, PHONE):
        folder = tmp_path / str(size[0])
        folder.mkdir()
        circles = svg(open_map(written, size=size), folder)["circle"]
        radii.append(float(circles[0]["r"]))
    assert 0.5 <= radii[1] < radii[0] <= 1.5


def test_svg_shows_what_is_on_the_screen(page, tmp_path):
    zoom_in(page, 4)
    picture = svg(page, tmp_path)
    written = [text[""] for text in picture["text"]]
    names = [name["gene"] for name in page.ask("geneMap.names()")]
    assert written[: len(names)] == names
    assert written[len(names) :] == ["MSigDB: all / of it", page.text("#facts")]
    assert 0 < len(picture["circle"]) < 22_665
    width, height = page.ask("[innerWidth, innerHeight]")
    assert picture["rect"][0]["width"] == str(width)
    for circle in picture["circle"]:
        assert -20 <= float(circle["cx"]) <= width + 20
        assert -20 <= float(circle["cy"]) <= height + 20


def test_png_shows_what_is_on_the_screen(page, tmp_path):
    path = page.save("#png", tmp_path)
    assert path.name == "MSigDB_all_of_it.png"
    content = path.read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    size = np.array(page.ask("[innerWidth, innerHeight]"))
    assert struct.unpack(">II", content[16:24]) == tuple(2 * size)
    matplotlib_image = pytest.importorskip("matplotlib.image")
    pixels = matplotlib_image.imread(path)
    ground = np.array([250, 250, 248]) / 255
    assert pixels.shape[2] == 3 or (pixels[..., 3] == 1).all()  # no hole in it
    np.testing.assert_allclose(pixels[-1, -1, :3], ground, atol=0.01)
    share = (abs(pixels[..., :3] - ground) > 0.1).any(axis=2).mean()
    assert 0.02 < share < 0.9


def test_the_menu_to_save_opens_over_the_card_and_closes(page):
    assert page.text("#svg") == ""
    search(page, "tp53")
    page.press("Enter")
    page.page.locator("#save summary").click()
    assert page.text("#svg") == "SVG"
    # A click fails where another element would get it.
    page.page.locator("#png").click(trial=True)
    page.page.locator("#svg").click(trial=True)
    menu, (width, height) = (
        box(page, "#save div"),
        page.ask("[innerWidth, innerHeight]"),
    )
    assert 0 < menu[0] < menu[2] <= width
    assert menu[3] <= height
    page.page.locator("#card-name").click()
    assert page.text("#svg") == ""


def test_panels_hide_the_points_behind_them(page):
    zoom_in(page, 4)
    for panel in ("header", "nav", "#query"):
        style = f"getComputedStyle(document.querySelector('{panel}')).backgroundColor"
        colour = page.ask(style)
        assert colour.startswith("rgb(") or float(colour.split(",")[3][:-1]) > 0.9


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("TP53", "https://www.ncbi.nlm.nih.gov/gene/?term=TP53%5Bsym%5D"),
        (
            "HALLMARK_HYPOXIA",
            "https://www.gsea-msigdb.org/gsea/msigdb/cards/HALLMARK_HYPOXIA",
        ),
    ],
)
def test_links_open_by_a_click_only(page, name, address):
    search(page, name)
    page.press("Enter")
    link = page.page.locator("#card-link")
    link.hover()
    page.settle()
    assert link.get_attribute("href") == address
    assert link.get_attribute("rel") == "noopener noreferrer"
    assert all(url.startswith(("file:", "blob:")) for url in page.requests)
    assert page.context.pages == [page.page]
    with page.context.expect_page() as opened:
        link.click()
    opened.value.close()


def test_other_identifiers_and_sets_have_their_links(open_map, tmp_path):
    genes = ["7157", "ENSG00000141510", "A&B", "C"]
    path = write_gene_map(
        np.random.default_rng(0).normal(size=(4, 2)),
        tmp_path / "map.html",
        genes=genes,
        gene_sets={"My own set": genes},
    )
    page = open_map(path)
    ncbi = "https://www.ncbi.nlm.nih.gov/gene/"
    for gene, rest in (
        ("7157", "7157"),
        ("ENSG00000141510", "?term=ENSG00000141510"),
        ("A&B", "?term=A%26B%5Bsym%5D"),
    ):
        search(page, gene)
        page.press("Enter")
        assert page.ask("document.getElementById('card-link').href") == ncbi + rest
        assert texts(page, "#card h3")[0] == "Nearest on the map"
    page.ask("[...document.querySelectorAll('#card-lists button')].at(-1).click()")
    page.settle()
    assert page.text("#card-name") == "My own set"
    assert page.text("#card-link") == ""
    assert page.complaints == []


@pytest.mark.parametrize("kind", ["categories", "numbers"])
def test_pictures_have_the_legend_that_is_open(open_map, tmp_path, kind):
    genes = [f"G{i}\x01<&>" for i in range(30)]
    values = np.resize(["a", "b\x02"], 30) if kind == "categories" else np.arange(30.0)
    path = write_gene_map(
        np.random.default_rng(0).normal(size=(30, 2)),
        tmp_path / "map.html",
        genes=genes,
        labels=pd.Series(values, index=genes, name="my <label>"),
        title="…",
    )
    page = open_map(path)

    def legend():
        saved = page.save("#svg", tmp_path)
        assert saved.name == "map.svg"
        root = ElementTree.parse(saved).getroot()
        written = [text.text for text in root.iter(SVG + "text")]
        assert any(text.endswith("\ufffd<&>") for text in written)
        shown = written[written.index("…") :]
        assert all(covered(root, text) for text in shown)
        return shown[2:]

    if kind == "categories":
        assert legend() == ["my <label>", "a (15)", "b\ufffd (15)"]
        page.ask("document.querySelector('#entries button').click()")
        assert legend() == ["my <label>", "b\ufffd (15)"]
        page.ask("document.querySelector('#entries .all').click()")
    else:
        assert legend() == ["my <label>", "0", "29"]
    page.ask("document.getElementById('legend').open = false")
    assert legend() == []
    assert page.complaints == []


def paste(page, text):
    """Paste into the empty search box."""
    search(page, "")
    page.ask(
        """text => {
          const clipboardData = new DataTransfer(), box = document.activeElement;
          clipboardData.setData("text", text);
          const event = new ClipboardEvent("paste", {clipboardData, cancelable: true});
          if (box.dispatchEvent(event)) document.execCommand("insertText", false, text);
        }""",
        text,
    )
    page.settle()


@pytest.mark.parametrize(
    "text",
    [
        "TP53\nMDM2\r\nbax\n\nNOT1GENE\nP21\n",
        "TP53\tMDM2\tBAX\tNOT1GENE\tP21",
        "TP53, MDM2;BAX , NOT1GENE,P21",
        "TP53 MDM2  BAX NOT1GENE P21 TP53",
        'c("TP53", "MDM2", "BAX", "NOT1GENE", "P21")',
        "['TP53', 'MDM2', 'BAX', 'NOT1GENE', 'P21']",
        "\u201cTP53\u201d, \u2018MDM2\u2019, \u201eBAX\u201c, NOT1GENE, P21",
        "TP53|MDM2 | BAX|NOT1GENE|P21",
    ],
    ids=["lines", "tabs", "commas", "spaces", "R", "Python", "Word", "bars"],
)
def test_a_list_of_genes_is_marked(page, text, tmp_path):
    paste(page, text)
    assert texts(page, "#found [role=option] .name") == ["Show 3 of 5 names"]
    page.press("Enter")
    assert page.text("#card-name") == "Your list"
    assert page.text("#card-facts") == "3 of 5 names found"
    assert texts(page, "#card h3") == [
        "Not on the map (1)",
        "Names of several genes (1)",
        "Genes",
    ]
    missing, unclear = texts(page, "#card .text")
    assert missing == "NOT1GENE"
    assert unclear.startswith("P21 (CDKN1A or ")
    assert texts(page, "#card .name")[-3:] == ["TP53", "MDM2", "BAX"]
    # The genes stand out, by their colour and their names, on the page and in pictures.
    assert {name["gene"] for name in page.ask("geneMap.names()")} == {
        *("TP53", "MDM2", "BAX")
    }
    member = page.ask("getComputedStyle(document.body).getPropertyValue('--member')")
    picture = svg(page, tmp_path)
    strong = [c for c in picture["circle"] if c["fill"] == member.strip()]
    assert len(strong) == 3
    assert "Your list · 3 genes" in [text[""] for text in picture["text"]]


def test_the_way_back_to_a_list_and_out_of_it(page):
    everything = page.ask("geneMap.names()")
    paste(page, "TP53,MDM2")
    page.press("Enter")
    assert page.text("#back") == ""
    page.page.locator("#card-lists button").first.click()
    page.settle()
    assert page.text("#card-name") == "TP53"
    page.page.locator("#back").click()
    page.settle()
    assert page.text("#card-name") == "Your list"
    page.page.locator("#close").click()
    page.settle()
    assert page.text("#card-name") == ""
    page.press("0")
    assert page.ask("geneMap.names()") == everything
    search(page, "BAX")
    page.press("Enter")
    assert page.text("#card-name") == "BAX"
    assert page.text("#back") == ""


def test_words_of_one_name_are_no_list(page):
    """Gene sets come before a list whose names are also words."""
    assert search(page, "myc targets v1")[0] == "HALLMARK_MYC_TARGETS_V1"
    hits = search(page, "met signaling")
    assert len(hits) > 1
    assert hits[-1] == "Show 1 of 2 names"
    assert search(page, "TP53, targets") == ["Show 1 of 2 names"]
    assert search(page, "targets, signaling") == []


def test_words_are_a_list_if_one_is_a_gene(page):
    paste(page, "PGK1 NOSUCH2")
    assert texts(page, "#found [role=option] .name") == ["Show 1 of 2 names"]
    page.press("Enter")
    assert page.text("#card-facts") == "1 of 2 names found"
    assert texts(page, "#card h3") == ["Not on the map (1)", "Genes"]
    assert texts(page, "#card .text") == ["NOSUCH2"]
    assert search(page, "NOSUCH1 NOSUCH2") == []


@pytest.fixture(scope="module")
def fly(open_map, tmp_path_factory):
    """A map of genes with brackets in their names, and of genes that differ by case."""
    genes = ["E(z)", "Su(z)12", "l(2)gl", "MF(ALPHA)1", "c(2)M", "e", "z", "HLA-A"]
    genes += ["Dl", "dl", "H", "h", "RpL5'"]
    written = write_gene_map(
        np.random.default_rng(0).normal(size=(len(genes), 2)),
        tmp_path_factory.mktemp("fly") / "map.html",
        genes=genes,
        gene_sets={"E_Z": genes},
        aliases={"Delta": "Dl", "DORSAL": "dl", "delta": "h"},
    )
    return open_map(written)


@pytest.mark.parametrize(
    ("text", "wanted", "missing"),
    [
        ("E(z), Su(z)12", ["E(z)", "Su(z)12"], []),
        ("l(2)gl, MF(ALPHA)1", ["l(2)gl", "MF(ALPHA)1"], []),
        ("c(2)M; E(x)2\tZ", ["c(2)M", "z"], ["E(x)2"]),
        ('c("E(z)", "RpL5\'")', ["E(z)", "RpL5'"], []),
        ("[('E(z)'), (Su(z)12), 'E(y)']", ["E(z)", "Su(z)12"], ["E(y)"]),
        ("HLA A, su(Z)12 e(Z)", ["HLA-A", "Su(z)12", "E(z)"], []),
        ("Dl, H", ["Dl", "H"], []),
        ("dl, h", ["dl", "h"], []),
        ("Delta, dorsal", ["Dl", "dl"], []),
        ("dl H", ["dl", "H"], []),
    ],
)
def test_names_in_a_list_keep_brackets_and_case(fly, text, wanted, missing):
    paste(fly, text)
    fly.press("Enter")
    assert fly.text("#card-name") == "Your list"
    assert texts(fly, "#card .text") == ([", ".join(missing)] if missing else [])
    assert texts(fly, "#card .name")[-len(wanted) :] == wanted
    found = f"{len(wanted)} of {len(wanted) + len(missing)} names found"
    assert fly.text("#card-facts") == found
    assert fly.complaints == []


def test_a_name_in_another_case_may_be_of_two_genes(fly):
    paste(fly, "DL, e")
    fly.press("Enter")
    assert texts(fly, "#card .text") == ["DL (Dl or dl)"]


def test_a_name_of_a_gene_set_is_no_list(fly):
    assert search(fly, "e z") == ["E(z)", "E_Z"]
    assert search(fly, "e, z") == ["Show 2 of 2 names"]


@pytest.mark.parametrize("scale", [1, 2])
def test_names_avoid_the_ring_of_the_chosen_gene(open_map, tmp_path, scale):
    """Names of genes below it, and of regions, would lie in it."""
    angles = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    ring = np.column_stack([np.cos(angles), np.sin(angles)])
    points = np.concatenate([[[0, 0]], *(r * ring for r in (0.008, 0.012, 0.05, 1))])
    path = write_gene_map(
        points, tmp_path / "map.html", genes=[f"G{k}" for k in range(len(points))]
    )
    page = open_map(path, fragment="#G0", scale=scale)
    names = {name["gene"]: name["box"] for name in page.ask("geneMap.names()")}
    assert len(names) > 5
    x, y = page.locate("G0")
    svg = ElementTree.parse(page.save("#svg", tmp_path)).getroot()
    rings = [c for c in svg.iter(SVG + "circle") if c.get("fill") == "none"]
    reach = max(float(c.get("r")) + float(c.get("stroke-width")) / 2 for c in rings)
    around = (x - reach, y - reach, x + reach, y + reach)
    assert not any(overlap(around, b) for gene, b in names.items() if gene != "G0")


def test_genes_without_a_number_are_hollow(open_map, tmp_path):
    """Those with a number near zero are nearly as grey."""
    genes = [f"G{k}" for k in range(60)]
    values = pd.Series(np.linspace(-2, 2, 60), index=genes, name="log2 FC")
    values.iloc[20:25] = np.nan
    path = write_gene_map(
        np.random.default_rng(0).normal(size=(60, 2)),
        tmp_path / "map.html",
        genes=genes,
        labels=values,
    )
    page = open_map(path)
    assert page.text("#legend").split("\n")[-2:] == ["no label", "5"]

    def saved():
        root = ElementTree.parse(page.save("#svg", tmp_path)).getroot()
        hollow = [c for c in root.iter(SVG + "circle") if c.get("fill") == "none"]
        return hollow, [text.text for text in root.iter(SVG + "text")]

    hollow, written = saved()
    assert len(hollow) == 6  # and that of the legend
    assert "no label (5)" in written
    places = {(float(c.get("cx")), float(c.get("cy"))) for c in hollow[:5]}
    wanted = [page.locate(gene) for gene in genes[20:25]]
    np.testing.assert_allclose(sorted(places), sorted(wanted), atol=0.01)
    # On the screen the ground is seen through them, and not through others.
    unlabelled, labelled = page.ask(
        """() => {
          const map = document.getElementById("map"), wide = map.width;
          const { data } = map.getContext("2d").getImageData(0, 0, wide, map.height);
          return ["G22", "G29"].map(geneMap.locate).map(
            ([x, y]) => data[4 * (Math.round(y) * wide + Math.round(x)) + 3]);
        }"""
    )
    assert unlabelled < 30
    assert labelled > 150
    page.ask("document.querySelector('#entries button').click()")
    hollow, written = saved()
    assert hollow == []
    assert "no label (5)" not in written
    assert page.complaints == []


@pytest.fixture(scope="module")
def regions(open_map, tmp_path_factory):
    """A map of five islands around a cloud, four of them with a gene set."""
    rng = np.random.default_rng(0)
    angles = np.linspace(0, 2 * np.pi, 5, endpoint=False)
    middles = 10 * np.column_stack([np.cos(angles), np.sin(angles)])
    points = [rng.normal(middle, 0.3, (80, 2)) for middle in middles]
    points = np.concatenate([*points, rng.normal(0, 2, (400, 2))])
    genes = [f"G{k}" for k in range(800)]
    names = ["GO_OLFACTORY_RECEPTOR_ACTIVITY", "KEGG_RIBOSOME", "GO_KERATINIZATION"]
    names.append("GO_" + "_".join(["VERY", "LONG", "NAME"] * 8))
    written = write_gene_map(
        pd.DataFrame(points, index=genes),
        tmp_path_factory.mktemp("regions") / "map.html",
        gene_sets={name: genes[80 * k : 80 * k + 80] for k, name in enumerate(names)},
        title="MSigDB: all / of it",
    )
    return open_map(written)


def test_regions_are_named_after_gene_sets(regions, tmp_path):
    found = {
        region["region"]: region["box"] for region in regions.ask("geneMap.regions()")
    }
    assert {"OLFACTORY RECEPTOR ACTIVITY", "RIBOSOME", "KERATINIZATION"} < found.keys()
    boxes = [*found.values(), *(box(regions, p) for p in ("header", "nav", "#search"))]
    assert not any(overlap(a, b) for k, a in enumerate(boxes) for b in boxes[:k])
    # A name stands above its island, and hides none of it.
    left, _, right, bottom = found["RIBOSOME"]
    places = np.array([regions.locate(f"G{k}") for k in range(80, 160)])
    assert left < places[:, 0].mean() < right
    top = np.quantile(places[:, 1], 0.1)
    assert top - 40 < bottom < top
    # The saved picture has the names, in lines.
    written = [text[""] for text in svg(regions, tmp_path)["text"]]
    assert {"OLFACTORY RECEPTOR", "ACTIVITY", "RIBOSOME"} < set(written)
    assert sum("VERY LONG" in text for text in written) <= 3
    assert any(text.endswith("…") for text in written)


def test_names_of_regions_fade_and_leave_on_zooming_in(regions, tmp_path):
    seen = []
    for _ in range(9):
        texts = svg(regions, tmp_path)["text"]
        found = [text for text in texts if text[""] == "RIBOSOME"]
        seen.append(float(found[0].get("opacity", 1)) if found else 0)
        regions.wheel(*regions.locate("G100"), -240)
    assert seen == sorted(seen, reverse=True)
    assert seen[0] == 1
    assert any(0 < opacity < 1 for opacity in seen)
    assert seen[-1] == 0
    regions.press("0")
    assert regions.complaints == []


def test_a_long_title_is_cut_in_a_picture(open_map, tmp_path):
    path = write_gene_map(
        np.random.default_rng(0).normal(size=(30, 2)),
        tmp_path / "map.html",
        genes=[f"G{i}" for i in range(30)],
        title="Human genes by biological process " * 3,
    )
    page = open_map(path, size=PHONE)
    root = ElementTree.parse(page.save("#svg", tmp_path)).getroot()
    title = next(t for t in root.iter(SVG + "text") if t.text.startswith("Human genes"))
    assert title.text.endswith("…")
    wide = page.ask(
        """([text, {"font-size": size, "font-weight": weight}]) => {
          const pen = document.createElement("canvas").getContext("2d");
          const { fontFamily } = getComputedStyle(document.body);
          pen.font = `${weight} ${size}px ${fontFamily}`;
          return pen.measureText(text).width;
        }""",
        [title.text, title.attrib],
    )
    assert PHONE[0] / 2 < wide < PHONE[0] - float(title.get("x"))

"""Take the picture of the map that README and documentation show.

The example writes the map, and Chromium opens it. In the root of a checkout with the
extra "test"::

    python examples/plot_genome_map.py
    python tools/take_map_picture.py gene_map.html docs/_static/gene_map.png
"""

import argparse
import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

SIZE = {"width": 1280, "height": 720}


def take(page_file: Path, picture: Path) -> None:
    """Choose a gene, and zoom out until names of regions are in the picture."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"))
        context = browser.new_context(viewport=SIZE, reduced_motion="reduce")
        page = context.new_page()
        page.goto(f"{page_file.resolve().as_uri()}#INS")
        x, y = page.evaluate("geneMap.locate('INS')")
        page.mouse.move(x, y)
        page.mouse.wheel(0, 190)
        page.mouse.wheel(0, 190)
        page.mouse.move(SIZE["width"] - 1, SIZE["height"] - 1)
        page.wait_for_timeout(500)
        page.screenshot(path=picture)
        browser.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("page", type=Path)
    parser.add_argument("picture", type=Path)
    arguments = parser.parse_args()
    take(arguments.page, arguments.picture)

"""The browser that the tests of the map share, and a page in it."""

import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Error, sync_playwright

# Playwright's own Chromium serves as well, where it is installed.
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


class MapPage:
    """A map in a browser without network, with a user's gestures."""

    def __init__(
        self, browser, path, *, size=(1280, 800), dark=False, fragment="", scale=1
    ):
        self.context = browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme="dark" if dark else "light",
            device_scale_factor=scale,
            reduced_motion="reduce",
            offline=True,
        )
        page = self.page = self.context.new_page()
        self.mouse, self.ask = page.mouse, page.evaluate
        self.complaints, self.requests = [], []
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(error.message))
        page.on("request", lambda request: self.requests.append(request.url))
        # Playwright has no gesture of two fingers.
        self._devtools = self.context.new_cdp_session(page)
        page.goto(Path(path).as_uri() + fragment)
        self.settle()

    def settle(self):
        """Wait until the page is drawn."""
        frame = "requestAnimationFrame"
        self.ask(f"new Promise(done => {frame}(() => {frame}(() => done())))")

    def hover(self, x, y):
        self.mouse.move(x, y)
        self.settle()

    def click(self, x, y):
        self.mouse.click(x, y)
        self.settle()

    def wheel(self, x, y, amount):
        self.mouse.move(x, y)
        self.mouse.wheel(0, amount)
        self.settle()

    def touch(self, kind, *points):
        touches = [{"x": x, "y": y, "id": k} for k, (x, y) in enumerate(points)]
        event = {"type": kind, "touchPoints": touches}
        self._devtools.send("Input.dispatchTouchEvent", event)

    def type(self, text):
        self.page.keyboard.insert_text(text)
        self.settle()

    def press(self, key):
        self.page.keyboard.press(key)
        self.settle()

    def text(self, selector):
        """Text of an element, empty while it is hidden."""
        found = self.page.locator(selector)
        return found.inner_text() if found.is_visible() else ""

    def locate(self, gene):
        """Where a gene is on the screen."""
        return self.ask("gene => geneMap.locate(gene)", gene)

    def save(self, button, folder):
        """Click a button that saves a file, and return the file's path."""
        with self.page.expect_download() as download:
            self.ask("button => document.querySelector(button).click()", button)
        path = folder / download.value.suggested_filename
        download.value.save_as(path)
        return path


# One for each module: while it is open, no other test can run an event loop.
@pytest.fixture(scope="module")
def open_map():
    """Open a map as a page of the browser, with the options of `MapPage`."""
    with sync_playwright() as playwright:
        found = next(filter(None, map(shutil.which, BROWSERS)), None)
        try:
            browser = playwright.chromium.launch(executable_path=found)
        except Error:
            if found:
                raise
            pytest.skip("needs Chromium: apt-get or playwright install chromium")
        yield lambda path, **options: MapPage(browser, path, **options)
        browser.close()


@pytest.fixture
def page(opened):
    """The map that a module has `opened`, in its first state."""
    opened.hover(2, 2)
    # Escape empties the search box that it is pressed in.
    opened.ask("document.getElementById('query').focus()")
    opened.press("Escape")
    opened.press("0")
    assert opened.ask("geneMap.view()") == {"x": 0.5, "y": 0.5, "zoom": 1}
    yield opened
    assert opened.complaints == []

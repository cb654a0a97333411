"""The browser that the tests of the map share."""

import pytest
from chromium import Browser, find_chromium


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    if find_chromium() is None:
        pytest.skip("needs Chromium (Debian: apt-get install chromium)")
    browser = Browser(tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()


@pytest.fixture
def page(opened):
    """The map of a module, `opened` there, as it is when opened."""
    opened.mouse("mouseMoved", 2, 2)
    # Escape empties the search box that it is pressed in.
    opened.ask("document.getElementById('query').focus()")
    opened.press("Escape")
    opened.press("0")
    assert opened.ask("geneMap.view()") == {"x": 0.5, "y": 0.5, "zoom": 1}
    yield opened
    assert opened.complaints() == []

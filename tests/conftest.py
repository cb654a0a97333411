"""What several test files share."""

from pathlib import Path

import pytest

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def msigdb_file():
    """Path of a file of the MSigDB data beside the checkout; skips without it."""

    def find(name):
        path = SHARED_DATA / name
        if not path.exists():
            pytest.skip(f"needs {name} in the folder shared/data beside the checkout")
        return path

    return find

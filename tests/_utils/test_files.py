"""Files that are replaced as a whole."""

import os
from contextlib import suppress
from pathlib import Path

import pytest

from sk_gene2vec._utils._files import replacing


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "genes.txt"
    path.write_text("TP53")
    return path


def test_a_failure_leaves_the_file_as_it_was(path):
    with suppress(KeyboardInterrupt), replacing(path) as part:
        part.write_text("half")
        raise KeyboardInterrupt
    assert path.read_text() == "TP53"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.skipif(os.name == "nt", reason="needs links and modes")
def test_mode_and_links_stay(path):
    path.chmod(0o640)
    link = path.with_name("link.txt")
    link.symlink_to(path)
    with replacing(link) as part:
        part.write_text("MDM2")
    assert link.is_symlink()
    assert path.read_text() == "MDM2"
    assert path.stat().st_mode & 0o777 == 0o640


@pytest.mark.skipif(os.name == "nt", reason="needs /dev")
def test_devices_are_written_to():
    with replacing(os.devnull) as part:
        assert str(part) == os.devnull


@pytest.mark.parametrize("place", ["nowhere/genes.txt", "", "x" * 300])
def test_what_cannot_be_written_fails_at_once(place, tmp_path):
    with pytest.raises(OSError, match=r"genes\.txt|the folder|xxx"):
        replacing(tmp_path / place).__enter__()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("refused", ["open", "replace"])
def test_a_file_that_is_refused_later_fails_at_once(refused, path, monkeypatch):
    """Read-only files, and on Windows those that another program has open."""

    def refuse(*_):
        raise PermissionError(13, "Access is denied")

    with monkeypatch.context() as patch:
        patch.setattr(Path, refused, refuse)
        with pytest.raises(PermissionError, match=r"close it, or .*genes\.txt"):
            replacing(path).__enter__()
    assert list(path.parent.iterdir()) == [path]

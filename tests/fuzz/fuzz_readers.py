"""Coverage-guided fuzzing of every reader; README.md says how to run it."""

import hashlib
import os
import sys
import tempfile
import warnings
from collections.abc import Callable
from multiprocessing.sharedctypes import RawArray
from pathlib import Path
from typing import Any


def main() -> None:
    """Fuzz with libFuzzer's options, from the seeds, until an error or the time."""
    import atheris

    with atheris.instrument_imports(include=["sk_gene2vec"]):
        import readers

    names = list(readers.READERS)
    counts = RawArray("q", 2 * len(names))
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    # libFuzzer ends its process without a word to Python: the parent has the last one.
    child = os.fork()
    if child:
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        _report(names, list(counts))
        if status:
            print(f"The input is in {folder}; run this script on it to see it again.")
        sys.exit(min(abs(status), 255))

    warnings.simplefilter("error")
    corpus = folder / "corpus"
    corpus.mkdir()
    for number, (name, data) in enumerate(readers.seeds()):
        (corpus / str(number)).write_bytes(bytes([names.index(name)]) + data)
    defaults = ("-max_len=4096", "-timeout=20", "-rss_limit_mb=2048")
    options = (*defaults, f"-artifact_prefix={folder}/")
    # The last of equal options counts, so that those given come after.
    arguments = [sys.argv[0], *options, *sys.argv[1:]]
    if all(argument.startswith("-") for argument in sys.argv[1:]):
        arguments.append(str(corpus))
    atheris.Setup(arguments, _target(readers.check, names, counts, folder))
    atheris.Fuzz()


def _target(
    check: Callable[[str, bytes, Path], bool],
    names: list[str],
    counts: Any,
    folder: Path,
) -> Callable[[bytes], None]:
    seen: set[bytes] = set()

    def test(data: bytes) -> None:
        """Read a file: the first byte tells the reader, all others are the file."""
        if not data:
            return
        place, content = data[0] % len(names), data[1:]
        was_read = check(names[place], content, folder)
        key = hashlib.blake2b(bytes([place]) + content, digest_size=8).digest()
        if key not in seen:
            seen.add(key)
            counts[2 * place + was_read] += 1

    return test


def _report(names: list[str], counts: list[int]) -> None:
    refused, read = counts[::2], counts[1::2]
    for row in zip(names, refused, read, strict=True):
        print("{:18} {:9,} refused {:9,} read".format(*row))
    print(
        f"{sum(counts):,} distinct inputs: {sum(refused):,} malformed, refused with a "
        f"declared error; {sum(read):,} read, written, and read again as equal",
        flush=True,
    )


if __name__ == "__main__":
    main()

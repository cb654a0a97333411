"""Hypothesis strategies for files: valid ones, damaged ones and nonsense."""

import gzip

from fuzz.readers import seeds
from hypothesis import strategies as st

_SEEDS = seeds()
# What means something in one of the formats, to get past the first check.
_TOKENS = st.sampled_from(
    [
        *"\t\n\r ,;\"'#>{}[]:AaT1.-_",
        *("\ufeff", "\0", "\u00e9", "\u2028", "\x85", "\x1c", "\U0001f9ec"),
        *("\r\n", "\t\t", "TP53", "na", "NA", "http://", ",1.0", "1e5", "nan", "inf"),
        *("term,gene", "source\ttarget", "weight", '{"A":', '["X"]', "geneSymbols"),
    ]
)
_NONSENSE = st.lists(_TOKENS, max_size=60).map("".join).map(str.encode)

#: Any text that has a UTF-8 form, blanks and separators more often than by chance.
texts = st.lists(
    st.one_of(
        st.characters(exclude_categories=["Cs"]),
        st.sampled_from([*" ,#1.\t\ufeff\x85\u3000\0", ",1.0", "TP53"]),
    ),
    max_size=6,
).map("".join)


@st.composite
def _damaged(draw: st.DrawFn, data: bytes) -> bytes:
    """Cut, repeat, overwrite or insert, up to five times."""
    for _ in range(draw(st.integers(0, 5))):
        at = draw(st.integers(0, len(data)))
        to = min(at + draw(st.integers(0, 8)), len(data))
        kind = draw(st.sampled_from(["cut", "end", "repeat", "overwrite", "insert"]))
        if kind == "cut":
            data = data[:at] + data[to:]
        elif kind == "end":
            data = data[:at]
        elif kind == "repeat":
            data = data[:to] + data[at:to] * draw(st.integers(1, 3)) + data[to:]
        else:
            new = draw(st.binary(max_size=4) | _TOKENS.map(str.encode))
            data = data[:at] + new + data[to if kind == "overwrite" else at :]
    return data


def files(reader: str) -> st.SearchStrategy[bytes]:
    """Content of files for a reader: mostly its own format, more or less damaged."""
    own = [data for name, data in _SEEDS if name == reader]
    mutated = st.sampled_from(own).flatmap(_damaged)
    packed = mutated.map(lambda data: gzip.compress(data, 1, mtime=0))
    any_format = st.sampled_from(sorted({data for _, data in _SEEDS}))
    return st.one_of(
        mutated,
        mutated,
        packed,
        packed.flatmap(_damaged),
        any_format.flatmap(_damaged),
        _NONSENSE,
        st.binary(max_size=200),
    )

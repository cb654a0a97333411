"""What Sphinx takes for links in docstrings and cannot, or should not, follow."""

import re

WORDS = (
    # Inherited from scikit-learn: links to its pages.
    (re.compile(r":ref:`[Uu]ser [Gg]uide <[^>]+>`"), "scikit-learn user guide"),
    (re.compile(r":ref:`sphx_glr_[^`]+`"), "scikit-learn's gallery"),
    # No e-mail address.
    (re.compile(r"\bNDCG@"), r"NDCG\\@"),
)


def drop_links(app, what, name, obj, options, lines):
    text = "\n".join(lines)
    for link, words in WORDS:
        text = link.sub(words, text)
    lines[:] = text.split("\n")


def setup(app):
    app.connect("autodoc-process-docstring", drop_links)
    return {"parallel_read_safe": True}

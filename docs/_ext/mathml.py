"""Formulas as MathML, which browsers render without a script from another server."""

from docutils.nodes import SkipNode
from latex2mathml.converter import convert


def formula(display):
    # custom.css lets wide formulas scroll.
    around = '<div class="formula">{}</div>' if display == "block" else "{}"

    def visit(self, node):
        self.body.append(around.format(convert(node.astext(), display=display)))
        raise SkipNode

    return visit, None


def setup(app):
    app.add_html_math_renderer("mathml", formula("inline"), formula("block"))
    return {"parallel_read_safe": True}

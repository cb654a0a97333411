"""Sphinx configuration: sphinx-build -W docs docs/_build/html."""

import os
import shutil
import sys
from pathlib import Path

import sk_gene2vec

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))

# Examples need no screen.
os.environ["MPLBACKEND"] = "agg"

project = "sk-gene2vec"
author = "The sk-gene2vec developers"
copyright = f"2026, {author}"
version = release = sk_gene2vec.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "mathml",
    "unlinked",
]
exclude_patterns = ["_build", "_ext", "_templates", "tutorials"]
templates_path = ["_templates"]
# Single backticks in docstrings are names of parameters.
default_role = "literal"

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath", "fieldlist"]
myst_heading_anchors = 3

autosummary_generate = True
toc_object_entries_show_parents = "hide"
autodoc_typehints = "none"  # numpydoc says the types in words
# The class template lists them.
numpydoc_show_class_members = False
# All checks but these. The build treats their warnings as errors.
numpydoc_validation_checks = {
    "all",
    "ES01",  # a summary of one line may say it all
    "EX01",  # methods have their example in the class
    "RT02",  # as in scikit-learn, a return value has a name
    "SA01",  # "See Also" is for names that are easily mistaken for each other
}

# A build needs no network. With it, names of other projects can be links.
if os.environ.get("SK_GENE2VEC_DOCS_LINKS"):
    extensions.append("sphinx.ext.intersphinx")
    intersphinx_mapping = {
        "python": ("https://docs.python.org/3", None),
        "numpy": ("https://numpy.org/doc/stable", None),
        "scipy": ("https://docs.scipy.org/doc/scipy", None),
        "pandas": ("https://pandas.pydata.org/docs", None),
        "sklearn": ("https://scikit-learn.org/stable", None),
        "skorch": ("https://skorch.readthedocs.io/en/stable", None),
    }

sphinx_gallery_conf = {
    "examples_dirs": ["tutorials", "../examples"],
    "gallery_dirs": ["auto_tutorials", "auto_examples"],
    "backreferences_dir": "api/generated/backreferences",
    "doc_module": "sk_gene2vec",
    "within_subsection_order": "gallery_order.ByPlace",
    "reset_modules": ("matplotlib", "gallery_order.reset_threads"),
    "abort_on_example_error": True,
    "download_all_examples": False,
    "remove_config_comments": True,
    "show_memory": False,
    "show_signature": False,
    "min_reported_time": 1,
    "write_computation_times": False,
    # What a call returns is shown, but not the parts of a plot.
    "ignore_repr_types": "matplotlib|'list'",
}

html_math_renderer = "mathml"
html_theme = "pydata_sphinx_theme"
html_title = "sk-gene2vec"
html_static_path = ["_static"]
html_css_files = ["custom.css"]
html_show_sourcelink = False
html_copy_source = False
# Pages without a sidebar: those with none below them, and examples with wide code.
html_sidebars = {
    "install": [],
    "user_guide": [],
    "ecosystem": [],
    "benchmarks": [],
    "recipes": [],
    "auto_examples/plot_*": [],
    "auto_tutorials/plot_*": [],
}
html_theme_options = {
    "navbar_align": "left",
    "header_links_before_dropdown": 7,
    "navbar_end": ["theme-switcher"],
    "show_prev_next": False,
    "show_toc_level": 2,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": ["theme-version"],
}
copybutton_prompt_text = r">>> |\.\.\. "
copybutton_prompt_is_regexp = True


def copy_pages_of_examples(app, error):
    """Put the web pages that examples write beside the pages that show them."""
    if error is None and app.builder.format == "html":
        for page in (HERE.parent / "examples").glob("*.html"):
            shutil.copy(page, Path(app.outdir) / "auto_examples")


def setup(app):
    app.connect("build-finished", copy_pages_of_examples)

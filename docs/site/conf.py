"""The documentation as a site: `make docs` builds it into build/docs.

Pages are Markdown that reads on GitHub as well. What the code knows is taken from it: `from_code.py` writes commands
and settings in place of a comment, and files of sample models in place of a link; autodoc writes the Python API.
"""

from __future__ import annotations

import re
import sys
from importlib.metadata import version as version_of
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from sphinx.application import Sphinx

from from_code import SECTIONS, code_block

DOCS = Path(__file__).resolve().parents[1]

project = "pyml"
version = release = version_of("pyml-sandbox")
project_copyright = "the authors of pyml"
html_title = "pyml"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]
root_doc = "index"
exclude_patterns = ["site"]

myst_enable_extensions = ["colon_fence", "attrs_inline"]
myst_heading_anchors = 4
copybutton_prompt_text = r"\$ "
copybutton_prompt_is_regexp = True

default_role = "code"  # docstrings say `name` for code
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_class_signature = "mixed"
add_module_names = False
nitpicky = True
nitpick_ignore_regex = [
    ("py:.*", "(?!pyml).*"),  # the types of others have no page here
    ("py:.*", r".*\.(ErrorCode|Origin|SandboxHome|Worker)"),  # ours that no caller has to make
]

html_theme = "furo"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
html_show_sphinx = False
pygments_style = "friendly"
pygments_dark_style = "monokai"

linkcheck_retries = 2
linkcheck_timeout = 20
linkcheck_ignore = [r"http://127\.0\.0\.1", r"http://localhost"]


LINK = re.compile(r"\[([^\]]*)\]\(([^)#\s]+)[^)\s]*\)")
FILE = re.compile(r"^\[[^\]]*\]\(((?:\.\./)+fixtures/[^)\s]+)\)$", re.MULTILINE)
"""A line that is nothing but a link to a file of a sample model: the site shows the file."""

PICTURE = re.compile(
    r'<picture>.*?srcset="(?P<dark>[^"]*)".*?alt="(?P<alt>[^"]*)" src="(?P<light>[^"]*)".*?</picture>', re.DOTALL
)
"""A picture for both schemes as GitHub takes it; the site has a switch of its own."""
PAGE = re.compile(r"\bdocs/([\w/-]+)\.md")
"""How a docstring names a page."""


def _with_code(app: Sphinx, name: str, content: list[str]) -> None:
    """Fill in what the code knows: sections, and files of sample models. Any other file outside docs/ has no page."""
    page = content[0]
    for section, write in SECTIONS.items():
        comment = f"<!-- from the code: {section} -->"
        if comment in page:
            page = page.replace(comment, write())
    page = PICTURE.sub(_for_both_schemes, page)
    folder = Path(app.srcdir, name).parent
    page = FILE.sub(lambda link: code_block(folder / link[1]), page)
    content[0] = LINK.sub(lambda link: link[0] if _has_page(folder, link[2]) else link[1], page)


def _for_both_schemes(picture: re.Match[str]) -> str:
    return "\n\n".join(
        f"```{{image}} {picture[scheme]}\n:alt: {picture['alt']}\n:class: only-{scheme}\n:width: 640px\n```"
        for scheme in ("light", "dark")
    )


def _with_links(_app: Sphinx, _kind: str, _name: str, _object: object, _options: object, lines: list[str]) -> None:
    """Link the pages that a docstring names."""
    lines[:] = [PAGE.sub(r":doc:`/\1`", line) for line in lines]


def _has_page(folder: Path, target: str) -> bool:
    return "://" in target or (folder / target).resolve().is_relative_to(DOCS)


def setup(app: Sphinx) -> None:
    """Sphinx calls this when it starts."""
    app.connect("source-read", _with_code)
    app.connect("autodoc-process-docstring", _with_links)

"""Reference sections as Markdown, made from the code: the settings of `pyml.toml`, and the commands."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, Field, fields
from pathlib import Path

import docstring_parser
import typer
from typer.cli import get_docs_for_click
from typer.main import get_command

from pyml.package.settings import (
    AllowanceSettings,
    ParitySettings,
    PromoteSettings,
    ServingSettings,
    Settings,
    ToleranceSettings,
)
from pyml_cli.main import application
from pyml_sandbox.parity.diagnosis.causes import CAUSES

ROOT = Path(__file__).parents[2]

TABLES: Mapping[str, type] = {
    "": Settings,
    "serving": ServingSettings,
    "parity": ParitySettings,
    "parity.tolerance": ToleranceSettings,
    "parity.tolerance.columns.NAME": AllowanceSettings,
    "promote": PromoteSettings,
}
"""The tables of `pyml.toml` by name; the top of the file has none."""

KINDS = {
    "str": "string",
    "int": "whole number, at least 1",
    "float": "number above 0",
    "float | None": "number, at least 0",
    "tuple[str, ...]": "list of strings",
}
"""What to write, by the type of a field. A field of a different type is a table of its own."""

LIST_OF_COMMANDS = re.compile(r"\*\*Commands\*\*:\n\n(?:\* .*\n)+\n*")

PAGE = re.compile(r"docs/reference/([\w-]+\.md)")
"""How docstrings name a page; the page of settings lies beside it."""


def settings() -> str:
    """One section for each table of `pyml.toml`, one row for each key."""
    return "\n\n".join("\n".join(_table(name, table)) for name, table in TABLES.items())


def _table(name: str, table: type) -> Iterator[str]:
    meanings = {key: meaning for base in reversed(table.__mro__) for key, meaning in _meanings(base).items()}
    yield f"## `[{name}]`" if name else "## The top of the file"
    yield ""
    yield "| key | type | default | meaning |"
    yield "|---|---|---|---|"
    for key in fields(table):
        if str(key.type) in KINDS:
            meaning = PAGE.sub(r"[\1](\1)", meanings[key.name].rstrip("."))
            yield f"| `{key.name}` | {KINDS[str(key.type)]} | {_default(key)} | {meaning} |"


def _meanings(table: type) -> dict[str, str]:
    """What each key means, by its name: the attributes in the docstring of a dataclass."""
    attributes = docstring_parser.parse(table.__doc__ or "").params
    return {each.arg_name: " ".join((each.description or "").split()) for each in attributes}


def _default(key: Field[object]) -> str:
    if key.default in (MISSING, None, "", ()):
        return "none"
    return f"`{key.default!r}`".replace("'", '"')


def commands() -> str:
    """One section for each command: usage, arguments, options."""
    command = get_command(application())
    page = get_docs_for_click(obj=command, ctx=typer.Context(command), name="pyml")
    page = LIST_OF_COMMANDS.sub("", page)  # its sentences are cut, and the sections follow
    return page.replace("# `", "## `")  # the page has its own title


def changelog() -> str:
    """The changelog without its title, with links as the site has them."""
    page = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    return page.partition("\n")[2].replace("](docs/", "](")


def pages_of_causes() -> str:
    """The pages of causes as entries of the side bar, which no reader of the plain file needs."""
    return "\n".join(["```{toctree}", ":hidden:", "", *CAUSES, "```"])


def code_block(file: Path) -> str:
    """A file of the repository with its path as caption.

    Raises:
        FileNotFoundError: there is no such file.
    """
    text = file.read_text(encoding="utf-8").rstrip("\n")
    language = {".py": "python", ".toml": "toml"}.get(file.suffix, "text")
    caption = file.resolve().relative_to(ROOT)
    return f"````{{code-block}} {language}\n:caption: {caption}\n\n{text}\n````"


SECTIONS: Mapping[str, Callable[[], str]] = {
    "settings": settings,
    "commands": commands,
    "changelog": changelog,
    "pages of causes": pages_of_causes,
}
"""What writes a section, by the name with which a page asks for it."""

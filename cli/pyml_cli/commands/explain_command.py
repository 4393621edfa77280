"""`pyml explain`: the causes of disparity."""

from __future__ import annotations

import io
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from pyml_cli.output import AsJson, choose_output

if TYPE_CHECKING:
    from pyml_sandbox.parity.diagnosis.causes import Cause
    from pyml_sandbox.workspace.events import JSON

PLAIN_WIDTH = 80
READING_WIDTH = 100


def explain(
    code: Annotated[
        str | None,
        typer.Argument(metavar="CODE", help="Code of a cause, such as B1 (default: list all).", show_default=False),
    ] = None,
    json: AsJson = False,
) -> None:
    """Explain a cause from a parity report: what it means, how it shows, how to fix it."""
    from pyml_sandbox.parity.diagnosis.cause_pages import find_cause
    from pyml_sandbox.parity.diagnosis.causes import CAUSES

    output = choose_output(json)
    output.result(CauseList(tuple(CAUSES.values())) if code is None else CausePage(find_cause(code)))


@dataclass(frozen=True)
class CauseList:
    """All causes, by family."""

    causes: Sequence[Cause]

    @property
    def json(self) -> Mapping[str, JSON]:
        """`causes`: code, name and page of each cause."""
        from pyml_sandbox.parity.diagnosis.cause_pages import page_path

        return {"causes": [{"code": c.code, "name": c.name, "page": str(page_path(c))} for c in self.causes]}

    @property
    def text(self) -> str:
        """One line for each cause, grouped by family; then the next command."""
        from pyml_sandbox.parity.diagnosis.causes import FAMILIES

        lines: list[str] = []
        for letter, family in FAMILIES.items():
            lines += [
                f"{letter}  {family}",
                *(f"  {c.code:<4} {c.name}" for c in self.causes if c.code[0] == letter),
                "",
            ]
        return "\n".join([*lines, "next: pyml explain CODE"])


@dataclass(frozen=True)
class CausePage:
    """The page of one cause."""

    cause: Cause

    @property
    def json(self) -> Mapping[str, JSON]:
        """Code, name, path of the page, and the page as Markdown."""
        from pyml_sandbox.parity.diagnosis.cause_pages import page_path, read_page

        cause = self.cause
        return {"code": cause.code, "name": cause.name, "page": str(page_path(cause)), "text": read_page(cause)}

    @property
    def text(self) -> str:
        """Formatted on a terminal, else plain Markdown."""
        from pyml_sandbox.parity.diagnosis.cause_pages import read_page

        page = read_page(self.cause)
        return (
            laid_out(page, shutil.get_terminal_size((PLAIN_WIDTH, 24)).columns)
            if sys.stdout.isatty()
            else page.rstrip()
        )


def laid_out(markdown: str, width: int) -> str:
    """Markdown formatted for a terminal, in colour.

    Args:
        markdown: the document.
        width: width of the terminal in columns; longer lines than are readable are not used.
    """
    from rich.console import Console
    from rich.markdown import Markdown

    page = io.StringIO()
    console = Console(file=page, force_terminal=True, width=min(width, READING_WIDTH))
    console.print(Markdown(markdown, code_theme="ansi_dark"))
    return page.getvalue().rstrip()

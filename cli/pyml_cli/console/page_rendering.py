"""Facts as HTML, by jinja; all values are escaped, since they are a user's."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from rich.filesize import decimal

from pyml_cli.time_words import age, ago, duration
from pyml_sandbox.compare.rendering.formatting import counted

if TYPE_CHECKING:
    from jinja2 import Environment, Template
    from jinja2.runtime import Context

    from pyml_cli.console.workbench import Workbench

STATIC = Path(__file__).parent / "static"
SECTIONS = ("sandbox", "models", "try", "jobs", "tables", "parity", "promotion", "tasks")
LIVE = "live_"


def page_html(
    template: str, bench: Workbench, facts: Mapping[str, object], live: str = "", parts: Mapping[str, str] | None = None
) -> str:
    """A whole page.

    Args:
        template: name of its template.
        bench: what the pages work with.
        facts: what it shows.
        live: address of its changes; empty if it has none.
        parts: its parts that change, from `parts_html`, which are not rendered again; None to render them.
    """
    found, context = _found(template, bench, facts, live)
    for name, html in (parts or {}).items():
        context.blocks[name] = [lambda _context, html=html: iter((html,))]  # type: ignore[misc]  # a block gives texts
    return "".join(found.root_render_func(context))


def parts_html(template: str, bench: Workbench, facts: Mapping[str, object]) -> dict[str, str]:
    """The parts of a page that change while one looks, by name."""
    found, context = _found(template, bench, facts)
    return {name: "".join(found.blocks[name](context)) for name in _part_names(found)}


def _found(template: str, bench: Workbench, facts: Mapping[str, object], live: str = "") -> tuple[Template, Context]:
    """A template, and what it is rendered from."""
    found = _environment().get_template(template)
    return found, found.new_context({"sections": SECTIONS, "home": bench.home, "live": live, **facts})


def part_names(template: str) -> Sequence[str]:
    """The names of the parts of a page that change while one looks."""
    return _part_names(_environment().get_template(template))


def _part_names(template: Template) -> Sequence[str]:
    return sorted(name for name in template.blocks if name.startswith(LIVE))


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("pyml_cli.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"static": static_address, "rows_with": rows_with, "marked_rows": marked_rows}
    shown = {"counted": counted, "ago": ago, "age": age, "size": size, "duration": duration, "when": when}
    environment.filters |= {**shown, "tables_by_database": tables_by_database}
    return environment


@cache
def static_address(name: str) -> str:
    """The address of a file that never changes there: its content is part of the address."""
    return f"/static/{name}?v={hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]}"


def when(at: float | None) -> str:
    """A time for people and machines: "2026-11-30 11:00:05 UTC"; empty for None."""
    return "" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def size(number: float | None) -> str:
    """Bytes for people; empty for None."""
    return "" if number is None else decimal(int(number))


def rows_with(rows: Sequence[Sequence[object]], predictions: Sequence[Sequence[object]]) -> list[list[object]]:
    """Rows with their predictions at their right."""
    return [[*row, *predicted] for row, predicted in zip(rows, predictions, strict=True)]


def marked_rows(rows: Sequence[Sequence[object]], same: Sequence[bool]) -> list[list[object]]:
    """Rows with a mark at the left of each that differs."""
    return [["" if is_same else "differs", *row] for row, is_same in zip(rows, same, strict=False)]


def tables_by_database(tables: Sequence[str]) -> list[tuple[str, list[str]]]:
    """The names of tables, by their database."""
    found: dict[str, list[str]] = {}
    for table in tables:
        found.setdefault(table.partition(".")[0], []).append(table)
    return list(found.items())

"""A comparison as text for a terminal: keys, columns, worst rows."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence

from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from pyml_sandbox.compare.rendering.comparison_lines import (
    COLUMN_TITLES,
    column_cells,
    key_lines,
    schema_lines,
    sides,
    tolerance_text,
    worst_cells,
    worst_titles,
)
from pyml_sandbox.compare.rendering.formatting import counted, plain
from pyml_sandbox.compare.result import ColumnComparison, Comparison

VALUE_WIDTH = 40


def comparison_text(comparison: Comparison, *, width: int = 80, colour: bool = False) -> str:
    """One comparison as text, as `pyml compare` prints it.

    Args:
        comparison: the comparison.
        width: columns of the terminal.
        colour: whether to use terminal colours; else there are no escape codes.
    """
    result = Text("SAME", "bold green") if comparison.agrees else Text("DIFFERENT", "bold red")
    parts = (*comparison_parts(comparison), *worst_parts(comparison), *tolerance_parts([comparison]))
    return printed(Group(result, *parts), width, colour)


def printed(view: RenderableType, width: int, colour: bool) -> str:
    """Render with rich, as a string.

    Args:
        view: what to render.
        width: columns of the terminal.
        colour: whether to use terminal colours; else there are no escape codes.
    """
    stream = io.StringIO()
    console = Console(
        file=stream,
        width=width,
        force_terminal=colour,
        color_system="standard" if colour else None,
        highlight=False,
        legacy_windows=False,
    )
    console.print(view, crop=False)  # what is to be copied may be wider
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines())


def comparison_parts(comparison: Comparison) -> Iterator[RenderableType]:
    """What is compared, its keys and schema where they differ, and a table of its columns."""
    title = f"{sides(comparison)}: {counted(comparison.matched, 'row')}"
    yield Padding(Text(title, style="bold"), (1, 0, 0, 0))
    for line in (*key_lines(comparison), *schema_lines(comparison)):
        yield Text(f" {line}")
    if comparison.columns:
        yield _column_table(comparison)


def _column_table(comparison: Comparison) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 0), collapse_padding=False, pad_edge=False, show_edge=False)
    table.add_column("column", overflow="fold", min_width=8)
    for title in COLUMN_TITLES:
        table.add_column(title, justify="right", no_wrap=True)
    for column in comparison.columns:
        table.add_row(*(Text(cell) for cell in column_cells(column)), style="" if column.agrees else "red")
    return table


def worst_parts(comparison: Comparison) -> Iterator[RenderableType]:
    """A table of the worst rows of each column that has any."""
    for column in comparison.columns:
        if column.worst:
            title = f"Worst rows of `{plain(column.name)}`, {sides(comparison)}"
            yield Padding(Text(title, style="bold"), (1, 0, 0, 0))
            yield _worst_table(comparison, column)


def _worst_table(comparison: Comparison, column: ColumnComparison) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False, show_edge=False)
    *names, distance = worst_titles(comparison)
    for name in names:
        table.add_column(Text(name), overflow="fold", max_width=VALUE_WIDTH)
    table.add_column(distance, justify="right")
    for row in column.worst:
        table.add_row(*(Text(cell) for cell in worst_cells(row, column)))
    return table


def tolerance_parts(comparisons: Sequence[Comparison]) -> Iterator[RenderableType]:
    """The tolerances of floats."""
    words = tolerance_text(comparisons)
    if words:
        yield Padding(Text(words), (1, 0, 0, 0))

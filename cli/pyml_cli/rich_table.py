"""Tables for people: drawn by rich on a terminal, else columns of plain text that a program can cut."""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence


def table_text(columns: Sequence[str], rows: Sequence[Sequence[str]], numbers: Collection[str] = ()) -> str:
    """A table with a head.

    Args:
        columns: names of the columns.
        rows: a text for each column.
        numbers: names of the columns that are aligned at their right.
    """
    return _drawn(columns, rows, numbers) if sys.stdout.isatty() else _plain(columns, rows, numbers)


def _plain(columns: Sequence[str], rows: Sequence[Sequence[str]], numbers: Collection[str]) -> str:
    lines = [columns, *rows]
    widths = [max(len(line[position]) for line in lines) for position in range(len(columns))]
    aligned = [str.rjust if name in numbers else str.ljust for name in columns]
    return "\n".join(
        "  ".join(align(cell, width) for cell, width, align in zip(line, widths, aligned, strict=True)).rstrip()
        for line in lines
    )


def _drawn(columns: Sequence[str], rows: Sequence[Sequence[str]], numbers: Collection[str]) -> str:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name in columns:
        table.add_column(name, justify="right" if name in numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    console = Console()
    with console.capture() as captured:
        console.print(table)
    return captured.get().rstrip("\n")

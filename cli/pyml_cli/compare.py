"""`pyml compare`: two tables in Parquet files, held against each other as `pyml parity-check` does it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pyml_cli.output import AsJson, choose_output

if TYPE_CHECKING:
    from pyml_sandbox.compare import Comparison
    from pyml_sandbox.events import JSON

PLAIN_WIDTH = 80


def compare(
    left: Annotated[Path, typer.Argument(help="A Parquet file, a folder of them, or a glob in quotes.")],
    right: Annotated[Path, typer.Argument(help="The same for the other side.")],
    key: Annotated[list[str], typer.Option("--key", help="A column that names a row; give it once for each.")],
    rtol: Annotated[float | None, typer.Option(help="Relative tolerance of all floats; default by width.")] = None,
    atol: Annotated[float | None, typer.Option(help="Absolute tolerance of all floats; default by width.")] = None,
    max_ulps: Annotated[int | None, typer.Option(help="Tolerance of all floats in units in the last place.")] = None,
    exact: Annotated[bool, typer.Option("--exact", help="Floats must be equal to the last bit.")] = False,
    json: AsJson = False,
) -> None:
    """Compare two tables by key: missing rows, other types, other values. Exit code 1 if they differ."""
    from pyml_sandbox.compare import Tolerances
    from pyml_sandbox.compare import compare as compare_tables

    tolerances = Tolerances.given(rtol, atol, max_ulps, exact=exact)
    names = (left.name, right.name) if left.name != right.name else ("left", "right")
    comparison = compare_tables(
        left, right, key, name="files", left_name=names[0], right_name=names[1], tolerances=tolerances
    )
    choose_output(json).result(ComparisonView(comparison))
    if not comparison.agrees:
        raise typer.Exit(1)


@dataclass(frozen=True)
class ComparisonView:
    """What was compared and found."""

    comparison: Comparison

    @property
    def json(self) -> Mapping[str, JSON]:
        """The comparison as one object; docs/parity-report.md lists its fields."""
        from pyml_sandbox.parity.report import comparison_json

        return comparison_json(self.comparison)

    @property
    def text(self) -> str:
        """The answer, the columns, the worst rows; as wide as the terminal, 80 columns where there is none."""
        from pyml_sandbox.parity.report_text import comparison_text

        width = shutil.get_terminal_size((PLAIN_WIDTH, 24)).columns
        return comparison_text(self.comparison, width=width, colour=sys.stdout.isatty())

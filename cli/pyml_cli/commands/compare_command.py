"""`pyml compare`: compares two tables, in Parquet files or in Hive, by the rules of `pyml parity-check`."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pyml_cli.options import KEY_HELP, Sandbox
from pyml_cli.output import AsJson, choose_output
from pyml_cli.verdicts import exit_code_1_is_a_verdict

if TYPE_CHECKING:
    from pyml_sandbox.compare import Comparison
    from pyml_sandbox.workspace.events import JSON

PLAIN_WIDTH = 80


def compare(
    left: Annotated[
        str,
        typer.Argument(
            metavar="LEFT", help="Parquet file, folder of Parquet files, quoted glob, or DATABASE.TABLE in the sandbox."
        ),
    ],
    right: Annotated[str, typer.Argument(metavar="RIGHT", help="What to compare LEFT with, in the same forms.")],
    key: Annotated[list[str], typer.Option("--key", metavar="COLUMN", help=KEY_HELP)],
    rtol: Annotated[
        float | None, typer.Option(metavar="NUMBER", help="Relative tolerance for floats (default: by width).")
    ] = None,
    atol: Annotated[
        float | None, typer.Option(metavar="NUMBER", help="Absolute tolerance for floats (default: by width).")
    ] = None,
    max_ulps: Annotated[
        int | None, typer.Option(metavar="NUMBER", help="Tolerance for floats in units in the last place.")
    ] = None,
    exact: Annotated[bool, typer.Option("--exact", help="Require floats to be equal bit for bit.")] = False,
    sandbox: Sandbox = None,
    json: AsJson = False,
) -> None:
    """Compare two tables by key: missing rows, different types, different values. Exit code 1 if they differ."""
    from pyml_sandbox.compare import Tolerances
    from pyml_sandbox.compare import compare as compare_tables
    from pyml_sandbox.compare.tables.named import parquet_sides
    from pyml_sandbox.workspace.home import SandboxHome

    tolerances = Tolerances.given(rtol, atol, max_ulps, exact=exact)
    left_name, right_name = _side_names(left, right)
    home = SandboxHome.find(sandbox)
    with exit_code_1_is_a_verdict(), parquet_sides([left, right], home) as (left_file, right_file):
        comparison = compare_tables(
            left_file, right_file, key, name="tables", left_name=left_name, right_name=right_name, tolerances=tolerances
        )
    choose_output(json).result(ComparisonView(comparison))
    if not comparison.agrees:
        raise typer.Exit(1)


def _side_names(left: str, right: str) -> tuple[str, str]:
    """The names of both sides: the last part of a path, or a table; "left" and "right" if these are equal."""
    names = Path(left).name, Path(right).name
    return names if names[0] != names[1] else ("left", "right")


@dataclass(frozen=True)
class ComparisonView:
    """The result of a comparison."""

    comparison: Comparison

    @property
    def json(self) -> Mapping[str, JSON]:
        """The comparison as one object; docs/reference/parity-report.md lists its fields."""
        from pyml_sandbox.compare.comparison_json import comparison_json

        return comparison_json(self.comparison)

    @property
    def text(self) -> str:
        """The result, the columns, the worst rows; as wide as the terminal, else 80 columns."""
        from pyml_sandbox.compare.rendering.comparison_text import comparison_text

        width = shutil.get_terminal_size((PLAIN_WIDTH, 24)).columns
        return comparison_text(self.comparison, width=width, colour=sys.stdout.isatty())

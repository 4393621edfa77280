"""`pyml dev sql`: runs SQL on the sandbox's Spark."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from pyml_cli.options import Sandbox
from pyml_cli.output import AsJson, choose_output
from pyml_cli.plain import plain

if TYPE_CHECKING:
    import pyarrow as pa

    from pyml_sandbox.workspace.events import JSON


def sql(
    query: Annotated[str, typer.Argument(metavar="STATEMENT", help="SQL statement for the sandbox's Spark.")],
    limit: Annotated[int, typer.Option(min=1, metavar="NUMBER", help="Maximum number of rows to print.")] = 20,
    sandbox: Sandbox = None,
    json: AsJson = False,
) -> None:
    """Run an SQL statement on the sandbox's Spark and print its rows."""
    from pyml.offline.spark_errors import translated_errors
    from pyml_sandbox.predict.spark_session import session
    from pyml_sandbox.workspace.home import SandboxHome

    with session(SandboxHome.find(sandbox)) as spark, translated_errors():
        rows = spark.sql(query).limit(limit).toArrow()
    choose_output(json).result(RowsView(rows))


@dataclass(frozen=True)
class RowsView:
    """The rows of a query."""

    rows: pa.Table

    @property
    def json(self) -> Mapping[str, JSON]:
        """All rows in one object."""
        return {"rows": plain(self.rows.to_pylist())}

    @property
    def text(self) -> str:
        """A table, with columns as wide as their widest value."""
        names = self.rows.column_names
        lines = [names, *([str(plain(value)) for value in row.values()] for row in self.rows.to_pylist())]
        widths = [max(len(line[position]) for line in lines) for position in range(len(names))]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
        )

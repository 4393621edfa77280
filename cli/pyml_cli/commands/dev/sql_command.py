"""`pyml dev sql`: runs SQL on the sandbox's Spark."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from pyml_cli.options import Sandbox
from pyml_cli.output import AsJson, choose_output
from pyml_cli.plain import plain_rows, unique_names

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
    from pyml_sandbox.hive_tables.query_rows import rows_of_query
    from pyml_sandbox.predict.spark_session import session
    from pyml_sandbox.workspace.home import SandboxHome

    with session(SandboxHome.find(sandbox)) as spark:
        rows = rows_of_query(spark, query, limit)
    choose_output(json).result(RowsView(rows))


@dataclass(frozen=True)
class RowsView:
    """The rows of a query."""

    rows: pa.Table

    @property
    def json(self) -> Mapping[str, JSON]:
        """All rows in one object; of two columns of one name, the second is called `NAME_2`."""
        names = unique_names(self.rows.column_names)
        return {"rows": [dict(zip(names, row, strict=True)) for row in plain_rows(self.rows)]}

    @property
    def text(self) -> str:
        """A table, with columns as wide as their widest value."""
        names = self.rows.column_names
        lines = [[_on_one_line(str(cell)) for cell in line] for line in [names, *plain_rows(self.rows)]]
        widths = [max(len(line[position]) for line in lines) for position in range(len(names))]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
        )


def _on_one_line(text: str) -> str:
    return text.replace("\n", "\\n").replace("\r", "\\r")

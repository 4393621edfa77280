"""The first rows of a Hive table, as Arrow."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pyml.errors import UsageError
from pyml_sandbox.predict.spark_session import session
from pyml_sandbox.workspace.home import SandboxHome

if TYPE_CHECKING:
    import pyarrow as pa


def first_rows_of_table(home: SandboxHome, table: str, rows: int) -> pa.Table:
    """Read the first rows of a Hive table of the running sandbox.

    Args:
        home: the sandbox.
        table: `table` or `database.table`.
        rows: number of rows, at most.

    Raises:
        UsageError: there is no such table, or it is empty.
        SandboxError: the sandbox is not up.
    """
    from pyml.offline.spark_errors import translated_errors

    if not re.fullmatch(r"\w+(\.\w+)?", table):
        raise UsageError(f"expected the name of a Hive table, found {table!r}", "--from-table DATABASE.TABLE")
    with session(home) as spark, translated_errors():
        if not spark.catalog.tableExists(table):
            raise UsageError(f"there is no Hive table {table}", 'pyml dev sql "SHOW TABLES IN ml"   lists those of ml')
        found = spark.table(table).limit(rows).toArrow()
    if not found.num_rows:
        raise UsageError(f"{table} has no rows, which the parity check needs", "give a table with rows")
    return found

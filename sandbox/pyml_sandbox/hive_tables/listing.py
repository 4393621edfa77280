"""The Hive tables of a sandbox, and the columns, rows and bytes of one."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyml.error_code import ErrorCode
from pyml.errors import UsageError
from pyml.offline.spark_errors import translated_errors
from pyml.offline.spark_schema import declared_type
from pyml.offline.targets.table_swap import split_table_name
from pyml.types.field import Field
from pyml.types.spark_types import quoted
from pyml_sandbox.predict.spark_session import session
from pyml_sandbox.workspace.home import SandboxHome
from pyml_sandbox.workspace.state import name_option

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@dataclass(frozen=True)
class TableDetails:
    """One Hive table.

    Attributes:
        table: `database.table`.
        fields: its columns.
        rows: number of rows.
        size_bytes: size of its files.
    """

    table: str
    fields: Sequence[Field]
    rows: int
    size_bytes: int


def list_tables(home: SandboxHome) -> Sequence[str]:
    """The tables of all databases of the running sandbox, as `database.table`, in the order of their names. Blocks.

    Raises:
        SandboxError: Spark does not answer.
        JobError: Spark failed.
    """
    with session(home) as spark, translated_errors():
        return _tables(spark)


def describe_table(home: SandboxHome, table: str) -> TableDetails:
    """The columns, rows and bytes of a table of the running sandbox. Blocks; reads no values.

    Args:
        home: the sandbox.
        table: `database.table`, or a table of the database `default`.

    Raises:
        UsageError: there is no such table.
        SandboxError: Spark does not answer.
        JobError: Spark failed.
    """
    from pyspark.sql import functions as F  # noqa: N812 - Spark's own name for it

    database, name = split_table_name(table)
    target = f"{quoted(database)}.{quoted(name)}"
    with session(home) as spark, translated_errors():
        if not spark.catalog.databaseExists(database) or not spark.catalog.tableExists(target):
            raise _missing(f"{database}.{name}", _tables(spark), home)
        fields = [Field(column.name, declared_type(column.dataType)) for column in spark.table(target).schema]
        # The size of a file is in each of its rows; neither it nor the number of rows needs a value of the table.
        stored = spark.table(target)
        file = stored.metadataColumn("_metadata")  # not by name: a column of the table may have it
        files = stored.groupBy(file["file_path"]).agg(F.any_value(file["file_size"]).alias("bytes"), F.count("*"))
        (total,) = (
            files.toDF("file", "bytes", "rows")
            .agg(F.sum("rows").alias("rows"), F.sum("bytes").alias("bytes"))
            .collect()
        )
        return TableDetails(f"{database}.{name}", fields, int(total["rows"] or 0), int(total["bytes"] or 0))


def _tables(spark: SparkSession) -> list[str]:
    databases = sorted(each.name for each in spark.catalog.listDatabases())
    return [
        f"{database}.{row['tableName']}"
        for database in databases
        for row in sorted(spark.sql(f"SHOW TABLES IN {quoted(database)}").collect(), key=lambda row: row["tableName"])
        if not row["isTemporary"]
    ]


def _missing(table: str, there: Sequence[str], home: SandboxHome) -> UsageError:
    close = difflib.get_close_matches(table, there, n=1)
    meant = f"did you mean {close[0]}?   " if close else ""
    hint = f"{meant}pyml dev tables{name_option(home)}   lists all tables"
    return UsageError(f"there is no table {table} in sandbox {home.name!r}", hint, ErrorCode.TABLE_MISSING)

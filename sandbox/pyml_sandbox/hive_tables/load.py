"""Loads a CSV, JSON Lines or Parquet file into a Hive table of the sandbox."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pyml.error_code import ErrorCode
from pyml.errors import UsageError
from pyml.offline.spark_errors import translated_errors
from pyml.offline.targets.table_swap import restore_interrupted_swap, split_table_name
from pyml.types.spark_types import quoted
from pyml_sandbox.hive_tables.file_table import FileTable, read_table
from pyml_sandbox.hive_tables.hive_writer import replace_table
from pyml_sandbox.predict.file_formats.file_rows import file_kind
from pyml_sandbox.predict.spark_session import address_of, session
from pyml_sandbox.predict.table_writes import begin_writing, writing
from pyml_sandbox.workspace.events import Event, OnEvent, Progress, ignore, timed
from pyml_sandbox.workspace.home import SandboxHome
from pyml_sandbox.workspace.state import name_option, require_state

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import SparkSession

    from pyml.types.schema import Schema


@dataclass(frozen=True)
class LoadedTable:
    """A table that was loaded from a file.

    Attributes:
        table: `database.table`, in lower case.
        content: what it was loaded with.
        has_replaced: whether there was a table of this name.
        has_new_database: whether the database was created.
    """

    table: str
    content: FileTable
    has_replaced: bool
    has_new_database: bool


def load_file(
    home: SandboxHome,
    file: Path,
    table: str,
    declared: Schema | None = None,
    nulls: Sequence[str] = (),
    *,
    replace: bool = False,
    on_event: OnEvent = ignore,
) -> LoadedTable:
    """Load a file into a Hive table of the running sandbox. Blocks; a database that does not exist is created.

    Args:
        home: the sandbox.
        file: CSV, JSON Lines or Parquet.
        table: `database.table`, or a table of the database `default`.
        declared: columns whose type is given; the types of all others are inferred, or those of the Parquet file.
        nulls: texts that mean null in CSV, beside nothing between two commas.
        replace: whether a table of this name is replaced, once everything is written; after an error it is unchanged.
        on_event: called with each step.

    Raises:
        UsageError: there is a table of this name, `table` is not a name of a table, or the file does not exist.
        InputError: the file cannot be read, or a value does not fit its type; names column and row.
        SandboxError: Spark does not answer.
        JobError: Spark failed.
    """
    require_state(home)
    database, name = split_table_name(table)
    target = f"{database}.{name}"
    file_kind(file)
    with writing(home, target), session(home) as spark:
        begin_writing(spark, home, target, address_of(home))
        has_replaced = _is_there(spark, database, name)
        if has_replaced and not replace:
            hint = f"add --replace, or choose a different name; to see it: pyml dev tables {target}{name_option(home)}"
            raise UsageError(f"there is a table {target} already", hint, ErrorCode.TABLE_EXISTS)
        with timed("read", on_event, str(file)) as read:
            content = read_table(file, declared, nulls)
            read(f"{content.rows.num_rows:,} rows from {file}")
        has_new_database = load_rows(spark, content.rows, target, on_event)
    return LoadedTable(target, content, has_replaced, has_new_database)


def load_rows(spark: SparkSession, rows: pa.Table, table: str, on_event: OnEvent = ignore) -> bool:
    """Load rows into a Hive table, which is replaced if it exists; after an error it is unchanged. Blocks.

    Args:
        spark: a session on the sandbox's Spark.
        rows: shape (rows, columns), in Arrow types of Spark types.
        table: `database.table`; the database is created if it does not exist.
        on_event: called with each part that is written.

    Returns:
        Whether the database was created.

    Raises:
        UsageError: `table` is not a name of a table.
        JobError: Spark failed.
    """
    database, _ = split_table_name(table)

    def report(done: int) -> None:
        on_event(Event("write", Progress.WAITING, table, done=done, total=rows.num_rows))

    with timed("write", on_event, table) as wrote, translated_errors():
        is_new = not spark.catalog.databaseExists(database)
        spark.sql(f"CREATE DATABASE IF NOT EXISTS {quoted(database)}")
        replace_table(spark, rows, table, report)
        wrote(f"{rows.num_rows:,} rows in {table}")
    return is_new


def _is_there(spark: SparkSession, database: str, name: str) -> bool:
    with translated_errors():
        if not spark.catalog.databaseExists(database):
            return False
        restore_interrupted_swap(spark, database, name)
        return bool(spark.catalog.tableExists(f"{quoted(database)}.{quoted(name)}"))

"""Writes rows of this process into Hive tables. They are sent to Spark, which may run where it sees no file of ours."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from pyml.offline.cancellation import interruptible
from pyml.offline.spark_errors import translated_errors
from pyml.offline.targets.table_swap import drop_staging, restore_interrupted_swap, split_table_name, swap
from pyml.types.spark_types import ddl_type_of, quoted

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import SparkSession

PART_BYTES = 32 * 2**20
"""Rows are sent in parts of about this size, so that Spark holds one of them at a time."""


def write_table(
    spark: SparkSession, rows: pa.Table, table: str, on_rows: Callable[[int], None] = lambda rows: None
) -> None:
    """Write rows into a new Hive table, in their order: one Parquet file for each part of 32 MB.

    Args:
        spark: a session.
        rows: shape (rows, columns), in Arrow types of Spark types.
        table: `database.table`, quoted where it has to be.
        on_rows: called after each part with the number of rows that are written.

    Raises:
        JobError: Spark failed.
    """
    ddl = ddl_of(rows.schema)
    with translated_errors():
        if not rows.num_rows:  # Spark cannot build an empty frame
            spark.sql(f"CREATE TABLE {table} ({ddl}) USING parquet")
        done = 0
        for part in _parts(rows):
            writer = spark.createDataFrame(part, ddl).coalesce(1).write.format("parquet")
            (writer.mode("append") if done else writer).saveAsTable(table)
            done += part.num_rows
            on_rows(done)


def replace_table(
    spark: SparkSession, rows: pa.Table, table: str, on_rows: Callable[[int], None] = lambda rows: None
) -> None:
    """Write rows into a Hive table, which is replaced at the end; after an error the old table is unchanged.

    Args:
        spark: a session.
        rows: shape (rows, columns), in Arrow types of Spark types.
        table: `database.table`; the database exists.
        on_rows: called after each part with the number of rows that are written.

    Raises:
        UsageError: `table` is not the name of a Hive table.
        JobError: Spark failed.
    """
    database, name = split_table_name(table)
    staging = f"{quoted(database)}.{quoted(f'{name}__staging_{uuid.uuid4().hex[:8]}')}"
    with translated_errors():
        restore_interrupted_swap(spark, database, name)
        try:
            with interruptible(spark):
                write_table(spark, rows, staging, on_rows)
            swap(spark, staging, database, name)
        except BaseException:
            drop_staging(spark, staging)
            raise


def ddl_of(schema: pa.Schema) -> str:
    """The columns as DDL: without it Spark reads a timestamp without a zone as one in the session's zone."""
    return ", ".join(f"{quoted(field.name)} {ddl_type_of(field.type)}" for field in schema)


def _parts(rows: pa.Table) -> Iterator[pa.Table]:
    if not rows.num_rows:
        return
    size = max(1, rows.num_rows * PART_BYTES // max(rows.nbytes, 1))
    for start in range(0, rows.num_rows, size):
        yield rows.slice(start, size)

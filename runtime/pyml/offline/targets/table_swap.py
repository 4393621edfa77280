"""The swap of the target table of an offline job: two renames, which the next job completes after a crash."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pyml.errors import UsageError
from pyml.types.spark_types import quoted

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def split_table_name(table: str) -> tuple[str, str]:
    """The database and the name in `database.table`, in lower case, as Hive stores them.

    Raises:
        UsageError: it is not the name of a Hive table.
    """
    database, _, name = table.rpartition(".")
    if not all(re.fullmatch(r"\w{1,128}", part, re.ASCII) for part in (database or "default", name)):
        raise UsageError(
            f"{table!r} is not the name of a Hive table",
            "write database.table, with letters, digits and _, at most 128 of each",
        )
    return (database or "default").lower(), name.lower()


def drop_staging(spark: SparkSession, staging: str) -> None:
    """Stop running queries and drop the staging table; an error of Spark is ignored, since the first error matters."""
    from pyspark.errors import PySparkException

    with contextlib.suppress(PySparkException):
        if hasattr(spark, "interruptAll"):  # over Spark Connect, where Ctrl-C leaves the query running
            spark.interruptAll()
    with contextlib.suppress(PySparkException):
        _drop(spark, staging)


def _drop(spark: SparkSession, staging: str) -> None:
    """Drop a staging table; an interrupted query leaves its folder alone, which goes with an empty table."""
    from pyspark.errors import PySparkException

    with contextlib.suppress(PySparkException):
        spark.sql(f"CREATE TABLE IF NOT EXISTS {staging} (unused INT) USING parquet")
    spark.sql(f"DROP TABLE IF EXISTS {staging} PURGE")


def mend_interrupted(spark: SparkSession, database: str, table: str, folders: Sequence[str] = ()) -> None:
    """Complete the swap of a killed job into a table, and drop the staging tables of such jobs; none may still run.

    Args:
        spark: a session.
        database: of the target table, which may not exist.
        table: its name.
        folders: names of staging folders that may have no table.
    """
    from pyspark.errors import AnalysisException

    try:
        shown = spark.sql(f"SHOW TABLES IN {quoted(database)} LIKE '{table}__*'").collect()
    except AnalysisException as error:
        if error.getCondition() == "SCHEMA_NOT_FOUND":
            return
        raise
    tables = {row["tableName"] for row in shown}
    if f"{table}__previous" in tables:
        restore_interrupted_swap(spark, database, table)
    is_staging = re.compile(rf"{re.escape(table)}__staging_[0-9a-f]{{8}}").fullmatch
    for name in sorted({*tables, *folders}):
        if is_staging(name):
            _drop(spark, f"{quoted(database)}.{quoted(name)}")


def restore_interrupted_swap(spark: SparkSession, database: str, table: str) -> None:
    """Restore the old table if an earlier job was killed between the two renames of its swap.

    Args:
        spark: a session.
        database: of the target table.
        table: its name.
    """
    target, previous = _names(database, table)
    if spark.catalog.tableExists(previous):
        if spark.catalog.tableExists(target):
            spark.sql(f"DROP TABLE {previous} PURGE")
        else:
            spark.sql(f"ALTER TABLE {previous} RENAME TO {target}")


def swap(spark: SparkSession, staging: str, database: str, table: str) -> None:
    """Replace the target table by the staging table; after an error the old table is in place.

    Args:
        spark: a session.
        staging: quoted name of the staging table.
        database: of the target table.
        table: its name.
    """
    target, previous = _names(database, table)
    had_one = _has_moved(spark, target, previous)
    try:
        spark.sql(f"ALTER TABLE {staging} RENAME TO {target}")
    except BaseException:
        if had_one:
            spark.sql(f"ALTER TABLE {previous} RENAME TO {target}")
        raise
    if had_one:
        spark.sql(f"DROP TABLE {previous} PURGE")


def _has_moved(spark: SparkSession, target: str, previous: str) -> bool:
    """Rename the target, if there is one; whether there was."""
    from pyspark.errors import AnalysisException

    try:
        spark.sql(f"ALTER TABLE {target} RENAME TO {previous}")
    except AnalysisException:
        if spark.catalog.tableExists(target):
            raise
        return False
    return True


def _names(database: str, table: str) -> tuple[str, str]:
    return f"{quoted(database)}.{quoted(table)}", f"{quoted(database)}.{quoted(f'{table}__previous')}"

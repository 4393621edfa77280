"""Which tables are being written: a job and a load hold theirs, and what a killed one left is dropped by the next.

A table is held by a locked file. A process that was killed leaves the file behind without the lock; the next one that
writes the table, `up` or `down` drops its staging tables.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pyml.error_code import ErrorCode
from pyml.errors import PymlError, SandboxError
from pyml.offline.table_swap import drop_interrupted_staging, restore_interrupted_swap, split_table_name
from pyml_sandbox.predict.spark_session import session
from pyml_sandbox.workspace.home import SandboxHome

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@contextmanager
def writing(home: SandboxHome, table: str) -> Iterator[None]:
    """Hold a table while a block writes it; see `drop_left_over`.

    Args:
        home: the sandbox.
        table: `database.table`, or a table of the database `default`.

    Raises:
        UsageError: `table` is not the name of a Hive table.
        SandboxError: a different job or load writes it now.
    """
    import filelock

    file = _file(home, table)
    file.parent.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(file)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout as error:
        raise SandboxError(
            f"Another job writes {table} now.", "wait for its end, or write a different table", ErrorCode.SANDBOX_BUSY
        ) from error
    try:
        yield
    finally:
        file.unlink(missing_ok=True)
        lock.release()


def drop_interrupted(home: SandboxHome) -> Sequence[str]:
    """Drop the staging tables of processes that were killed, and complete their swaps. Blocks while Spark works.

    Returns:
        The tables that these processes wrote; empty if there are none, or if Spark does not answer.
    """
    import filelock

    found = []
    try:
        for file in sorted(home.writing.glob("*.*")):
            with suppress(filelock.Timeout), filelock.FileLock(file).acquire(timeout=0):
                found.append(file.name)
        if found:
            _drop(home, found)
        for name in found:
            if not _folders_left(home, *split_table_name(name)):  # else Spark still runs the killed client's query
                (home.writing / name).unlink(missing_ok=True)
    except (PymlError, OSError):  # Spark is down, or the disk read-only: the next one that writes these tables does it
        return ()
    return found


def _drop(home: SandboxHome, tables: Sequence[str]) -> None:
    with session(home) as spark:
        for table in tables:
            drop_left_over(spark, home, table)


def drop_left_over(spark: SparkSession, home: SandboxHome, table: str) -> None:
    """Drop the staging tables that killed processes left of a table, and complete their swap. Blocks.

    Args:
        spark: a session.
        home: the sandbox.
        table: `database.table`; the caller holds it.

    Raises:
        SandboxError, JobError: Spark failed.
    """
    from pyml.offline.spark_errors import translated_errors

    database, name = split_table_name(table)
    with translated_errors():
        if spark.catalog.databaseExists(database):
            restore_interrupted_swap(spark, database, name)
            drop_interrupted_staging(spark, database, name, _folders_left(home, database, name))


def _folders_left(home: SandboxHome, database: str, table: str) -> list[str]:
    """Names of staging folders on this machine: a query that Spark interrupted leaves one without a table."""
    warehouse = home.data / "warehouse"
    folder = warehouse if database == "default" else warehouse / f"{database}.db"
    return [path.name for path in folder.glob(f"{table}__staging_*")]


def _file(home: SandboxHome, table: str) -> Path:
    return home.writing / ".".join(split_table_name(table))

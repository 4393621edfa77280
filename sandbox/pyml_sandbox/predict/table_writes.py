"""Which tables are being written: a job and a load hold theirs, and what a killed one left is dropped by the next.

A table is held by a locked file. A process that was killed leaves the file behind without the lock; the next one that
writes the table, `up` or `down` interrupts its query, which Spark would finish, and drops its staging tables.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, cast

from pyml.error_code import ErrorCode
from pyml.errors import PymlError, SandboxError
from pyml.offline.targets.table_swap import mend_interrupted, split_table_name
from pyml_sandbox.predict.spark_session import interrupt_left, session
from pyml_sandbox.workspace.files import write_atomically
from pyml_sandbox.workspace.home import SandboxHome

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
    from pyspark.sql.connect.session import SparkSession as ConnectSession

    from pyml_sandbox.services.remote_spark import RemoteAccess


@contextmanager
def writing(home: SandboxHome, table: str, leaves: Callable[[], bool] = lambda: False) -> Iterator[None]:
    """Hold a table while a block writes it; see `drop_left_over`.

    Args:
        home: the sandbox.
        table: `database.table`, or a table of the database `default`.
        leaves: asked at the end: whether the block leaves something, as if its process had been killed.

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
        if not leaves():
            _session_file(home, table).unlink(missing_ok=True)
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
        with ExitStack() as held:
            for file in sorted(home.writing.glob("*.*")):
                with suppress(filelock.Timeout):
                    held.enter_context(filelock.FileLock(file).acquire(timeout=0))
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


def begin_writing(
    spark: SparkSession, home: SandboxHome, table: str, address: str, access: RemoteAccess | None = None
) -> None:
    """Drop what killed processes left of a table, and note who writes it now. Blocks.

    Args:
        spark: the session that writes it.
        home: the sandbox.
        table: `database.table`; the caller holds it.
        address: host:port of that Spark.
        access: how a Spark outside the sandbox is reached; None for the sandbox's own.

    Raises:
        SandboxError, JobError: Spark failed.
    """
    drop_left_over(spark, home, table, access)
    write_atomically(_session_file(home, table), f"{address} {cast('ConnectSession', spark).session_id}")


def drop_left_over(spark: SparkSession, home: SandboxHome, table: str, access: RemoteAccess | None = None) -> None:
    """Interrupt the query of a killed process, drop the staging tables that it left, and complete its swap. Blocks.

    Args:
        spark: a session.
        home: the sandbox.
        table: `database.table`; the caller holds it.
        access: how a Spark outside the sandbox is reached; None for the sandbox's own.

    Raises:
        SandboxError, JobError: Spark failed.
    """
    from pyml.offline.spark_errors import translated_errors

    database, name = split_table_name(table)
    note = _session_file(home, table)
    if note.exists():
        address, session_id = note.read_text(encoding="utf-8").split()
        interrupt_left(address, session_id, access)
        note.unlink(missing_ok=True)
    with translated_errors():
        mend_interrupted(spark, database, name, _folders_left(home, database, name))


def _folders_left(home: SandboxHome, database: str, table: str) -> list[str]:
    """Names of staging folders on this machine: a query that Spark interrupted leaves one without a table."""
    warehouse = home.data / "warehouse"
    folder = warehouse if database == "default" else warehouse / f"{database}.db"
    return [path.name for path in folder.glob(f"{table}__staging_*")]


def _session_file(home: SandboxHome, table: str) -> Path:
    """The note of the session that writes a table: beside the locked file, since to lock a file is to empty it."""
    return home.writing / "sessions" / _file(home, table).name


def _file(home: SandboxHome, table: str) -> Path:
    return home.writing / ".".join(split_table_name(table))

"""The DuckDB in which a comparison runs: in memory, bounded, and never on the network."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from pyml.errors import PymlError
from pyml_sandbox.compare.sql_text import text

if TYPE_CHECKING:
    import duckdb

Cell: TypeAlias = "int | float | str | list[dict[str, object]] | None"


@dataclass(frozen=True)
class Limits:
    """What a comparison may use of this machine.

    Attributes:
        memory_mb: for DuckDB's own buffers; what does not fit goes to `scratch`. The process takes 130 MB more.
        threads: None for all cores.
        scratch: folder for what does not fit into memory; None for the system's temporary folder. Left as it was found.
    """

    memory_mb: int = 850
    threads: int | None = None
    scratch: Path | None = None


@contextmanager
def open_database(limits: Limits) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory that spills into a scratch folder and reads the clock in UTC.

    Raises:
        PymlError: DuckDB failed inside the block; its own error is the cause.
    """
    import duckdb

    with (
        tempfile.TemporaryDirectory(prefix="pyml-compare-", dir=limits.scratch) as scratch,
        duckdb.connect() as connection,
    ):
        _configure(connection, limits, scratch)
        try:
            yield connection
        except duckdb.OutOfMemoryException as error:
            raise PymlError(
                f"the comparison did not fit into {limits.memory_mb} MB of memory and its scratch folder: {error}",
                "free disk space in the temporary folder, or allow more memory",
            ) from error
        except duckdb.Error as error:
            raise PymlError(f"the comparison failed in DuckDB: {error}") from error


def _configure(connection: duckdb.DuckDBPyConnection, limits: Limits, scratch: str) -> None:
    settings = {
        "memory_limit": text(f"{limits.memory_mb}MB"),
        "temp_directory": text(scratch),
        "preserve_insertion_order": "false",
        "TimeZone": "'UTC'",
        "enable_progress_bar": "false",
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
    }
    if limits.threads:
        settings["threads"] = str(limits.threads)
    for name, value in settings.items():
        connection.execute(f"SET {name} = {value}")


def one_row(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[Cell, ...]:
    """The only row of an aggregate."""
    row: tuple[Cell, ...] | None = connection.execute(query).fetchone()
    return row or ()


def count(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[int, ...]:
    """The only row of a query that counts."""
    return tuple(int(str(cell)) for cell in one_row(connection, query))

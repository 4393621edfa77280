"""The Parquet files of a parity check: keys and predictions, and in a second file their record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from pyml.inference.record_columns import RECORD_NAMES
from pyml_sandbox.predict.table_parts import PartsFile

if TYPE_CHECKING:
    import pyarrow as pa


GROUP_ROWS = 2**16
"""Rows of one row group, at most: so few that a reader of some rows does not read many more."""
GROUP_BYTES = 32 * 2**20
"""Bytes of one row group, about, at most."""


def write(table: pa.Table, file: Path) -> None:
    """Write keys and predictions to a Parquet file, and their record, if there is one, to a second file."""
    write_parts([table], file)


def write_parts(parts: Iterable[pa.Table], file: Path) -> int:
    """Write tables of one schema, one after the other, as `write` does with one.

    Args:
        parts: at least one.
        file: Parquet file to write.

    Returns:
        The number of rows.
    """
    rows = 0
    files: list[PartsFile] = []
    with ExitStack() as opened:
        for part in _gathered(parts):
            if not files:
                group = max(1, min(GROUP_ROWS, GROUP_BYTES * part.num_rows // max(part.nbytes, 1)))
                plain = [name for name in part.column_names if name not in RECORD_NAMES]
                files.append(opened.enter_context(PartsFile(file, plain, group)))
                if RECORD_NAMES[0] in part.column_names:
                    files.append(opened.enter_context(PartsFile(record_file(file), group_rows=group)))
            for each in files:
                each.write(part)
            rows += part.num_rows
    return rows


def _gathered(parts: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The same rows in tables that fill a row group, or are large; small tables are put together."""
    import pyarrow as pa

    waiting: list[pa.Table] = []
    rows, size = 0, 0
    for part in parts:
        waiting.append(part)
        rows, size = rows + part.num_rows, size + part.nbytes
        if rows >= GROUP_ROWS or size > GROUP_BYTES:
            yield pa.concat_tables(waiting)
            waiting, rows, size = [], 0, 0
    if waiting:
        yield pa.concat_tables(waiting)


def record_file(file: Path) -> Path:
    """The file of a record: keys, predictions, and digests of what `predict` saw and returned."""
    return file.with_suffix(".record.parquet")

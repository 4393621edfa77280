"""The Parquet files of a parity check: keys and predictions, and in a second file their record."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from pyml.inference.record_columns import RECORD_NAMES
from pyml_sandbox.predict.table_parts import PartsFile

if TYPE_CHECKING:
    import pyarrow as pa


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
        for part in parts:
            if not files:
                plain = [name for name in part.column_names if name not in RECORD_NAMES]
                files.append(opened.enter_context(PartsFile(file, plain)))
                if RECORD_NAMES[0] in part.column_names:
                    files.append(opened.enter_context(PartsFile(record_file(file))))
            for each in files:
                each.write(part)
            rows += part.num_rows
    return rows


def record_file(file: Path) -> Path:
    """The file of a record: keys, predictions, and digests of what `predict` saw and returned."""
    return file.with_suffix(".record.parquet")

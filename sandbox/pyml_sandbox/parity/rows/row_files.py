"""The Parquet files of a parity check: keys and predictions, and in a second file their record."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pyml.inference.record_columns import RECORD_NAMES

if TYPE_CHECKING:
    import pyarrow as pa


def write(table: pa.Table, file: Path) -> None:
    """Write keys and predictions to a Parquet file, and their record, if there is one, to a second file."""
    import pyarrow.parquet as pq

    pq.write_table(table.select([name for name in table.column_names if name not in RECORD_NAMES]), file)
    if RECORD_NAMES[0] in table.column_names:
        pq.write_table(table, record_file(file))


def record_file(file: Path) -> Path:
    """The file of a record: keys, predictions, and digests of what `predict` saw and returned."""
    return file.with_suffix(".record.parquet")

"""The rows of a Parquet file in slices, so that no more of them are in memory than are looked at."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from pyml.types.declared_rows import conform, one_batch

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq
    from numpy.typing import NDArray

    from pyml.types.schema import Schema

SLICE_ROWS = 2**16
"""Rows of a slice, where all rows are read one slice after the other."""


class Rows(Protocol):
    """Rows that can be had in slices: an Arrow table, or `StoredRows`."""

    @property
    def num_rows(self) -> int:
        """Number of rows."""

    @property
    def column_names(self) -> list[str]:
        """Names of the columns."""

    def select(self, columns: list[str]) -> Rows:
        """The same rows with these columns."""

    def slice(self, offset: int, length: int) -> pa.Table:
        """At most `length` rows, the first of which has the number `offset`."""


class RowSlices(Protocol):
    """Rows that can be had in slices, each as a batch: an Arrow batch, or `DeclaredRows`."""

    @property
    def num_rows(self) -> int:
        """Number of rows."""

    def slice(self, offset: int, length: int) -> pa.RecordBatch:
        """At most `length` rows, the first of which has the number `offset`."""


class StoredRows:
    """The rows of a Parquet file; one of its row groups is in memory at a time.

    Args:
        file: the Parquet file.
        columns: names of the columns to read; None for all.
    """

    def __init__(self, file: Path, columns: Sequence[str] | None = None) -> None:
        import pyarrow.parquet as pq

        self._path = file
        self._file: pq.ParquetFile = pq.ParquetFile(file)
        self._columns = list(self._file.schema_arrow.names if columns is None else columns)
        self._known: tuple[int, pa.Table] | None = None

    @property
    def num_rows(self) -> int:
        """Number of rows."""
        return int(self._file.metadata.num_rows)

    @property
    def column_names(self) -> list[str]:
        """Names of the columns."""
        return list(self._columns)

    @property
    def schema(self) -> pa.Schema:
        """Names and types of the columns."""
        import pyarrow as pa

        return pa.schema([self._file.schema_arrow.field(name) for name in self._columns])

    def select(self, columns: list[str]) -> StoredRows:
        """The same rows with these columns."""
        return StoredRows(self._path, columns)

    def slice(self, offset: int, length: int) -> pa.Table:
        """At most `length` rows, the first of which has the number `offset`."""
        import pyarrow as pa

        end = min(offset + length, self.num_rows)
        parts = [self.schema.empty_table()]
        while offset < end:
            group = bisect_right(self._starts, offset) - 1
            parts.append(self._group(group).slice(offset - self._starts[group], end - offset))
            offset += parts[-1].num_rows
        return pa.concat_tables(parts)

    @cached_property
    def without_nulls(self) -> frozenset[str]:
        """Columns of which the file's statistics say that they hold no null, at any depth."""
        metadata, held = self._file.metadata, set()
        for group in range(metadata.num_row_groups):
            for number in range(metadata.num_columns):
                leaf = metadata.row_group(group).column(number)
                known = leaf.statistics
                if known is None or not known.has_null_count or known.null_count:
                    held.add(leaf.path_in_schema)
        names = self._file.schema_arrow.names
        return frozenset(name for name in names if not any(f"{path}.".startswith(f"{name}.") for path in held))

    @cached_property
    def _starts(self) -> list[int]:
        """The number of the first row of each row group."""
        metadata = self._file.metadata
        sizes = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
        return [0, *accumulate(sizes)][:-1]

    def _group(self, number: int) -> pa.Table:
        if self._known is None or self._known[0] != number:
            self._known = None
            self._known = number, self._file.read_row_group(number, columns=self._columns).select(self._columns)
        return self._known[1]


class DeclaredRows:
    """Rows with exactly the declared columns and types, in slices.

    Args:
        rows: the columns of `schema`, by name, in any order.
        schema: the model's declared inputs.

    Raises:
        InputError: a column does not fit its declared type, or holds null though NOT NULL.
    """

    def __init__(self, rows: Rows, schema: Schema) -> None:
        self._rows, self._schema = rows, schema
        nullable = {field.name for field in schema.fields if field.nullable}
        if not set(columns_with_nulls(rows)) <= nullable:
            for part in slices(rows):
                conform(one_batch(part), schema)

    @property
    def num_rows(self) -> int:
        """Number of rows."""
        return self._rows.num_rows

    def slice(self, offset: int, length: int) -> pa.RecordBatch:
        """At most `length` rows, the first of which has the number `offset`."""
        return conform(one_batch(self._rows.slice(offset, length)), self._schema)


def slices(rows: Rows) -> Iterator[pa.Table]:
    """All rows, in slices of at most `SLICE_ROWS`."""
    for start in range(0, rows.num_rows, SLICE_ROWS):
        yield rows.slice(start, SLICE_ROWS)


def columns_with_nulls(rows: Rows) -> list[str]:
    """The columns that may hold a null."""
    if isinstance(rows, StoredRows):
        return [name for name in rows.column_names if name not in rows.without_nulls]
    table = rows.slice(0, rows.num_rows)
    return [name for name in rows.column_names if table[name].null_count]


def within(numbers: NDArray[np.int64], start: int, count: int) -> NDArray[np.int64]:
    """Those of the numbers that are among `count` numbers from `start`, counted from there."""
    found: NDArray[np.int64] = numbers[(numbers >= start) & (numbers < start + count)] - start
    return found

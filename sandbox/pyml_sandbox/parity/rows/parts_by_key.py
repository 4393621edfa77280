"""Two Parquet files in pairs of parts with the same keys, so that rows of any number are compared in bounded memory.

If both files have their keys in one order, parts are slices of both. Else the rows of each are distributed over
temporary files by a digest of their keys.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pyml_sandbox.parity.rows.stored_rows import StoredRows, slices

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

PART_ROWS = 2**18
"""Rows of a part, about."""
MOST_PARTS = 500
"""More files are not open at the same time."""
WAITING_BYTES = 64 * 2**20
"""Bytes of rows that wait to be distributed."""


@dataclass(frozen=True)
class PairedParts:
    """The rows of two files in pairs of parts.

    Attributes:
        left: of the first file.
        right: of the second file.
        key: columns that identify a row.
        folders: those of the distributed rows of each file; empty if rows are not distributed.
        part_rows: rows of a part, about.
    """

    left: StoredRows
    right: StoredRows
    key: tuple[str, ...]
    folders: tuple[Path, ...] = ()
    part_rows: int = PART_ROWS

    def __iter__(self) -> Iterator[tuple[pa.Table, pa.Table]]:
        """Pairs of parts. A key is in one pair only, and at the same place on both sides if both have the same keys."""
        if self.folders:
            for names in zip(*(sorted(folder.iterdir()) for folder in self.folders), strict=True):
                yield self._sorted(_read(names[0])), self._sorted(_read(names[1]))
        elif self._rows <= self.part_rows:
            yield self._sorted(self.left.slice(0, self._rows)), self._sorted(self.right.slice(0, self._rows))
        else:
            for start in range(0, self._rows, self.part_rows):
                yield self.left.slice(start, self.part_rows), self.right.slice(start, self.part_rows)

    @property
    def _rows(self) -> int:
        return max(self.left.num_rows, self.right.num_rows)

    @property
    def is_distributed(self) -> bool:
        """Whether the rows are too many for one part and stand in different orders."""
        return self._rows > self.part_rows and not self._has_one_order()

    def _has_one_order(self) -> bool:
        if self.left.num_rows != self.right.num_rows:
            return False
        keys = (slices(side.select(list(self.key))) for side in (self.left, self.right))
        return all(left.equals(right) for left, right in zip(*keys, strict=True))

    def _sorted(self, rows: pa.Table) -> pa.Table:
        return rows.sort_by([(name, "ascending") for name in self.key])


@contextmanager
def paired_parts(
    left: StoredRows, right: StoredRows, key: Sequence[str], part_rows: int | None = None
) -> Iterator[PairedParts]:
    """The rows of two files in pairs of parts; temporary files are removed with the block.

    Args:
        left: rows with the key columns.
        right: likewise, of the same types.
        key: columns that identify a row.
        part_rows: rows of a part, about; None for `PART_ROWS`.
    """
    part_rows = part_rows or PART_ROWS
    parts = PairedParts(left, right, tuple(key), part_rows=part_rows)
    if not parts.is_distributed:
        yield parts
        return
    count = min(-(-max(left.num_rows, right.num_rows) // part_rows), MOST_PARTS)
    with tempfile.TemporaryDirectory(prefix="pyml-parts-") as folder:
        folders = (Path(folder, "left"), Path(folder, "right"))
        for side, into in zip((left, right), folders, strict=True):
            into.mkdir()
            _distribute(side, key, into, count)
        yield PairedParts(left, right, tuple(key), folders, part_rows)


def _distribute(rows: StoredRows, key: Sequence[str], folder: Path, count: int) -> None:
    import pyarrow as pa

    compressed = pa.ipc.IpcWriteOptions(compression="lz4")
    with ExitStack() as opened:
        files = [
            opened.enter_context(pa.ipc.new_file(folder / f"{number:04}", rows.schema, options=compressed))
            for number in range(count)
        ]
        waiting: list[pa.Table] = []
        for part in slices(rows):
            waiting.append(part)
            if sum(each.nbytes for each in waiting) > WAITING_BYTES:
                _append(pa.concat_tables(waiting), key, files)
                waiting = []
        if waiting:
            _append(pa.concat_tables(waiting), key, files)


def _append(rows: pa.Table, key: Sequence[str], files: Sequence[pa.ipc.RecordBatchFileWriter]) -> None:
    """Append each row to the file of its key."""
    numbers = _digests(rows.select(list(key))) % np.uint64(len(files))
    ordered = rows.take(np.argsort(numbers, kind="stable"))
    start = 0
    for file, size in zip(files, np.bincount(numbers.astype(np.int64), minlength=len(files)), strict=True):
        if size:
            file.write_table(ordered.slice(start, size).combine_chunks())
        start += int(size)


def _digests(keys: pa.Table) -> NDArray[np.uint64]:
    """A digest of each key: equal for equal keys."""
    from pyml.inference.digests import digests_of

    mixed = np.zeros(keys.num_rows, np.uint64)
    for digests in digests_of(keys.to_pandas()):
        mixed = mixed * np.uint64(0x9E3779B97F4A7C15) + digests.view(np.uint64)
    return mixed


def _read(file: Path) -> pa.Table:
    import pyarrow as pa

    with pa.ipc.open_file(file) as opened:
        return opened.read_all()

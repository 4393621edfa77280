"""Limits of one request: how long it may take, and how many rows and bytes it may have. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

from pyml.error_code import ErrorCode
from pyml.package.settings import MIB

if TYPE_CHECKING:
    import pyarrow as pa

TIMEOUT_S = 600
"""Deadline of a request, in seconds. A server that ends, or does not run, is reported at once: the deadline is for one
that never answers, and a slow model is not one."""
PATIENCE = 10
"""The deadline of a request of a parity check is this many times as long as its offline job took for all rows."""
_LIMITS = (ErrorCode.REQUEST_TOO_LARGE, ErrorCode.QUEUE_FULL, ErrorCode.DEADLINE)
"""Codes of the gateway and the model servers for a request that is larger or slower than they allow."""
_SHARE = 15 / 16
"""The part of a request that its rows may fill; names, padding and offsets take the rest."""


class SlicedRows(Protocol):
    """Rows that can be had in slices, such as an Arrow table."""

    @property
    def num_rows(self) -> int:
        """Number of rows."""

    def slice(self, offset: int, length: int) -> pa.Table:
        """At most `length` rows, the first of which has the number `offset`."""


def is_limit(code: ErrorCode) -> bool:
    """Whether a request exceeded a limit of size or time, which is no statement about its rows."""
    return code in _LIMITS


def measured_timeout_s(job_s: float) -> float:
    """The deadline of each request with some of the rows that a job has predicted.

    Args:
        job_s: seconds that the job took.
    """
    return TIMEOUT_S + PATIENCE * job_s


def request_batches(rows: SlicedRows, most_rows: int, max_request_mb: int) -> Iterator[pa.RecordBatch]:
    """Cut rows into batches, one for each request; rows that do not fit into one request are halved until they do.

    Args:
        rows: shape (rows, inputs), in any chunks; no rows give no batch.
        most_rows: rows in one request, if they fit.
        max_request_mb: size of the largest request that the model's server accepts, in MiB. A row that is larger by
            itself is a batch of its own, which the server refuses with its reason.

    Yields:
        The batches in the order of the rows.
    """
    for start in range(0, rows.num_rows, most_rows):
        (batch,) = rows.slice(start, most_rows).combine_chunks().to_batches()
        yield from _halved(batch, int(max_request_mb * MIB * _SHARE))


def _halved(batch: pa.RecordBatch, most_bytes: int) -> Iterator[pa.RecordBatch]:
    if batch.num_rows <= 1 or batch.nbytes <= most_bytes:
        yield batch
        return
    half = batch.num_rows // 2
    yield from _halved(batch.slice(0, half), most_bytes)
    yield from _halved(batch.slice(half), most_bytes)

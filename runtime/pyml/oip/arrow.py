"""Rows as an Arrow IPC stream: the only encoding that carries every column type without loss."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import pyarrow as pa

from pyml.errors import InputError, Problem
from pyml.oip.arrow_size import (
    decompressed_size,
    expanded_size,
    has_swapped_bytes,
    is_plain,
    may_expand,
    message_size,
    most_bytes,
)

_END = b"\xff\xff\xff\xff\0\0\0\0"
"""The end marker of a stream."""
_KEPT_BYTES = 64 * 1024
"""A schema that takes more in a stream is not kept for the next stream."""


def stream_from_batch(batch: pa.RecordBatch | pa.Table) -> bytes:
    """Write rows as an Arrow IPC stream."""
    if isinstance(batch, pa.RecordBatch) and is_plain(batch.schema):  # what the writer does, in a third of its time
        return b"".join((batch.schema.serialize(), batch.serialize(), _END))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write(batch)
    return sink.getvalue().to_pybytes()  # type: ignore[no-any-return]


def batch_from_stream(stream: bytes, max_bytes: int | None = None) -> pa.RecordBatch:
    """Read an Arrow IPC stream as one record batch, without a copy if the stream holds one batch.

    The stream is validated in full: wrong offsets would crash the process that follows them. It must have its end
    marker, since a stream without one may have been cut between two batches.

    Args:
        stream: the bytes.
        max_bytes: size of the largest accepted rows, in bytes, decompressed and expanded; None for no limit.

    Raises:
        InputError: the bytes are not a complete and valid Arrow IPC stream, or more bytes follow it.
        RpcFailureError: the rows are larger than `max_bytes`.
    """
    source, size_bytes = pa.BufferReader(stream), 0
    try:
        only = _only_rows(stream)
        if max_bytes is not None:
            size_bytes = decompressed_size(stream) if only is None else message_size(only[0])
            _refuse_larger(size_bytes, max_bytes)
        batch = _all_rows(source) if only is None else pa.ipc.read_record_batch(*only)
        batch.validate(full=True)
    except UnicodeDecodeError as error:
        raise _refused(f"the name of a column is not UTF-8: {error.reason}") from error
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _refused(str(error)) from error
    if max_bytes is not None and (
        may_expand(batch.schema, size_bytes, max_bytes)
        if only is None
        else most_bytes(batch.num_columns, size_bytes) > max_bytes
    ):
        _refuse_larger(expanded_size(batch), max_bytes)
    if only is None and (left := len(stream) - source.tell()):
        raise _refused(f"{left} bytes follow the end marker")
    return batch


def _only_rows(stream: bytes) -> tuple[pa.ipc.Message, pa.Schema] | None:
    """The rows and the schema of a stream with one batch of plain types, as most are; None for any other bytes."""
    source = pa.BufferReader(stream)
    try:
        head = pa.ipc.read_message(source)
        size = source.tell()
        rows = pa.ipc.read_message(source)
    except (pa.ArrowException, EOFError, OSError):
        return None
    if (head.type, rows.type) != ("schema", "record batch") or stream[source.tell() :] != _END:
        return None
    schema = (_plain_schema if size <= _KEPT_BYTES else _plain_schema.__wrapped__)(stream[:size])
    return None if schema is None else (rows, schema)


@lru_cache(maxsize=64)
def _plain_schema(head: bytes) -> pa.Schema | None:
    """The schema of a stream that begins so; None if a type is not plain, or numbers are to be turned around.

    A schema that is kept spares each stream more than its own parsing: Arrow makes its types, and what it compares
    schemas by, once for each object.
    """
    message = pa.ipc.read_message(head)
    schema = pa.ipc.read_schema(message)
    _ = schema.names  # are decoded here
    return schema if is_plain(schema) and not has_swapped_bytes(message) else None


def _all_rows(source: pa.BufferReader) -> pa.RecordBatch:
    with pa.ipc.open_stream(source) as reader:
        _ = reader.schema.names  # are decoded here
        return _one_batch(reader.schema, list(_batches(reader, source)))


def _refuse_larger(size_bytes: int, max_bytes: int) -> None:
    from pyml.oip.rpc_status import refuse_larger  # imports grpc, which a harness does not need

    refuse_larger(size_bytes, max_bytes)


def _batches(reader: pa.ipc.RecordBatchStreamReader, source: pa.BufferReader) -> Iterator[pa.RecordBatch]:
    while True:
        at = source.tell()
        try:
            yield reader.read_next_batch()
        except StopIteration:
            if source.tell() == at:
                raise _refused("the stream ends before its end marker") from None
            return


def _refused(message: str) -> InputError:
    hint = "send the complete output of `pyarrow.ipc.new_stream`, after the writer was closed"
    return InputError("the rows are not a valid Arrow IPC stream", [Problem(message, hint)])


def _one_batch(schema: pa.Schema, batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    if len(batches) == 1:
        return batches[0]
    if not any(batch.num_rows for batch in batches):
        return pa.RecordBatch.from_pylist([], schema=schema)
    return pa.Table.from_batches(batches, schema).combine_chunks().to_batches()[0]

"""Rows as an Arrow IPC stream: the only encoding that carries every column type without loss."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from pyml.errors import InputError, Problem
from pyml.oip.arrow_size import decompressed_size, expanded_size, may_expand


def stream_from_batch(batch: pa.RecordBatch | pa.Table) -> bytes:
    """Write rows as an Arrow IPC stream."""
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
        if max_bytes is not None:
            size_bytes = decompressed_size(stream)
            _refuse_larger(size_bytes, max_bytes)
        with pa.ipc.open_stream(source) as reader:
            _ = reader.schema.names  # are decoded here
            batch = _one_batch(reader.schema, list(_batches(reader, source)))
        batch.validate(full=True)
    except UnicodeDecodeError as error:
        raise _refused(f"the name of a column is not UTF-8: {error.reason}") from error
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _refused(str(error)) from error
    if max_bytes is not None and may_expand(batch.schema, size_bytes, max_bytes):
        _refuse_larger(expanded_size(batch), max_bytes)
    if left := len(stream) - source.tell():
        raise _refused(f"{left} bytes follow the end marker")
    return batch


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

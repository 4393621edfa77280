"""Rows as an Arrow IPC stream: the only encoding that carries every column type without loss."""

from __future__ import annotations

import pyarrow as pa

from pyml.errors import InputError, Problem


def stream_from_batch(batch: pa.RecordBatch | pa.Table) -> bytes:
    """Write rows as an Arrow IPC stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write(batch)
    return sink.getvalue().to_pybytes()  # type: ignore[no-any-return]


def batch_from_stream(stream: bytes) -> pa.RecordBatch:
    """Read an Arrow IPC stream as one record batch, without a copy if the stream holds one batch.

    The stream is validated in full: wrong offsets would crash the process that follows them.

    Raises:
        InputError: the bytes are not a complete and valid Arrow IPC stream.
    """
    try:
        with pa.ipc.open_stream(stream) as reader:
            batch = _one_batch(reader.schema, list(reader))
        batch.validate(full=True)
    except (pa.ArrowException, OSError) as error:
        problem = Problem(
            str(error), "send the complete output of `pyarrow.ipc.new_stream`, after the writer was closed"
        )
        raise InputError("the rows are not a valid Arrow IPC stream", [problem]) from error
    return batch


def _one_batch(schema: pa.Schema, batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    if len(batches) == 1:
        return batches[0]
    if not batches:
        return pa.RecordBatch.from_pylist([], schema=schema)
    return pa.Table.from_batches(batches, schema).combine_chunks().to_batches()[0]

"""How much memory the rows of an Arrow stream take: a small stream may hold many."""

from __future__ import annotations

import struct
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from flatbuffers import encode
from flatbuffers.number_types import Int16Flags, Int64Flags, UOffsetTFlags
from flatbuffers.table import Table

# Offsets of fields in the tables of Arrow's Message.fbs and Schema.fbs.
_HEADER = 8
_ENDIANNESS = 4
_BUFFERS, _COMPRESSION = 8, 10
_DICTIONARY_ROWS = 6
_BUFFER_BYTES, _LENGTH_BYTES = 16, 8
_KEPT_BYTES = 4096
"""What is found in longer metadata is not kept for the next message."""
_FEW_BYTES = 64 * 1024
_VIEW_INTEGERS = 4
"""A view of a string is four integers, of which the first is its length; several may share their bytes."""


def decompressed_size(stream: bytes) -> int:
    """Bytes of all buffers of a stream after they are decompressed; nothing is.

    Source of the layout: Arrow's IPC format, in which the length of a compressed buffer stands before it.

    Raises:
        pyarrow.ArrowException, OSError, ValueError: the bytes are not an Arrow IPC stream.
    """
    return sum(message_size(message) for message in pa.ipc.MessageReader.open_stream(pa.BufferReader(stream)))


def message_size(message: pa.ipc.Message) -> int:
    """Bytes of all buffers of a message after they are decompressed; nothing is.

    Raises:
        ValueError: its metadata cannot be read.
    """
    if message.type not in ("record batch", "dictionary"):
        return 0
    metadata = message.metadata.to_pybytes()
    is_dictionary = message.type == "dictionary"
    try:
        find = _compressed_buffers if len(metadata) <= _KEPT_BYTES else _compressed_buffers.__wrapped__
        buffers, body = find(metadata, is_dictionary), message.body
        return int(body.size) if buffers is None else sum(_buffer_size(memoryview(body), *each) for each in buffers)
    except (struct.error, IndexError, TypeError) as error:
        raise ValueError(f"the metadata of a message cannot be read: {error}") from error


def is_plain(schema: pa.Schema) -> bool:
    """Whether each row takes a byte or more of a buffer in every column, and no column is nested."""
    return _PLAIN.issuperset(kind.id for kind in schema.types)


def may_expand(schema: pa.Schema, size_bytes: int, max_bytes: int) -> bool:
    """Whether rows may take more than a limit; False spares a small request their measurement.

    Args:
        schema: of the rows.
        size_bytes: size of the stream, decompressed.
        max_bytes: the limit.
    """
    return most_bytes(len(schema), size_bytes) > max_bytes or not is_plain(schema)


def most_bytes(columns: int, size_bytes: int) -> int:
    """How many bytes rows of plain types take at most.

    A column of a plain type has at most three buffers, each within the stream, which wrong ones may share.

    Args:
        columns: their number.
        size_bytes: of all buffers, each once.
    """
    return size_bytes * _MOST_BUFFERS * columns


def rows_size(batch: pa.RecordBatch) -> int:
    """Bytes that the values of a batch take; of a few rows of plain types an upper bound, which is found at once."""
    most = most_bytes(batch.num_columns, int(batch.get_total_buffer_size()))
    return most if most <= _FEW_BYTES and is_plain(batch.schema) else int(batch.nbytes)


def expanded_size(batch: pa.RecordBatch) -> int:
    """Bytes that the values of a batch take once each row has its own: not as a dictionary, a run, or of type null."""
    return sum(_array_size(column) for column in batch.columns)


def has_swapped_bytes(message: pa.ipc.Message) -> bool:
    """Whether a schema says that the numbers of its rows are big-endian."""
    schema = _header(message.metadata.to_pybytes())
    at = schema.Offset(_ENDIANNESS)
    return bool(at and schema.Get(Int16Flags, schema.Pos + at))


def _header(metadata: bytes) -> Table:
    """What a message is: a table Schema, RecordBatch or DictionaryBatch."""
    table = Table(metadata, encode.Get(UOffsetTFlags.packer_type, metadata, 0))
    return Table(metadata, table.Indirect(table.Pos + table.Offset(_HEADER)))


@lru_cache(maxsize=256)
def _compressed_buffers(metadata: bytes, is_dictionary: bool) -> list[tuple[int, int]] | None:
    """Where the buffers of a message begin in its body, and their sizes there; None if they are not compressed.

    Kept for the next message of the same lengths: parsing takes longer than reading its rows.
    """
    rows = _header(metadata)
    if is_dictionary:
        rows = Table(metadata, rows.Indirect(rows.Pos + rows.Offset(_DICTIONARY_ROWS)))
    if not rows.Offset(_COMPRESSION):
        return None
    vector = rows.Offset(_BUFFERS)
    starts = range(rows.Vector(vector), rows.Vector(vector) + rows.VectorLen(vector) * _BUFFER_BYTES, _BUFFER_BYTES)
    return [(rows.Get(Int64Flags, at), rows.Get(Int64Flags, at + _LENGTH_BYTES)) for at in starts]


def _buffer_size(body: memoryview, at: int, size: int) -> int:
    if not size:
        return 0
    decompressed = int.from_bytes(body[at : at + _LENGTH_BYTES], "little", signed=True)
    return size if decompressed < 0 else decompressed  # -1 stands before a buffer that is not compressed


def _array_size(array: pa.Array) -> int:
    kind = array.type
    if pa.types.is_dictionary(kind):
        return int(pc.sum(_sizes(array.dictionary).take(array.indices)).as_py() or 0) + len(array)
    if pa.types.is_run_end_encoded(kind):
        lengths = np.diff(np.minimum(array.run_ends.to_numpy(), len(array)), prepend=0)
        return int(np.dot(lengths.astype(np.float64), _sizes(array.values).to_numpy()))
    if pa.types.is_struct(kind):
        return len(array) + sum(_array_size(array.field(at)) for at in range(kind.num_fields))
    if pa.types.is_map(kind):
        return len(array) + _array_size(array.keys) + _array_size(array.items)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return len(array) + _array_size(array.values)
    if _is_view(kind):
        return int(pc.sum(_sizes(array)).as_py() or 0)
    return max(len(array), int(array.nbytes))


def _sizes(array: pa.Array) -> pa.Array:
    """Bytes of each element, as int64; an upper bound for nested ones."""
    kind = array.type
    if _is_view(kind):
        views = np.frombuffer(array.buffers()[1] or b"", np.int32).reshape(-1, _VIEW_INTEGERS)
        lengths = views[array.offset : array.offset + len(array), 0].astype(np.int64)
        return pa.array(np.where(array.is_valid().to_numpy(zero_copy_only=False), lengths, 0) + 1)
    if any(is_kind(kind) for is_kind in _OF_BYTES):
        return pc.add(pc.fill_null(pc.binary_length(array), 0).cast(pa.int64()), 1)
    each = _array_size(array) if pa.types.is_nested(kind) else max(1, kind.bit_width // 8)
    return pa.array(np.full(len(array), each, np.int64))


_MOST_BUFFERS = 4  # one more than there are: rows of several batches are copied into one
_PLAIN = frozenset(
    kind.id
    for kind in (
        *(pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()),
        *(pa.float16(), pa.float32(), pa.float64(), pa.date32(), pa.date64(), pa.timestamp("us"), pa.duration("us")),
        *(pa.decimal128(38), pa.string(), pa.large_string(), pa.binary(), pa.large_binary()),
    )
)
"""Ids of types whose rows take a byte or more of a buffer each, which no other row shares; none is nested."""
_OF_BYTES = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)


def _is_view(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string_view(kind) or pa.types.is_binary_view(kind))

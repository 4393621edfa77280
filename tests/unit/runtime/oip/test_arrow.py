"""Arrow streams are those of Arrow's own writer and reader."""

from __future__ import annotations

import struct

import pyarrow as pa
import pytest
from flatbuffers import Builder
from hypothesis import given
from hypothesis import strategies as st

from pyml.errors import InputError
from pyml.oip.arrow import batch_from_stream, stream_from_batch
from support.type_matrix import CASES, KINDS, TypeCase

ROWS = pa.RecordBatch.from_pydict(
    {"n": [1, None, 3], "t": ["é", None, "longer than its view"], "b": [True, None, False]}
)


def written(rows: pa.RecordBatch) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write(rows)
    stream: bytes = sink.getvalue().to_pybytes()
    return stream


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.ddl_type)
def test_a_stream_is_what_the_writer_writes(case: TypeCase) -> None:
    for batch in map(case.batch, KINDS):
        for rows in (batch, batch.slice(1), batch.slice(0, 1)):
            assert stream_from_batch(rows) == written(rows)


def test_rows_in_a_dictionary_bring_it_along() -> None:
    rows = pa.RecordBatch.from_pydict({"d": pa.array(["u", "v", "u"]).dictionary_encode()})
    assert batch_from_stream(stream_from_batch(rows)).equals(rows)


STREAM = written(ROWS)


@given(st.integers(0, len(STREAM) - 1), st.integers(0, 255), st.booleans())
def test_what_is_read_is_what_the_reader_reads(at: int, value: int, is_cut: bool) -> None:
    batch_from_stream(STREAM)
    stream = STREAM[:at] if is_cut else STREAM[:at] + bytes([value]) + STREAM[at + 1 :]
    try:
        found = batch_from_stream(stream)
    except InputError:
        return
    read = pa.ipc.open_stream(stream).read_all()
    assert found.schema.equals(read.schema, check_metadata=True)
    assert pa.Table.from_batches([found]).equals(read)


def test_a_schema_that_was_read_before_does_not_make_other_rows_valid() -> None:
    batch_from_stream(STREAM)
    for cut in (8, 9, 16):
        with pytest.raises(InputError, match="not a valid Arrow IPC stream"):
            batch_from_stream(STREAM[:-cut])
    with pytest.raises(InputError, match="4 bytes follow the end marker"):
        batch_from_stream(STREAM + b"more")


def test_numbers_of_a_machine_that_writes_them_the_other_way_round_are_the_same_numbers() -> None:
    number = 0x0102030405060708
    rows = pa.RecordBatch.from_arrays([pa.array([number])], schema=pa.schema([pa.field("n", pa.int64(), False)]))
    swapped = rows.serialize().to_pybytes().replace(struct.pack("<q", number), struct.pack(">q", number))
    stream = big_endian_schema() + swapped + STREAM[-8:]
    assert pa.ipc.open_stream(stream).read_all().to_pydict() == {"n": [number]}
    assert batch_from_stream(stream).to_pydict() == {"n": [number]}


def big_endian_schema() -> bytes:
    """The message for the schema `n BIGINT NOT NULL`, as no writer on this machine makes it (Arrow's Schema.fbs)."""
    to = Builder(256)
    name = to.CreateString("n")
    to.StartObject(2)
    to.PrependInt32Slot(0, 64, 0)
    to.PrependBoolSlot(1, True, False)
    kind = to.EndObject()
    to.StartVector(4, 0, 4)
    children = to.EndVector()
    to.StartObject(7)
    to.PrependUOffsetTRelativeSlot(0, name, 0)
    to.PrependUint8Slot(2, 2, 0)
    to.PrependUOffsetTRelativeSlot(3, kind, 0)
    to.PrependUOffsetTRelativeSlot(5, children, 0)
    column = to.EndObject()
    to.StartVector(4, 1, 4)
    to.PrependUOffsetTRelative(column)
    columns = to.EndVector()
    to.StartObject(4)
    to.PrependInt16Slot(0, 1, 0)
    to.PrependUOffsetTRelativeSlot(1, columns, 0)
    schema = to.EndObject()
    to.StartObject(5)
    to.PrependInt16Slot(0, 4, 0)
    to.PrependUint8Slot(1, 1, 0)
    to.PrependUOffsetTRelativeSlot(2, schema, 0)
    to.Finish(to.EndObject())
    metadata = bytes(to.Output())
    metadata += b"\0" * (-len(metadata) % 8)
    return b"\xff\xff\xff\xff" + struct.pack("<i", len(metadata)) + metadata

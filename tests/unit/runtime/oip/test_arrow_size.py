"""The size of rows is known before they are unpacked."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pytest

from pyml.oip.arrow import batch_from_stream, stream_from_batch
from pyml.oip.arrow_size import decompressed_size, expanded_size, may_expand, rows_size
from pyml.oip.rpc_status import Reason, RpcFailureError

LIMIT = 2**20
ROWS = 5000
BIG = "x" * 1000


def compressed(codec: str | None, **columns: pa.Array) -> bytes:
    sink = pa.BufferOutputStream()
    batch = pa.RecordBatch.from_pydict(columns)
    with pa.ipc.new_stream(sink, batch.schema, options=pa.ipc.IpcWriteOptions(compression=codec)) as writer:
        writer.write(batch)
    stream: bytes = sink.getvalue().to_pybytes()
    return stream


def overlapping_views() -> pa.Array:
    """As many strings as there are rows, all of them the same bytes."""
    one = pa.array([BIG], pa.string_view())
    _, view, data = one.buffers()
    return pa.Array.from_buffers(pa.string_view(), ROWS, [None, pa.py_buffer(view.to_pybytes()[:16] * ROWS), data])


BOMBS: Mapping[str, bytes] = {
    "zstd": compressed("zstd", a=pa.array(np.zeros(LIMIT))),
    "lz4": compressed("lz4", a=pa.array(np.zeros(LIMIT))),
    "zstd in a dictionary": compressed("zstd", a=pa.array(["x" * 3 * LIMIT]).dictionary_encode()),
    "dictionary": compressed(None, a=pa.DictionaryArray.from_arrays(pa.array(np.zeros(ROWS, "i1")), [BIG])),
    "dictionary in a list": compressed(
        None,
        a=pa.ListArray.from_arrays([0, ROWS], pa.DictionaryArray.from_arrays(pa.array(np.zeros(ROWS, "i1")), [BIG])),
    ),
    "dictionary in a struct": compressed(
        None,
        a=pa.StructArray.from_arrays([pa.DictionaryArray.from_arrays(pa.array(np.zeros(ROWS, "i1")), [BIG])], ["b"]),
    ),
    "runs": compressed(None, a=pa.RunEndEncodedArray.from_arrays(pa.array([ROWS], pa.int32()), pa.array([BIG]))),
    "runs of numbers": compressed(
        None, a=pa.RunEndEncodedArray.from_arrays(pa.array([LIMIT], pa.int32()), pa.array([1.0]))
    ),
    "null": compressed(None, a=pa.nulls(2 * LIMIT)),
    "list of nulls": compressed(None, a=pa.ListArray.from_arrays([0, 2 * LIMIT], pa.nulls(2 * LIMIT))),
    "views": compressed(None, a=overlapping_views()),
    "no bytes": compressed(None, a=pa.array([b""] * 300_000, pa.binary(0))),
}


@pytest.mark.parametrize("stream", BOMBS.values(), ids=BOMBS)
def test_a_stream_that_unpacks_beyond_the_limit_is_refused(stream: bytes) -> None:
    limit = LIMIT // 4
    before = pa.total_allocated_bytes()
    with pytest.raises(RpcFailureError, match=r"MiB unpacked, this model accepts up to 0\.25 MiB") as caught:
        batch_from_stream(stream, limit)
    assert caught.value.failure.reason is Reason.SIZE
    assert pa.total_allocated_bytes() - before < 2 * LIMIT


HELD: Mapping[str, dict[str, pa.Array]] = {
    "numbers": {"a": pa.array(np.arange(1000.0)), "b": pa.array([None] * 1000, pa.int8())},
    "texts": {"a": pa.array(["é", None, ""] * 100), "b": pa.array([b"x"] * 300, pa.large_binary())},
    "nested": {
        "a": pa.array([[{"x": 1, "y": ["z"]}], [], None]),
        "b": pa.array([[("k", 1.5)]] * 3, pa.map_("string", "double")),
    },
    "dictionary": {"a": pa.array(["u", "v", None] * 100).dictionary_encode()},
    "runs": {"a": pa.RunEndEncodedArray.from_arrays(pa.array([2, 5], pa.int32()), pa.array(["x", None]))},
    "views": {"a": pa.array(["a long text that is not inlined"] * 3).cast(pa.string_view())},
    "lists": {"a": pa.array([[1.0, 2.0]] * 3, pa.list_(pa.float64(), 2)), "b": pa.nulls(3)},
    "no rows": {"a": pa.array([], pa.string())},
    "bits": {"a": pa.array([True, None, False] * 99)},
}


@pytest.mark.parametrize("codec", [None, "zstd", "lz4"])
@pytest.mark.parametrize("columns", HELD.values(), ids=HELD)
def test_rows_within_the_limit_are_read_however_they_are_compressed(
    codec: str | None, columns: dict[str, pa.Array]
) -> None:
    stream = compressed(codec, **columns)
    batch = batch_from_stream(stream, LIMIT)
    assert batch.equals(batch_from_stream(stream))
    assert 0 <= expanded_size(batch) < LIMIT


def test_the_size_is_that_of_the_same_rows_without_compression() -> None:
    rows = {"a": pa.array(np.arange(10_000.0)), "b": pa.array(["x" * 100] * 10_000)}
    plain = decompressed_size(compressed(None, **rows))
    assert decompressed_size(compressed("zstd", **rows)) == pytest.approx(plain, rel=0.01)
    assert decompressed_size(stream_from_batch(pa.RecordBatch.from_pydict(rows))) == plain


@pytest.mark.parametrize("name", [name for name in BOMBS if not name.startswith(("zstd", "lz4"))])
def test_rows_that_take_more_than_their_stream_are_always_measured(name: str) -> None:
    batch = batch_from_stream(BOMBS[name])
    assert may_expand(batch.schema, decompressed_size(BOMBS[name]), LIMIT)


@pytest.mark.parametrize(("rows", "is_measured"), [(10, False), (LIMIT // 32, True)])
def test_plain_rows_are_measured_only_near_the_limit(rows: int, is_measured: bool) -> None:
    stream = compressed(None, a=pa.array(np.zeros(rows)), b=pa.array(["x"] * rows))
    assert may_expand(batch_from_stream(stream).schema, decompressed_size(stream), LIMIT) is is_measured


@pytest.mark.parametrize("columns", HELD.values(), ids=HELD)
def test_rows_that_go_together_never_count_as_less_than_they_take(columns: dict[str, pa.Array]) -> None:
    batch = batch_from_stream(compressed(None, **columns))
    assert rows_size(batch) >= batch.nbytes


def test_buffers_that_share_their_bytes_count_each() -> None:
    column = pa.array(np.arange(1000.0))
    batch = pa.RecordBatch.from_arrays([column] * 1000, names=[f"x{at}" for at in range(1000)])
    assert rows_size(batch) >= batch.nbytes >= 1000 * column.nbytes

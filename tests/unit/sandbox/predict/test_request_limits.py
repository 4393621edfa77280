"""Rows as requests: cut by their number and by their bytes."""

from __future__ import annotations

import pyarrow as pa
import pytest

from pyml.oip import codec
from pyml.package.settings import MIB
from pyml_sandbox.predict.request_limits import request_batches

KB = 1024


def of_bytes(*sizes: int) -> pa.Table:
    return pa.table({"number": range(len(sizes)), "text": ["x" * size for size in sizes]})


CASES = [
    ("small rows, by number", [1] * 5, 2, 1, [2, 2, 1]),
    ("no rows", [], 2, 1, []),
    ("documents of 90 KB, by bytes", [90 * KB] * 20, 1000, 1, [10, 10]),
    ("a document among small rows", [1, 1, 900 * KB, 1, 900 * KB, 1, 1, 1], 8, 1, [4, 4]),
    ("a row that is too large by itself", [1, 2 * MIB, 1], 3, 1, [1, 1, 1]),
    ("exactly as many rows as one request", [1] * 4, 4, 64, [4]),
]


@pytest.mark.parametrize(("sizes", "most", "limit_mb", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])  # fmt: skip
def test_rows_are_cut_by_number_and_by_bytes(sizes: list[int], most: int, limit_mb: int, expected: list[int]) -> None:
    rows = of_bytes(*sizes)
    batches = list(request_batches(rows, most, limit_mb))
    assert [batch.num_rows for batch in batches] == expected
    assert [value for batch in batches for value in batch["number"].to_pylist()] == list(range(len(sizes)))


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["x" * 4096] * 700),
        pa.array([None, "x" * 8192] * 350),
        pa.array([[1.0] * 500] * 700),
        pa.array([1] * 700),
        pa.array([b"", b"x" * 3 * KB] * 350),
        pa.array([{"a": "x" * 3000}] * 700),
    ],
)
def test_every_request_is_within_the_limit_on_the_wire(column: pa.Array) -> None:
    chunked = pa.chunked_array([column.slice(0, 333), column.slice(333)])
    for batch in request_batches(pa.table({"document": chunked}), 1000, 1):
        request = codec.arrow_request("model", "1", batch, recorded=True)
        assert len(request.SerializeToString()) <= MIB

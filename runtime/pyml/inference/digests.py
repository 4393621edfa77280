"""One digest for each value that `predict` got and returned, so that both paths can be compared from the inside.

Recording is off unless a job or a request asks for it. A digest is 64 bits over the exact value and the type in which
it is in the frame or tensor: equal digests on both paths mean that `predict` got the same value, to the last bit; null,
NaN and None are distinct. Digests are compared only within one release, and never kept for a later one.
"""

from __future__ import annotations

import hashlib
import itertools
import math
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa

from pyml.types.frame import frame_from_arrow
from pyml.types.tensors import tensors_from_arrow

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pyml.types.schema import Schema

    Digests = NDArray[np.int64]
    Given = pd.DataFrame | dict[str, np.ndarray]

_NULL = 0x6E756C6C
_SIZE_BYTES = 8
_calls = itertools.count(1)


def digests_of(given: Given) -> list[Digests]:
    """One array of digests for each column of a frame, or each tensor: int64, shape (rows,)."""
    if isinstance(given, pd.DataFrame):
        return [_of_series(series) for _, series in given.items()]
    return [_of_tensor(array) for array in given.values()]


def digests_of_batch(batch: pa.RecordBatch, schema: Schema) -> list[Digests]:
    """The digests of the rows of a batch after conversion to a frame, or tensors, of a schema."""
    if schema.is_tensor:
        return digests_of(tensors_from_arrow(batch, schema))
    return digests_of(frame_from_arrow(batch, schema))


def record(seen: Sequence[Digests], gave: Sequence[Digests], rows: int) -> list[pa.Array]:
    """The columns of `pyml.inference.record_columns.RECORD_DDL` for one call of `predict`.

    Args:
        seen: digests of its input, taken before the call; one int64 array of shape (rows,) for each input.
        gave: digests of its predictions, likewise for each output.
        rows: number of rows.
    """
    call = (os.getpid() << 32) + next(_calls)
    return [
        _lists(seen, rows),
        _lists(gave, rows),
        pa.array(np.full(rows, call), pa.int64()),
        pa.array(np.arange(rows), pa.int32()),
    ]


def _lists(digests: Sequence[Digests], rows: int) -> pa.ListArray:
    flat = np.stack(digests, axis=1).reshape(-1) if digests else np.empty(0, np.int64)
    offsets = np.arange(rows + 1, dtype=np.int32) * len(digests)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(flat, pa.int64()))


def _of_series(series: pd.Series) -> Digests:
    array, dtype = series.array, str(series.dtype)
    if isinstance(array, pd.arrays.IntegerArray | pd.arrays.FloatingArray | pd.arrays.BooleanArray):
        # Values and mask are private, but no public accessor keeps null and NaN distinct in every release of pandas.
        return np.where(array._mask, _NULL, _of_values(array._data, dtype))  # type: ignore[union-attr]
    if isinstance(array, pd.arrays.DatetimeArray):
        return _of_values(array.asi8, dtype)  # type: ignore[attr-defined]
    return _of_values(np.asarray(array), dtype)


def _of_values(values: np.ndarray, dtype: str) -> Digests:
    if values.dtype == object:
        return np.fromiter((_of_object(value) for value in values), np.int64, len(values))
    hashed: Digests = pd.util.hash_array(_bits(values)).view(np.int64) ^ _of_string(dtype)
    return hashed


def _bits(values: np.ndarray) -> np.ndarray:
    """Floats as their bits, so that -0.0 and 0.0 are different values."""
    if values.dtype.kind == "f":
        return np.ascontiguousarray(_with_one_nan(values)).view(f"u{values.dtype.itemsize}")
    return values


def _with_one_nan(values: np.ndarray) -> np.ndarray:
    """Floats whose NaNs all have the same bits: 0/0 sets the sign of its NaN, and the JVM clears it."""
    if values.dtype.kind != "f":
        return values
    is_nan = np.isnan(values)
    return np.where(is_nan, values.dtype.type(np.nan), values) if is_nan.any() else values


def _of_object(value: object) -> int:
    return _NULL if value is None else _of_string(f"{type(value).__name__} {value!r}")


def _of_string(text: str) -> int:
    digest = hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=_SIZE_BYTES).digest()
    return int.from_bytes(digest, "little", signed=True)


def _of_tensor(array: np.ndarray) -> Digests:
    """One digest for each row: over its element type, its shape, and its bytes."""
    head = f"{array.dtype.name} {array.shape[1:]} "
    if array.dtype == object:
        return np.fromiter((_of_string(f"{head}{row!r}") for row in _by_row(array).tolist()), np.int64, len(array))
    rows = _by_row(np.ascontiguousarray(_with_one_nan(array)))
    return np.fromiter((_of_bytes(head, row.tobytes()) for row in rows), np.int64, len(array))


def _of_bytes(head: str, content: bytes) -> int:
    digest = hashlib.blake2b(head.encode() + content, digest_size=_SIZE_BYTES).digest()
    return int.from_bytes(digest, "little", signed=True)


def _by_row(array: np.ndarray) -> np.ndarray:
    """All values of each row side by side, shape (rows, values); also where there are no rows."""
    return array.reshape(len(array), math.prod(array.shape[1:]))

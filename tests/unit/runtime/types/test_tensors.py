from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pyml.errors import InputError, OutputError
from pyml.types.field import TENSOR_KINDS
from pyml.types.schema import Schema
from pyml.types.tensors import arrow_from_tensors, check_inputs, check_outputs, tensors_from_arrow

NUMBERS = [kind.dtype for kind in TENSOR_KINDS if kind.dtype != "bytes"]


@given(st.data(), st.sampled_from(NUMBERS), hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=4))
def test_tensors_survive_the_way_through_arrow(data: st.DataObject, dtype: str, shape: tuple[int, ...]) -> None:
    inner = tuple(max(side, 1) for side in shape[1:])
    array = data.draw(hnp.arrays(dtype, (shape[0], *inner)))
    schema = Schema([("x", dtype, (-1, *inner))])
    returned = tensors_from_arrow(arrow_from_tensors({"x": array}, schema), schema)["x"]
    assert returned.dtype == array.dtype
    assert returned.shape == array.shape
    assert returned.tobytes() == array.tobytes() or np.array_equal(returned, array, equal_nan=array.dtype.kind == "f")
    assert returned.flags.writeable


def test_bytes_survive() -> None:
    schema = Schema([("x", "bytes", (-1, 2))])
    array = np.array([[b"a", b""], [b"\x00", b"\xff"]], dtype=object)
    assert tensors_from_arrow(arrow_from_tensors({"x": array}, schema), schema)["x"].tolist() == array.tolist()


def test_a_slice_of_a_batch_gives_its_own_rows() -> None:
    schema = Schema([("x", "float32", (-1, 2))])
    batch = pa.RecordBatch.from_pydict({"x": [[1, 2], [3, 4], [5, 6]]}, schema=schema.arrow)
    assert tensors_from_arrow(batch.slice(1, 1), schema)["x"].tolist() == [[3, 4]]


@pytest.mark.parametrize(
    ("values", "dtype", "shape", "words"),
    [
        ([[1.0], [1.0, 2.0]], "float32", (-1, -1), "different lengths"),
        ([[1.0, 2.0]], "float32", (-1, 3), "length 2, not 3"),
        ([[1.0, None]], "float32", (-1, 2), "holds null"),
        ([None], "float32", (-1, 2), "NOT NULL"),
        ([[300]], "uint8", (-1, 1), "a value that uint8 cannot"),
        ([[-1]], "uint32", (-1, 1), "a value that uint32 cannot"),
        ([[0.1]], "float16", (-1, 1), "a value that float16 cannot"),
    ],
)
def test_rows_that_are_no_tensor_are_refused(
    values: list[object], dtype: str, shape: tuple[int, ...], words: str
) -> None:
    schema = Schema([("x", dtype, shape)])
    with pytest.raises(InputError, match=words):
        tensors_from_arrow(pa.RecordBatch.from_arrays([pa.array(values, schema.arrow.field(0).type)], ["x"]), schema)


def test_every_tensor_that_does_not_fit_is_listed() -> None:
    schema = Schema([("a", "float32", (-1, 2)), ("b", "int64", (-1,)), ("c", "int64", (-1,))])
    given_tensors: dict[str, np.ndarray] = {
        "a": np.zeros((2, 3), np.float32),
        "b": np.zeros(3, np.int32),
        "z": np.zeros(2),
    }
    with pytest.raises(InputError) as raised:
        check_inputs(given_tensors, schema)
    text = str(raised.value)
    for words in (
        "`a` has the shape (2, 3)",
        "`b` is int32",
        "`c` is missing",
        "`z` is not declared",
        "first dimension",
    ):
        assert words in text


@pytest.mark.parametrize(("returned", "words"), [(None, "NoneType"), ({"p": np.zeros(2)}, "3 rows in, 2 rows out")])
def test_bad_predictions_are_refused(returned: object, words: str) -> None:
    with pytest.raises(OutputError, match=words):
        check_outputs(returned, Schema([("p", "float64", (-1,))]), 3)

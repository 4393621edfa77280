from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pyml.errors import InputError, OutputError
from pyml.types.conversion.row_source import RowSource
from pyml.types.field import TENSOR_KINDS
from pyml.types.schema import Schema
from pyml.types.tensors import arrays_of, arrow_from_tensors, as_declared_tensors, check_outputs, tensors_from_arrow

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
        ([[300]], "uint8", (-1, 1), "declared uint8, which cannot hold 300"),
        ([[-1]], "uint32", (-1, 1), "declared uint32, which cannot hold -1"),
        ([[0.1]], "float16", (-1, 1), "declared float16, which cannot hold 0.100"),
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
        "b": np.zeros(3, bool),
        "z": np.zeros(2),
    }
    with pytest.raises(InputError) as raised:
        as_declared_tensors(given_tensors, schema)
    text = str(raised.value)
    for words in (
        "`a` has the shape (2, 3)",
        "`b` is bool",
        "`c` is missing",
        "`z` is not declared",
        "first dimension",
    ):
        assert words in text


@pytest.mark.parametrize(("returned", "words"), [(None, "NoneType"), ({"p": np.zeros(2)}, "3 rows in, 2 rows out")])
def test_bad_predictions_are_refused(returned: object, words: str) -> None:
    with pytest.raises(OutputError, match=words):
        check_outputs(returned, Schema([("p", "float64", (-1,))]), 3)


NARROW = Schema([("x", "float32", (-1, 2)), ("n", "uint8", (-1,))])


def test_tensors_of_different_dtypes_are_converted_where_no_number_changes() -> None:
    given_tensors: dict[str, np.ndarray] = {"x": np.array([[1, 2], [3, 4]]), "n": np.array([255.0, 0.0])}
    found = as_declared_tensors(given_tensors, NARROW)
    assert {name: str(array.dtype) for name, array in found.items()} == {"x": "float32", "n": "uint8"}
    assert {name: array.tolist() for name, array in found.items()} == {"x": [[1, 2], [3, 4]], "n": [255, 0]}


def test_a_number_that_would_change_is_refused_with_its_row_on_both_ways_in() -> None:
    given_tensors: dict[str, np.ndarray] = {"x": np.array([[1, 2], [3, 16_777_217]]), "n": np.array([0, 256])}
    rows = pa.RecordBatch.from_pydict({"x": given_tensors["x"].tolist(), "n": [0, 256]})
    for refused in (partial(as_declared_tensors, given_tensors), partial(tensors_from_arrow, rows)):
        with pytest.raises(InputError, match=r"which cannot hold 16777217 \(row 1\)"):
            refused(NARROW)
    with pytest.raises(InputError, match=r"tensor `n` is declared uint8, which cannot hold 256 \(row 1\)"):
        as_declared_tensors(given_tensors | {"x": np.zeros((2, 2))}, NARROW)


@pytest.mark.parametrize(
    ("source", "hint"), [(RowSource.VALUES, '.astype("uint8")'), (RowSource.TENSORS, "send it as UINT8")]
)
def test_a_tensor_of_a_wrong_dtype_is_mended_where_it_was_made(source: RowSource, hint: str) -> None:
    with pytest.raises(InputError) as raised:
        as_declared_tensors({"x": np.zeros((1, 2)), "n": np.zeros(1, bool)}, NARROW, source)
    assert [problem.hint for problem in raised.value.problems] == [hint]


def test_a_tensor_of_its_declared_dtype_is_the_same_array() -> None:
    given_tensors: dict[str, np.ndarray] = {"x": np.zeros((1, 2), np.float32), "n": np.zeros(1, np.uint8)}
    assert all(as_declared_tensors(given_tensors, NARROW)[name] is array for name, array in given_tensors.items())


@given(st.data(), st.sampled_from(NUMBERS[1:]), st.sampled_from(NUMBERS[1:]))
def test_tensors_and_rows_are_converted_alike(data: st.DataObject, found: str, declared: str) -> None:
    array = data.draw(hnp.arrays(found, (2,)))
    schema = Schema([("x", declared, (-1,))])
    rows = pa.RecordBatch.from_arrays([pa.array(array)], ["x"])
    assert outcome(partial(as_declared_tensors, {"x": array}, schema)) == outcome(
        partial(tensors_from_arrow, rows, schema)
    )


def outcome(convert: Callable[[], dict[str, np.ndarray]]) -> object:
    """The bytes of the tensor, or the codes of its problems."""
    try:
        return convert()["x"].tobytes()
    except InputError as error:
        return error.codes


def test_nested_lists_are_arrays_and_bytes_stay_bytes() -> None:
    found = arrays_of({"x": [[1, 2.5]], "b": [b"a\0"]})
    assert (found["x"].tolist(), found["b"].tolist()) == ([[1.0, 2.5]], [b"a\0"])
    assert found["b"].dtype == object
    with pytest.raises(InputError, match="tensor `x` is not an array"):
        arrays_of({"x": [[1], [2, 3]]})

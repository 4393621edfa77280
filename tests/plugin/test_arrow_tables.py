"""Rows of a test as a table with a key: whatever they are, without columns that nobody asks for."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from pyml.errors import InputError
from pyml.inference.describe import Signature
from pyml.types.schema import Schema
from pyml_fixtures.arrow_tables import keyed_inputs

FRAME = Signature("frame", Schema("a DOUBLE, b INT"), Schema("p DOUBLE"))
TENSOR = Signature("tensor", Schema([("x", "float32", (-1, 2))]), Schema([("y", "float32", (-1,))]))
COLUMNS: dict[str, list[object]] = {"a": [1, 2.5], "b": [8, None], "id": ["x", "y"], "more": [0, 0]}
EXPECTED = [{"id": "x", "a": 1.0, "b": 8}, {"id": "y", "a": 2.5, "b": None}]
ROWS = {
    "a dict": COLUMNS,
    "a frame": pd.DataFrame(COLUMNS).astype({"b": "Int64"}),
    "a table": pa.table({**COLUMNS, "a": pa.array([1, 2.5])}),
}


@pytest.mark.parametrize("name", ROWS)
def test_rows_have_the_declared_types_and_their_key_in_front(name: str) -> None:
    found = keyed_inputs(ROWS[name], FRAME, ["id"])
    assert found.select(["a", "b"]).schema == FRAME.inputs.arrow
    assert found.to_pylist() == EXPECTED


def test_a_key_may_be_an_input_and_a_missing_column_is_refused() -> None:
    assert keyed_inputs(COLUMNS, FRAME, ["b"]).column_names == ["a", "b"]
    with pytest.raises(InputError, match="column `b` is missing"):
        keyed_inputs({"a": [1.0], "id": [1]}, FRAME, ["id"])


def test_tensors_have_no_key() -> None:
    assert keyed_inputs({"x": np.array([[1, 2]])}, TENSOR, []).to_pylist() == [{"x": [1.0, 2.0]}]

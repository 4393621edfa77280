"""The runner: a loaded model behind the type rule."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from pyml.errors import InputError, PredictError
from pyml.inference.runner import Runner
from support.packages import write_package

FRAME = """
import pandas as pd
from pyml import DataFrameModel, Schema


class Model(DataFrameModel):
    inputs = Schema("x ARRAY<DOUBLE> NOT NULL")
    outputs = Schema("total DOUBLE NOT NULL, label STRING")
    predicts_empty = {empty}

    def __init__(self, parameters):
        pass

    def predict(self, frame):
        first = frame["x"].iloc[0]
        return pd.DataFrame({{"total": [sum(first)] * len(frame), "label": ["a"] * len(frame)}})
"""
TENSOR = """
import numpy as np
from pyml import Schema, TensorModel


class Model(TensorModel):
    inputs = Schema([("x", "float32", (-1, 4))])
    outputs = Schema([("y", "float32", (-1, 2, 3)), ("free", "int64", (-1, -1))])
    predicts_empty = {empty}

    def __init__(self, parameters):
        pass

    def predict(self, tensors):
        y = np.stack([np.full((2, 3), row.sum(), "float32") for row in tensors["x"]])
        return {{"y": y, "free": np.zeros((len(y), 2), "int64")}}
"""


def runner(folder: Path, model: str, *, empty: bool = False) -> Runner:
    return Runner.load(write_package(folder / "package", model=model.format(empty=empty)))


def rows(loaded: Runner, count: int) -> pa.RecordBatch:
    width = 4 if loaded.is_tensor else 2
    return pa.RecordBatch.from_pydict({"x": [[1.0] * width] * count}, schema=loaded.inputs.arrow)


@pytest.mark.parametrize("model", [FRAME, TENSOR], ids=["frame", "tensor"])
def test_no_rows_are_answered_with_no_rows_and_without_the_model(tmp_path: Path, model: str) -> None:
    loaded = runner(tmp_path, model)
    found = loaded.predict_arrow(rows(loaded, 0))
    assert (found.num_rows, found.schema) == (0, loaded.outputs.arrow)
    recorded, record = loaded.predict_recorded(rows(loaded, 0))
    assert recorded == found
    assert [len(column) for column in record] == [0] * len(record)
    assert loaded.predict_arrow(rows(loaded, 2)).num_rows == 2


@pytest.mark.parametrize("model", [FRAME, TENSOR], ids=["frame", "tensor"])
def test_a_model_that_wants_no_rows_is_called_with_them(tmp_path: Path, model: str) -> None:
    loaded = runner(tmp_path, model, empty=True)
    with pytest.raises(PredictError, match="predict raised"):
        loaded.predict_arrow(rows(loaded, 0))


def test_tensors_without_rows_have_the_declared_dtypes_and_shapes(tmp_path: Path) -> None:
    found = runner(tmp_path, TENSOR).predict_tensors({"x": np.zeros((0, 4), "float32")})
    assert {name: (array.dtype.name, array.shape[:1]) for name, array in found.items()} == {
        "y": ("float32", (0,)),
        "free": ("int64", (0,)),
    }
    assert found["y"].shape == (0, 2, 3)


def test_no_rows_of_an_undeclared_type_are_refused_as_any_rows_are(tmp_path: Path) -> None:
    loaded = runner(tmp_path, FRAME)
    with pytest.raises(InputError):
        loaded.predict_arrow(pa.RecordBatch.from_pydict({"x": pa.array([], pa.string())}))

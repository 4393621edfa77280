"""Requests that are predicted together get, each, the very response that they get alone."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyml.errors import PredictError
from pyml.inference.runner import Runner
from pyml.oip import codec
from pyml.oip.messages import ModelInferRequest, ModelInferResponse
from pyml.server.together import ReadRequest, answer_together
from support.packages import write_package

ROW_BY_ROW = """
import numpy as np
import pandas as pd
from pyml import DataFrameModel, Schema

class Model(DataFrameModel):
    inputs = Schema("a DOUBLE, s STRING, n BIGINT NOT NULL")
    outputs = Schema("a DOUBLE, s STRING, n BIGINT NOT NULL")
    def __init__(self, parameters): self.calls = 0
    def predict(self, frame):
        self.calls += 1
        if (frame["n"] < 0).any(): raise ValueError("below zero")
        return frame.assign(n=frame["n"] * 2)
"""
TENSORS = """
from pyml import Schema, TensorModel

class Model(TensorModel):
    inputs = Schema([("x", "float32", (-1, 3))])
    outputs = Schema([("y", "float32", (-1, 3))])
    def __init__(self, parameters): pass
    def predict(self, tensors): return {"y": tensors["x"] * 2}
"""
SCHEMA = pa.schema([("a", pa.float64()), ("s", pa.string()), pa.field("n", pa.int64(), False)])
_Row = tuple[float | None, str | None, int]
ROWS = st.tuples(st.none() | st.floats(), st.none() | st.text(max_size=5), st.integers(0, 2**60))
FORMS = ("arrow", "raw", "typed")


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> Runner:
    return Runner.load(write_package(tmp_path_factory.mktemp("frames"), model=ROW_BY_ROW))


@pytest.fixture(scope="module")
def tensors(tmp_path_factory: pytest.TempPathFactory) -> Runner:
    return Runner.load(write_package(tmp_path_factory.mktemp("tensors"), model=TENSORS))


def request_of(rows: list[_Row], form: str = "arrow", number: int = 0) -> ModelInferRequest:
    columns = [pa.array([row[at] for row in rows], field.type) for at, field in enumerate(SCHEMA)]
    batch = pa.RecordBatch.from_arrays(columns, schema=SCHEMA)
    if form == "arrow":
        return codec.arrow_request("m", "1", batch, f"r-{number}")
    return codec.column_request("m", "1", batch, f"r-{number}", is_raw=form == "raw")


def values(response: ModelInferResponse) -> object:
    """What a response says: an Arrow stream of the same values may have a different layout."""
    if response.parameters["content_type"].string_param != "arrow":
        return response
    batch = codec.read_arrow_response(response)
    return response.id, batch.schema, repr(batch.to_pylist())


def read(requests: list[ModelInferRequest], runner: Runner) -> Mapping[int, ReadRequest]:
    return {at: ReadRequest.of(request, runner) for at, request in enumerate(requests)}


def goes_with_first(requests: Mapping[int, ReadRequest]) -> list[int]:
    return [number for number, each in requests.items() if number == 0 or each.goes_with(requests[0])]


@given(st.lists(st.lists(ROWS, min_size=1, max_size=4), min_size=2, max_size=6))
def test_each_response_is_the_one_that_its_request_gets_alone(frames: Runner, batches: list[list[_Row]]) -> None:
    requests = [request_of(rows, number=at) for at, rows in enumerate(batches)]
    found = read(requests, frames)
    assert goes_with_first(found) == list(found)
    together = answer_together([found[at] for at in found], frames)
    assert list(map(values, together)) == [values(codec.answer(request, frames)) for request in requests]


@pytest.mark.parametrize("form", FORMS)
def test_a_group_is_one_call_of_predict_in_every_form(frames: Runner, form: str) -> None:
    requests = [request_of([(0.5, "a", at)] * (at + 1), form, at) for at in range(3)]
    alone = [values(codec.answer(request, frames)) for request in requests]
    before = frames.model.calls  # type: ignore[attr-defined]  # the model above counts them
    assert list(map(values, answer_together(list(read(requests, frames).values()), frames))) == alone
    assert frames.model.calls == before + 1  # type: ignore[attr-defined]


def test_tensors_are_joined_along_the_batch(tensors: Runner) -> None:
    arrays = [np.arange(3 * rows, dtype="float32").reshape(rows, 3) for rows in (1, 2)]
    requests = [codec.tensor_request("m", "1", {"x": array}) for array in arrays]
    found = read(requests, tensors)
    assert goes_with_first(found) == [0, 1]
    assert answer_together(list(found.values()), tensors) == [codec.answer(request, tensors) for request in requests]


def test_only_requests_of_one_form_and_schema_go_together(frames: Runner) -> None:
    row = (1.0, "a", 1)
    narrow = pa.RecordBatch.from_pylist([{"a": 1.0, "s": "a", "n": 1}], pa.schema({**dict.fromkeys("a", pa.float32()), "s": pa.string(), "n": pa.int64()}))  # fmt: skip
    recorded = codec.arrow_request("m", "1", pa.RecordBatch.from_pylist([{"a": 1.0, "s": "a", "n": 1}], SCHEMA), recorded=True)  # fmt: skip
    requests = [
        request_of([row]),
        request_of([row], "raw"),
        codec.arrow_request("m", "1", narrow),
        request_of([]),
        recorded,
        request_of([row, row]),
    ]
    assert goes_with_first(read(requests, frames)) == [0, 5]


def test_one_bad_row_fails_the_group(frames: Runner) -> None:
    found = read([request_of([(1.0, "a", 1)]), request_of([(1.0, "a", -1)])], frames)
    with pytest.raises(PredictError, match="below zero"):
        answer_together(list(found.values()), frames)

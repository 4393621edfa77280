"""Each form carries the same rows, and its reader finds the predictions in an answer."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest

from benchmarks import peer_requests as forms
from pyml.oip.arrow import stream_from_batch
from pyml.oip.messages import ModelInferRequest

ROWS = pa.RecordBatch.from_pydict({"x0": [0.1, -2.5], "x1": [1e-300, 3.0]})
ANSWER = pa.RecordBatch.from_pydict({"p": [0.25, 0.1]})
EXPECTED = ROWS.to_pydict()


def test_the_protocol_in_json_has_a_tensor_for_each_column() -> None:
    tensors = json.loads(forms.PROTOCOL_JSON.encode(ROWS))["inputs"]
    assert {tensor["name"]: tensor["data"] for tensor in tensors} == EXPECTED
    assert {tuple(tensor["shape"]) for tensor in tensors} == {(2,)}


def test_mlflow_gets_rows_and_the_names_of_their_columns() -> None:
    frame = json.loads(forms.SPLIT_JSON.encode(ROWS))["dataframe_split"]
    assert [dict(zip(frame["columns"], row, strict=True)) for row in frame["data"]] == ROWS.to_pylist()


def test_columns_in_json_are_lists() -> None:
    assert json.loads(forms.COLUMNS_JSON.encode(ROWS)) == EXPECTED


def test_an_arrow_stream_holds_the_rows() -> None:
    assert pa.ipc.open_stream(forms.ARROW_STREAM.encode(ROWS)).read_all().to_pydict() == EXPECTED


def test_raw_tensors_hold_the_rows() -> None:
    request = ModelInferRequest.FromString(forms.GRPC_COLUMNS.encode(ROWS))
    raw = [np.frombuffer(each).tolist() for each in request.raw_input_contents]
    assert dict(zip((tensor.name for tensor in request.inputs), raw, strict=True)) == EXPECTED
    assert request.parameters["content_type"].string_param == "pd"


@pytest.mark.parametrize(
    ("form", "body"),
    [
        (forms.PROTOCOL_JSON, json.dumps({"outputs": [{"name": "p", "shape": [2], "data": [0.25, 0.1]}]}).encode()),
        (forms.SPLIT_JSON, json.dumps({"predictions": [{"p": 0.25}, {"p": 0.1}]}).encode()),
        (forms.COLUMNS_JSON, b'{"p": [0.25, 0.1]}'),
        (forms.ARROW_STREAM, bytes(stream_from_batch(ANSWER))),
    ],
)
def test_predictions_are_found_in_an_answer(form: forms.RequestForm, body: bytes) -> None:
    assert form.decode(body) == [0.25, 0.1]


@pytest.mark.parametrize("form", [forms.GRPC_ARROW, forms.GRPC_COLUMNS])
def test_only_what_goes_over_http_has_a_content_type(form: forms.RequestForm) -> None:
    assert not form.is_http
    assert forms.ARROW_STREAM.is_http

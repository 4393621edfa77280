"""The same rows in every form that the gateway takes: all of them say the same, and a form that cannot refuses."""

from __future__ import annotations

import json
import math
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import cast

import numpy as np
import pyarrow as pa
import pytest

from pyml.errors import InputError, OutputError, PymlError, SandboxError
from pyml.inference.describe import Signature
from pyml.inference.runner import Runner
from pyml.oip import codec
from pyml.oip.json_codec import read_request, write_response
from pyml.oip.messages import JSON_SIZE_HEADER, ModelInferRequest, ModelInferResponse
from pyml.types.schema import Schema
from pyml.types.tensors import Tensors, arrow_from_tensors, tensors_from_arrow
from pyml_sandbox.parity.paths.wire_formats import wire_formats_of
from pyml_sandbox.predict.online import OnlineError, OnlineModel
from support.packages import write_package

TYPES = "b BOOLEAN, i BIGINT, t TINYINT, f FLOAT, d DOUBLE, s STRING"
FRAME = f"""
from pyml import DataFrameModel, Schema

class Model(DataFrameModel):
    inputs = Schema("{TYPES}")
    outputs = Schema("{TYPES}")
    def __init__(self, parameters): pass
    def predict(self, frame): return frame
"""
TENSOR = """
from pyml import Schema, TensorModel

class Model(TensorModel):
    inputs = Schema([("x", "float32", (-1, 2)), ("s", "bytes", (-1,))])
    outputs = Schema([("s", "bytes", (-1,)), ("x", "float32", (-1, 2))])
    def __init__(self, parameters): pass
    def predict(self, tensors): return {"s": tensors["s"], "x": tensors["x"]}
"""


@pytest.fixture(autouse=True)
def proxy_of_the_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that nobody runs: a client that asks it instead of 127.0.0.1 fails."""
    for name in ("http_proxy", "https_proxy", "grpc_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)


@dataclass
class FakeModel:
    """A client of a model that is called in this process, through the very messages that it would send."""

    runner: Runner
    asked: list[str] = field(default_factory=list)
    name: str = "fare"
    version: str = "1"
    timeout_s: float = 60

    @property
    def signature(self) -> Signature:
        return Signature.of(self.runner)

    def answer(self, request: ModelInferRequest) -> ModelInferResponse:
        return codec.answer(ModelInferRequest.FromString(request.SerializeToString()), self.runner)

    def predict(self, batches: Sequence[pa.RecordBatch], *, recorded: bool = False) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            if self.runner.is_tensor and not recorded:
                yield arrow_from_tensors(self.predict_tensors(self._tensors(batch)), self.signature.outputs)
            else:
                request = codec.arrow_request(self.name, self.version, batch, recorded=recorded)
                yield codec.read_arrow_response(self.answer(request))

    def _tensors(self, batch: pa.RecordBatch) -> Tensors:
        return tensors_from_arrow(batch, self.signature.inputs)

    def predict_as_columns(self, batch: pa.RecordBatch, *, is_raw: bool = True) -> pa.RecordBatch:
        self.asked.append(f"{', '.join(batch.schema.names)} as {'raw' if is_raw else 'typed'} columns")
        request = codec.column_request(self.name, self.version, batch, is_raw=is_raw)
        return codec.read_column_response(self.answer(request), self.signature.outputs)

    def predict_tensors(self, tensors: Tensors, *, is_raw: bool = True) -> Tensors:
        request = codec.tensor_request(self.name, self.version, tensors, is_raw=is_raw)
        return codec.read_tensor_response(self.answer(request))


@contextmanager
def rest_of(model: FakeModel) -> Iterator[str]:
    """The address of a REST side that asks the model, and notes the path of each request."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            model.asked.append(self.path)
            body, size = self.rfile.read(int(self.headers["Content-Length"])), self.headers.get(JSON_SIZE_HEADER)
            try:
                request, is_binary = read_request(body, model.name, model.version, int(size) if size else None)
                found = write_response(codec.answer(request, model.runner), is_binary)
            except PymlError as error:
                self._reply(400, json.dumps({"error": str(error)}).encode(), None)
            else:
                self._reply(200, found.body, found.json_size)

        def _reply(self, status: int, body: bytes, json_size: int | None) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            if json_size is not None:
                self.send_header(JSON_SIZE_HEADER, str(json_size))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def frame_runner(tmp_path_factory: pytest.TempPathFactory) -> Runner:
    return Runner.load(write_package(tmp_path_factory.mktemp("frame"), model=FRAME))


@pytest.fixture
def frame(frame_runner: Runner) -> FakeModel:
    return FakeModel(frame_runner)


@pytest.fixture
def tensor(tmp_path: Path) -> FakeModel:
    return FakeModel(Runner.load(write_package(tmp_path, model=TENSOR)))


def answers(model: FakeModel, rows: pa.RecordBatch) -> dict[str, pa.RecordBatch | str]:
    """What each form answers; of an error the name of its kind."""
    found: dict[str, pa.RecordBatch | str] = {}
    with rest_of(model) as rest:
        for form, ask in wire_formats_of(cast(OnlineModel, model), rest).items():
            try:
                found[form] = ask(rows)
            except (InputError, OnlineError, OutputError) as error:
                found[form] = type(error).__name__
    return found


def row(**values: object) -> pa.RecordBatch:
    plain = {"b": True, "i": 1, "t": 1, "f": 0.5, "d": 0.5, "s": "a", **values}
    return pa.RecordBatch.from_pylist([plain], schema=Schema(TYPES).arrow)


EXACT = [
    {},
    {"i": 2**53 + 1},
    {"i": -(2**63)},
    {"t": -128},
    {"d": 0.1},
    {"d": 5e-324},
    {"d": 1.7976931348623157e308},
    {"d": -0.0},
    {"f": 1.1754943508222875e-38},
    {"f": 3.4028234663852886e38},
    {"s": ""},
    {"s": 'é"\\\n\u2028\U0001f600'},
    {"s": "null"},
    {"b": False},
]


@pytest.mark.parametrize("values", EXACT, ids=repr)
def test_every_form_gives_back_the_very_values(values: dict[str, object], frame: FakeModel) -> None:
    rows = row(**values)
    found = answers(frame, rows)
    assert list(found) == ["Arrow", "columns", "typed columns", "REST", "binary REST"]
    for form, answer in found.items():
        assert not isinstance(answer, str), form
        assert answer.schema.names == rows.schema.names
        assert answer.to_pylist() == rows.to_pylist(), form
        assert math.copysign(1, answer.column("d")[0].as_py()) == math.copysign(1, rows.column("d")[0].as_py()), form


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_only_json_holds_no_nan_and_no_infinity(value: float, frame: FakeModel) -> None:
    found = answers(frame, row(d=value))
    assert {form for form, answer in found.items() if isinstance(answer, str)} == {"REST"}
    for form, answer in found.items():
        if not isinstance(answer, str):
            assert np.array_equal(answer.column("d").to_numpy(), [value], equal_nan=True), form


@pytest.mark.parametrize("name", ["b", "i", "t", "f", "d", "s"])
def test_only_arrow_and_json_hold_a_null(name: str, frame: FakeModel) -> None:
    rows = row(**{name: None})
    found = answers(frame, rows)
    held = {form: answer.to_pylist() for form, answer in found.items() if not isinstance(answer, str)}
    assert held == {"Arrow": rows.to_pylist(), "REST": rows.to_pylist()}
    assert {answer for answer in found.values() if isinstance(answer, str)} == {"InputError"}


def test_columns_go_in_another_order_than_declared_which_counts_in_no_form(frame: FakeModel) -> None:
    answers(frame, row())
    assert "s, d, f, t, i, b as raw columns" in frame.asked
    assert "/v2/models/fare/versions/1/infer" in frame.asked


def test_tensors_give_the_same_in_every_form(tensor: FakeModel) -> None:
    schema = tensor.signature.inputs
    rows = pa.RecordBatch.from_pylist([{"x": [1.0, 0.5], "s": b"ab"}, {"x": [-0.0, 2.0], "s": b""}], schema.arrow)
    found = answers(tensor, rows)
    assert list(found) == ["tensors", "Arrow", "typed tensors", "REST", "binary REST"]
    for form, answer in found.items():
        assert not isinstance(answer, str), form
        assert answer.to_pylist() == [{"s": each["s"], "x": each["x"]} for each in rows.to_pylist()], form


def test_what_the_rest_side_refuses_is_an_error_in_its_words(frame: FakeModel) -> None:
    frame.runner = cast(Runner, RefusingRunner())
    with rest_of(frame) as rest:
        asks = wire_formats_of(cast(OnlineModel, frame), rest)
        for form in ("REST", "binary REST"):
            with pytest.raises(OnlineError, match="not on Mondays"):
                asks[form](row())


def test_a_rest_side_that_is_late_or_gone_is_told_from_one_that_refuses(frame: FakeModel) -> None:
    frame.timeout_s = 0.2
    with socket.create_server(("127.0.0.1", 0)) as silent:
        rest = f"127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(OnlineError, match="no answer within the deadline"):
            wire_formats_of(cast(OnlineModel, frame), rest)["REST"](row())
    with pytest.raises(SandboxError, match="the gateway does not answer"):
        wire_formats_of(cast(OnlineModel, frame), rest)["REST"](row())


class RefusingRunner:
    """A model that takes nothing."""

    is_tensor = False
    inputs = outputs = Schema(TYPES)

    def predict_arrow(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        raise PymlError("not on Mondays")

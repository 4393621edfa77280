"""The methods of a model server: what is answered, what is refused and for which reason, without gRPC's threads."""

from __future__ import annotations

import decimal
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import grpc
import pyarrow as pa
import pytest

from pyml.inference.request_times import REQUEST_ID_KEY
from pyml.oip import codec
from pyml.oip import messages as oip
from pyml.oip.rpc_status import REASON_KEY
from pyml.package.settings import MIB, ServingSettings
from pyml.server.main_thread import MainThreadExecutor
from pyml.server.served_model import ServedModel
from pyml.server.service import ModelService
from support.packages import ECHO, write_package

SETTING_ITS_CONTEXT = """
import decimal
import pandas as pd
from pyml import DataFrameModel, Schema

class Model(DataFrameModel):
    inputs = Schema("a DOUBLE")
    outputs = Schema("a DOUBLE")
    def __init__(self, parameters): decimal.getcontext().prec = 5
    def predict(self, frame): return pd.DataFrame({"a": [float(decimal.getcontext().prec)] * len(frame)})
"""


def doing(statement: str) -> str:
    """A model that does something to one row, and gives back any other number of them."""
    return ECHO.replace(": return frame", f":\n        if len(frame) == 1: {statement}\n        return frame")


class AbortedError(Exception):
    """What gRPC raises to end a call."""


@dataclass
class FakeContext:
    """Takes down how a call is refused."""

    code: grpc.StatusCode | None = None
    details: str = ""
    reason: str = ""

    def set_trailing_metadata(self, metadata: tuple[tuple[str, str], ...]) -> None:
        self.reason = dict(metadata).get(REASON_KEY, "")

    def invocation_metadata(self) -> tuple[tuple[str, str], ...]:
        return ((REQUEST_ID_KEY, "r-1"),)

    def abort(self, code: grpc.StatusCode, details: str) -> None:
        self.code, self.details = code, details
        raise AbortedError


def service(folder: Path | None = None, model: str = ECHO, **serving: Any) -> ModelService:
    """A service of `fare@1`; its model is loaded where a folder is given."""
    found = ModelService(ServedModel("fare", "1", replace(ServingSettings(), **serving)), MainThreadExecutor())
    if folder is not None:
        found.model.load(write_package(folder, model=model))
    return found


def ask(its: ModelService, method: str, request: bytes = b"") -> bytes:
    """What the handler that is chosen for a method answers."""
    handler = its.service(cast(grpc.HandlerCallDetails, SimpleNamespace(method=method)))
    assert handler is not None
    answer: bytes = handler.unary_unary(request, FakeContext())
    return answer


def refusal(its: ModelService, method: str, request: bytes) -> FakeContext:
    """The way in which a call is refused."""
    context = FakeContext()
    handler = its.service(cast(grpc.HandlerCallDetails, SimpleNamespace(method=method)))
    assert handler is not None
    with pytest.raises(AbortedError):
        handler.unary_unary(request, context)
    return context


def rows(*values: float, name: str = "fare", version: str = "1") -> bytes:
    batch = pa.RecordBatch.from_pydict({"a": pa.array(values, pa.float64())})
    return codec.arrow_request(name, version, batch).SerializeToString()


def predicted(answer: bytes) -> list[object]:
    values: list[object] = codec.read_arrow_response(oip.ModelInferResponse.FromString(answer)).column("a").to_pylist()
    return values


def ready_request(name: str = "fare", version: str = "") -> bytes:
    return oip.ModelReadyRequest(name=name, version=version).SerializeToString()


def test_a_server_without_its_model_is_alive_and_not_ready() -> None:
    its = service()
    assert oip.ServerLiveResponse.FromString(ask(its, oip.SERVER_LIVE)).live
    assert not oip.ServerReadyResponse.FromString(ask(its, oip.SERVER_READY)).ready
    assert not oip.ModelReadyResponse.FromString(ask(its, oip.MODEL_READY, ready_request())).ready


@pytest.mark.parametrize(("method", "request_"), [(oip.MODEL_INFER, rows(1.0)), (oip.MODEL_METADATA, ready_request())])
def test_what_needs_the_model_is_told_that_it_is_starting(method: str, request_: bytes) -> None:
    found = refusal(service(), method, request_)
    assert (found.code, found.reason) == (grpc.StatusCode.UNAVAILABLE, "starting")
    assert found.details == "model fare@1 is starting"


def test_a_server_with_its_model_is_ready_and_predicts(tmp_path: Path) -> None:
    its = service(tmp_path)
    assert its.model.is_ready
    assert oip.ServerReadyResponse.FromString(ask(its, oip.SERVER_READY)).ready
    assert predicted(ask(its, oip.MODEL_INFER, rows(1.0, 2.5))) == [1.0, 2.5]


def test_an_answer_names_the_version_that_gave_it_whatever_was_asked(tmp_path: Path) -> None:
    response = oip.ModelInferResponse.FromString(ask(service(tmp_path), oip.MODEL_INFER, rows(1.0, version="")))
    assert (response.model_name, response.model_version) == ("fare", "1")


def test_metadata_says_what_the_model_declares(tmp_path: Path) -> None:
    its = service(tmp_path)
    assert oip.ServerMetadataResponse.FromString(ask(its, oip.SERVER_METADATA)).name == "pyml model server"
    found = oip.ModelMetadataResponse.FromString(ask(its, oip.MODEL_METADATA, ready_request()))
    assert (found.name, list(found.versions)) == ("fare", ["1"])
    assert found.properties["inputs"] == "a DOUBLE"


def test_a_method_that_the_protocol_does_not_have_has_no_handler() -> None:
    details = SimpleNamespace(method=f"/{oip.SERVICE}/Other")
    assert service().service(cast(grpc.HandlerCallDetails, details)) is None


@pytest.mark.parametrize(("name", "version"), [("other", ""), ("fare", "2"), ("other", "1")])
@pytest.mark.parametrize("method", [oip.MODEL_INFER, oip.MODEL_READY, oip.MODEL_METADATA])
def test_a_request_for_another_model_or_version_is_refused(
    method: str, name: str, version: str, tmp_path: Path
) -> None:
    asked = rows(1.0, name=name, version=version) if method == oip.MODEL_INFER else ready_request(name, version)
    found = refusal(service(tmp_path), method, asked)
    assert (found.code, found.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "input")
    assert f"the request names {name}{f'@{version}' if version else ''}, this server has fare@1" in found.details


@pytest.mark.parametrize("method", [oip.MODEL_INFER, oip.MODEL_READY])
def test_what_is_no_message_of_the_protocol_is_refused(method: str, tmp_path: Path) -> None:
    found = refusal(service(tmp_path), method, b"\xff\xff\xff")
    assert (found.code, found.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "input")
    assert "not a message of the protocol" in found.details


@pytest.mark.parametrize(
    ("statement", "code", "reason", "words"),
    [
        (
            "raise ArithmeticError('no such number')",
            grpc.StatusCode.UNKNOWN,
            "model",
            "ArithmeticError: no such number",
        ),
        ("raise SystemExit('enough')", grpc.StatusCode.UNKNOWN, "model", "SystemExit: enough"),
        ("raise KeyboardInterrupt", grpc.StatusCode.UNKNOWN, "model", "KeyboardInterrupt"),
        ("return frame.head(0)", grpc.StatusCode.INTERNAL, "output", "1 rows in, 0 rows out"),
        ("return None", grpc.StatusCode.INTERNAL, "output", "NoneType"),
    ],
)
def test_whatever_a_model_does_is_a_refusal_that_says_whose_fault_it_is_and_the_server_lives_on(
    statement: str, code: grpc.StatusCode, reason: str, words: str, tmp_path: Path
) -> None:
    its = service(tmp_path, model=doing(statement))
    found = refusal(its, oip.MODEL_INFER, rows(1.0))
    assert (found.code, found.reason) == (code, reason)
    assert words in found.details
    assert predicted(ask(its, oip.MODEL_INFER, rows(1.0, 2.0))) == [1.0, 2.0]


def test_rows_that_do_not_fit_are_the_callers_fault(tmp_path: Path) -> None:
    batch = pa.RecordBatch.from_pydict({"b": [1.0]})
    found = refusal(service(tmp_path), oip.MODEL_INFER, codec.arrow_request("fare", "1", batch).SerializeToString())
    assert (found.code, found.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "input")


def test_a_full_queue_refuses_with_the_setting_that_mends_it(tmp_path: Path) -> None:
    its = service(tmp_path, max_queue=2)
    for _ in range(2):
        its._executor.submit(lambda: None)
    found = refusal(its, oip.MODEL_INFER, rows(1.0))
    assert (found.code, found.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "queue")
    assert "2 requests wait for predict" in found.details
    assert "max_queue in [serving]" in found.details
    its._executor.finish()
    its._executor.run()
    assert predicted(ask(its, oip.MODEL_INFER, rows(1.0))) == [1.0]


def test_only_predictions_wait_in_the_queue(tmp_path: Path) -> None:
    its = service(tmp_path, max_queue=1)
    its._executor.submit(lambda: None)
    assert oip.ModelReadyResponse.FromString(ask(its, oip.MODEL_READY, ready_request())).ready


@pytest.mark.parametrize(("more", "is_refused"), [(0, False), (1, True)])
def test_a_request_is_refused_that_is_a_byte_too_large(more: int, is_refused: bool, tmp_path: Path) -> None:
    its = service(tmp_path, max_request_mb=1)
    request = b"\xff" * (MIB + more)
    found = refusal(its, oip.MODEL_INFER, request)  # of bytes that say nothing; the size is looked at first
    assert found.reason == ("size" if is_refused else "input")
    if is_refused:
        assert found.code is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "accepts up to 1 MiB\n" in found.details


def test_what_a_model_sets_for_its_context_while_it_loads_holds_when_it_predicts(tmp_path: Path) -> None:
    with decimal.localcontext():  # which the model changes for the whole thread
        its = service(tmp_path, model=SETTING_ITS_CONTEXT)
    assert predicted(ask(its, oip.MODEL_INFER, rows(0.0))) == [5.0]

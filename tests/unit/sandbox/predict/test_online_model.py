"""The gateway's client, against a server in this process: order, forms, records, and what failures become."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import numpy as np
import pyarrow as pa
import pytest

from pyml.errors import InputError, OutputError, PymlError, SandboxError
from pyml.inference.describe import Signature
from pyml.inference.runner import Runner
from pyml.inference.worker_info import this_worker
from pyml.oip import codec
from pyml.oip import messages as oip
from pyml.oip.metadata import model_metadata
from pyml.oip.rpc_status import Reason, RpcFailure, failure_of
from pyml.types.schema import Schema
from pyml_sandbox.predict.online import IN_FLIGHT, OnlineError, OnlineModel
from pyml_sandbox.services.remote_spark import RemoteAccess
from support.packages import ECHO, write_package
from support.waiting import wait_for

TENSORS = """
from pyml import Schema, TensorModel

class Model(TensorModel):
    inputs = Schema([("x", "float32", (-1, 2))])
    outputs = Schema([("y", "float32", (-1, 2))])
    def __init__(self, parameters): pass
    def predict(self, tensors): return {"y": tensors["x"] * 2}
"""
TIMEOUT_S = 20
Answer = Callable[[oip.ModelInferRequest], oip.ModelInferResponse]


@pytest.fixture(autouse=True)
def proxy_of_the_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that nobody runs: a client that asks it instead of 127.0.0.1 fails."""
    for name in ("http_proxy", "https_proxy", "grpc_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)


@dataclass
class Server(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc has no types
    """A gateway and the server of one model in one.

    Attributes:
        answer: gives the answer, or raises.
        contract: what its metadata says.
        failure: in place of every answer.
        most: how many requests were under way at the same time, at most.
        cancelled: set once a request was given up by who sent it.
    """

    answer: Answer
    signature: Signature
    failure: RpcFailure | None = None
    under_way: int = 0
    most: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    cancelled: threading.Event = field(default_factory=threading.Event)

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        handlers = {oip.MODEL_INFER: self._infer, oip.MODEL_METADATA: self._metadata}
        return grpc.unary_unary_rpc_method_handler(handlers[details.method])

    def _metadata(self, data: bytes, context: grpc.ServicerContext) -> bytes:
        self._fail(context)
        return model_metadata("fare", "1", self.signature.inputs, self.signature.outputs).SerializeToString()

    def _infer(self, data: bytes, context: grpc.ServicerContext) -> bytes:
        answered = threading.Event()

        def ended() -> None:
            if not answered.is_set():
                self.cancelled.set()

        context.add_callback(ended)
        with self.lock:
            self.under_way += 1
            self.most = max(self.most, self.under_way)
        self._fail(context)
        try:
            answer = self.answer(oip.ModelInferRequest.FromString(data)).SerializeToString()
            answered.set()
            return answer
        except PymlError as error:
            self.failure = failure_of(error)
            self._fail(context)
            raise
        finally:
            with self.lock:
                self.under_way -= 1

    def _fail(self, context: grpc.ServicerContext) -> None:
        if self.failure is not None:
            context.set_trailing_metadata(self.failure.metadata)
            context.abort(self.failure.status, self.failure.details)


@contextmanager
def serving(server: Server, timeout_s: float = TIMEOUT_S) -> Iterator[OnlineModel]:
    """A client of a server that listens on a free port."""
    grpc_server = grpc.server(ThreadPoolExecutor(8), options=[("grpc.so_reuseport", 0)])
    grpc_server.add_generic_rpc_handlers((server,))
    port = grpc_server.add_insecure_port("127.0.0.1:0")
    grpc_server.start()
    try:
        with OnlineModel(f"127.0.0.1:{port}", "fare", "1", server.signature, timeout_s) as model:
            yield model
    finally:
        grpc_server.stop(0).wait()


def server_of(folder: Path, model: str) -> Server:
    """A server that answers as a model's own does."""
    runner = Runner.load(write_package(folder, model=model))
    signature = Signature.of(runner)
    return Server(lambda request: codec.answer(request, runner), signature)


@pytest.fixture
def echo(tmp_path: Path) -> Server:
    return server_of(tmp_path, ECHO)


@pytest.fixture
def doubles(tmp_path: Path) -> Server:
    return server_of(tmp_path, TENSORS)


def batch(*values: float | None) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({"a": pa.array(values, pa.float64())})


# ---- batches


def test_predictions_come_in_the_order_of_the_batches_whichever_is_answered_first(echo: Server) -> None:
    answer, answered = echo.answer, list[float]()

    def later_ones_first(request: oip.ModelInferRequest) -> oip.ModelInferResponse:
        found = answer(request)
        (value,) = codec.read_arrow_response(found).column("a").to_pylist()
        if value == 0:
            wait_for(lambda: sorted(answered) == [1, 2], "the later ones are answered")
        answered.append(value)
        return found

    echo.answer = later_ones_first
    with serving(echo) as model:
        found = [each.column("a").to_pylist() for each in model.predict([batch(float(number)) for number in range(3)])]
    assert found == [[0.0], [1.0], [2.0]]


def test_no_more_than_a_few_requests_are_under_way_and_the_next_batch_is_not_asked_for_before(echo: Server) -> None:
    taken: list[int] = []

    def batches() -> Iterator[pa.RecordBatch]:
        for number in range(20):
            taken.append(number)
            yield batch(float(number))

    with serving(echo) as model:
        predictions = model.predict(batches())
        next(predictions)
        assert len(taken) == IN_FLIGHT
        assert len(list(predictions)) == 19
    assert echo.most <= IN_FLIGHT


def test_no_batches_are_no_requests(echo: Server) -> None:
    with serving(echo) as model:
        assert list(model.predict([])) == []
    assert echo.most == 0


def test_who_stops_listening_gives_up_what_is_under_way(echo: Server) -> None:
    answer, is_free = echo.answer, threading.Event()

    def held(request: oip.ModelInferRequest) -> oip.ModelInferResponse:
        found = answer(request)
        if codec.read_arrow_response(found).column("a").to_pylist() != [0.0]:
            is_free.wait(TIMEOUT_S)
        return found

    echo.answer = held
    with serving(echo) as model:
        predictions = model.predict([batch(0.0), batch(1.0), batch(2.0), batch(3.0)])
        next(predictions)
        wait_for(lambda: echo.under_way == 3, "the others are under way")
        predictions.close()  # type: ignore[attr-defined]  # of a generator
        assert echo.cancelled.wait(TIMEOUT_S)
        is_free.set()


def test_a_record_follows_the_predictions_where_it_is_asked_for_with_who_made_it(echo: Server) -> None:
    with serving(echo) as model:
        (plain,) = model.predict([batch(1.0)])
        assert model.worker is None
        (recorded,) = model.predict([batch(1.0)], recorded=True)
        assert model.worker == this_worker()
    assert plain.schema.names == ["a"]
    assert recorded.schema.names[0] == "a"
    assert len(recorded.schema.names) > 1


# ---- other forms


@pytest.mark.parametrize("is_raw", [True, False])
def test_columns_one_by_one_give_what_arrow_gives(is_raw: bool, echo: Server) -> None:
    rows = batch(1.0, float("nan"), float("-inf"))
    with serving(echo) as model:
        (arrow,) = model.predict([rows])
        assert (
            model.predict_as_columns(rows, is_raw=is_raw).column("a").to_pylist()[::2]
            == arrow.column("a").to_pylist()[::2]
        )


def test_what_columns_cannot_carry_is_refused_before_it_is_sent(echo: Server) -> None:
    with serving(echo) as model, pytest.raises(InputError):
        model.predict_as_columns(batch(None))
    assert echo.most == 0


@pytest.mark.parametrize("is_raw", [True, False])
def test_tensors_go_and_come_by_name(is_raw: bool, doubles: Server) -> None:
    given = {"x": np.array([[1, 2], [3, 4]], dtype="float32")}
    with serving(doubles) as model:
        found = model.predict_tensors(given, is_raw=is_raw)
    assert found["y"].tolist() == [[2, 4], [6, 8]]
    assert found["y"].dtype == np.float32


def test_tensors_that_do_not_fit_the_declared_ones_are_refused_before_they_are_sent(doubles: Server) -> None:
    with serving(doubles) as model, pytest.raises(InputError, match=r"cannot hold 0\.1 \(row 0\)"):
        model.predict_tensors({"x": np.array([[0.5, 0.1]])})
    assert doubles.most == 0


def test_tensors_of_a_different_dtype_are_sent_in_the_declared_one(doubles: Server) -> None:
    with serving(doubles) as model:
        found = model.predict_tensors({"x": np.array([[1, 2]])})
    assert found["y"].tolist() == [[2.0, 4.0]]


def test_batches_of_a_tensor_model_are_lists_on_both_ends(doubles: Server) -> None:
    schema = Schema([("x", "float32", (-1, 2))])
    rows = pa.RecordBatch.from_pylist([{"x": [1.0, 2.0]}], schema.arrow)
    with serving(doubles) as model:
        (found,) = model.predict([rows])
    assert found.to_pylist() == [{"y": [2.0, 4.0]}]


def test_tensors_that_come_back_undeclared_are_an_error_of_the_output(doubles: Server) -> None:
    other = oip.ModelInferResponse(
        outputs=[oip.InferOutputTensor(name="y", datatype="FP64", shape=[1, 2])],
        raw_output_contents=[np.zeros(2).tobytes()],
    )
    doubles.answer = lambda request: other
    with serving(doubles) as model, pytest.raises(OutputError, match="float64"):
        model.predict_tensors({"x": np.zeros((1, 2), dtype="float32")})


def test_what_is_served_says_what_it_takes_and_gives(echo: Server) -> None:
    with serving(echo) as model:
        assert model.served_schemas() == {"inputs": "a DOUBLE", "outputs": "a DOUBLE"}


# ---- failures


def asks_all(model: OnlineModel) -> list[Callable[[], object]]:
    return [
        lambda: list(model.predict([batch(1.0)])),
        lambda: model.predict_as_columns(batch(1.0)),
        model.served_schemas,
    ]


def test_a_failure_is_told_in_the_servers_words_whatever_was_asked(echo: Server) -> None:
    echo.failure = RpcFailure(grpc.StatusCode.UNAVAILABLE, "model fare@1 is starting", Reason.STARTING, "wait")
    with serving(echo) as model:
        for ask in asks_all(model):
            with pytest.raises(SandboxError, match="model fare@1 is starting") as caught:
                ask()
            assert caught.value.hint == "wait"


def test_rows_that_do_not_fit_are_refused_by_the_server(echo: Server) -> None:
    with serving(echo) as model, pytest.raises(OnlineError, match="`a`"):
        list(model.predict([pa.RecordBatch.from_pydict({"a": ["text"]})]))


def test_an_answer_that_does_not_come_in_time_is_an_error_that_says_what_helps(echo: Server) -> None:
    is_free = threading.Event()
    answer = echo.answer

    def held(request: oip.ModelInferRequest) -> oip.ModelInferResponse:
        is_free.wait(TIMEOUT_S)
        return answer(request)

    echo.answer = held
    with serving(echo, timeout_s=0.1) as model:
        with pytest.raises(OnlineError, match="within the deadline"):
            list(model.predict([batch(1.0)]))
        is_free.set()


def test_where_nobody_listens_the_sandbox_is_not_up(echo: Server) -> None:
    model = OnlineModel("127.0.0.1:1", "fare", "1", echo.signature, 5)
    with model, pytest.raises(SandboxError, match="the gateway does not answer") as caught:
        list(model.predict([batch(1.0)]))
    assert caught.value.hint == "pyml dev up"


def test_of_a_gateway_elsewhere_the_address_is_told_and_no_command_of_the_sandbox() -> None:
    signature = Signature("frame", Schema("a DOUBLE"), Schema("a DOUBLE"))
    with (
        OnlineModel("127.0.0.1:9", "fare", "", signature, 5, access=RemoteAccess()) as model,
        pytest.raises(SandboxError, match=r"127\.0\.0\.1:9: the gateway does not answer") as raised,
    ):
        model.default_version()
    assert "clusters.toml" in raised.value.hint

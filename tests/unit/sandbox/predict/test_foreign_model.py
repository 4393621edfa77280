"""How rows go to a server that knows nothing of our schemas, and how its answers come back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
import numpy as np
import pyarrow as pa
import pytest

from pyml.errors import InputError, SandboxError, UsageError
from pyml.oip.messages import (
    MODEL_INFER,
    MODEL_METADATA,
    InferOutputTensor,
    ModelInferRequest,
    ModelInferResponse,
    ModelMetadataRequest,
    ModelMetadataResponse,
)
from pyml.oip.tensor import datatype_of, read_raw, write_raw
from pyml_sandbox.predict.foreign_model import ForeignModel
from pyml_sandbox.predict.online import OnlineError
from pyml_sandbox.services.remote_spark import RemoteAccess
from support.certificates import key_and_certificate

ROWS = pa.RecordBatch.from_pydict({"a": [1.0, 2.0], "n": [3, 4]})
Answer = Callable[[Mapping[str, Any]], Mapping[str, Any]]


class Server(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc has no types
    """A server with one model; keeps what it was asked."""

    def __init__(self, inputs: list[tuple[str, str, list[int]]], answer: Answer) -> None:
        self.inputs, self.answer = inputs, answer
        self.asked: dict[str, Any] = {}
        self.content_type = ""
        self.headers: dict[str, str] = {}

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        self.headers = {key: str(value) for key, value in details.invocation_metadata}
        if details.method == MODEL_METADATA:
            return grpc.unary_unary_rpc_method_handler(self._describe, ModelMetadataRequest.FromString, ModelMetadataResponse.SerializeToString)  # fmt: skip
        if details.method == MODEL_INFER:
            return grpc.unary_unary_rpc_method_handler(self._infer, ModelInferRequest.FromString, ModelInferResponse.SerializeToString)  # fmt: skip
        return None

    def _describe(self, request: ModelMetadataRequest, context: grpc.ServicerContext) -> ModelMetadataResponse:
        if request.name != "fare":
            context.abort(grpc.StatusCode.NOT_FOUND, "no such model")
        response: Any = ModelMetadataResponse(name="fare")
        for name, kind, shape in self.inputs:
            response.inputs.add(name=name, datatype=kind, shape=shape)
        described: ModelMetadataResponse = response
        return described

    def _infer(self, request: ModelInferRequest, context: grpc.ServicerContext) -> ModelInferResponse:
        pairs = zip(request.inputs, request.raw_input_contents, strict=True)
        self.asked = {tensor.name: read_raw(tensor, raw) for tensor, raw in pairs}
        self.content_type = request.parameters["content_type"].string_param
        answered = {name: np.asarray(array) for name, array in self.answer(self.asked).items()}
        outputs = [
            InferOutputTensor(name=name, datatype=datatype_of(array), shape=array.shape)
            for name, array in answered.items()
        ]
        return ModelInferResponse(
            model_name="fare", outputs=outputs, raw_output_contents=[write_raw(each) for each in answered.values()]
        )


@contextmanager
def serving(server: Server, pair: tuple[bytes, bytes] | None = None) -> Iterator[str]:
    """Serve; over TLS with a private key and its certificate."""
    with ThreadPoolExecutor(1) as pool:
        listening = grpc.server(pool, handlers=[server])
        if pair:
            port = listening.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([pair]))
        else:
            port = listening.add_insecure_port("127.0.0.1:0")
        listening.start()
        try:
            yield f"127.0.0.1:{port}"
        finally:
            listening.stop(None).wait()


def asked(server: Server, outputs: tuple[str, ...] = ("fare",), rows: pa.RecordBatch = ROWS) -> pa.RecordBatch:
    with serving(server) as address, ForeignModel(address, "fare", "", rows.schema.names, outputs) as model:
        (answer,) = model.predict([rows])
        return answer


def one(found: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"predict": np.array([[0.5], [1.5]])}


def test_columns_go_under_their_names_in_the_types_and_shapes_that_the_server_takes() -> None:
    server = Server([("n", "FP32", [-1, 1]), ("a", "FP64", [-1])], one)
    assert asked(server).to_pydict() == {"fare": [0.5, 1.5]}
    assert {name: (each.dtype, each.shape) for name, each in server.asked.items()} == {
        "a": (np.dtype("f8"), (2,)),
        "n": (np.dtype("f4"), (2, 1)),
    }
    assert server.content_type == ""


def test_one_tensor_takes_all_columns_in_their_order() -> None:
    server = Server([("input-0", "FP64", [-1, 2])], one)
    asked(server)
    assert server.asked["input-0"].tolist() == [[1.0, 3.0], [2.0, 4.0]]


def test_a_server_that_describes_no_input_gets_the_columns_of_a_frame() -> None:
    server = Server([], one)
    asked(server)
    assert server.content_type == "pd"
    assert {name: each.shape for name, each in server.asked.items()} == {"a": (2, 1), "n": (2, 1)}


def test_one_output_of_several_columns_is_split_in_their_order() -> None:
    server = Server([], lambda found: {"proba": np.array([[0.1, 0.9], [0.2, 0.8]])})
    assert asked(server, ("no", "yes")).to_pydict() == {"no": [0.1, 0.2], "yes": [0.9, 0.8]}


def test_outputs_are_taken_by_name_and_strings_are_read() -> None:
    server = Server([], lambda found: {"more": np.zeros(2), "label": np.array([b"x", b"y"], object), "p": np.ones(2)})
    assert asked(server, ("p", "label")).to_pydict() == {"p": [1.0, 1.0], "label": ["x", "y"]}


@pytest.mark.parametrize(
    ("inputs", "rows"),
    [
        ([("a", "FP64", [-1]), ("n", "INT8", [-1])], {"a": [1.0], "n": [300]}),
        ([("a", "FP32", [-1]), ("n", "INT64", [-1])], {"a": [0.1], "n": [3]}),
        ([("a", "FP32", [-1]), ("n", "FP32", [-1])], {"a": [1.0], "n": [2**24 + 1]}),
        ([("a", "FP64", [-1]), ("n", "BYTES", [-1])], {"a": [1.0], "n": [3]}),
        ([("a", "FP64", [-1]), ("n", "UINT64", [-1])], {"a": [1.0], "n": [-1]}),
    ],
)
def test_a_value_that_the_server_cannot_take_is_refused_here(inputs: list[Any], rows: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="does not hold all its values"):
        asked(Server(inputs, one), rows=pa.RecordBatch.from_pydict(rows))


@pytest.mark.parametrize(
    ("inputs", "answer", "outputs", "words"),
    [
        ([("x", "FP64", [-1]), ("y", "FP64", [-1])], one, ("fare",), "the model takes x, y, and the query gives a, n"),
        ([], one, ("fare", "tip"), "the model answers with predict [2, 1], and the table has fare, tip"),
        ([], lambda found: {"p": np.zeros(2), "q": np.zeros(2)}, ("fare",), "answers with p [2], q [2]"),
        ([], lambda found: {"p": np.zeros(3)}, ("fare",), "for 2 rows the model answers with p [3]"),
        ([], lambda found: {"fare": np.zeros((2, 2))}, ("fare",), "for 2 rows the model answers with fare [2, 2]"),
        ([], lambda found: {"fare": np.zeros(3)}, ("fare",), "for 2 rows the model answers with fare [3]"),
    ],
)
def test_what_fits_neither_side_is_a_fault_of_the_command(
    inputs: list[Any], answer: Answer, outputs: tuple[str, ...], words: str
) -> None:
    with pytest.raises(UsageError) as raised:
        asked(Server(inputs, answer), outputs)
    assert words in raised.value.message


def test_a_model_that_is_not_there_is_told_by_the_server() -> None:
    with (
        serving(Server([], one)) as address,
        ForeignModel(address, "tip", "", ["a"], ["p"]) as model,
        pytest.raises(OnlineError, match=r"tip on .*: no such model"),
    ):
        model.describe()


def test_a_server_that_is_not_there_is_no_fault_of_the_model() -> None:
    with ForeignModel("127.0.0.1:9", "fare", "", ["a"], ["p"]) as gone, pytest.raises(SandboxError, match="no server"):
        gone.describe()


def test_a_token_goes_with_each_call() -> None:
    server = Server([], one)
    access = RemoteAccess(token="secret")
    with serving(server) as address, ForeignModel(address, "fare", "", ["a"], ["fare"], access) as model:
        list(model.predict([ROWS.select(["a"])]))
    assert server.headers["authorization"] == "Bearer secret"


def test_over_tls_the_token_goes_to_a_server_whose_certificate_is_trusted_alone() -> None:
    server, pair = Server([], one), key_and_certificate("127.0.0.1")
    trusting = RemoteAccess(tls=True, certificates=pair[1], token="secret")
    with serving(server, pair) as address:
        with ForeignModel(address, "fare", "", ["a"], ["fare"], trusting) as model:
            list(model.predict([ROWS.select(["a"])]))
        assert server.headers["authorization"] == "Bearer secret"
        server.headers = {}
        stranger = RemoteAccess(tls=True, certificates=key_and_certificate("127.0.0.1")[1], token="secret")
        with (
            ForeignModel(address, "fare", "", ["a"], ["fare"], stranger) as model,
            pytest.raises(SandboxError, match="no server answers"),
        ):
            model.describe()
    assert server.headers == {}

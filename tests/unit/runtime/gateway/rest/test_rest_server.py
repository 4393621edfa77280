"""The REST form: what each path asks of the model server, and which status an answer and a failure get."""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import cast

import grpc
import numpy as np
import pytest
from aiohttp.test_utils import TestClient, TestServer

from pyml.gateway.balancer import LoadBalancer
from pyml.gateway.channel import Forwarded
from pyml.gateway.replica import Replica
from pyml.gateway.repository import ON_REQUEST
from pyml.gateway.request_counter import RequestCounter
from pyml.gateway.rest.rest_server import AUTO_DECOMPRESS, RestService
from pyml.gateway.routes_file import Route
from pyml.gateway.telemetry.metrics_page import MetricsPage
from pyml.gateway.telemetry.observer import Observer
from pyml.oip import messages as oip
from pyml.oip.rpc_status import Reason, RpcFailure, RpcFailureError
from pyml.oip.tensor import write_raw

FARE = "/v2/models/fare"
BODY = {"inputs": [{"name": "a", "datatype": "FP64", "shape": [2], "data": [1.0, 2.5]}]}
ANSWER = oip.ModelInferResponse(
    model_name="fare",
    model_version="1",
    outputs=[oip.InferOutputTensor(name="p", datatype="FP64", shape=[2])],
    raw_output_contents=[write_raw(np.array([0.5, 0.25]))],
)


@dataclass
class FakeUpstream:
    """Model servers that give one answer, or raise one error; and what they were asked."""

    answer: bytes | BaseException = b""
    asked: list[tuple[str, str, str, bytes]] = field(default_factory=list)
    on_request: bool = False

    def find(self, model: str, version: str) -> Route:
        if model != "fare":
            raise RpcFailureError(
                RpcFailure(grpc.StatusCode.NOT_FOUND, f"model {model} is not deployed", Reason.UNKNOWN)
            )
        return Route(model, version or "1", (Replica("/s", "model-fare-1"),), self.on_request)

    def routes(self) -> list[Route]:
        return [self.find("fare", version) for version in ("1", "2")]

    async def ask(self, request: Forwarded) -> bytes:
        return await self.call(request)

    async def call(self, request: Forwarded) -> bytes:
        self.asked.append((request.route.model, request.route.version, request.method, request.message))
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer


@dataclass(frozen=True)
class Reply:
    status: int
    body: bytes
    headers: Mapping[str, str]

    @property
    def json(self) -> dict[str, object]:
        document: dict[str, object] = json.loads(self.body)
        return document


def sent(
    upstream: FakeUpstream, method: str, path: str, data: bytes = b"", headers: Mapping[str, str] | None = None
) -> Reply:
    """The reply to one request of a service that reads bodies of up to half a MiB."""

    async def asked() -> Reply:
        application = RestService(cast(LoadBalancer, upstream), 512 * 1024, Observer()).application()
        server = TestServer(application)
        await server.start_server(auto_decompress=AUTO_DECOMPRESS)
        async with TestClient(server) as client:
            response = await client.request(method, path, data=data, headers=headers)
            return Reply(response.status, await response.read(), response.headers)

    return asyncio.run(asked())


def inferred(upstream: FakeUpstream, document: object = BODY, path: str = f"{FARE}/infer") -> Reply:
    return sent(upstream, "POST", path, json.dumps(document).encode())


def failing(code: grpc.StatusCode, reason: str) -> FakeUpstream:
    return FakeUpstream(RpcFailureError(RpcFailure(code, "what went wrong", Reason(reason))))


@pytest.mark.parametrize(("path", "document"), [("live", {"live": True}), ("ready", {"ready": True})])
def test_the_gateway_answers_for_itself_without_a_model(path: str, document: Mapping[str, object]) -> None:
    upstream = FakeUpstream()
    assert sent(upstream, "GET", f"/v2/health/{path}").json == document
    assert sent(upstream, "GET", "/v2").json["name"] == "pyml gateway"
    assert not upstream.asked


@pytest.mark.parametrize(("ready", "status"), [(True, 200), (False, 503)])
def test_whether_a_model_is_ready_is_in_the_status_too(ready: bool, status: int) -> None:
    upstream = FakeUpstream(oip.ModelReadyResponse(ready=ready).SerializeToString())
    reply = sent(upstream, "GET", f"{FARE}/ready")
    assert (reply.status, reply.json) == (status, {"name": "fare", "ready": ready})


@pytest.mark.parametrize(("path", "version"), [(FARE, ""), (f"{FARE}/versions/7", "7")])
def test_a_version_in_the_path_is_the_one_that_is_asked(path: str, version: str) -> None:
    upstream = FakeUpstream(oip.ModelReadyResponse(ready=True).SerializeToString())
    sent(upstream, "GET", f"{path}/ready")
    (model, routed, method, request), *_ = upstream.asked
    assert (model, routed, method) == ("fare", version or "1", oip.MODEL_READY)
    assert oip.ModelReadyRequest.FromString(request) == oip.ModelReadyRequest(name="fare", version=version)


def test_metadata_of_a_model_is_told_as_it_declares_it() -> None:
    tensor = oip.TensorMetadata(name="a", datatype="FP64", shape=[-1, 2])
    found = oip.ModelMetadataResponse(name="fare", versions=["1"], platform="pyml", inputs=[tensor])
    reply = sent(FakeUpstream(found.SerializeToString()), "GET", FARE)
    assert reply.json == {
        "name": "fare", "versions": ["1"], "platform": "pyml", "outputs": [], "properties": {},
        "inputs": [{"name": "a", "datatype": "FP64", "shape": [-1, 2]}],
    }  # fmt: skip


def test_rows_are_passed_on_and_the_answer_comes_back_as_json() -> None:
    upstream = FakeUpstream(ANSWER.SerializeToString())
    reply = inferred(upstream)
    assert reply.status == 200
    assert reply.json["outputs"] == [{"name": "p", "datatype": "FP64", "shape": [2], "data": [0.5, 0.25]}]
    request = oip.ModelInferRequest.FromString(upstream.asked[0][3])
    assert request.model_name == "fare"
    assert list(request.raw_input_contents) == [write_raw(np.array([1.0, 2.5]))]


def test_an_answer_in_binary_says_how_much_of_it_is_json() -> None:
    document = {**BODY, "outputs": [{"name": "p", "parameters": {"binary_data": True}}]}
    reply = inferred(FakeUpstream(ANSWER.SerializeToString()), document)
    size = int(reply.headers[oip.JSON_SIZE_HEADER])
    assert reply.headers["Content-Type"] == "application/octet-stream"
    assert json.loads(reply.body[:size])["outputs"][0]["parameters"] == {"binary_data_size": 16}
    assert reply.body[size:] == ANSWER.raw_output_contents[0]


def test_binary_rows_begin_where_the_header_says() -> None:
    tensor = {"name": "a", "datatype": "FP64", "shape": [2], "parameters": {"binary_data_size": 16}}
    text, raw = json.dumps({"inputs": [tensor]}).encode(), write_raw(np.array([1.0, 2.5]))
    upstream = FakeUpstream(ANSWER.SerializeToString())
    reply = sent(upstream, "POST", f"{FARE}/infer", text + raw, {oip.JSON_SIZE_HEADER: str(len(text))})
    assert reply.status == 200
    assert list(oip.ModelInferRequest.FromString(upstream.asked[0][3]).raw_input_contents) == [raw]


@pytest.mark.parametrize("size", ["-1", "many", "1.5", "", "9999", pytest.param("9" * 5000, id="5,000 digits")])
def test_a_header_that_cannot_be_true_is_refused(size: str) -> None:
    upstream = FakeUpstream()
    reply = sent(upstream, "POST", f"{FARE}/infer", json.dumps(BODY).encode(), {oip.JSON_SIZE_HEADER: size})
    assert reply.status == 400
    assert f"is {size[:20]!r}" in str(reply.json["error"])
    assert not upstream.asked


STATUS = [
    (grpc.StatusCode.INVALID_ARGUMENT, "input", 400),
    (grpc.StatusCode.NOT_FOUND, "unknown", 404),
    (grpc.StatusCode.RESOURCE_EXHAUSTED, "queue", 429),
    (grpc.StatusCode.RESOURCE_EXHAUSTED, "size", 413),
    (grpc.StatusCode.CANCELLED, "grpc", 499),
    (grpc.StatusCode.UNIMPLEMENTED, "grpc", 501),
    (grpc.StatusCode.UNAVAILABLE, "down", 503),
    (grpc.StatusCode.DEADLINE_EXCEEDED, "grpc", 504),
    (grpc.StatusCode.UNKNOWN, "model", 500),
    (grpc.StatusCode.INTERNAL, "output", 500),
]


@pytest.mark.parametrize(("code", "reason", "status"), STATUS)
def test_each_failure_has_its_status(code: grpc.StatusCode, reason: str, status: int) -> None:
    reply = inferred(failing(code, reason))
    assert (reply.status, reply.json) == (status, {"error": "what went wrong"})
    assert "Retry-After" not in reply.headers


def test_who_asks_a_server_that_starts_is_told_to_come_again() -> None:
    reply = inferred(failing(grpc.StatusCode.UNAVAILABLE, "starting"))
    assert (reply.status, reply.headers["Retry-After"]) == (503, "1")


def test_a_model_that_is_not_deployed_is_not_found() -> None:
    reply = inferred(FakeUpstream(), path="/v2/models/none/infer")
    assert (reply.status, reply.json) == (404, {"error": "model none is not deployed"})


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"inputs": 1}'])
def test_a_body_of_another_form_is_refused_before_anybody_is_asked(body: bytes) -> None:
    upstream = FakeUpstream()
    reply = sent(upstream, "POST", f"{FARE}/infer", body)
    assert reply.status == 400
    assert reply.json["error"]
    assert not upstream.asked


NO_COMPRESSION = {
    "plain": json.dumps(BODY).encode(),
    "cut": gzip.compress(json.dumps(BODY).encode() * 99)[:50],
    "header alone": b"\x1f\x8b",
}


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
@pytest.mark.parametrize("body", NO_COMPRESSION.values(), ids=NO_COMPRESSION)
def test_a_body_that_is_not_in_its_encoding_is_the_callers_fault(encoding: str, body: bytes) -> None:
    upstream = FakeUpstream()
    reply = sent(upstream, "POST", f"{FARE}/infer", body, {"Content-Encoding": encoding})
    assert (reply.status, reply.headers["pyml-reason"]) == (400, "input")
    assert f"the body is not {encoding}" in str(reply.json["error"])
    assert not upstream.asked


@pytest.mark.parametrize("encoding", ["snappy", "br"])
def test_an_encoding_that_is_not_supported_is_said(encoding: str) -> None:
    reply = sent(FakeUpstream(), "POST", f"{FARE}/infer", b"abc", {"Content-Encoding": encoding})
    assert reply.status == 400
    assert "send the body plain, or as gzip or deflate" in str(reply.json["error"])


def without_header(body: bytes) -> bytes:
    raw = zlib.compressobj(wbits=-15)
    return raw.compress(body) + raw.flush()


@pytest.mark.parametrize(
    ("encoding", "compressed"),
    [
        ("gzip", gzip.compress),
        ("x-gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", without_header),
        ("identity", bytes),
    ],
)
def test_a_compressed_body_is_read(encoding: str, compressed: Callable[[bytes], bytes]) -> None:
    upstream = FakeUpstream(ANSWER.SerializeToString())
    body = compressed(json.dumps(BODY).encode())
    assert sent(upstream, "POST", f"{FARE}/infer", body, {"Content-Encoding": encoding}).status == 200


@pytest.mark.parametrize("cut", [1, 9, 30])
def test_a_compressed_body_that_is_cut_is_refused(cut: int) -> None:
    body = gzip.compress(json.dumps(BODY).encode() + b" " * 1000)[:-cut]
    reply = sent(FakeUpstream(ANSWER.SerializeToString()), "POST", f"{FARE}/infer", body, {"Content-Encoding": "gzip"})
    assert reply.status == 400
    assert "the body is not gzip" in str(reply.json["error"])


def test_the_limit_counts_what_is_unpacked() -> None:
    body = gzip.compress(b" " * 600_000)
    reply = sent(FakeUpstream(), "POST", f"{FARE}/infer", body, {"Content-Encoding": "gzip"})
    assert (reply.status, reply.headers["pyml-reason"]) == (413, "size")


def test_an_answer_that_json_cannot_say_is_refused_with_its_output() -> None:
    answer = oip.ModelInferResponse.FromString(ANSWER.SerializeToString())
    answer.raw_output_contents[0] = write_raw(np.array([0.5, float("nan")]))
    reply = inferred(FakeUpstream(answer.SerializeToString()))
    assert reply.status == 400
    assert "`p`" in str(reply.json["error"])


def test_a_body_over_the_limit_is_refused_with_the_limit() -> None:
    reply = sent(FakeUpstream(), "POST", f"{FARE}/infer", b" " * 600_000)
    assert reply.status == 413
    assert "larger than 0.5 MiB\n  fix: send fewer rows" in str(reply.json["error"])


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/v3", 404), ("GET", f"{FARE}/infer", 405)])
def test_a_path_that_is_not_the_protocols_is_refused_by_name(method: str, path: str, status: int) -> None:
    reply = sent(FakeUpstream(), method, path)
    assert reply.status == status
    assert str(reply.json["error"]).startswith(f"{method} {path}: ")


def test_an_error_of_our_own_is_an_answer_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    reply = inferred(FakeUpstream(RuntimeError("what is this")))
    assert (reply.status, reply.json) == (500, {"error": "RuntimeError: what is this"})
    assert "what is this" in caplog.text


@pytest.mark.parametrize("body", [b"", b"{}", b'{"ready": null}'])
def test_the_index_lists_every_version(body: bytes) -> None:
    upstream = FakeUpstream(oip.ModelReadyResponse(ready=True).SerializeToString())
    reply = sent(upstream, "POST", "/v2/repository/index", body)
    assert json.loads(reply.body) == [
        {"name": "fare", "version": version, "state": "READY", "reason": ""} for version in ("1", "2")
    ]


@pytest.mark.parametrize(
    ("reason", "on_request", "state"),
    [("starting", False, "UNAVAILABLE"), ("down", True, "READY"), ("died", True, "UNAVAILABLE")],
)
def test_a_version_is_ready_if_a_request_would_be_answered(reason: str, on_request: bool, state: str) -> None:
    upstream = FakeUpstream(RpcFailureError(RpcFailure(grpc.StatusCode.UNAVAILABLE, "why", Reason(reason))))
    upstream.on_request = on_request
    entry = json.loads(sent(upstream, "POST", "/v2/repository/index", b"{}").body)[0]
    assert (entry["state"], entry["reason"]) == (state, ON_REQUEST if state == "READY" else "why")
    assert json.loads(sent(upstream, "POST", "/v2/repository/index", b'{"ready": true}').body) == [] or state == "READY"


def test_a_request_for_the_index_that_makes_no_sense_is_refused() -> None:
    reply = sent(FakeUpstream(), "POST", "/v2/repository/index", b'{"ready": 1}')
    assert (reply.status, "ready is a number" in str(reply.json["error"])) == (400, True)


def test_openapi_describes_every_path_and_method_and_no_other() -> None:
    document = json.loads(sent(FakeUpstream(), "GET", "/openapi.json").body)
    described = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    observer = Observer()
    page = MetricsPage(observer, list, RequestCounter())
    application = RestService(cast(LoadBalancer, FakeUpstream()), 1, observer, page).application()
    resources = ((route.method, route.resource) for route in application.router.routes())
    offered = {(method, resource.canonical) for method, resource in resources if resource is not None}
    assert described == {(method, path) for method, path in offered if method != "HEAD"}

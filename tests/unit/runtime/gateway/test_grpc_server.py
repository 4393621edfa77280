"""The gRPC form on a real port, with model servers that are made up: refusals, and what is left of refused requests."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

import grpc
import pytest

from pyml.gateway.balancer import LoadBalancer
from pyml.gateway.channel import Channel, Forwarded
from pyml.gateway.grpc_server import add_services
from pyml.gateway.replica import Replica
from pyml.gateway.request_counter import RequestCount
from pyml.gateway.routes_file import Route
from pyml.gateway.telemetry.observer import Observer
from pyml.oip import messages as oip
from pyml.oip.rpc_status import Reason, RpcFailure, RpcFailureError, failure_in

LIMIT = 4 * 2**20
OPTIONS = [("grpc.enable_http_proxy", 0), ("grpc.max_send_message_length", -1)]


def unknown() -> None:
    raise RpcFailureError(RpcFailure(grpc.StatusCode.NOT_FOUND, "model x is not deployed", Reason.UNKNOWN))


@dataclass(frozen=True)
class NoModel:
    """Every model is deployed, and its server is down; unless finding it raises."""

    found: Callable[[], None] = lambda: None

    def find(self, model: str, version: str) -> Route:
        self.found()
        return Route(model, version, (Replica("/nowhere", "model-x-1"),))

    async def call(self, request: Forwarded) -> bytes:
        channel = Channel(request.route.replicas[0], RequestCount())
        try:
            return await channel.ask(request)
        finally:
            await channel.close(0)


def refusals(
    requests: Sequence[bytes], method: str = oip.MODEL_INFER, balancer: NoModel | None = None
) -> list[RpcFailure | None]:
    """The failures of requests, sent one after another."""

    def sent(port: int) -> list[RpcFailure | None]:
        with grpc.insecure_channel(f"127.0.0.1:{port}", options=OPTIONS) as channel:
            calls = (channel.unary_unary(method).future(request, timeout=30) for request in requests)
            return [failure_in(call.exception()) for call in calls]

    async def asked() -> list[RpcFailure | None]:
        server = grpc.aio.server(options=[("grpc.max_receive_message_length", 4 * LIMIT)])
        await add_services(server, cast(LoadBalancer, balancer or NoModel()), LIMIT, Observer())
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        found = await asyncio.to_thread(sent, port)
        await server.stop(0)
        return found

    return asyncio.run(asked())


@contextmanager
def no_collection() -> Iterator[None]:
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        yield
    finally:
        tracemalloc.stop()
        gc.enable()


def infer(size_bytes: int) -> bytes:
    return oip.ModelInferRequest(model_name="x", raw_input_contents=[bytes(size_bytes)]).SerializeToString()


REFUSED: dict[str, tuple[str, Callable[[], None], bytes, str]] = {
    "unknown": (oip.MODEL_INFER, unknown, infer(LIMIT // 2), "unknown"),
    "down": (oip.MODEL_INFER, lambda: None, infer(LIMIT // 2), "down"),
    "no message": (oip.MODEL_INFER, lambda: None, b"\xff" * (LIMIT // 2), "input"),
    "too large": (oip.MODEL_INFER, lambda: None, infer(LIMIT * 2), "size"),
    "not offered": ("/inference.GRPCInferenceService/ModelConfig", lambda: None, infer(LIMIT // 2), "input"),
    "index": (oip.REPOSITORY_INDEX, lambda: None, b"\xff" * (LIMIT // 2), "input"),
}


@pytest.mark.parametrize(("method", "found", "request_", "reason"), REFUSED.values(), ids=REFUSED)
def test_a_refused_request_says_why_and_leaves_nothing_in_memory(
    method: str, found: Callable[[], None], request_: bytes, reason: str
) -> None:
    with no_collection():
        refusals([request_], method, NoModel(found))
        before, _ = tracemalloc.get_traced_memory()
        failures = refusals([request_] * 6, method, NoModel(found))
        after, _ = tracemalloc.get_traced_memory()
    assert [failure and failure.reason for failure in failures] == [reason] * 6
    assert after - before < len(request_)


def test_an_error_of_our_own_has_its_reason_too_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> None:
        raise RuntimeError("what is this")

    (failure,) = refusals([infer(1)], balancer=NoModel(broken))
    assert failure is not None
    assert (failure.reason, failure.message) == (Reason.BUG, "RuntimeError: what is this")
    assert "what is this" in caplog.text

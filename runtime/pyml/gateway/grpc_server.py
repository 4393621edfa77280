"""The gateway's gRPC server: requests that name a model are forwarded unparsed, the rest is answered here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import NoReturn

import grpc

from pyml.gateway.balancer import LoadBalancer
from pyml.oip import messages as oip
from pyml.oip.metadata import server_metadata
from pyml.oip.rpc_status import Reason, RpcFailure, RpcFailureError

_FORWARDED = (oip.MODEL_INFER, oip.MODEL_READY, oip.MODEL_METADATA)
EXTENSIONS = ("binary_tensor_data",)


class GatewayService(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc has no types
    """Answers the protocol's methods.

    Args:
        balancer: the model servers.
    """

    def __init__(self, balancer: LoadBalancer) -> None:
        self._balancer = balancer
        live = oip.ServerLiveResponse(live=True)
        ready = oip.ServerReadyResponse(ready=True)
        self._handlers = {
            oip.SERVER_LIVE: _handler(partial(_constant, live.SerializeToString())),
            oip.SERVER_READY: _handler(partial(_constant, ready.SerializeToString())),
            oip.SERVER_METADATA: _handler(
                partial(_constant, server_metadata("pyml gateway", EXTENSIONS).SerializeToString())
            ),
            **{method: _handler(partial(self._forward, method)) for method in _FORWARDED},
        }

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        """Choose the handler of a call."""
        return self._handlers.get(details.method)

    async def _forward(self, method: str, request: bytes, context: grpc.aio.ServicerContext) -> bytes:
        try:
            name, version = asked_model(request)
            route = self._balancer.find(name, version)
            return await self._balancer.call(route, method, request, context.time_remaining())
        except RpcFailureError as error:
            await _abort(context, error.failure)


def asked_model(request: bytes) -> tuple[str, str]:
    """Name and version of the model that a request asks for.

    In every request message that names a model these are fields 1 and 2. Parsing it as the smallest of these messages
    skips all other fields without decoding them (2 µs for 80 kB of rows).

    Raises:
        RpcFailureError: the bytes are not a message.
    """
    try:
        asked = oip.ModelReadyRequest.FromString(request)
    except oip.DecodeError as error:
        problem = f"the request is not a message of the protocol: {error}"
        raise RpcFailureError(RpcFailure(grpc.StatusCode.INVALID_ARGUMENT, problem, Reason.INPUT)) from error
    return asked.name, asked.version


def _handler(behaviour: Callable[[bytes, grpc.aio.ServicerContext], Awaitable[bytes]]) -> grpc.RpcMethodHandler:
    return grpc.unary_unary_rpc_method_handler(behaviour)


async def _constant(answer: bytes, _request: bytes, _context: grpc.aio.ServicerContext) -> bytes:
    return answer


async def _abort(context: grpc.aio.ServicerContext, failure: RpcFailure) -> NoReturn:
    await context.abort(failure.status, failure.details, failure.metadata)
    raise AssertionError("abort returned")  # it never does; grpc has no types that say so

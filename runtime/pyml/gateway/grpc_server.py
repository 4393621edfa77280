"""The gateway's gRPC server: requests that name a model are forwarded unparsed, the rest is answered here.

gRPC's health checking (`grpc.health.v1`) and reflection are those of gRPC's own packages.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from functools import partial

import grpc
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool

from pyml.gateway.balancer import LoadBalancer
from pyml.gateway.repository import index
from pyml.gateway.statistics import statistics
from pyml.oip import messages as oip
from pyml.oip.metadata import server_metadata
from pyml.oip.rpc_status import Reason, RpcFailure, RpcFailureError, failure_of, too_large

log = logging.getLogger("pyml.gateway")

_Behaviour = Callable[[bytes, float | None], Awaitable[bytes]]
"""Answers a serialised request, given the seconds that the caller still waits; raises RpcFailureError."""
_FORWARDED = (oip.MODEL_INFER, oip.MODEL_READY, oip.MODEL_METADATA)
EXTENSIONS = ("binary_tensor_data", "model_repository(index)", "statistics")


async def add_services(server: grpc.aio.Server, balancer: LoadBalancer, max_request_bytes: int) -> None:
    """Add the protocol's service, health checking and reflection to a server that is not started.

    Args:
        server: the server.
        balancer: the model servers.
        max_request_bytes: size of the largest accepted request.
    """
    from grpc_health.v1 import health, health_pb2, health_pb2_grpc
    from grpc_reflection.v1alpha import reflection, reflection_pb2

    checks = health.aio.HealthServicer()
    for service in ("", oip.SERVICE):
        await checks.set(service, health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(checks, server)
    names = (oip.SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME)
    reflection.enable_server_reflection(
        names, server, pool=_pool(oip.FILE, health_pb2.DESCRIPTOR, reflection_pb2.DESCRIPTOR)
    )
    server.add_generic_rpc_handlers(
        (GatewayService(balancer, max_request_bytes),)
    )  # last, since it answers every method


def _pool(*files: FileDescriptor) -> DescriptorPool:
    """One pool of all files: that of `pyml.oip.messages` holds its own alone."""
    pool = DescriptorPool()
    for file in files:
        proto = FileDescriptorProto()
        file.CopyToProto(proto)
        pool.Add(proto)
    return pool


class GatewayService(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc has no types
    """Answers the protocol's methods.

    Args:
        balancer: the model servers.
        max_request_bytes: size of the largest accepted request.
    """

    def __init__(self, balancer: LoadBalancer, max_request_bytes: int) -> None:
        self._balancer = balancer
        self._max_request_bytes = max_request_bytes
        live = oip.ServerLiveResponse(live=True)
        ready = oip.ServerReadyResponse(ready=True)
        metadata = server_metadata("pyml gateway", EXTENSIONS)
        behaviours: dict[str, _Behaviour] = {
            oip.SERVER_LIVE: partial(_constant, live.SerializeToString()),
            oip.SERVER_READY: partial(_constant, ready.SerializeToString()),
            oip.SERVER_METADATA: partial(_constant, metadata.SerializeToString()),
            oip.REPOSITORY_INDEX: self._index,
            oip.MODEL_STATISTICS: self._statistics,
            **{method: partial(self._forward, method) for method in _FORWARDED},
        }
        self._handlers = {method: self._handler(behaviour) for method, behaviour in behaviours.items()}

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        """Choose the handler of a call; a method that is not offered is refused."""
        return self._handlers.get(details.method) or self._handler(partial(_not_offered, details.method))

    def _handler(self, behaviour: _Behaviour) -> grpc.RpcMethodHandler:
        return grpc.unary_unary_rpc_method_handler(partial(_answered, behaviour, self._max_request_bytes))

    async def _index(self, request: bytes, _timeout_s: float | None) -> bytes:
        try:
            wanted = oip.RepositoryIndexRequest.FromString(request)
        except oip.DecodeError as error:
            raise RpcFailureError(_no_message(error)) from error
        return (await index(self._balancer, wanted)).SerializeToString()

    async def _statistics(self, request: bytes, _timeout_s: float | None) -> bytes:
        try:
            wanted = oip.ModelStatisticsRequest.FromString(request)
        except oip.DecodeError as error:
            raise RpcFailureError(_no_message(error)) from error
        return (await statistics(self._balancer, wanted)).SerializeToString()

    async def _forward(self, method: str, request: bytes, timeout_s: float | None) -> bytes:
        route = self._balancer.find(*asked_model(request))
        return await self._balancer.call(route, method, request, timeout_s)


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
        raise RpcFailureError(_no_message(error)) from error
    return asked.name, asked.version


def _no_message(error: oip.DecodeError) -> RpcFailure:
    problem = f"the request is not a message of the protocol: {error}"
    return RpcFailure(grpc.StatusCode.INVALID_ARGUMENT, problem, Reason.INPUT)


async def _constant(answer: bytes, _request: bytes, _timeout_s: float | None) -> bytes:
    return answer


async def _not_offered(method: str, _request: bytes, _timeout_s: float | None) -> bytes:
    message = f"the gateway does not offer {method}"
    hint = "docs/reference/serving.md lists what it offers"
    raise RpcFailureError(RpcFailure(grpc.StatusCode.UNIMPLEMENTED, message, Reason.INPUT, hint))


async def _answered(
    behaviour: _Behaviour, max_bytes: int, request: bytes, context: grpc.aio.ServicerContext
) -> bytes | None:
    outcome = await _outcome(behaviour, max_bytes, request, context.time_remaining())
    if isinstance(outcome, bytes):
        return outcome
    # gRPC keeps the exception that ends a call, and with it this frame, in a cycle with the context: without this line
    # a refused request stays in memory until Python's cycle collector runs.
    del request
    await context.abort(outcome.status, outcome.details, outcome.metadata)
    return None


async def _outcome(
    behaviour: _Behaviour, max_bytes: int, request: bytes, timeout_s: float | None
) -> bytes | RpcFailure:
    if len(request) > max_bytes:
        return too_large(max_bytes).failure
    try:
        return await behaviour(request, timeout_s)
    except RpcFailureError as error:
        return error.failure
    except Exception as error:
        log.exception("a request failed")
        return failure_of(error)

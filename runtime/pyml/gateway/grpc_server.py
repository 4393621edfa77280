"""The gateway's gRPC server: requests that name a model are forwarded unparsed, the rest is answered here.

gRPC's health checking (`grpc.health.v1`) and reflection are those of gRPC's own packages.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import NoReturn

import grpc
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool

from pyml.gateway.balancer import LoadBalancer
from pyml.gateway.repository import index
from pyml.oip import messages as oip
from pyml.oip.metadata import server_metadata
from pyml.oip.rpc_status import Reason, RpcFailure, RpcFailureError

_FORWARDED = (oip.MODEL_INFER, oip.MODEL_READY, oip.MODEL_METADATA)
EXTENSIONS = ("binary_tensor_data", "model_repository(index)")


async def add_services(server: grpc.aio.Server, balancer: LoadBalancer) -> None:
    """Add the protocol's service, health checking and reflection to a server that is not started."""
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
    server.add_generic_rpc_handlers((GatewayService(balancer),))  # last, since it answers every method


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
            oip.REPOSITORY_INDEX: _handler(self._index),
            **{method: _handler(partial(self._forward, method)) for method in _FORWARDED},
        }

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        """Choose the handler of a call; a method that is not offered is refused."""
        return self._handlers.get(details.method) or _handler(partial(_not_offered, details.method))

    async def _index(self, request: bytes, context: grpc.aio.ServicerContext) -> bytes:
        try:
            wanted = oip.RepositoryIndexRequest.FromString(request)
        except oip.DecodeError as error:
            await _abort(context, _no_message(error))
        return (await index(self._balancer, wanted)).SerializeToString()

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
        raise RpcFailureError(_no_message(error)) from error
    return asked.name, asked.version


def _no_message(error: oip.DecodeError) -> RpcFailure:
    problem = f"the request is not a message of the protocol: {error}"
    return RpcFailure(grpc.StatusCode.INVALID_ARGUMENT, problem, Reason.INPUT)


def _handler(behaviour: Callable[[bytes, grpc.aio.ServicerContext], Awaitable[bytes]]) -> grpc.RpcMethodHandler:
    return grpc.unary_unary_rpc_method_handler(behaviour)


async def _constant(answer: bytes, _request: bytes, _context: grpc.aio.ServicerContext) -> bytes:
    return answer


async def _not_offered(method: str, _request: bytes, context: grpc.aio.ServicerContext) -> bytes:
    message = f"the gateway does not offer {method}"
    hint = "docs/reference/serving.md lists what it offers"
    await _abort(context, RpcFailure(grpc.StatusCode.UNIMPLEMENTED, message, Reason.INPUT, hint))


async def _abort(context: grpc.aio.ServicerContext, failure: RpcFailure) -> NoReturn:
    await context.abort(failure.status, failure.details, failure.metadata)
    raise AssertionError("abort returned")  # it never does; grpc has no types that say so

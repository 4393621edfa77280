"""The gateway's gRPC server: requests that name a model are forwarded unparsed, the rest is answered here.

gRPC's health checking (`grpc.health.v1`) and reflection are those of gRPC's own packages.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial

import grpc
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool

from pyml.gateway.balancer import LoadBalancer
from pyml.gateway.channel import Forwarded
from pyml.gateway.repository import index
from pyml.gateway.statistics import statistics
from pyml.gateway.telemetry.observed_request import ObservedRequest
from pyml.gateway.telemetry.observer import GONE, Observer
from pyml.inference.request_times import REQUEST_ID_KEY
from pyml.oip import messages as oip
from pyml.oip.metadata import server_metadata
from pyml.oip.rpc_status import Reason, RpcFailure, RpcFailureError, failure_of, too_large

log = logging.getLogger("pyml.gateway")

_Behaviour = Callable[[bytes, float | None, ObservedRequest], Awaitable[bytes]]
"""Answers a serialised request, given the seconds that the caller still waits; raises RpcFailureError."""
_FORWARDED = (oip.MODEL_INFER, oip.MODEL_READY, oip.MODEL_METADATA)
_OK = grpc.StatusCode.OK.name
EXTENSIONS = ("binary_tensor_data", "model_repository(index)", "statistics")


async def add_services(
    server: grpc.aio.Server, balancer: LoadBalancer, max_request_bytes: int, observer: Observer
) -> None:
    """Add the protocol's service, health checking and reflection to a server that is not started.

    Args:
        server: the server.
        balancer: the model servers.
        max_request_bytes: size of the largest accepted request.
        observer: watches the requests.
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
        (GatewayService(balancer, max_request_bytes, observer),)
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
        observer: watches the requests.
    """

    def __init__(self, balancer: LoadBalancer, max_request_bytes: int, observer: Observer) -> None:
        self._balancer = balancer
        self._observer = observer
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
        self._handlers = {method: self._handler(method, behaviour) for method, behaviour in behaviours.items()}

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        """Choose the handler of a call; a method that is not offered is refused."""
        method = details.method
        return self._handlers.get(method) or self._handler(method, partial(_not_offered, method))

    def _handler(self, method: str, behaviour: _Behaviour) -> grpc.RpcMethodHandler:
        return grpc.unary_unary_rpc_method_handler(partial(self._answered, method, behaviour))

    async def _answered(
        self, method: str, behaviour: _Behaviour, request: bytes, context: grpc.aio.ServicerContext
    ) -> bytes | None:
        observed = ObservedRequest.of_metadata(method, context.invocation_metadata(), len(request))
        outcome = await self._outcome(method, behaviour, request, context.time_remaining(), observed)
        if isinstance(outcome, bytes):
            if observed.has_id:  # a new one would name nothing that is written anywhere, and metadata takes 3 %
                context.set_trailing_metadata(((REQUEST_ID_KEY, observed.id),))
            return outcome
        # gRPC keeps the exception that ends a call, and with it this frame, in a cycle with the context: without this
        # line a refused request stays in memory until Python's cycle collector runs.
        del request
        await context.abort(outcome.status, outcome.details, (*outcome.metadata, (REQUEST_ID_KEY, observed.id)))
        return None

    async def _outcome(
        self, method: str, behaviour: _Behaviour, request: bytes, timeout_s: float | None, observed: ObservedRequest
    ) -> bytes | RpcFailure:
        try:
            if len(request) > self._max_request_bytes:
                raise too_large(self._max_request_bytes)
            reply = await behaviour(request, timeout_s, observed)
        except RpcFailureError as error:
            failure = error.failure
        except asyncio.CancelledError:
            self._refused(method, observed, GONE)
            raise
        except Exception as error:
            log.exception("a request failed")
            failure = failure_of(error)
        else:
            if method == oip.MODEL_INFER:
                self._observer.predicted(observed, _OK, len(reply))
            else:
                self._observer.answered(observed, _OK)
            return reply
        self._refused(method, observed, failure)
        return failure

    def _refused(self, method: str, observed: ObservedRequest, failure: RpcFailure) -> None:
        self._observer.refused(
            observed,
            failure.status.name,
            failure,
            is_infer=method == oip.MODEL_INFER,
            is_logged=method != oip.MODEL_READY,
        )

    async def _index(self, request: bytes, _timeout_s: float | None, _observed: ObservedRequest) -> bytes:
        try:
            wanted = oip.RepositoryIndexRequest.FromString(request)
        except oip.DecodeError as error:
            raise RpcFailureError(_no_message(error)) from error
        return (await index(self._balancer, wanted)).SerializeToString()

    async def _statistics(self, request: bytes, _timeout_s: float | None, _observed: ObservedRequest) -> bytes:
        try:
            wanted = oip.ModelStatisticsRequest.FromString(request)
        except oip.DecodeError as error:
            raise RpcFailureError(_no_message(error)) from error
        return (await statistics(self._balancer, wanted)).SerializeToString()

    async def _forward(self, method: str, request: bytes, timeout_s: float | None, observed: ObservedRequest) -> bytes:
        route = self._balancer.find(*asked_model(request))
        if method == oip.MODEL_INFER:
            self._observer.routed(observed, route)
        else:
            observed.route = route
        return await self._balancer.call(Forwarded(route, method, request, timeout_s, observed))


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


async def _constant(answer: bytes, _request: bytes, _timeout_s: float | None, _observed: ObservedRequest) -> bytes:
    return answer


async def _not_offered(method: str, _request: bytes, _timeout_s: float | None, _observed: ObservedRequest) -> bytes:
    message = f"the gateway does not offer {method}"
    hint = "docs/reference/serving.md lists what it offers"
    raise RpcFailureError(RpcFailure(grpc.StatusCode.UNIMPLEMENTED, message, Reason.INPUT, hint))

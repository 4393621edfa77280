"""The channel to one model server, and what a failed call means."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

import grpc

from pyml.command_line import command
from pyml.gateway.ends.reasons import OUT_OF_MEMORY, OUT_OF_PROCESSES
from pyml.gateway.hop_connection import Hop, HopConnection, LostError, NotSentError
from pyml.gateway.replica import Replica
from pyml.gateway.request_counter import RequestCount
from pyml.gateway.routes_file import Route
from pyml.gateway.telemetry.observed_request import ObservedRequest
from pyml.hop import hop_link
from pyml.inference.request_times import REQUEST_ID_KEY, split_times
from pyml.oip import messages as oip
from pyml.oip.rpc_status import NOT_RUN, Reason, RpcFailure, RpcFailureError, failure_in, queue_full

_Unary = Callable[..., Awaitable[bytes]]

_OPTIONS = (
    # Without it, gRPC sends even Unix sockets through the proxy of $http_proxy.
    ("grpc.enable_http_proxy", 0),
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    # Reach a restarted server at once, not after gRPC's back-off of up to two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 500),
)
_NO_ANSWER = (*NOT_RUN, Reason.DIED, Reason.GRPC)
_ASK_TIMEOUT_S = 1
_RUNNING = 1
"""A server predicts one request at a time: so many of those without an answer do not wait."""


@dataclass(frozen=True, slots=True)
class Forwarded:
    """A request on its way to a model server.

    Attributes:
        route: the model version.
        method: full path of the gRPC method.
        message: the serialised request message.
        timeout_s: seconds that the caller still waits; None for no limit.
        observed: what is known of the request; None if nobody watches it.
    """

    route: Route
    method: str
    message: bytes
    timeout_s: float | None = None
    observed: ObservedRequest | None = None


class Channel:
    """The channel to one model server; belongs to one event loop.

    Args:
        replica: the server.
        use: counts its requests.
    """

    def __init__(self, replica: Replica, use: RequestCount) -> None:
        self._replica = replica
        self._use = use
        self._channel = grpc.aio.insecure_channel(f"unix:{replica.socket}", options=_OPTIONS)
        self._calls: dict[str, _Unary] = {}
        self._hop = Hop(hop_link(replica.socket))
        self._unanswered = 0

    async def ask(self, request: Forwarded) -> bytes:
        """Forward a request and return the response, both unchanged.

        Returns:
            The serialised response message.

        Raises:
            RpcFailureError: the server reported a failure, or is not reachable.
            asyncio.CancelledError: the caller disconnected; the call to the server is cancelled too.
        """
        use = self._use
        if use.is_closed:
            raise RpcFailureError(_down(request.route, self._replica))
        use.in_flight += 1
        try:
            if request.method != oip.MODEL_INFER:
                return await self._call(request)
            reply, times = split_times(await self._infer(request))
            if request.observed is not None:
                request.observed.times = times
            return reply
        finally:
            use.in_flight -= 1
            use.last_at = time.time()

    async def _infer(self, request: Forwarded) -> bytes:
        """The response to a request for predictions; over the hop where there is one, else over gRPC."""
        connection = self._hop.connection()
        self._unanswered += 1
        try:
            if connection is None:
                raise NotSentError
            if connection.max_queue is not None and self._unanswered - _RUNNING > connection.max_queue:
                raise RpcFailureError(queue_full(request.route.model, connection.max_queue))
            return await self._ask_over_hop(connection, request)
        except NotSentError:
            return await self._call(request)
        finally:
            self._unanswered -= 1

    async def _ask_over_hop(self, connection: HopConnection, request: Forwarded) -> bytes:
        observed = request.observed
        request_id = observed.id if observed is not None and observed.has_id else ""
        try:
            async with asyncio.timeout(request.timeout_s):
                reply = await connection.ask(request.route, request.message, request_id)
        except LostError as error:
            raise RpcFailureError(_died(request.route, self._replica)) from error
        except TimeoutError as error:
            late = RpcFailure(grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded", Reason.GRPC)
            raise RpcFailureError(late) from error
        if isinstance(reply, bytes):
            return reply
        if observed is not None:
            observed.take_id(reply.id)
        raise RpcFailureError(reply.failure)

    async def _call(self, request: Forwarded) -> bytes:
        call, observed = self._calls.get(request.method) or self._call_of(request.method), request.observed
        try:
            metadata = None if observed is None else observed.metadata
            return await call(request.message, timeout=request.timeout_s, metadata=metadata)
        except grpc.aio.AioRpcError as error:
            if observed is not None:
                observed.take_id((error.trailing_metadata() or {}).get(REQUEST_ID_KEY))
            raise RpcFailureError(_failure(error, request.route, self._replica)) from error

    async def is_ready(self, route: Route) -> bool:
        """Whether the server has loaded its model, or reports another failure itself; not counted as a request."""
        if self._use.is_closed:
            return False
        request = oip.ModelReadyRequest(name=route.model, version=route.version).SerializeToString()
        try:
            return says_ready(await self._call_of(oip.MODEL_READY)(request, timeout=_ASK_TIMEOUT_S))
        except grpc.aio.AioRpcError as error:
            return _failure(error, route, self._replica).reason not in _NO_ANSWER

    async def close(self, grace_s: float) -> None:
        """Close the channel after the last call that uses it, at the latest after the grace period in seconds."""
        await self._hop.close(grace_s)
        await self._channel.close(grace_s)

    def _call_of(self, method: str) -> _Unary:
        call = self._calls.get(method)
        if call is None:
            call = self._calls[method] = self._channel.unary_unary(method)
        return call


def says_ready(reply: bytes) -> bool:
    """Whether a ModelReady response says that the model is ready."""
    return oip.ModelReadyResponse.FromString(reply).ready


def no_replica_available(route: Route, failures: Mapping[str, RpcFailure]) -> RpcFailure:
    """The failure of a request that no replica could take; the request has not run.

    Args:
        route: the model version.
        failures: the failure of each replica, by service; each has a reason in `NOT_RUN`.
    """
    services = [replica.service for replica in route.replicas]
    if len(services) == 1:
        return failures[services[0]]
    down, starting = ([each for each in services if failures[each].reason is reason] for reason in NOT_RUN)
    hint = command("pyml dev logs", down[0]) if down else ""
    if starting:
        beside = f"; down: {', '.join(down)}" if down else ""
        message = f"model {route.name} is starting ({', '.join(starting)}){beside}"
        return RpcFailure(grpc.StatusCode.UNAVAILABLE, message, Reason.STARTING, hint)
    message = f"model {route.name} is deployed, but all its servers are down: {', '.join(down)}"
    return RpcFailure(grpc.StatusCode.UNAVAILABLE, message, Reason.DOWN, hint)


def _failure(error: grpc.aio.AioRpcError, route: Route, replica: Replica) -> RpcFailure:
    reported = failure_in(error)
    if reported is not None:
        return reported
    details = error.details() or ""
    # gRPC reported this, on the server's side or on ours, not the server itself. A server that stops leaves calls
    # unanswered, which become CANCELLED; a cancellation by the caller is not an AioRpcError.
    if error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED):
        # "failed to connect to all addresses; …" is the only gRPC message that proves that nothing was sent.
        return _down(route, replica) if "failed to connect" in details else _died(route, replica)
    if error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED and "larger than max" in details:
        return _too_large(route, details)
    return RpcFailure(error.code(), details, Reason.GRPC)


def died(failure: RpcFailure, route: Route, replica: Replica, end: str | None) -> RpcFailure:
    """The failure of a request whose server ended, with how it ended.

    Args:
        failure: without it.
        route: the model version.
        replica: the server.
        end: how it ended; None if nobody knows.
    """
    if end is None:
        return failure
    hint = _LIMITS.get(end, failure.hint)
    return replace(failure, message=_died(route, replica, f": {end}").message, hint=hint)


def _down(route: Route, replica: Replica) -> RpcFailure:
    message = f"model {route.name} is deployed, but its server is down"
    return RpcFailure(grpc.StatusCode.UNAVAILABLE, message, Reason.DOWN, command("pyml dev logs", replica.service))


_LIMITS = {
    OUT_OF_MEMORY: "raise memory_mb in [serving] of pyml.toml and upload again, or send fewer rows in one request",
    OUT_OF_PROCESSES: "a container of a model may have 512 processes and threads: start fewer in predict",
}


def _died(route: Route, replica: Replica, end: str = "") -> RpcFailure:
    message = f"the server of model {route.name} went away before it answered{end}; the request may or may not have run"
    return RpcFailure(grpc.StatusCode.UNAVAILABLE, message, Reason.DIED, command("pyml dev logs", replica.service))


def _too_large(route: Route, details: str) -> RpcFailure:
    message = f"the request is several times larger than model {route.name} accepts: {details}"
    hint = "send fewer rows in each request, or raise max_request_mb in [serving] of pyml.toml"
    return RpcFailure(grpc.StatusCode.RESOURCE_EXHAUSTED, message, Reason.SIZE, hint)

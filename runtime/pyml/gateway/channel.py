"""The line to one model server: its channel, and what it means when a call fails."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping

import grpc

from pyml.command_line import command
from pyml.gateway.replica import Replica
from pyml.gateway.request_counter import RequestCount
from pyml.gateway.routes_file import Route
from pyml.oip import messages as oip
from pyml.oip.rpc_status import NOT_RUN, Reason, RpcFailure, RpcFailureError, failure_in

Call = Callable[..., Awaitable[bytes]]

_OPTIONS = (
    # Without it, gRPC sends even Unix sockets through the proxy of $http_proxy.
    ("grpc.enable_http_proxy", 0),
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    # A server that was restarted is to be found at once, not after gRPC's back-off of up to two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 500),
)
_NO_ANSWER = (*NOT_RUN, Reason.DIED, Reason.GRPC)
_ASK_TIMEOUT_S = 1


class Channel:
    """The line to one model server; of one event loop.

    Args:
        replica: the server.
        use: where its requests are counted.
    """

    def __init__(self, replica: Replica, use: RequestCount) -> None:
        self._replica = replica
        self._use = use
        self._channel = grpc.aio.insecure_channel(f"unix:{replica.socket}", options=_OPTIONS)
        self._calls: dict[str, Call] = {}

    async def ask(self, route: Route, method: str, request: bytes, timeout_s: float | None) -> bytes:
        """Pass a request on and give back the answer, both as they are.

        Raises:
            FailureError: the server's own failure, or that it cannot be reached.
            asyncio.CancelledError: the caller went away; so is the call to the server.
        """
        use = self._use
        if use.is_closed:
            raise RpcFailureError(_down(route, self._replica))
        use.in_flight += 1
        try:
            return await (self._calls.get(method) or self._call_of(method))(request, timeout=timeout_s)
        except grpc.aio.AioRpcError as error:
            raise RpcFailureError(_failure(error, route, self._replica)) from error
        finally:
            use.in_flight -= 1
            use.last_at = time.time()

    async def is_ready(self, route: Route) -> bool:
        """Whether the server has its model loaded, or says in its own words what else is wrong; not counted as use."""
        if self._use.is_closed:
            return False
        request = oip.ModelReadyRequest(name=route.model, version=route.version).SerializeToString()
        try:
            return says_ready(await self._call_of(oip.MODEL_READY)(request, timeout=_ASK_TIMEOUT_S))
        except grpc.aio.AioRpcError as error:
            return _failure(error, route, self._replica).reason not in _NO_ANSWER

    async def close(self, grace_s: float) -> None:
        """Close the channel when the last call that uses it has ended, or the time of grace has passed."""
        await self._channel.close(grace_s)

    def _call_of(self, method: str) -> Call:
        call = self._calls.get(method)
        if call is None:
            call = self._calls[method] = self._channel.unary_unary(method)
        return call


def says_ready(reply: bytes) -> bool:
    """Whether an answer to ModelReady says that the model is ready."""
    return oip.ModelReadyResponse.FromString(reply).ready


def nobody_answers(route: Route, failures: Mapping[str, RpcFailure]) -> RpcFailure:
    """The failure of a request that no replica could take; it has not run.

    Args:
        route: the model version.
        failures: of each of its replicas by service, with a reason of `NOT_RUN`.
    """
    services = [replica.service for replica in route.replicas]
    if len(services) == 1:
        return failures[services[0]]
    down, starting = ([each for each in services if failures[each].reason is reason] for reason in NOT_RUN)
    look = command("pyml dev logs", down[0]) if down else ""
    if starting:
        beside = f"; down: {', '.join(down)}" if down else ""
        message = f"model {route.name} is starting ({', '.join(starting)}){beside}"
        return RpcFailure(grpc.StatusCode.UNAVAILABLE, message, Reason.STARTING, look)
    message = f"model {route.name} is deployed, and all its servers are down: {', '.join(down)}"
    return RpcFailure(grpc.StatusCode.UNAVAILABLE, message, Reason.DOWN, look)


def _failure(error: grpc.aio.AioRpcError, route: Route, replica: Replica) -> RpcFailure:
    said = failure_in(error)
    if said is not None:
        return said
    details = error.details() or ""
    # The server did not say this: gRPC did, on its side or ours. Cancelled is what a server leaves unanswered when it
    # stops; a cancellation by the caller is no AioRpcError.
    if error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED):
        # "failed to connect to all addresses; …": the one text of gRPC's after which nothing can have been sent.
        return _down(route, replica) if "failed to connect" in details else _died(route, replica)
    return RpcFailure(error.code(), details, Reason.GRPC)


def _down(route: Route, replica: Replica) -> RpcFailure:
    message = f"model {route.name} is deployed, and its server is down"
    return RpcFailure(grpc.StatusCode.UNAVAILABLE, message, Reason.DOWN, command("pyml dev logs", replica.service))


def _died(route: Route, replica: Replica) -> RpcFailure:
    message = f"the server of model {route.name} went away before it answered; the request may or may not have run"
    return RpcFailure(grpc.StatusCode.UNAVAILABLE, message, Reason.DIED, command("pyml dev logs", replica.service))

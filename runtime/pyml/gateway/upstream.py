"""The way to the model servers: one channel to each socket, and what it means when a call fails."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import grpc

from pyml.gateway.routes import Route, Routes, RoutesFile
from pyml.status import REASON_KEY, Failure, FailureError

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


_CLOSE_GRACE_S = 60


class Upstream:
    """Calls model servers; of one event loop.

    Args:
        routes_file: what is deployed.
    """

    def __init__(self, routes_file: RoutesFile) -> None:
        self._routes_file = routes_file
        self._routes = Routes()
        self._channels: dict[str, grpc.aio.Channel] = {}
        self._calls: dict[tuple[str, str], Call] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def find(self, model: str, version: str) -> Route:
        """The route of a model version, by the routes file as it is now.

        Raises:
            FailureError: it is not deployed.
        """
        routes = self._routes_file.current()
        if routes is not self._routes:
            self._routes = routes
            self._forget(set(self._channels) - routes.sockets())
        return routes.find(model, version)

    async def call(self, route: Route, method: str, request: bytes, timeout_s: float | None) -> bytes:
        """Pass a request on and give back the answer, both as they are.

        Raises:
            FailureError: the server's own failure, or that it cannot be reached.
            asyncio.CancelledError: the caller went away; so is the call to the server.
        """
        call = self._calls.get((route.socket, method)) or self._connect(route.socket, method)
        try:
            return await call(request, timeout=timeout_s)
        except grpc.aio.AioRpcError as error:
            raise FailureError(_failure(error, route)) from error

    async def close(self) -> None:
        """Close all channels."""
        self._forget(set(self._channels), grace_s=0)
        await asyncio.gather(*self._closing)

    def _connect(self, socket: str, method: str) -> Call:
        channel = self._channels.get(socket)
        if channel is None:
            channel = self._channels[socket] = grpc.aio.insecure_channel(f"unix:{socket}", options=_OPTIONS)
        call: Call = channel.unary_unary(method)
        self._calls[socket, method] = call
        return call

    def _forget(self, sockets: set[str], grace_s: float = _CLOSE_GRACE_S) -> None:
        """Drop channels; each closes when the last call that uses it has ended."""
        for socket in sockets:
            task = asyncio.ensure_future(self._channels.pop(socket).close(grace_s))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)
        self._calls = {key: call for key, call in self._calls.items() if key[0] not in sockets}


def _failure(error: grpc.aio.AioRpcError, route: Route) -> Failure:
    reason = next((value for key, value in error.trailing_metadata() or () if key == REASON_KEY), None)
    details = error.details() or ""
    # Without a reason the server did not say this: gRPC did, on its side or ours.
    if reason is None and error.code() == grpc.StatusCode.UNAVAILABLE:
        return _unreachable(route, is_connected="connect" not in details)
    return Failure(error.code(), details, reason or "grpc")


def _unreachable(route: Route, is_connected: bool) -> Failure:
    name, look = f"{route.model}@{route.version}", f"\n  fix: pyml dev logs {route.service}"
    if is_connected:
        message = f"the server of model {name} went away before it answered; the request may or may not have run{look}"
        return Failure(grpc.StatusCode.UNAVAILABLE, message, "died")
    return Failure(grpc.StatusCode.UNAVAILABLE, f"model {name} is deployed, and its server is down{look}", "down")

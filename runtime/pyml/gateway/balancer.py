"""The load balancer: which replica gets a request, and which one gets it if the first cannot take it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from pyml.gateway.channel import Channel, Forwarded, died, no_replica_available, says_ready
from pyml.gateway.ends.recent_ends import RecentEnds
from pyml.gateway.replica import Replica
from pyml.gateway.request_counter import RequestCount, RequestCounter
from pyml.gateway.routes_file import Route, Routes
from pyml.gateway.scaling.launcher import Launcher
from pyml.oip import messages as oip
from pyml.oip.rpc_status import NOT_RUN, Reason, RpcFailure, RpcFailureError

_CLOSE_GRACE_S = 60
_ANSWER_BEFORE_S = 0.25
Dial = Callable[[Replica, RequestCount], Channel]


class RoutesSource(Protocol):
    """What knows the routes: a file, or a command line."""

    def current(self) -> Routes:
        """The current routes; the same object until they change."""


class LoadBalancer:
    """Calls model servers; belongs to one event loop.

    Args:
        source: what is deployed.
        usage: counts the requests to each service.
        launcher: starts servers on request; None if servers are never started on request.
        dial: opens the channel to a server.
        ends: tells how a server has ended; None if nobody can.
    """

    def __init__(
        self,
        source: RoutesSource,
        usage: RequestCounter,
        launcher: Launcher | None = None,
        dial: Dial = Channel,
        ends: RecentEnds | None = None,
    ) -> None:
        self._source = source
        self._usage = usage
        self._launcher = launcher
        self._dial = dial
        self._routes = Routes()
        self._channels: dict[str, Channel] = {}
        self._turns: dict[tuple[str, str], int] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._ends = ends

    def find(self, model: str, version: str) -> Route:
        """The route of a model version, according to the current routes.

        Raises:
            RpcFailureError: it is not deployed.
        """
        return self._current().find(model, version)

    def routes(self) -> list[Route]:
        """The routes of all deployed model versions, according to the current routes, by name and version."""
        models = self._current().models
        return [versions[version] for _, versions in sorted(models.items()) for version in sorted(versions)]

    async def call(self, request: Forwarded) -> bytes:
        """Forward a request to the next replica in turn, else to one that is reachable, and return the response.

        If none is reachable and the route allows it, the servers are started and the request waits for them; a
        ModelReady request does not wait.

        Returns:
            The serialised response message.

        Raises:
            RpcFailureError: the server reported a failure, or no server is reachable.
            asyncio.CancelledError: the caller disconnected; the call to the server is cancelled too.
        """
        try:
            return await self.ask(request)
        except RpcFailureError as error:
            launcher = self._launcher
            if launcher is None or not request.route.on_request or error.failure.reason not in NOT_RUN:
                raise
        if request.method == oip.MODEL_READY:
            raise RpcFailureError(await launcher.trigger_start(request.route, self._is_ready))
        return await self._hold(launcher, request)

    async def ask(self, request: Forwarded) -> bytes:
        """Forward a request as `call` does, but start no servers.

        Returns:
            The serialised response message.

        Raises:
            RpcFailureError: the server reported a failure, or no server is reachable.
            asyncio.CancelledError: the caller disconnected; the call to the server is cancelled too.
        """
        failures: dict[str, RpcFailure] = {}
        not_ready: bytes | None = None
        for replica in self._in_turn(request.route):
            try:
                reply = await self._channel(replica).ask(request)
            except RpcFailureError as error:
                if error.failure.reason is Reason.DIED and self._ends is not None:
                    end = await self._ends.of(replica.service)
                    raise RpcFailureError(died(error.failure, request.route, replica, end)) from error
                if error.failure.reason not in NOT_RUN:
                    raise
                failures[replica.service] = error.failure
                continue
            if request.method == oip.MODEL_METADATA:
                return _with_batching(reply, request.route)
            if request.method != oip.MODEL_READY or says_ready(reply):
                return reply
            not_ready = reply
        if not_ready is not None:
            return not_ready
        raise RpcFailureError(no_replica_available(request.route, failures))

    async def ask_each(self, request: Forwarded) -> list[bytes]:
        """The responses of all replicas that answer; none is started."""
        asked = (self._channel(replica).ask(request) for replica in request.route.replicas)
        replies = await asyncio.gather(*asked, return_exceptions=True)
        for reply in replies:
            if isinstance(reply, BaseException) and not isinstance(reply, RpcFailureError):
                raise reply
        return [reply for reply in replies if isinstance(reply, bytes)]

    async def close(self) -> None:
        """Close all channels."""
        self._forget(set(self._channels), grace_s=0)
        await asyncio.gather(*self._closing)

    def _current(self) -> Routes:
        routes = self._source.current()
        if routes is not self._routes:
            self._routes = routes
            self._turns.clear()
            self._forget(set(self._channels) - routes.sockets())
        return routes

    async def _hold(self, launcher: Launcher, request: Forwarded) -> bytes:
        """Wait until the servers are started, then forward the request."""
        now, timeout_s = asyncio.get_running_loop().time, request.timeout_s
        begun = now()
        hold_s = longest_hold_s(launcher.wait_s, timeout_s)
        while True:
            try:
                await launcher.wait(request.route, self._is_ready, begun + hold_s - now())
            finally:
                if request.observed is not None:
                    request.observed.held_s = now() - begun
            try:
                return await self.ask(replace(request, timeout_s=timeout_s and timeout_s - (now() - begun)))
            except RpcFailureError as error:
                if error.failure.reason not in NOT_RUN:
                    raise

    async def _is_ready(self, route: Route) -> bool:
        for replica in route.replicas:
            if await self._channel(replica).is_ready(route):
                return True
        return False

    def _in_turn(self, route: Route) -> Sequence[Replica]:
        replicas = route.replicas
        if len(replicas) == 1:
            return replicas
        key = route.model, route.version
        turn = self._turns[key] = (self._turns.get(key, -1) + 1) % len(replicas)
        return replicas[turn:] + replicas[:turn]

    def _channel(self, replica: Replica) -> Channel:
        channel = self._channels.get(replica.socket)
        if channel is None:
            channel = self._channels[replica.socket] = self._dial(replica, self._usage.of(replica.service))
        return channel

    def _forget(self, sockets: set[str], grace_s: float = _CLOSE_GRACE_S) -> None:
        """Drop channels; each closes after the last call that uses it."""
        for socket in sockets:
            task = asyncio.ensure_future(self._channels.pop(socket).close(grace_s))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)


def _with_batching(metadata: bytes, route: Route) -> bytes:
    """A ModelMetadata response with what the gateway alone knows: whether requests that wait are predicted together."""
    found = oip.ModelMetadataResponse.FromString(metadata)
    found.properties["batching"] = route.batching_words
    return found.SerializeToString()


def longest_hold_s(wait_s: float, timeout_s: float | None) -> float:
    """How many seconds a request may wait for its server, so that a failure still reaches the caller in time.

    Args:
        wait_s: the gateway's own limit.
        timeout_s: seconds that the caller still waits; None for no limit.
    """
    if timeout_s is None:
        return wait_s
    return max(0.0, min(wait_s, timeout_s - min(_ANSWER_BEFORE_S, timeout_s / 10)))

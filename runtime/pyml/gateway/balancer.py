"""The way to the model servers: which replica a request goes to, and where it goes when that one cannot take it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from pyml.gateway.channel import Channel, nobody_answers, says_ready
from pyml.gateway.replica import Replica
from pyml.gateway.request_counter import RequestCount, RequestCounter
from pyml.gateway.routes_file import Route, Routes, RoutesFile
from pyml.gateway.scaling.launcher import Launcher
from pyml.oip import messages as oip
from pyml.oip.rpc_status import NOT_RUN, RpcFailure, RpcFailureError

_CLOSE_GRACE_S = 60
_ANSWER_BEFORE_S = 0.25
Dial = Callable[[Replica, RequestCount], Channel]


class LoadBalancer:
    """Calls model servers; of one event loop.

    Args:
        routes_file: what is deployed.
        usage: where the requests to each service are counted.
        launcher: starts servers on request; None where nothing does.
        dial: makes the line to a server.
    """

    def __init__(
        self, routes_file: RoutesFile, usage: RequestCounter, launcher: Launcher | None = None, dial: Dial = Channel
    ) -> None:
        self._routes_file = routes_file
        self._usage = usage
        self._launcher = launcher
        self._dial = dial
        self._routes = Routes()
        self._lines: dict[str, Channel] = {}
        self._turns: dict[tuple[str, str], int] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def find(self, model: str, version: str) -> Route:
        """The route of a model version, by the routes file as it is now.

        Raises:
            FailureError: it is not deployed.
        """
        routes = self._routes_file.current()
        if routes is not self._routes:
            self._routes = routes
            self._turns.clear()
            self._forget(set(self._lines) - routes.sockets())
        return routes.find(model, version)

    async def call(self, route: Route, method: str, request: bytes, timeout_s: float | None) -> bytes:
        """Pass a request on to the replica whose turn it is, else to one that can be reached, and give back the answer.

        Where none can be reached and they are started on request, they are, and the request waits for them; a request
        that only asks whether the model is ready does not wait.

        Raises:
            FailureError: the server's own failure, or that none can be reached.
            asyncio.CancelledError: the caller went away; so is the call to the server.
        """
        try:
            return await self._ask(route, method, request, timeout_s)
        except RpcFailureError as error:
            launcher = self._launcher
            if launcher is None or not route.on_request or error.failure.reason not in NOT_RUN:
                raise
        if method == oip.MODEL_READY:
            raise RpcFailureError(await launcher.trigger_start(route, self._is_ready))
        return await self._hold(launcher, route, method, request, timeout_s)

    async def close(self) -> None:
        """Close all channels."""
        self._forget(set(self._lines), grace_s=0)
        await asyncio.gather(*self._closing)

    async def _hold(
        self, launcher: Launcher, route: Route, method: str, request: bytes, timeout_s: float | None
    ) -> bytes:
        """Wait until the servers are started, then pass the request on."""
        now = asyncio.get_running_loop().time
        begun = now()
        hold_s = longest_hold_s(launcher.wait_s, timeout_s)
        while True:
            await launcher.wait(route, self._is_ready, begun + hold_s - now())
            try:
                return await self._ask(route, method, request, timeout_s and timeout_s - (now() - begun))
            except RpcFailureError as error:
                if error.failure.reason not in NOT_RUN:
                    raise

    async def _is_ready(self, route: Route) -> bool:
        for replica in route.replicas:
            if await self._line(replica).is_ready(route):
                return True
        return False

    async def _ask(self, route: Route, method: str, request: bytes, timeout_s: float | None) -> bytes:
        failures: dict[str, RpcFailure] = {}
        not_ready: bytes | None = None
        for replica in self._in_turn(route):
            try:
                reply = await self._line(replica).ask(route, method, request, timeout_s)
            except RpcFailureError as error:
                if error.failure.reason not in NOT_RUN:
                    raise
                failures[replica.service] = error.failure
                continue
            if method != oip.MODEL_READY or says_ready(reply):
                return reply
            not_ready = reply
        if not_ready is not None:
            return not_ready
        raise RpcFailureError(nobody_answers(route, failures))

    def _in_turn(self, route: Route) -> Sequence[Replica]:
        replicas = route.replicas
        if len(replicas) == 1:
            return replicas
        key = route.model, route.version
        turn = self._turns[key] = (self._turns.get(key, -1) + 1) % len(replicas)
        return replicas[turn:] + replicas[:turn]

    def _line(self, replica: Replica) -> Channel:
        line = self._lines.get(replica.socket)
        if line is None:
            line = self._lines[replica.socket] = self._dial(replica, self._usage.of(replica.service))
        return line

    def _forget(self, sockets: set[str], grace_s: float = _CLOSE_GRACE_S) -> None:
        """Drop lines; each closes when the last call that uses it has ended."""
        for socket in sockets:
            task = asyncio.ensure_future(self._lines.pop(socket).close(grace_s))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)


def longest_hold_s(wait_s: float, timeout_s: float | None) -> float:
    """How long a request may wait for its server: so that the caller still hears why it has no answer.

    Args:
        wait_s: the gateway's own limit.
        timeout_s: what the caller has left; None for no limit.
    """
    if timeout_s is None:
        return wait_s
    return max(0.0, min(wait_s, timeout_s - min(_ANSWER_BEFORE_S, timeout_s / 10)))

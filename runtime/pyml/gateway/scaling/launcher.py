"""The launcher: starts model servers through the container engine when a request needs them.

The containers exist already, and the engine restarts one that crashed (restart policy `unless-stopped`). The launcher
starts stopped ones, once for all waiting requests, and waits until they answer.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import grpc

from pyml.command_line import command
from pyml.gateway.replica import Replica
from pyml.gateway.routes_file import Route
from pyml.gateway.scaling.containers import EngineError, ServerContainer
from pyml.gateway.scaling.scaling_context import ScalingContext
from pyml.oip.rpc_status import Reason, RpcFailure, RpcFailureError

log = logging.getLogger("pyml.gateway")

ReadyCheck = Callable[[Route], Awaitable[bool]]

POLL_EVERY_S = 0.05
LOOK_EVERY_S = 1.0
FIND_WAIT_S = 1.0
PATIENCE_RESTARTS = 3
"""Restarts after which a server that exits again is reported as failed."""


@dataclass
class _Start:
    """One start of a version's servers, shared by all requests that wait for it.

    Attributes:
        since: when the start began, or when a running server was started, in seconds since 1970.
        until: until when a request waits, in the event loop's time.
        found: done once the engine has listed the containers.
        started: services that were started.
    """

    route: Route
    since: float
    until: float
    found: asyncio.Future[None]
    started: set[str] = field(default_factory=set)


class Launcher:
    """Starts and stops the containers of model servers; belongs to one event loop.

    Args:
        context: containers, request counts, clock.
        wait_s: maximum number of seconds that a request waits.
    """

    def __init__(self, context: ScalingContext, wait_s: float) -> None:
        self.wait_s = wait_s
        self._context = context
        self._starts: dict[Route, tuple[_Start, asyncio.Task[RpcFailure | None]]] = {}
        self._stops: dict[str, asyncio.Future[None]] = {}

    async def wait(self, route: Route, is_ready: ReadyCheck, hold_s: float) -> None:
        """Start the servers of a version unless they are starting, and wait until one answers.

        Args:
            route: the model version; none of its servers answers.
            is_ready: checks whether one of them answers now.
            hold_s: how many seconds to wait.

        Raises:
            RpcFailureError: none answers in that time, or none can ever answer; the message says why.
        """
        start, task = self._begin(route, is_ready, hold_s)
        await asyncio.wait({task}, timeout=max(0.0, hold_s))
        failure = task.result() if task.done() else self._not_yet(start)
        if failure is not None:
            raise RpcFailureError(failure)

    async def trigger_start(self, route: Route, is_ready: ReadyCheck) -> RpcFailure:
        """Start the servers of a version unless they are starting; the failure for a caller that does not wait."""
        start, task = self._begin(route, is_ready, self.wait_s)
        either: set[asyncio.Future[None] | asyncio.Future[RpcFailure | None]] = {task, start.found}
        await asyncio.wait(either, timeout=FIND_WAIT_S, return_when=asyncio.FIRST_COMPLETED)
        failure = task.result() if task.done() else None
        return failure or self._not_yet(start)

    async def stop(self, container: ServerContainer, why: str) -> None:
        """Stop a container, unless it has work or is being started. It gets no request meanwhile.

        Raises:
            EngineError: the engine could not stop it.
        """
        service = container.service
        use = self._context.usage.of(service)
        if use.in_flight or use.is_closed or self._is_starting(service):
            return
        use.is_closed = True
        self._stops[service] = asyncio.get_running_loop().create_future()
        log.info("stopping %s: %s", service, why)
        try:
            await self._context.in_thread(self._context.containers.stop, container.id)
        finally:
            use.is_closed = False
            self._stops.pop(service).set_result(None)

    async def close(self) -> None:
        """Abandon pending starts and close the connection to the engine. Containers are left as they are."""
        tasks = [task for _, task in self._starts.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._context.in_thread(self._context.containers.close)

    def _is_starting(self, service: str) -> bool:
        return any(replica.service == service for route in self._starts for replica in route.replicas)

    def _begin(
        self, route: Route, is_ready: ReadyCheck, hold_s: float
    ) -> tuple[_Start, asyncio.Task[RpcFailure | None]]:
        loop = asyncio.get_running_loop()
        until = loop.time() + hold_s
        if route not in self._starts:
            start = _Start(route, self._context.clock(), until, loop.create_future())
            task = loop.create_task(self._bring_up(start, is_ready))
            task.add_done_callback(lambda _: self._starts.pop(route))
            self._starts[route] = start, task
        start, task = self._starts[route]
        start.until = max(start.until, until)
        return start, task

    async def _bring_up(self, start: _Start, is_ready: ReadyCheck) -> RpcFailure | None:
        """Start stopped servers, and wait until one answers or no request waits any more; None if one answers."""
        loop = asyncio.get_running_loop()
        while True:
            failure = await self._look(start)
            if failure is not None:
                log.warning("%s", failure.text)
                return failure
            if await _answers_within(LOOK_EVERY_S, start.route, is_ready):
                log.info("model %s answers after %.1f s", start.route.name, self._context.clock() - start.since)
                return None
            if loop.time() >= start.until:
                return self._not_yet(start)

    async def _look(self, start: _Start) -> RpcFailure | None:
        """Look at the containers and start stopped ones; a failure if none of them can be started."""
        replicas = start.route.replicas
        try:
            containers = [await self._container(replica.service) for replica in replicas]
        except EngineError as error:
            return cannot_start(start.route, error)
        failures = [
            why_not_startable(start.route, replica, container, replica.service in start.started)
            for replica, container in zip(replicas, containers, strict=True)
        ]
        if not all(failures) and not start.found.done():
            start.found.set_result(None)
        for at, container in enumerate(containers):
            if container is not None and failures[at] is None:
                failures[at] = await self._run(start, container)
        return first_if_all(failures)

    async def _container(self, service: str) -> ServerContainer | None:
        if service in self._stops:
            await asyncio.wait({self._stops[service]})
        return current_container(await self._context.in_thread(self._context.containers.find, service))

    async def _run(self, start: _Start, container: ServerContainer) -> RpcFailure | None:
        if not container.is_stopped:
            start.since = min(start.since, container.started_at)
            return None
        log.info("starting %s: a request for model %s arrived", container.service, start.route.name)
        start.started.add(container.service)
        try:
            await self._context.in_thread(self._context.containers.start, container.id)
        except EngineError as error:
            return cannot_start(start.route, error)
        return None

    def _not_yet(self, start: _Start) -> RpcFailure:
        seconds = f"{max(0.0, self._context.clock() - start.since):.0f} s"
        if not start.found.done():
            error = EngineError(f"the Docker engine has not answered for {seconds}", "pyml dev doctor")
            return cannot_start(start.route, error)
        hint = f"try again, or read its log: {command('pyml dev logs', start.route.replicas[0].service)}"
        return _unavailable(f"model {start.route.name} is starting ({seconds} so far)", hint, Reason.STARTING)


async def _answers_within(seconds: float, route: Route, is_ready: ReadyCheck) -> bool:
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while loop.time() < end:
        if await is_ready(route):
            return True
        await asyncio.sleep(POLL_EVERY_S)
    return False


def current_container(found: Sequence[ServerContainer]) -> ServerContainer | None:
    """The running container of one service, else its newest one; None if it has none.

    There are two while Compose replaces the old one by a new one.

    Args:
        found: the containers of the service, newest first.
    """
    return next((container for container in found if container.is_running), found[0] if found else None)


def why_not_startable(
    route: Route, replica: Replica, container: ServerContainer | None, was_started: bool
) -> RpcFailure | None:
    """Why waiting for a server is pointless; None if it is not.

    Args:
        route: the model version.
        replica: the server.
        container: its container; None if it has none.
        was_started: whether it has been started for this request.
    """
    if container is None or container.status in ("dead", "removing"):
        return _unavailable(
            f"model {route.name} is deployed, but its container {replica.service} does not exist", "pyml dev up"
        )
    if container.status == "paused":
        message = f"the server of model {route.name} is paused"
        return _unavailable(message, command("docker unpause", container.id[:12]))
    has_ended = was_started and container.is_stopped
    keeps_ending = container.status == "restarting" and container.restarts >= PATIENCE_RESTARTS
    if has_ended or keeps_ending:
        return _unavailable(
            f"the server of model {route.name} {container.end}", command("pyml dev logs", replica.service)
        )
    return None


def cannot_start(route: Route, error: EngineError) -> RpcFailure:
    """The failure of a request whose server the engine could not start."""
    message = f"model {route.name} is deployed, but its server is down and cannot be started: {error.message}"
    return _unavailable(message, error.hint)


def first_if_all(failures: Sequence[RpcFailure | None]) -> RpcFailure | None:
    """The first failure if every server has one, else None."""
    found = [failure for failure in failures if failure is not None]
    return found[0] if len(found) == len(failures) else None


def _unavailable(message: str, hint: str, reason: Reason = Reason.DOWN) -> RpcFailure:
    return RpcFailure(grpc.StatusCode.UNAVAILABLE, message, reason, hint)

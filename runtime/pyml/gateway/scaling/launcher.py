"""Starting model servers when they are asked for, through the container engine.

Their containers exist already, and one that crashed is started again by the engine (restart policy `unless-stopped`).
What is left to do is to start what is stopped, once for all who wait, and to see that it answers.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import ParamSpec, Protocol, TypeVar

import grpc

from pyml.command_line import command
from pyml.gateway.replica import Replica
from pyml.gateway.request_counter import RequestCounter
from pyml.gateway.routes_file import Route
from pyml.gateway.scaling.containers import Containers, EngineError, ServerContainer
from pyml.oip.rpc_status import Reason, RpcFailure, RpcFailureError

log = logging.getLogger("pyml.gateway")

P = ParamSpec("P")
T = TypeVar("T")
HarnessResponse = Callable[[Route], Awaitable[bool]]

POLL_EVERY_S = 0.05
LOOK_EVERY_S = 1.0
FIND_WAIT_S = 1.0
PATIENCE_RESTARTS = 3
"""A server that the engine has started again so often, and that has ended once more, is given up."""


class InThread(Protocol):
    """Runs a blocking call without blocking the event loop: `asyncio.to_thread`."""

    def __call__(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Awaitable[T]:
        """Run it; its result."""


@dataclass
class _Start:
    """One start of a version's servers, shared by all who wait for it.

    Attributes:
        since: when it began, or what runs already was started; as `time.time()` says.
        until: when nobody waits any more, in the event loop's time.
        found: set when the engine has told of the containers.
        started: services that were started.
    """

    route: Route
    since: float
    until: float
    found: asyncio.Future[None]
    started: set[str] = field(default_factory=set)


class Launcher:
    """Starts and stops containers of model servers; of one event loop.

    Args:
        containers: of the sandbox.
        usage: the requests to each service.
        wait_s: how long a request is held, at most.
        in_thread: runs what blocks.
        clock: the time, as containers tell theirs.
    """

    def __init__(
        self,
        containers: Containers,
        usage: RequestCounter,
        wait_s: float,
        in_thread: InThread = asyncio.to_thread,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.wait_s = wait_s
        self._containers = containers
        self._usage = usage
        self._in_thread = in_thread
        self._clock = clock
        self._starts: dict[Route, tuple[_Start, asyncio.Task[RpcFailure | None]]] = {}
        self._stops: dict[str, asyncio.Future[None]] = {}

    async def wait(self, route: Route, answers: HarnessResponse, hold_s: float) -> None:
        """Start the servers of a version unless that is under way, and wait until one answers.

        Args:
            route: the version; none of its servers answers.
            answers: whether one does now.
            hold_s: how long to wait.

        Raises:
            FailureError: none answers in that time, or none ever will; says why.
        """
        start, task = self._begin(route, answers, hold_s)
        await asyncio.wait({task}, timeout=max(0.0, hold_s))
        failure = task.result() if task.done() else self._not_yet(start)
        if failure is not None:
            raise RpcFailureError(failure)

    async def trigger_start(self, route: Route, answers: HarnessResponse) -> RpcFailure:
        """Start the servers of a version unless that is under way; what to tell a caller who does not wait for them."""
        start, task = self._begin(route, answers, self.wait_s)
        either: set[asyncio.Future[None] | asyncio.Future[RpcFailure | None]] = {task, start.found}
        await asyncio.wait(either, timeout=FIND_WAIT_S, return_when=asyncio.FIRST_COMPLETED)
        failure = task.result() if task.done() else None
        return failure or self._not_yet(start)

    async def stop(self, container: ServerContainer, why: str) -> None:
        """Stop a container; not while it has work or is being started. Requests are kept from it meanwhile.

        Raises:
            EngineError: the engine did not do it.
        """
        service = container.service
        use = self._usage.of(service)
        if use.in_flight or use.is_closed or self._is_starting(service):
            return
        use.is_closed = True
        self._stops[service] = asyncio.get_running_loop().create_future()
        log.info("stopping %s: %s", service, why)
        try:
            await self._in_thread(self._containers.stop, container.id)
        finally:
            use.is_closed = False
            self._stops.pop(service).set_result(None)

    async def close(self) -> None:
        """Give up what is being started, and let go of the engine. Containers are left as they are."""
        tasks = [task for _, task in self._starts.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._in_thread(self._containers.close)

    def _is_starting(self, service: str) -> bool:
        return any(replica.service == service for route in self._starts for replica in route.replicas)

    def _begin(
        self, route: Route, answers: HarnessResponse, hold_s: float
    ) -> tuple[_Start, asyncio.Task[RpcFailure | None]]:
        loop = asyncio.get_running_loop()
        until = loop.time() + hold_s
        if route not in self._starts:
            start = _Start(route, self._clock(), until, loop.create_future())
            task = loop.create_task(self._bring_up(start, answers))
            task.add_done_callback(lambda _: self._starts.pop(route))
            self._starts[route] = start, task
        start, task = self._starts[route]
        start.until = max(start.until, until)
        return start, task

    async def _bring_up(self, start: _Start, answers: HarnessResponse) -> RpcFailure | None:
        """Start what is stopped, and wait until it answers or nobody waits any more; None where it answers."""
        loop = asyncio.get_running_loop()
        while True:
            failure = await self._look(start)
            if failure is not None:
                log.warning("%s", failure.text)
                return failure
            if await _answers_within(LOOK_EVERY_S, start.route, answers):
                log.info("model %s answers after %.1f s", start.route.name, self._clock() - start.since)
                return None
            if loop.time() >= start.until:
                return self._not_yet(start)

    async def _look(self, start: _Start) -> RpcFailure | None:
        """Look at the containers, and start those that are stopped; a failure where that is in vain for each."""
        replicas = start.route.replicas
        try:
            containers = [await self._container(replica.service) for replica in replicas]
        except EngineError as error:
            return cannot_start(start.route, error)
        failures = [
            hopeless(start.route, replica, container, replica.service in start.started)
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
        return the_one_in_use(await self._in_thread(self._containers.find, service))

    async def _run(self, start: _Start, container: ServerContainer) -> RpcFailure | None:
        if not container.is_stopped:
            start.since = min(start.since, container.started_at)
            return None
        log.info("starting %s: model %s is asked for", container.service, start.route.name)
        start.started.add(container.service)
        try:
            await self._in_thread(self._containers.start, container.id)
        except EngineError as error:
            return cannot_start(start.route, error)
        return None

    def _not_yet(self, start: _Start) -> RpcFailure:
        seconds = f"{max(0.0, self._clock() - start.since):.0f} s"
        if not start.found.done():
            error = EngineError(f"the Docker engine has not answered for {seconds}", "pyml dev doctor")
            return cannot_start(start.route, error)
        look = f"ask again, or see what it does: {command('pyml dev logs', start.route.replicas[0].service)}"
        return _unavailable(f"model {start.route.name} is starting ({seconds} so far)", look, Reason.STARTING)


async def _answers_within(seconds: float, route: Route, answers: HarnessResponse) -> bool:
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while loop.time() < end:
        if await answers(route):
            return True
        await asyncio.sleep(POLL_EVERY_S)
    return False


def the_one_in_use(found: Sequence[ServerContainer]) -> ServerContainer | None:
    """Of the containers of one service, the newest first: the one that runs, else the newest; None where there is none.

    There are two while Compose puts a new one in the place of the old.
    """
    return next((container for container in found if container.is_running), found[0] if found else None)


def hopeless(route: Route, replica: Replica, container: ServerContainer | None, was_started: bool) -> RpcFailure | None:
    """Why it makes no sense to wait for a server; None where it does.

    Args:
        route: the model version.
        replica: the server.
        container: its container; None where there is none.
        was_started: it has been started for this very request.
    """
    if container is None or container.status in ("dead", "removing"):
        return _unavailable(
            f"model {route.name} is deployed, and there is no container {replica.service}", "pyml dev up"
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
    """The failure of a request for a server that the engine did not start."""
    message = f"model {route.name} is deployed, its server is down, and it cannot be started: {error.message}"
    return _unavailable(message, error.hint)


def first_if_all(failures: Sequence[RpcFailure | None]) -> RpcFailure | None:
    """The first failure where every server has one."""
    found = [failure for failure in failures if failure is not None]
    return found[0] if len(found) == len(failures) else None


def _unavailable(message: str, hint: str, reason: Reason = Reason.DOWN) -> RpcFailure:
    return RpcFailure(grpc.StatusCode.UNAVAILABLE, message, reason, hint)

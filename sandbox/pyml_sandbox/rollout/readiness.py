"""Waits until services are ready: probes in threads put their results into one queue, and one loop decides."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pyml.command_line import command
from pyml.errors import ServiceFailedError
from pyml.probes import NotReadyError
from pyml_sandbox.rollout.log_causes import explain, relevant_lines
from pyml_sandbox.services.runner_contract import LiveService, ServiceRunner, ServiceState
from pyml_sandbox.services.spec import ServiceSpec
from pyml_sandbox.workspace.events import Event, OnEvent, Progress

PROBE_TIMEOUT_S = 15.0
"""A probe may start a program in a container, which takes seconds on a busy machine."""
PROBE_EVERY_S = 0.05
PROBE_EVERY_AT_MOST_S = 1.0
LOOK_EVERY_S = 0.2
LOG_LINES = 200

Clock = Callable[[], float]


@dataclass(frozen=True)
class ProbeResult:
    """The result of one probe: why the service is not ready yet; `reason` is None once it is ready."""

    name: str
    reason: str | None


@dataclass
class _Waiting:
    spec: ServiceSpec
    exits_before: int
    reason: str = "starting"


def wait_until_ready(
    specs: Sequence[ServiceSpec],
    runner: ServiceRunner,
    on_event: OnEvent,
    exits_before: Mapping[str, int] | None = None,
    clock: Clock = time.monotonic,
) -> dict[str, float]:
    """Block until every service has answered its probe; returns the seconds that each took, by name.

    Args:
        specs: the services to wait for, all started.
        runner: tells how they run, and has their logs.
        on_event: called for each change of a service.
        exits_before: how often each kept service had exited before, by name; only a further exit is a failure.
        clock: gives seconds.

    Raises:
        ServiceFailedError: a service exited, or took longer than its spec allows. The others are left running.
    """
    results: queue.SimpleQueue[ProbeResult] = queue.SimpleQueue()
    done = threading.Event()
    threads = [threading.Thread(target=_ask, args=(spec, results, done), daemon=True) for spec in specs]
    for thread in threads:
        thread.start()
    try:
        return _Wait(specs, runner, on_event, exits_before or {}, clock).run(results)
    finally:
        done.set()


def _ask(spec: ServiceSpec, results: queue.SimpleQueue[ProbeResult], done: threading.Event) -> None:
    while not done.is_set():
        began = time.monotonic()
        try:
            spec.endpoint.probe(PROBE_TIMEOUT_S)
        except NotReadyError as error:
            results.put(ProbeResult(spec.name, error.message))
            # A probe that is slow itself, such as a program in a container, is not repeated without a break.
            done.wait(min(PROBE_EVERY_AT_MOST_S, max(PROBE_EVERY_S, 2 * (time.monotonic() - began))))
        else:
            results.put(ProbeResult(spec.name, None))
            return


class _Wait:
    def __init__(
        self,
        specs: Sequence[ServiceSpec],
        runner: ServiceRunner,
        on_event: OnEvent,
        exits_before: Mapping[str, int],
        clock: Clock,
    ) -> None:
        self._waiting = {spec.name: _Waiting(spec, exits_before.get(spec.name, 0)) for spec in specs}
        self._runner = runner
        self._on_event = on_event
        self._clock = clock
        self._started = clock()
        self._took: dict[str, float] = {}
        self._kept = set(exits_before)

    def run(self, results: queue.SimpleQueue[ProbeResult]) -> dict[str, float]:
        looked = self._started
        while self._waiting:
            with contextlib.suppress(queue.Empty):
                self._take(results.get(timeout=LOOK_EVERY_S))
            if self._waiting and self._clock() - looked >= LOOK_EVERY_S:
                looked = self._clock()
                self._look()
        return self._took

    def _take(self, result: ProbeResult) -> None:
        waiting = self._waiting.get(result.name)
        if waiting is None:
            return
        if result.reason is None:
            self._ready(waiting)
        elif result.reason != waiting.reason:
            waiting.reason = result.reason
            self._report(waiting, Progress.WAITING, f"{result.reason} (at most {waiting.spec.start_timeout_s:.0f} s)")

    def _ready(self, waiting: _Waiting) -> None:
        spec = self._waiting.pop(waiting.spec.name).spec
        self._took[spec.name] = self._clock() - self._started
        self._report(waiting, Progress.READY, "  ".join(filter(None, (spec.endpoint.address, spec.note))))

    def _look(self) -> None:
        """Fail for the first service that is gone or takes too long."""
        live = {service.name: service for service in self._runner.live()}
        for waiting in list(self._waiting.values()):
            ended = end_of(live.get(waiting.spec.name), waiting.exits_before)
            if ended is None and self._clock() - self._started > waiting.spec.start_timeout_s:
                ended = f"no answer within {waiting.spec.start_timeout_s:.0f} s: {waiting.reason}"
            if ended is not None:
                self._fail(waiting, ended)

    def _fail(self, waiting: _Waiting, ended: str) -> None:
        name = waiting.spec.name
        self._report(waiting, Progress.FAILED, ended)
        error = failure(name, ended, self._runner.logs(name, LOG_LINES))
        if name not in self._kept:  # its runner would restart it again and again; its log stays
            self._runner.stop(name)
        raise error

    def _report(self, waiting: _Waiting, progress: Progress, detail: str) -> None:
        self._on_event(Event(waiting.spec.name, progress, detail, self._clock() - self._started))


def end_of(found: LiveService | None, exits_before: int) -> str | None:
    """How a service that should be starting has ended, for people; None if it has not ended."""
    if found is None:
        return "it is gone"
    if found.exits > exits_before and found.last_exit is not None:
        return found.last_exit.reason
    if found.state is ServiceState.STOPPED:
        return "another command stopped it"
    return None


def failure(name: str, ended: str, log: Sequence[str]) -> ServiceFailedError:
    """The error for a service that did not become ready: how it ended, the likely cause, the relevant lines, the fix.

    Args:
        name: of the service.
        ended: how it ended, for people.
        log: its last lines.
    """
    cause = explain([*log, ended])
    lines = [f"{name} did not start: {ended}"]
    if cause is not None:
        lines.append(f"  {cause.message}")
    lines += [f"  last log: {line}" for line in relevant_lines(log)]
    more = command("pyml dev logs", name)
    return ServiceFailedError("\n".join(lines), f"{cause.hint}\n  more: {more}" if cause else more)

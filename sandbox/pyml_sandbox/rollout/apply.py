"""Applies a plan: stops services, starts others, and waits until all are ready."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from pyml_sandbox.rollout.plan import Plan
from pyml_sandbox.rollout.readiness import wait_until_ready
from pyml_sandbox.services.runner_contract import LiveService, ServiceRunner, ServiceState
from pyml_sandbox.services.spec import ServiceSpec
from pyml_sandbox.workspace.events import Event, OnEvent, Progress


def apply_plan(
    plan: Plan,
    runner: ServiceRunner,
    live: Sequence[LiveService],
    on_event: OnEvent,
    once_started: Callable[[], None] = lambda: None,
    *,
    asks_idle: bool = False,
) -> dict[str, float]:
    """Apply a plan, and block until every service that it starts or keeps has answered its probe.

    Args:
        plan: services to stop, start and keep.
        runner: stops and starts them.
        live: the services that the plan was made from.
        on_event: called for each change of a service.
        once_started: called when all of them run, before they are probed.
        asks_idle: whether kept services that wait for a request are probed as well, which starts them.

    Returns:
        The seconds that each service took, by name.

    Raises:
        ServiceFailedError: a service did not become ready; the other services are left running.
    """
    exits = {service.name: service.exits for service in live}
    kept_exits = {spec.name: exits.get(spec.name, 0) for spec in plan.keep}
    waiting = {service.name for service in live if service.state is ServiceState.WAITING and not asks_idle}
    kept = [spec for spec in plan.keep if spec.name not in waiting]
    try:
        _stop(plan.stop, runner)
        _start(plan.start, runner, on_event)
        once_started()
        took_s = wait_until_ready([*kept, *plan.start], runner, on_event, kept_exits)
        return dict.fromkeys(waiting, 0.0) | took_s
    except KeyboardInterrupt:
        left = ", ".join(service.name for service in runner.live() if service.pid is not None) or "nothing"
        on_event(Event("sandbox", Progress.NOTE, f"left running: {left}. Stop it: pyml dev down"))
        raise


def _stop(names: Sequence[str], runner: ServiceRunner) -> None:
    if names:
        with ThreadPoolExecutor(len(names)) as pool:
            list(pool.map(runner.stop, names))


def _start(specs: Sequence[ServiceSpec], runner: ServiceRunner, on_event: OnEvent) -> None:
    for spec in specs:
        on_event(Event(spec.name, Progress.WAITING, "starting", 0.0))
    if specs:
        runner.start(*specs)

"""Carrying a plan out: stop, start side by side, wait until all is ready."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from pyml_sandbox.drivers.base import Driver, LiveService
from pyml_sandbox.events import Event, OnEvent, Progress
from pyml_sandbox.plan import Plan
from pyml_sandbox.ready import wait_until_ready


def carry_out(plan: Plan, driver: Driver, live: Sequence[LiveService], on_event: OnEvent) -> dict[str, float]:
    """Carry a plan out, and block until every service that it starts or keeps answered its probe.

    Args:
        live: what the plan was made from.

    Returns:
        The seconds each service took.

    Raises:
        ServiceFailedError: a service did not become ready; the others are left running.
    """
    if plan.stop:
        with ThreadPoolExecutor(len(plan.stop)) as pool:
            list(pool.map(driver.stop, plan.stop))
    for spec in plan.start:
        on_event(Event(spec.name, Progress.WAITING, "starting", 0.0))
        driver.start(spec)
    exits = {service.name: service.exits for service in live}
    kept_exits = {spec.name: exits.get(spec.name, 0) for spec in plan.keep}
    try:
        return wait_until_ready([*plan.keep, *plan.start], driver, on_event, kept_exits)
    except KeyboardInterrupt:
        names = ", ".join(spec.name for spec in (*plan.keep, *plan.start))
        on_event(Event("sandbox", Progress.NOTE, f"left running: {names}. Stop them: pyml dev down"))
        raise

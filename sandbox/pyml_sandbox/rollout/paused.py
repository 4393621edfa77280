"""Lets services go on that somebody paused: a laptop that slept, `docker pause`, SIGSTOP."""

from __future__ import annotations

from collections.abc import Sequence

from pyml_sandbox.services.runner_contract import LiveService, ServiceRunner, ServiceState
from pyml_sandbox.workspace.events import Event, OnEvent, Progress

PAUSED = "it is paused: its processes were stopped where they were"


def resume_paused(live: Sequence[LiveService], runner: ServiceRunner, on_event: OnEvent) -> Sequence[LiveService]:
    """Resume every paused service.

    Args:
        live: the services.
        runner: resumes them.
        on_event: called for each.

    Returns:
        The services as they are then.
    """
    paused = [service.name for service in live if service.state is ServiceState.PAUSED]
    for name in paused:
        runner.resume(name)
        on_event(Event(name, Progress.NOTE, "was paused, and goes on"))
    return runner.live() if paused else live

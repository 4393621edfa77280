"""Stops what an earlier job started and no longer answers, so that the next job starts it anew."""

from __future__ import annotations

import time
from collections.abc import Sequence

from pyml.probes import NotReadyError
from pyml_sandbox.services.runner_contract import LiveService, ServiceRunner, ServiceState
from pyml_sandbox.services.spec import Endpoint
from pyml_sandbox.workspace.events import Event, OnEvent, Progress

PROBE_TIMEOUT_S = 10.0
WAIT_S = 30.0
"""A service that was killed is back within this time, and a master that starts again has found its drivers."""
LOOK_EVERY_S = 1.0


def stop_unready(
    endpoints: Sequence[Endpoint],
    live: Sequence[LiveService],
    runner: ServiceRunner,
    on_event: OnEvent,
    wait_s: float = WAIT_S,
) -> list[str]:
    """Stop the services that run and do not answer within `wait_s` seconds. Blocks.

    Args:
        endpoints: of services that jobs start.
        live: the services; those that do not run are left out.
        runner: stops them.
        on_event: called for each service that is stopped.
        wait_s: seconds that all of them have together.

    Returns:
        The names of the services that were stopped.
    """
    runs = {service.name for service in live if service.state in (ServiceState.RUNNING, ServiceState.FAILED)}
    deadline = time.monotonic() + wait_s
    stopped = []
    for endpoint in (each for each in endpoints if each.name in runs):
        reason = _why_not_ready(endpoint, deadline)
        if reason is not None:
            runner.stop(endpoint.name)
            on_event(Event(endpoint.name, Progress.NOTE, f"stopped, and the next job starts it anew: {reason}"))
            stopped.append(endpoint.name)
    return stopped


def _why_not_ready(endpoint: Endpoint, deadline: float) -> str | None:
    while True:
        try:
            endpoint.probe(PROBE_TIMEOUT_S)
        except NotReadyError as error:
            if time.monotonic() > deadline:
                return error.message
            time.sleep(LOOK_EVERY_S)
        else:
            return None

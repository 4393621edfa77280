"""Waiting for a condition, in place of sleeping."""

from __future__ import annotations

import time
from collections.abc import Callable

from pyml.probes import NotReadyError
from pyml_sandbox.services.spec import Probe

DEADLINE_S = 60.0


def answers(probe: Probe) -> bool:
    """Whether a service is ready, as its probe says."""
    try:
        probe(5.0)
    except NotReadyError:
        return False
    return True


def wait_for(condition: Callable[[], bool], what: str, deadline_s: float = DEADLINE_S) -> None:
    """Block until the condition holds; fail with `what` if it does not in time."""
    deadline = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {deadline_s:.0f} s: {what}")
        time.sleep(0.02)

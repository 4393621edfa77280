"""Faults of commands: interrupted, ended and hung up on; two at once."""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence

from faults.actor import NAME
from faults.fault import Fault
from faults.scene import Done, Running, Scene

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
CODES = (0, 1, 3, *(128 + number for number in SIGNALS))


def a_job(scene: Scene) -> Running:
    """An offline job that predicts."""
    return scene.job_at_work()


def a_request(scene: Scene) -> Running:
    """A request that waits for its model."""
    return scene.predicting_at_work()


def signalled(begin: Callable[[Scene], Running], number: int) -> Callable[[Scene], Sequence[Done]]:
    """A command that gets a signal while it works, and the next of its kind."""

    def strike(scene: Scene) -> Sequence[Done]:
        done = begin(scene).send(number)
        assert done.seconds < 60, done.text
        return (done,)

    return strike


def two_ups(scene: Scene) -> Sequence[Done]:
    """Two `up` at once of a sandbox that is up."""
    both = [scene.begin("dev", "up") for _ in range(2)]
    return [each.end() for each in both]


def two_uploads(scene: Scene) -> Sequence[Done]:
    """Two uploads of one package at once."""
    both = [scene.begin("upload", str(scene.home.root / NAME)) for _ in range(2)]
    return [each.end() for each in both]


FAULTS = (
    *(
        Fault(
            f"{number.name} to {what}", signalled(begin, number), codes=CODES, quick=quick and number == signal.SIGTERM
        )
        for what, begin, quick in (("predict offline", a_job, True), ("predict online", a_request, False))
        for number in SIGNALS
    ),
    Fault("two up at once", two_ups, codes=(0,), quick=True),
    Fault("two uploads at once", two_uploads, codes=(0,)),
)
"""Signals to each command, and commands at once."""

"""Faults of commands: interrupted, ended and hung up on; two at once."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Mapping, Sequence

from faults.actor import NAME, query, write_actor
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


def an_up(scene: Scene) -> Running:
    """An `up` that starts everything again."""
    scene.run("dev", "down")
    return scene.begun("dev", "up")


def a_down(scene: Scene) -> Running:
    """A `down` of what runs."""
    return scene.begun("dev", "down", after_s=0.8)


def an_upload(scene: Scene) -> Running:
    """An upload of a new version."""
    folder = write_actor(scene.home.root / "other", head=f"# {time.time()}\n")
    return scene.begun("upload", str(folder))


def a_deploy(scene: Scene) -> Running:
    """A deploy of what is deployed."""
    return scene.begun("deploy", NAME, after_s=0.8)


def a_check(scene: Scene) -> Running:
    """A parity check."""
    return scene.begun("parity-check", NAME, "--sql", query(50), "--key", "id", after_s=8)


def some_sql(scene: Scene) -> Running:
    """A long query."""
    return scene.begun(
        "dev", "sql", "SELECT sum(a.id + b.id) FROM range(100000) a CROSS JOIN range(1000000) b", after_s=6
    )


def a_status(scene: Scene) -> Running:
    """A look at the services."""
    return scene.begun("dev", "status", after_s=0.8)


COMMANDS: Mapping[str, Callable[[Scene], Running]] = {
    "predict offline": a_job,
    "predict online": a_request,
    "up": an_up,
    "down": a_down,
    "upload": an_upload,
    "deploy": a_deploy,
    "parity-check": a_check,
    "dev sql": some_sql,
    "status": a_status,
}


def signalled(begin: Callable[[Scene], Running], number: int) -> Callable[[Scene], Sequence[Done]]:
    """A command that gets a signal while it works, and the next of its kind."""

    def strike(scene: Scene) -> Sequence[Done]:
        done = begin(scene).send(number)
        assert done.seconds < 60, done.text
        return (done,)

    return strike


def job_killed(scene: Scene) -> Sequence[Done]:
    """A job whose command is killed while it writes, and the same job again."""
    first = scene.job_at_work()
    first.process.kill()
    return (first.end(), scene.job().end())


def upload_killed(scene: Scene) -> Sequence[Done]:
    """An upload that is killed, and the same upload again."""
    first = an_upload(scene)
    first.process.kill()
    return (first.end(), scene.run("upload", str(scene.home.root / "other")))


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
            f"{number.name} to {what}",
            signalled(begin, number),
            codes=CODES,
            quick=what == "predict offline" and number == signal.SIGTERM,
        )
        for what, begin in COMMANDS.items()
        for number in SIGNALS
    ),
    Fault("SIGKILL to predict offline", job_killed, codes=(0, -signal.SIGKILL)),
    Fault("SIGKILL to upload", upload_killed, codes=(0, -signal.SIGKILL)),
    Fault("two up at once", two_ups, codes=(0,)),
    Fault("two uploads at once", two_uploads, codes=(0,)),
)
"""Signals to each command, and commands at once."""

"""Faults of services: killed or stopped, when idle and at work."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from faults.actor import NAME, SERVER, query
from faults.fault import BOTH, CONTAINER, PROCESS, Fault
from faults.scene import Done, Scene

Strike = Callable[[Scene], Sequence[Done]]

DRIVERS: Mapping[str, tuple[str, ...]] = {
    "metastore": BOTH,
    "spark": BOTH,
    "gateway": BOTH,
    SERVER: BOTH,
    "spark-master": (CONTAINER,),
}
QUICK = ("metastore killed, idle", f"{SERVER} killed in a request")


def killed_idle(service: str) -> Strike:
    """Killed while nothing happens; the next command is the one that mends it."""

    def strike(scene: Scene) -> Sequence[Done]:
        scene.kill(service)
        return ()

    return strike


def killed_in_a_job(service: str) -> Strike:
    """Killed while a job predicts."""

    def strike(scene: Scene) -> Sequence[Done]:
        job = scene.job_at_work()
        scene.kill(service)
        return (job.end(),)

    return strike


def killed_in_a_request(service: str) -> Strike:
    """Killed while a request is answered."""

    def strike(scene: Scene) -> Sequence[Done]:
        request = scene.predicting_at_work()
        scene.kill(service)
        return (request.end(),)

    return strike


def killed_before_a_request(service: str) -> Strike:
    """Killed right before a request, which comes before it is back."""

    def strike(scene: Scene) -> Sequence[Done]:
        scene.signal(service)
        return (scene.predicting().end(),)

    return strike


def killed_before_a_job(service: str) -> Strike:
    """Killed while its Spark is warm, and then a job."""

    def strike(scene: Scene) -> Sequence[Done]:
        first = scene.job().end()
        scene.kill(service)
        return (first, scene.job().end())

    return strike


def killed_in_a_check(service: str) -> Strike:
    """Killed while a parity check of a right model runs: whatever comes, the model is not what fails."""

    def strike(scene: Scene) -> Sequence[Done]:
        check = scene.begun("parity-check", NAME, "--sql", query(200), "--key", "id", after_s=10)
        if check.process.poll() is None:
            scene.kill(service)
        return (check.end(300),)

    return strike


def paused_in_a_request(service: str) -> Strike:
    """Paused, as by a machine that sleeps, for less than a request waits."""

    def strike(scene: Scene) -> Sequence[Done]:
        with scene.paused(service):
            request = scene.predicting()
            status = scene.run("dev", "status")
        return (request.end(), status)

    return strike


def supervisor_killed(scene: Scene) -> Sequence[Done]:
    """What watches the services is killed."""
    pid = int((scene.home.logs / "supervisord.pid").read_text(encoding="utf-8"))
    scene.kill_pid(pid)
    return (scene.run("dev", "status"),)


def _named(words: str, make: Callable[[str], Strike], services: Sequence[str]) -> list[Fault]:
    faults = [Fault(f"{service} {words}", make(service), DRIVERS[service]) for service in services]
    return [Fault(each.name, each.strike, each.drivers, quick=each.name in QUICK) for each in faults]


FAULTS = (
    *_named("killed, idle", killed_idle, tuple(DRIVERS)),
    *_named("killed in a job", killed_in_a_job, tuple(DRIVERS)),
    *_named("killed in a request", killed_in_a_request, (SERVER, "gateway")),
    *_named("killed before a request", killed_before_a_request, (SERVER, "gateway")),
    *_named("killed before a job", killed_before_a_job, tuple(DRIVERS)),
    *(
        Fault(f"{service} killed in a parity check", killed_in_a_check(service), never=("FAIL",), codes=(0, 3, 4))
        for service in (SERVER, "gateway", "spark")
    ),
    *_named("paused in a request", paused_in_a_request, (SERVER, "gateway", "metastore")),
    Fault("the supervisor killed, idle", supervisor_killed, (PROCESS,), codes=(0, 1, 3)),
)
"""Each service: killed when idle, in a job, in a request, and before them; paused."""

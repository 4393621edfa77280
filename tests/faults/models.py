"""Faults of a model: its process ends, takes too much, or refuses."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from faults.fault import BOTH, CONTAINER, Fault
from faults.scene import Done, Scene


def in_a_request(act: str) -> Callable[[Scene], Sequence[Done]]:
    """The act in a request, and what `status` says then."""

    def strike(scene: Scene) -> Sequence[Done]:
        return (scene.predicting(act).end(), scene.run("dev", "status"))

    return strike


def in_a_job(act: str) -> Callable[[Scene], Sequence[Done]]:
    """The act in a job."""

    def strike(scene: Scene) -> Sequence[Done]:
        return (scene.job(act).end(),)

    return strike


FAULTS = (
    Fault("the model exits in a request", in_a_request("exit 7"), BOTH, ("exit code 7",), quick=True),
    Fault("the model is killed in a request", in_a_request("kill 9"), BOTH, ("SIGKILL",)),
    Fault("the model crashes in a request", in_a_request("kill 11"), BOTH, ("SIGSEGV",)),
    Fault("the model raises in a request", in_a_request("raise 3"), BOTH, ("the model refuses 3.0",)),
    Fault("the model takes too much memory in a request", in_a_request("memory 3000"), (CONTAINER,), ("more memory",)),
    Fault("the model starts too many processes in a request", in_a_request("fork 600"), (CONTAINER,), ("processes",)),
    Fault("the model exits in a job", in_a_job("exit 7"), BOTH),
    Fault("the model crashes in a job", in_a_job("kill 11"), BOTH),
    Fault("the model raises in a job", in_a_job("raise 3"), BOTH, ("the model refuses 3.0",)),
    Fault("the model takes too much memory in a job", in_a_job("memory 3000"), (CONTAINER,)),
)
"""How a model ends in a request and in a job."""

"""Faults of a model: its process ends, takes too much, or refuses."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from faults.actor import rows_file, write_actor
from faults.fault import BOTH, CONTAINER, Fault
from faults.scene import Done, Scene
from support.waiting import wait_for


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


def too_large_to_load(scene: Scene) -> Sequence[Done]:
    """A version whose constructor takes more memory than its container may have."""
    folder = write_actor(
        scene.home.root / "large", head=f'# {time.time()}\nheld = [b"x" * 2**20 for _ in range(3000)]\n'
    )
    return (scene.run("upload", str(folder)),)


def loads_no_more(scene: Scene) -> Sequence[Done]:
    """A server that ends and then cannot load its model, such as one whose licence is over; and then a request."""
    over = time.time() + (30 if scene.driver_name == "process" else 90)  # an image is built first
    head = f'import time\nif time.time() > {over}:\n    raise OSError("the licence is over")\n'
    folder = write_actor(scene.home.root / "licensed", head=head)
    deployed = (scene.run("upload", str(folder)), scene.run("deploy", "licensed"))
    wait_for(lambda: time.time() > over, "the licence is over", deadline_s=100)
    scene.kill("model-licensed")
    rows = str(rows_file(scene.home.root))
    return (*deployed, scene.run("predict", "online", "licensed", "--rows", rows), scene.run("dev", "status"))


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
    Fault(
        "a model takes too much memory while it is loaded", too_large_to_load, (CONTAINER,), ("memory",), codes=(1, 3)
    ),
    Fault("a model cannot be loaded again", loads_no_more, BOTH, ("licence",), mend=("undeploy", "licensed")),
    Fault("the model takes too much memory in a job", in_a_job("memory 3000"), (CONTAINER,)),
)
"""How a model ends in a request, in a job and while it is loaded."""

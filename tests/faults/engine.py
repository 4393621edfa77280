"""Faults of containers: what somebody does to them with `docker`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from faults.actor import NAME, SERVER
from faults.fault import CONTAINER, Fault
from faults.scene import Done, Scene
from pyml_sandbox.drivers.container.images.model_image import REPOSITORY

SERVICES = ("metastore", "spark-master", "spark", "gateway", SERVER)


def removed(service: str) -> Callable[[Scene], Sequence[Done]]:
    """`docker rm --force`, and then a request."""

    def strike(scene: Scene) -> Sequence[Done]:
        scene.container(service).remove(force=True)
        return (scene.run("dev", "status"), scene.predicting().end())

    return strike


def stopped(service: str) -> Callable[[Scene], Sequence[Done]]:
    """`docker stop`, and then a request."""

    def strike(scene: Scene) -> Sequence[Done]:
        scene.container(service).stop()
        return (scene.run("dev", "status"), scene.predicting().end())

    return strike


def master_removed_before_a_job(scene: Scene) -> Sequence[Done]:
    """The master is made anew while a model's driver is warm: it has forgotten the driver."""
    first = scene.job().end()
    scene.container("spark-master").remove(force=True)
    return (first, scene.run("dev", "up"), scene.job().end())


def warm_spark_removed(scene: Scene) -> Sequence[Done]:
    """The driver of a model is removed by hand, and then a job."""
    first = scene.job().end()
    scene.container("spark-actor").remove(force=True)
    return (first, scene.job().end())


def worker_removed_in_a_job(scene: Scene) -> Sequence[Done]:
    """The only worker of a model is removed while it predicts; the job must not wait for ever."""
    job = scene.job_at_work()
    scene.container("worker-actor").remove(force=True)
    return (job.end(),)


def network_gone(scene: Scene) -> Sequence[Done]:
    """Every container is taken from the network, which is then removed."""
    client = scene.engine.client
    (network,) = client.networks.list(filters={"label": scene.label})
    network.reload()
    for container in network.containers:
        network.disconnect(container, force=True)
    network.remove()
    return (scene.run("dev", "status"),)


def everything_pruned(scene: Scene) -> Sequence[Done]:
    """`docker system prune` while the sandbox is down: containers and networks that do not run are removed."""
    down = scene.run("dev", "down")
    for prune in (scene.engine.client.containers.prune, scene.engine.client.networks.prune):
        prune(filters={"label": [scene.label]})
    return (down,)


def sockets_gone(scene: Scene) -> Sequence[Done]:
    """The volumes without data are removed while the sandbox is down."""
    down = scene.run("dev", "down")
    for name in ("sockets", "routes"):
        scene.engine.client.volumes.get(f"{scene.home.project}_{name}").remove()
    return (down,)


def images_gone(scene: Scene) -> Sequence[Done]:
    """`docker image prune --all` while the sandbox is down: the image of the model is removed."""
    down = scene.run("dev", "down")
    client = scene.engine.client
    for image in client.images.list(f"{REPOSITORY}/{NAME}"):
        client.images.remove(str(image.id), force=True)
    return (down,)


FAULTS = (
    *(Fault(f"{service} removed by hand", removed(service), (CONTAINER,)) for service in SERVICES),
    *(Fault(f"{service} stopped by hand", stopped(service), (CONTAINER,)) for service in ("gateway", SERVER)),
    Fault("the master made anew before a job", master_removed_before_a_job, (CONTAINER,), codes=(0,)),
    Fault("the driver of a model removed before a job", warm_spark_removed, (CONTAINER,), codes=(0,)),
    Fault("the worker of a model removed in a job", worker_removed_in_a_job, (CONTAINER,)),
    Fault("the network removed by hand", network_gone, (CONTAINER,)),
    Fault("everything pruned while it is down", everything_pruned, (CONTAINER,), codes=(0,)),
    Fault("the image of the model removed while it is down", images_gone, (CONTAINER,), codes=(0,)),
    Fault("the volume of sockets removed while it is down", sockets_gone, (CONTAINER,), codes=(0,)),
)
"""What `docker rm`, `stop` and `prune` do to a sandbox."""

"""Finds the containers of a sandbox, and the ports that they publish."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyml.errors import SandboxError
from pyml.probes import NotListeningError
from pyml_sandbox.drivers.container.engine import labels
from pyml_sandbox.drivers.container.engine.docker_engine import Engine, translated

if TYPE_CHECKING:
    from docker.models.containers import Container


def containers_of(engine: Engine, project: str, *wanted: str) -> list[Container]:
    """The containers of a sandbox, running or not.

    Args:
        engine: runs them.
        project: name of the sandbox in the engine.
        wanted: further labels that they must have.

    Raises:
        SandboxError: the engine does not answer.
    """
    label = [f"{labels.SANDBOX}={project}", *wanted]
    with translated("list containers"):
        return engine.client.containers.list(all=True, filters={"label": label}, ignore_removed=True)


def running(engine: Engine, project: str, service: str) -> Container:
    """The running container of a service.

    Args:
        engine: runs it.
        project: name of the sandbox in the engine.
        service: name of the service.

    Raises:
        NotListeningError: it does not run, or the engine does not answer.
    """
    try:
        found = containers_of(engine, project, f"{labels.SERVICE}={service}")
    except SandboxError as error:
        raise NotListeningError(service) from error
    for container in found:
        if container.status == "running":
            return container
    raise NotListeningError(service)


def published_port(engine: Engine, project: str, service: str, port: int) -> int:
    """The port on 127.0.0.1 at which a container's port is published.

    Args:
        engine: runs the container.
        project: name of the sandbox in the engine.
        service: name of the service.
        port: TCP port inside the container.

    Raises:
        NotListeningError: the container does not run.
    """
    published = running(engine, project, service).ports.get(f"{port}/tcp")
    if not published:
        raise NotListeningError(f"{service}:{port}")
    return int(published[0]["HostPort"])

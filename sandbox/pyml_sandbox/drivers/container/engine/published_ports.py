"""Which ports of this machine belong to containers, and to which."""

from __future__ import annotations

from collections.abc import Mapping

from pyml_sandbox.drivers.container.engine import labels
from pyml_sandbox.drivers.container.engine.docker_engine import Engine, translated
from pyml_sandbox.services import machine_check
from pyml_sandbox.workspace.ports import Owner, PortTakenError


def check_ports(engine: Engine, situation: machine_check.MachineContext) -> str:
    """Every port is free or held by this sandbox.

    Raises:
        PortTakenError: a port is held by somebody else; names the container, where it is one.
    """
    try:
        return machine_check.check_ports(situation)
    except PortTakenError as error:
        container = published_ports(engine).get(error.port)
        if container is None:
            raise
        raise PortTakenError(error.service, error.port, Owner(None, "", container)) from error


def ports_of_sandboxes(engine: Engine) -> set[int]:
    """The ports of every sandbox that runs in the engine, of whatever home."""
    return set(published_ports(engine, f"{labels.SANDBOX}"))


def published_ports(engine: Engine, label: str = "") -> Mapping[int, str]:
    """The names of running containers, all or those with a label, by the ports that they have on this machine."""
    with translated("list containers"):
        containers = engine.client.containers.list(filters={"label": label} if label else {}, ignore_removed=True)
    return {
        int(place["HostPort"]): str(container.name)
        for container in containers
        for places in container.ports.values()
        for place in places or ()
    }

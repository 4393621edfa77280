"""Finds the ports of this machine that containers publish."""

from __future__ import annotations

from collections.abc import Mapping

from pyml_sandbox.drivers.container.engine import labels
from pyml_sandbox.drivers.container.engine.docker_engine import Engine, translated
from pyml_sandbox.services import machine_check
from pyml_sandbox.workspace.ports import Owner, PortTakenError


def check_ports(engine: Engine, context: machine_check.MachineContext) -> str:
    """Check that every port is free or held by this sandbox.

    Raises:
        PortTakenError: a port is taken; names the process or container.
    """
    try:
        return machine_check.check_ports(context)
    except PortTakenError as error:
        container = published_ports(engine).get(error.port)
        if container is None:
            raise
        raise PortTakenError(error.service, error.port, Owner(None, "", container)) from error


def ports_of_sandboxes(engine: Engine) -> set[int]:
    """The ports of all sandboxes that run in the engine, whatever their home."""
    return set(published_ports(engine, f"{labels.SANDBOX}"))


def published_ports(engine: Engine, label: str = "") -> Mapping[int, str]:
    """The names of running containers by the ports that they publish; all containers, or those with a label."""
    with translated("list containers"):
        containers = engine.client.containers.list(filters={"label": label} if label else {}, ignore_removed=True)
    return {
        int(binding["HostPort"]): str(container.name)
        for container in containers
        for bindings in container.ports.values()
        for binding in bindings or ()
    }

"""Finds the ports of this machine that containers publish."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pyml_sandbox.drivers.container.engine import labels
from pyml_sandbox.drivers.container.engine.docker_engine import Engine, translated
from pyml_sandbox.services import machine_check
from pyml_sandbox.workspace.ports import Owner, PortTakenError


def check_ports(engine: Engine, context: machine_check.MachineContext) -> str:
    """Check that every port is free or held by this sandbox.

    Raises:
        PortTakenError: ports are taken; names the processes or containers.
    """
    try:
        return machine_check.check_ports(context)
    except PortTakenError as error:
        containers = published_ports(engine)
        taken = [
            replace(each, owner=Owner(None, "", containers[each.port])) if each.port in containers else each
            for each in error.taken
        ]
        raise PortTakenError(taken, error.option) from error


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

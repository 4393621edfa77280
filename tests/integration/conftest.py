"""One real sandbox for the whole run, on free ports, away from the user's own."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from pyml_sandbox import bringup
from pyml_sandbox.home import SandboxHome
from pyml_sandbox.ports import HOST, PortChoices


def free_ports(number: int) -> list[int]:
    """Ports that nobody listens on now, all different."""
    sockets = [socket.create_server((HOST, 0)) for _ in range(number)]
    ports = [int(server.getsockname()[1]) for server in sockets]
    for server in sockets:
        server.close()
    return ports


def free_port_choices() -> PortChoices:
    """A free port for each service."""
    return PortChoices(*free_ports(4))


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxHome]:
    """A sandbox that is up: metastore, Spark and gateway. Shared, so leave it as you found it."""
    home = SandboxHome(tmp_path_factory.mktemp("pyml-home"), "tests")
    try:
        bringup.up(home, bringup.Options(ports=free_port_choices()))
        yield home
    finally:
        bringup.down(home)

"""Ports for sandboxes and servers of tests, away from the user's own."""

from __future__ import annotations

import socket

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

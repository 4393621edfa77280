"""Ports for sandboxes and servers of tests, away from the user's own."""

from __future__ import annotations

import socket

from pyml_sandbox.workspace.ports import HOST, PortChoices

_given: set[int] = set()


def free_ports(number: int) -> list[int]:
    """Ports that nobody listens on now, none of them given before in this run: whoever got one may not listen yet."""
    held: list[socket.socket] = []
    ports: list[int] = []
    while len(ports) < number:
        server = socket.create_server((HOST, 0))
        held.append(server)
        port = int(server.getsockname()[1])
        if port not in _given:
            _given.add(port)
            ports.append(port)
    for server in held:
        server.close()
    return ports


def free_port_choices() -> PortChoices:
    """A free port for each service."""
    return PortChoices(*free_ports(4))

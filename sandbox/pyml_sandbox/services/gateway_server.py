"""The gateway: TCP in front, a Unix socket to each model server behind."""

from __future__ import annotations

from pyml.pinned_environment import PINNED
from pyml.probes.gateway_probe import GatewayProbe
from pyml_sandbox.services.spec import Endpoint
from pyml_sandbox.workspace.ports import HOST, Ports

NAME = "gateway"
START_TIMEOUT_S = 30
STOP_TIMEOUT_S = 10


def gateway_endpoint(ports: Ports) -> Endpoint:
    """Where the gateway answers."""
    address = f"{HOST}:{ports.gateway}, http://{HOST}:{ports.rest}"
    return Endpoint(NAME, address, GatewayProbe(HOST, ports.gateway))


def gateway_command(python: str, routes: str, host: str, ports: Ports) -> tuple[str, ...]:
    """The command that becomes a gateway.

    Args:
        python: its interpreter.
        routes: the routes file.
        host: address on which it listens.
        ports: its two ports there.
    """
    return (
        python,
        *("-m", "pyml.gateway"),
        *("--routes", routes),
        *("--grpc", f"{host}:{ports.gateway}"),
        *("--rest", f"{host}:{ports.rest}"),
    )


def gateway_environment() -> dict[str, str]:
    """Variables of a gateway, wherever it runs."""
    return {**PINNED, "PYTHONUNBUFFERED": "1"}

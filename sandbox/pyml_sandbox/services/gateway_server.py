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
    """The gateway's addresses, and its probe."""
    address = f"{HOST}:{ports.gateway}, http://{HOST}:{ports.rest}"
    return Endpoint(NAME, address, GatewayProbe(HOST, ports.gateway))


def gateway_command(
    python: str, where: tuple[str, str], host: str, ports: Ports, *, access_log: bool = False
) -> tuple[str, ...]:
    """The command that starts the gateway.

    Args:
        python: path of the interpreter.
        where: the option that names the routes file, or the only route, and its value.
        host: address on which it listens.
        ports: of the sandbox; it listens on `gateway` and `rest`.
        access_log: whether each request gets a line in its log, and not only those that failed.
    """
    return (
        python,
        *("-m", "pyml.gateway"),
        *where,
        *("--grpc", f"{host}:{ports.gateway}"),
        *("--rest", f"{host}:{ports.rest}"),
        *(["--access-log"] if access_log else []),
    )


def gateway_environment() -> dict[str, str]:
    """The environment variables of the gateway, the same for every driver."""
    return {**PINNED, "PYTHONUNBUFFERED": "1"}

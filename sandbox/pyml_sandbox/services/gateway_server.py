"""The gateway: TCP in front, a Unix socket to each model server behind."""

from __future__ import annotations

import sys

from pyml.pinned_environment import PINNED
from pyml.probes.gateway_probe import GatewayProbe
from pyml_sandbox.services.spec import Endpoint, ServiceSpec
from pyml_sandbox.workspace.home import SandboxHome
from pyml_sandbox.workspace.ports import HOST, Ports
from pyml_sandbox.workspace.runtime_source import runtime_digest

NAME = "gateway"
START_TIMEOUT_S = 30
STOP_TIMEOUT_S = 10


def gateway_endpoint(ports: Ports) -> Endpoint:
    """Where the gateway answers."""
    address = f"{HOST}:{ports.gateway}, http://{HOST}:{ports.rest}"
    return Endpoint(NAME, address, GatewayProbe(HOST, ports.gateway))


def gateway_spec(home: SandboxHome, ports: Ports) -> ServiceSpec:
    """The gateway as a process: gRPC and REST on 127.0.0.1."""
    return ServiceSpec(
        endpoint=gateway_endpoint(ports),
        command=gateway_command(sys.executable, str(home.routes_file), HOST, ports),
        working_directory=home.scratch,
        environment={**gateway_environment(), "PYML_RUNTIME": runtime_digest()},  # new code, new process
        stop_timeout_s=STOP_TIMEOUT_S,
        start_timeout_s=START_TIMEOUT_S,
    )


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

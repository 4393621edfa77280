"""The gateway: TCP in front, a Unix socket to each model server behind."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from pyml.environment import PINNED
from pyml_sandbox.home import SandboxHome
from pyml_sandbox.ports import HOST, Ports
from pyml_sandbox.runtime_code import runtime_digest
from pyml_sandbox.service import Endpoint, NotAnsweringError, ServiceSpec
from pyml_sandbox.services.grpc_call import call

NAME = "gateway"


def gateway_endpoint(ports: Ports) -> Endpoint:
    """Where the gateway answers."""
    address = f"{HOST}:{ports.gateway}, http://{HOST}:{ports.rest}"
    return Endpoint(NAME, address, GatewayProbe(ports.gateway))


def gateway_spec(home: SandboxHome, ports: Ports) -> ServiceSpec:
    """The gateway of one sandbox: gRPC and REST on 127.0.0.1."""
    return ServiceSpec(
        endpoint=gateway_endpoint(ports),
        command=(
            sys.executable,
            "-m",
            "pyml.gateway",
            "--routes",
            str(home.routes_file),
            "--grpc",
            f"{HOST}:{ports.gateway}",
            "--rest",
            f"{HOST}:{ports.rest}",
        ),
        working_directory=home.scratch,
        environment={**PINNED, "PYTHONUNBUFFERED": "1", "PYML_RUNTIME": runtime_digest()},  # new code, new process
        stop_timeout_s=10,
        start_timeout_s=30,
    )


@dataclass(frozen=True)
class GatewayProbe:
    """Asks `ServerReady` of the Open Inference Protocol: an empty request, and `ready: bool = 1` in the reply."""

    port: int

    def __call__(self, timeout_s: float) -> None:
        """See `Probe`."""
        address = f"{HOST}:{self.port}"
        if not says_ready(call(address, "/inference.GRPCInferenceService/ServerReady", b"", timeout_s)):
            raise NotAnsweringError(address, "ServerReady is false")


def says_ready(reply: bytes) -> bool:
    """Whether a `ServerReadyResponse` or `ModelReadyResponse` says ready: field 1, a varint, of value 1."""
    return reply.startswith(b"\x08\x01")

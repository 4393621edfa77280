"""A model server: one deployed model version behind a Unix socket, in the model's own environment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pyml_sandbox.home import SandboxHome
from pyml_sandbox.ports import HOST
from pyml_sandbox.service import Endpoint, NotAnsweringError, ServiceSpec
from pyml_sandbox.services import gateway
from pyml_sandbox.services.gateway import says_ready
from pyml_sandbox.services.grpc_call import call, message

if TYPE_CHECKING:
    from pyml_sandbox.environments import Environment
    from pyml_sandbox.registry import ModelVersion


def service_name(model: str, version: str) -> str:
    """The name of the service that serves a model version."""
    return f"model-{model}-{version}"


def socket_path(home: SandboxHome, model: str, version: str) -> Path:
    """The path that the gateway dials. The server puts a link there to the socket of its latest start."""
    return home.sockets / f"m-{model}-{version}"


def model_endpoint(home: SandboxHome, model: str, version: str, gateway_port: int) -> Endpoint:
    """Where the server of a model version answers."""
    address = f"unix:{socket_path(home, model, version)}"
    return Endpoint(service_name(model, version), address, ModelProbe(model, version, gateway_port))


def model_server_spec(
    home: SandboxHome, version: ModelVersion, environment: Environment, gateway_port: int
) -> ServiceSpec:
    """The server of one model version.

    Args:
        environment: in which `version.python` runs; another one is another specification.
        gateway_port: through which its readiness is asked.
    """
    endpoint = model_endpoint(home, version.name, version.version, gateway_port)
    return ServiceSpec(
        endpoint=endpoint,
        command=(
            str(version.python),
            *("-m", "pyml.server"),
            *("--package", str(version.package)),
            *("--name", version.name),
            *("--version", version.version),
            *("--socket-dir", str(home.sockets)),
            *("--service", socket_path(home, version.name, version.version).name),
        ),
        working_directory=version.package,
        environment={"PYTHONUNBUFFERED": "1", "PYML_ENVIRONMENT": environment.key},
        depends_on=(gateway.NAME,),
        stop_timeout_s=15,
        start_timeout_s=120,
        note=environment.note,
    )


@dataclass(frozen=True)
class ModelProbe:
    """Asks `ModelReady` through the gateway: name = 1, version = 2."""

    model: str
    version: str
    gateway_port: int

    def __call__(self, timeout_s: float) -> None:
        """See `Probe`."""
        address = f"{HOST}:{self.gateway_port}"
        request = message({1: self.model.encode(), 2: self.version.encode()})
        reply = call(address, "/inference.GRPCInferenceService/ModelReady", request, timeout_s)
        if not says_ready(reply):
            raise NotAnsweringError(f"the socket of {self.model}", "the model is being loaded")

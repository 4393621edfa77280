"""A model server: one deployed model version behind a Unix socket, in the model's own environment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pyml.environment import PINNED
from pyml_sandbox.home import SandboxHome
from pyml_sandbox.ports import HOST
from pyml_sandbox.service import NotAnsweringError, ServiceSpec
from pyml_sandbox.services import gateway
from pyml_sandbox.services.gateway import says_ready
from pyml_sandbox.services.grpc_call import call, message


def service_name(model: str, version: str) -> str:
    """The name of the service that serves a model version."""
    return f"model-{model}-{version}"


def socket_path(home: SandboxHome, model: str, version: str) -> Path:
    """The path that the gateway dials. The server puts a link there to the socket of its latest start."""
    return home.sockets / service_name(model, version)


def model_server_spec(
    home: SandboxHome, model: str, version: str, package: Path, python: Path, gateway_port: int, note: str = ""
) -> ServiceSpec:
    """The server of one model version.

    Args:
        package: the uploaded package's folder.
        python: the interpreter of the model's environment.
        gateway_port: through which its readiness is asked.
        note: a fact for the summary, for instance "env 7c1e2b (reused)".
    """
    name = service_name(model, version)
    return ServiceSpec(
        name=name,
        command=(
            str(python),
            "-m",
            "pyml.server",
            "--package",
            str(package),
            "--name",
            model,
            "--version",
            version,
            "--socket-dir",
            str(home.sockets),
            "--service",
            name,
        ),
        working_directory=package,
        environment={**PINNED, "PYTHONUNBUFFERED": "1"},
        depends_on=(gateway.NAME,),
        probe=ModelProbe(model, version, gateway_port),
        stop_timeout_s=15,
        start_timeout_s=120,
        address=f"unix:{socket_path(home, model, version)}",
        note=note,
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

"""A model server: one deployed model version behind a Unix socket, in the model's own environment."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pyml.probes.gateway_probe import ModelProbe
from pyml_sandbox.services.spec import Endpoint
from pyml_sandbox.workspace.ports import HOST

if TYPE_CHECKING:
    from pyml_sandbox.models.environment import Environment
    from pyml_sandbox.models.version import ModelVersion

STOP_TIMEOUT_S = 15


def service_name(model: str, version: str, replica: int = 0) -> str:
    """The name of the service that serves a model version; replicas after the first are numbered from 2.

    Args:
        model: name of the model.
        version: of the model, without its name.
        replica: index of the server, from 0.
    """
    return f"model-{model}-{version}" + (f"-{replica + 1}" if replica else "")


def serves(service: str, model: str, version: str) -> bool:
    """Whether a service is a server of a model version, the first or a replica.

    Args:
        service: name of the service.
        model: name of the model.
        version: of the model, without its name.
    """
    return re.fullmatch(rf"{re.escape(service_name(model, version))}(-\d{{1,4}})?", service) is not None


def socket_name(model: str, version: str, replica: int = 0) -> str:
    """Name of the file that the gateway connects to: a link to the socket of the server's latest start.

    Args:
        model: name of the model.
        version: of the model, without its name.
        replica: index of the server, from 0.
    """
    return f"m-{model}-{version}" + (f"-{replica + 1}" if replica else "")


def model_endpoint(address: str, model: str, version: str, gateway_port: int, replica: int = 0) -> Endpoint:
    """The address of a model version's server, and its probe.

    Args:
        address: of the server's socket, for people.
        model: name of the model.
        version: of the model, without its name.
        gateway_port: port on 127.0.0.1 through which the probe asks.
        replica: index of the server, from 0.
    """
    probe = ModelProbe(model, version, HOST, gateway_port)
    return Endpoint(service_name(model, version, replica), address, probe)


def server_command(environment: Environment, version: ModelVersion, sockets: str, link: str) -> tuple[str, ...]:
    """The command that starts a model server.

    Args:
        environment: gives its interpreter, and the folder of the package.
        version: the version to serve.
        sockets: folder of the sockets.
        link: name of the link in that folder that the gateway connects to.
    """
    return (
        environment.python,
        *("-m", "pyml.server"),
        *("--package", environment.package),
        *("--name", version.name),
        *("--version", version.version),
        *("--socket-dir", sockets),
        *("--service", link),
    )

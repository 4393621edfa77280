"""The pod of a model: its server and the gateway, from one image, with a socket between them in a shared volume.

The limits are those of the sandbox's containers (docs/explanation/security.md): no root, no capabilities, nothing to
write to but what is mounted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from pyml.inference.worker_info import IMAGE_VARIABLE
from pyml_sandbox.export.promoted_image import PromotedImage
from pyml_sandbox.models.environment import Environment
from pyml_sandbox.models.load_time import start_timeout_s
from pyml_sandbox.services import gateway_server, model_server
from pyml_sandbox.services.inside_paths import (
    ANYWHERE,
    BASE_PYTHON,
    INSIDE,
    MODEL_PACKAGE,
    MODEL_PYTHON,
    SOCKETS,
    SOCKETS_BYTES,
    TMP,
    TMP_BYTES,
    USER,
)
from pyml_sandbox.workspace.events import JSON

if TYPE_CHECKING:
    from pyml_sandbox.models.version import ModelVersion

MODEL, GATEWAY = "model", "gateway"
GRPC, HTTP = "grpc", "http"
"""Names of the gateway's ports."""
SOCKET = "model"
"""Name of the link to the model server's socket."""
GATEWAY_MB = 512
"""Memory of the gateway, in MiB, beside what the requests take that it holds."""
HELD_REQUESTS = 8
"""So many times the largest request may lie in the gateway at once."""
DRAIN_S = 5
"""How long the gateway still takes requests once its pod is to end: others hear of that later than the pod itself."""
PROBE_EVERY_S = 5
INSIDE_ENVIRONMENT = Environment("", MODEL_PYTHON, MODEL_PACKAGE)


def pod_spec(image: PromotedImage, gateway_name: str = GATEWAY) -> dict[str, JSON]:
    """The specification of the pod.

    Args:
        image: the image of both containers.
        gateway_name: name of the gateway's container.
    """
    user, _, group = USER.partition(":")
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 2 * DRAIN_S + gateway_server.STOP_TIMEOUT_S + model_server.STOP_TIMEOUT_S,
        "securityContext": {"fsGroup": int(group), **_identity(user, group)},
        "containers": [_gateway(image, gateway_name), _model(image)],
        "volumes": [
            _in_memory("sockets", SOCKETS_BYTES),
            *(_in_memory(f"{name}-tmp", TMP_BYTES) for name in (GATEWAY, MODEL)),
        ],
    }


def restricted() -> dict[str, JSON]:
    """The security context of every container."""
    return {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": True}


def _identity(user: str, group: str) -> dict[str, JSON]:
    return {
        "runAsNonRoot": True,
        "runAsUser": int(user),
        "runAsGroup": int(group),
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def _gateway(image: PromotedImage, name: str) -> dict[str, JSON]:
    version = image.version
    route = ("--route", f"{version.model_id}={SOCKETS}/{SOCKET}")
    memory_mb = GATEWAY_MB + HELD_REQUESTS * image.settings.serving.max_request_mb
    return {
        "name": name,
        "image": image.image,
        "command": [*gateway_server.gateway_command(BASE_PYTHON, route, ANYWHERE, INSIDE)],
        "env": _variables(gateway_server.gateway_environment()),
        "ports": [
            {"name": HTTP, "containerPort": INSIDE.rest, "protocol": "TCP"},
            {"name": GRPC, "containerPort": INSIDE.gateway, "protocol": "TCP"},
        ],
        "readinessProbe": {**_probe(_ready(version)), "failureThreshold": 2},
        "livenessProbe": {**_probe("/v2/health/live"), "initialDelaySeconds": gateway_server.START_TIMEOUT_S},
        "lifecycle": _drained(DRAIN_S),
        "resources": _resources(memory_mb, 1),
        "securityContext": restricted(),
        "volumeMounts": _mounts(GATEWAY),
    }


def _model(image: PromotedImage) -> dict[str, JSON]:
    version, serving = image.version, image.settings.serving
    attempts = math.ceil(start_timeout_s(version.load_s) / PROBE_EVERY_S)
    variables = {"PYTHONUNBUFFERED": "1", IMAGE_VARIABLE: image.config_digest}
    return {
        "name": MODEL,
        "image": image.image,
        "command": [*model_server.server_command(INSIDE_ENVIRONMENT, version, SOCKETS, SOCKET)],
        "env": _variables({name: value for name, value in variables.items() if value}),
        "startupProbe": {**_probe(_ready(version)), "failureThreshold": attempts},
        "lifecycle": _drained(2 * DRAIN_S + gateway_server.STOP_TIMEOUT_S),
        "resources": _resources(serving.memory_mb, serving.cpus),
        "securityContext": restricted(),
        "volumeMounts": _mounts(MODEL),
    }


def _probe(path: str) -> dict[str, JSON]:
    """A request to the gateway: the containers of a pod have one address."""
    return {"httpGet": {"path": path, "port": INSIDE.rest}, "periodSeconds": PROBE_EVERY_S, "timeoutSeconds": 3}


def _ready(version: ModelVersion) -> str:
    """The path on which the gateway says whether the model predicts."""
    return f"/v2/models/{version.name}/versions/{version.version}/ready"


def _drained(seconds: int) -> dict[str, JSON]:
    return {"preStop": {"exec": {"command": ["sleep", str(seconds)]}}}


def _resources(memory_mb: int, cpus: int) -> dict[str, JSON]:
    """The same as request and limit: a pod that gets less than it was tried with is not the one that was tried."""
    amounts: dict[str, JSON] = {"memory": f"{memory_mb}Mi", "cpu": str(cpus)}
    return {"requests": amounts, "limits": dict(amounts)}


def _mounts(name: str) -> list[JSON]:
    return [{"name": "sockets", "mountPath": SOCKETS}, {"name": f"{name}-tmp", "mountPath": TMP}]


def _in_memory(name: str, size: int) -> dict[str, JSON]:
    return {"name": name, "emptyDir": {"medium": "Memory", "sizeLimit": str(size)}}


def _variables(environment: Mapping[str, str]) -> list[JSON]:
    return [{"name": name, "value": value} for name, value in sorted(environment.items())]

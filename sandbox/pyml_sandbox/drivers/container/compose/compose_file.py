"""Renders the Compose file of a sandbox from the specs of its services. Pure.

https://github.com/compose-spec/compose-spec/blob/main/spec.md
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pyml.errors import UsageError
from pyml_sandbox.drivers.container.engine import labels
from pyml_sandbox.services.container_spec import Container
from pyml_sandbox.services.inside_paths import SOCKETS_BYTES, SOCKETS_NAME, TMP, TMP_BYTES, USER

if TYPE_CHECKING:
    from pyml_sandbox.services.spec import ServiceSpec

JSON = str | int | float | bool | None | Sequence["JSON"] | Mapping[str, "JSON"]

LOG_OPTIONS = {"max-size": "20m", "max-file": "3"}


def document(project: str, specs: Sequence[ServiceSpec]) -> dict[str, JSON]:
    """The whole file.

    Args:
        project: name of the sandbox in the engine.
        specs: of its services, each with a container.
    """
    own = {labels.SANDBOX: project}
    volumes = {name for spec in specs for name in container_of(spec).volumes if not name.startswith("/")}
    return {
        "name": project,
        "services": {spec.name: service(project, spec) for spec in specs},
        "networks": {"default": {"labels": own}},
        "volumes": {name: {"labels": own, **_volume(name)} for name in sorted(volumes)},
    }


def _volume(name: str) -> dict[str, JSON]:
    """How a volume is made: that of the sockets in memory and of limited size, since models write to it."""
    if name != SOCKETS_NAME:
        return {}
    options = f"size={SOCKETS_BYTES},mode=0700,uid={USER.partition(':')[0]},gid={USER.rpartition(':')[2]}"
    return {"driver": "local", "driver_opts": {"type": "tmpfs", "device": "tmpfs", "o": options}}


def service(project: str, spec: ServiceSpec) -> dict[str, JSON]:
    """One service of the file."""
    container = container_of(spec)
    entry: dict[str, JSON] = {
        "image": container.image,
        "command": [_literal(word) for word in spec.command],
        "environment": {name: _literal(value) for name, value in sorted(spec.environment.items())},
        "labels": _labels(project, spec, container),
        "user": USER,
        "init": True,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "restart": "unless-stopped",
        "stop_grace_period": f"{spec.stop_timeout_s:g}s",
        "logging": {"driver": "json-file", "options": LOG_OPTIONS},
        **_access(container),
    }
    if container.healthcheck:
        entry["healthcheck"] = _healthcheck(container.healthcheck)
    return entry


def container_of(spec: ServiceSpec) -> Container:
    """The container of a spec.

    Raises:
        UsageError: the spec is of a different driver.
    """
    if spec.container is None:
        raise UsageError(f"{spec.name} has no container")
    return spec.container


def _labels(project: str, spec: ServiceSpec, container: Container) -> dict[str, JSON]:
    kinds = {labels.ON_REQUEST: container.starts_on_request, labels.JOB_SCOPED: container.is_job_scoped}
    return {
        labels.SANDBOX: project,
        labels.SERVICE: spec.name,
        labels.DIGEST: spec.digest,
        **{name: "true" for name, holds in kinds.items() if holds},
        **container.labels,
    }


def _access(container: Container) -> dict[str, JSON]:
    """Network, ports, volumes, groups and limits of a container."""
    access: dict[str, JSON] = {
        "read_only": container.is_read_only,
        "volumes": [f"{source}:{target}" for source, target in container.volumes.items()],
        "ports": [f"127.0.0.1:{outside or ''}:{inside}" for inside, outside in container.ports.items()],
        "group_add": list(container.groups),
    }
    if container.is_read_only:
        access["tmpfs"] = [f"{TMP}:mode=1777,size={TMP_BYTES}"]
    if not container.has_network:
        access["network_mode"] = "none"
    if container.limits is not None:
        access["mem_limit"] = access["memswap_limit"] = container.limits.memory_bytes
        access["cpus"] = container.limits.cpus
        access["pids_limit"] = container.limits.pids
    return {name: value for name, value in access.items() if value not in ([], False)}


def _healthcheck(command: Sequence[str]) -> dict[str, JSON]:
    test = ["CMD", *(_literal(word) for word in command)]
    return {"test": test, "interval": "30s", "timeout": "10s", "start_period": "60s", "retries": 3}


def _literal(text: str) -> str:
    """A string in which Compose replaces no variable."""
    return text.replace("$", "$$")

"""The part of a service's specification that only a Docker engine needs: image, ports, volumes, limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Limits:
    """Upper limits of what a container may use.

    Attributes:
        memory_bytes: memory, swap included.
        cpus: cores.
        pids: processes and threads.
    """

    memory_bytes: int
    cpus: float
    pids: int


@dataclass(frozen=True)
class Container:
    """The container of a service.

    Every container runs as user 1000, without capabilities and without a way to gain privileges:
    docs/explanation/security.md.

    Attributes:
        image: id or tag.
        ports: port inside -> port on 127.0.0.1; 0 for any free port.
        volumes: name of a volume of the sandbox, or path on the engine's machine -> mount point inside.
        healthcheck: command that sends the service a real request; empty for no health check.
        labels: additional labels.
        groups: additional groups of its user.
        has_network: whether it has any network.
        is_read_only: whether only its volumes and /tmp can be written.
        limits: None for no limits.
        starts_on_request: `up` only creates it; the gateway starts it at the first request.
        is_job_scoped: the job that needs it starts it; `up` leaves it alone.
    """

    image: str
    ports: Mapping[int, int] = field(default_factory=dict)
    volumes: Mapping[str, str] = field(default_factory=dict)
    healthcheck: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    groups: tuple[str, ...] = ()
    has_network: bool = True
    is_read_only: bool = True
    limits: Limits | None = None
    starts_on_request: bool = False
    is_job_scoped: bool = False

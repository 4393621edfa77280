"""How a service runs as a container: the part of its specification that only a Docker engine needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Limits:
    """What a container may use at most.

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

    Every container runs as user 1000 without capabilities and cannot gain privileges; see docs/security.md.

    Attributes:
        image: id or tag.
        ports: port inside -> port on 127.0.0.1; 0 for any that is free.
        volumes: name of a volume of the sandbox, or a path on the engine's machine -> where it is mounted.
        healthcheck: a command that asks the service a real request; none where empty.
        labels: further labels.
        groups: further groups of its user.
        has_network: False for no network at all.
        is_read_only: nothing but its volumes and /tmp can be written.
        limits: None for none.
        starts_on_request: it is made, and the gateway starts it when the first request comes.
        is_on_demand: it is started by the job that needs it, so `up` leaves it alone.
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
    is_on_demand: bool = False

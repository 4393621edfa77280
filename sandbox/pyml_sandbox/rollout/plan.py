"""Decides which services to stop, start and keep, from those wanted and those running. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter

from pyml_sandbox.services.runner_contract import LiveService, ServiceState
from pyml_sandbox.services.spec import ServiceSpec


@dataclass(frozen=True)
class Plan:
    """What to do, in this order: stop, then start. Kept services are left alone.

    Attributes:
        stop: names of running services that are not wanted, or that run from a different spec.
        start: specs to start, each after the specs that it depends on.
        keep: specs whose service already runs as wanted.
    """

    stop: tuple[str, ...]
    start: tuple[ServiceSpec, ...]
    keep: tuple[ServiceSpec, ...]


def plan_up(wanted: Sequence[ServiceSpec], live: Sequence[LiveService]) -> Plan:
    """Decide which services to stop, start and keep.

    A service that runs from an equal spec is kept. A service that failed is started again. A service that is no longer
    wanted is stopped, unless a job started it.
    """
    running = {service.name: service for service in live if service.state is not ServiceState.STOPPED}
    keep = [spec for spec in wanted if _is_kept(spec, running.get(spec.name))]
    kept = {spec.name for spec in keep}
    spared = {service.name for service in live if service.is_job_scoped} - {spec.name for spec in wanted}
    return Plan(
        stop=tuple(name for name in running if name not in kept | spared),
        start=tuple(spec for spec in in_order(wanted) if spec.name not in kept),
        keep=tuple(keep),
    )


def in_order(specs: Sequence[ServiceSpec]) -> list[ServiceSpec]:
    """The specs, each after the specs that it depends on; dependencies that are not among them are ignored."""
    by_name = {spec.name: spec for spec in specs}
    graph = {spec.name: [name for name in spec.depends_on if name in by_name] for spec in specs}
    return [by_name[name] for name in TopologicalSorter(graph).static_order()]


def _is_kept(spec: ServiceSpec, found: LiveService | None) -> bool:
    states = (ServiceState.RUNNING, ServiceState.WAITING)
    return found is not None and found.state in states and found.digest == spec.digest

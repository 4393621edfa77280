"""The status of a sandbox: which services run, whether they answer, and what they use."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from enum import StrEnum

from pyml.probes import NotReadyError
from pyml_sandbox.drivers.choice import driver_for
from pyml_sandbox.drivers.contract import DataLocation, Driver
from pyml_sandbox.lifecycle.deployment import LostVersion, lost_versions, model_endpoints
from pyml_sandbox.models.batching import batching_of
from pyml_sandbox.models.routes import Batching, load_routes
from pyml_sandbox.rollout.paused import PAUSED
from pyml_sandbox.services.runner_contract import LiveService, ServiceRunner, ServiceState
from pyml_sandbox.services.spec import Endpoint
from pyml_sandbox.workspace.events import JSON
from pyml_sandbox.workspace.home import SandboxHome
from pyml_sandbox.workspace.state import SandboxState, holder_of, require_state

PROBE_TIMEOUT_S = 10.0
"""A probe may start a program in a container, which takes seconds on a busy machine."""
THREADS = 8
WATCH_EVERY_S = 2.0


class Health(StrEnum):
    """The state of a service as a user sees it."""

    READY = "ready"
    IDLE = "idle"
    NOT_ANSWERING = "not answering"
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(frozen=True)
class ServiceStatus:
    """The status of one service.

    Attributes:
        name: of the service.
        health: ready if it just answered a real request, idle if the next request starts it.
        address: its address, for people.
        detail: why it is not ready; empty if it is.
        pid: of its process; None if it does not run.
        uptime_s: seconds that this process has run.
        restarts: how often it exited by itself since `up`.
        last_exit: how it last exited by itself: "exit code 7", "terminated by SIGKILL"; empty if it never did.
        memory_bytes: resident memory of the service and its descendants.
        threads: number of threads of the service and its descendants.
    """

    name: str
    health: Health
    address: str
    detail: str = ""
    pid: int | None = None
    uptime_s: float = 0
    restarts: int = 0
    last_exit: str = ""
    memory_bytes: int = 0
    threads: int = 0

    @property
    def json(self) -> dict[str, JSON]:
        """The service as a JSON object."""
        return {
            "name": self.name,
            "state": str(self.health),
            "address": self.address,
            "detail": self.detail,
            "pid": self.pid,
            "uptime_s": round(self.uptime_s, 1),
            "restarts": self.restarts,
            "last_exit": self.last_exit,
            "memory_bytes": self.memory_bytes,
            "threads": self.threads,
        }


@dataclass(frozen=True)
class SandboxStatus:
    """The status of one sandbox.

    Attributes:
        home: its folders.
        state: its recorded state.
        services: the status of every service that it should run.
        data: where tables and metastore are stored.
        busy: the command that holds the sandbox now; None if no command does.
        lost: deployed versions that cannot be served because their upload is gone or damaged.
        batching: whether each deployed version predicts the requests that wait together, by its id.
    """

    home: SandboxHome
    state: SandboxState
    services: Sequence[ServiceStatus]
    data: DataLocation
    busy: str | None
    lost: Sequence[LostVersion] = ()
    batching: Mapping[str, Batching] = field(default_factory=dict)

    @property
    def is_up(self) -> bool:
        """Whether every service answers or is idle."""
        return all(service.health in (Health.READY, Health.IDLE) for service in self.services)

    @property
    def json(self) -> dict[str, JSON]:
        """The status as one JSON object."""
        return {
            "sandbox": self.home.name,
            "driver": self.state.driver,
            "up": self.is_up,
            "busy": self.busy,
            "services": [service.json for service in self.services],
            "lost": [{"model_id": lost.model_id, "detail": lost.error.message} for lost in self.lost],
            "batching": {model_id: asdict(found) for model_id, found in self.batching.items()},
            "versions": {"pyml": self.state.pyml_version, "spark": self.state.spark_version},
            "ports": dict(self.state.ports.by_service),
            "data": {"place": self.data.description, "bytes": self.data.size_bytes},
        }


def status(home: SandboxHome) -> SandboxStatus:
    """Probe every service. Blocks for a few seconds at most.

    Raises:
        SandboxError: the sandbox has never been up.
    """
    state = require_state(home)
    driver = driver_for(home, state)
    endpoints = all_endpoints(home, driver)
    live = {service.name: service for service in driver.runner.live()}
    with ThreadPoolExecutor(min(THREADS, len(endpoints))) as pool:
        services = list(pool.map(lambda each: _service_status(each, live.get(each.name), driver.runner), endpoints))
    batching = {
        f"{model}@{version}": batching_of(home, state.driver, model, version)
        for model, version in load_routes(home).deployed
    }
    return SandboxStatus(home, state, services, driver.data(), holder_of(home), lost_versions(home), batching)


def each_status(
    home: SandboxHome, every_s: float = WATCH_EVERY_S, wait: Callable[[float], None] = time.sleep
) -> Iterator[SandboxStatus]:
    """The status again and again, without an end.

    Args:
        home: the sandbox.
        every_s: seconds between one status and the next question.
        wait: waits for some seconds.

    Raises:
        SandboxError: the sandbox has never been up, or was reset meanwhile.
    """
    while True:
        yield status(home)
        wait(every_s)


def changes(statuses: Iterable[SandboxStatus]) -> Iterator[SandboxStatus]:
    """Those statuses that differ from the one before; the first is one of them.

    Uptime, memory, threads and the size of the data change all the time, and do not count.
    """
    before: object = None
    for found in statuses:
        facts = [
            (each.name, each.health, each.detail, each.address, each.pid, each.restarts) for each in found.services
        ]
        now = (facts, found.busy, [(lost.model_id, lost.error.message) for lost in found.lost], found.batching)
        if now != before:
            yield found
        before = now


def all_endpoints(home: SandboxHome, driver: Driver) -> list[Endpoint]:
    """The endpoints of all services that a sandbox runs when it is up."""
    return [*driver.endpoints(), *model_endpoints(home, driver)]


def _service_status(endpoint: Endpoint, found: LiveService | None, runner: ServiceRunner) -> ServiceStatus:
    if found is not None and found.state is ServiceState.WAITING:
        return ServiceStatus(endpoint.name, Health.IDLE, endpoint.address, "the next request starts it")
    if found is None or found.state in (ServiceState.STOPPED, ServiceState.FAILED):
        return _ended(endpoint, found)
    is_paused = found.state is ServiceState.PAUSED
    reason, used = PAUSED if is_paused else _why_not_ready(endpoint), runner.resources(endpoint.name)
    return ServiceStatus(
        name=endpoint.name,
        health=Health.READY if reason is None else Health.NOT_ANSWERING,
        address=endpoint.address,
        detail=reason or "",
        pid=found.pid,
        uptime_s=found.uptime_s,
        restarts=found.exits,
        last_exit=found.last_exit.reason if found.last_exit else "",
        memory_bytes=used.memory_bytes,
        threads=used.threads,
    )


def _ended(endpoint: Endpoint, found: LiveService | None) -> ServiceStatus:
    if found is None or found.last_exit is None:
        return ServiceStatus(endpoint.name, Health.STOPPED, endpoint.address)
    reason = found.last_exit.reason
    return ServiceStatus(endpoint.name, Health.FAILED, endpoint.address, reason, restarts=found.exits, last_exit=reason)


def _why_not_ready(endpoint: Endpoint) -> str | None:
    try:
        endpoint.probe(PROBE_TIMEOUT_S)
    except NotReadyError as error:
        return error.message
    return None

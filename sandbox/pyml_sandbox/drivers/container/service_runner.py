"""The container driver's service runner: services are containers, run by Docker Compose and watched by the engine.

Each sandbox is one Compose project. Its file, `conf/compose.yaml`, has every service started since the last
`shut_down`; it can be used by hand. Containers, networks and volumes are found by the sandbox's label.
"""

from __future__ import annotations

import contextlib
import datetime
import queue
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyml.errors import SandboxError
from pyml.gateway.ends.reasons import ABORTED, LOG_LINES, OUT_OF_MEMORY, reason_in_log, reason_of
from pyml_sandbox.drivers.container.compose.compose_file import container_of, document
from pyml_sandbox.drivers.container.compose.compose_program import Compose
from pyml_sandbox.drivers.container.engine import labels
from pyml_sandbox.drivers.container.engine.docker_engine import Engine, gone_is_fine, translated
from pyml_sandbox.drivers.container.engine.lookup import containers_of
from pyml_sandbox.drivers.log_files import tail
from pyml_sandbox.services.runner_contract import Exit, LiveService, Resources, ServiceState, not_running
from pyml_sandbox.services.spec import ServiceSpec
from pyml_sandbox.workspace.files import write_atomically
from pyml_sandbox.workspace.home import SandboxHome
from pyml_sandbox.workspace.yaml_text import yaml_text

if TYPE_CHECKING:
    from docker.models.containers import Container

CUT_OFF = Exit(None, "its network was removed")
KEPT_LOG_LINES = 10_000
FOLLOW_AGAIN_S = 0.5
UP_TIMEOUT_S = 300
STOP_TIMEOUT_S = 120
ANSWER_TIMEOUT_S = 30
"""A busy engine lists containers in seconds; one that makes or stops several takes longer."""
THREADS = 8
"""Fewer than the connections that the SDK keeps to an engine."""

STATES = {
    "created": ServiceState.STOPPED,
    "running": ServiceState.RUNNING,
    "paused": ServiceState.PAUSED,
    "restarting": ServiceState.FAILED,  # it ended, and the engine is about to start it again
    "removing": ServiceState.STOPPING,
    "exited": ServiceState.STOPPED,
    "dead": ServiceState.FAILED,
}


class ContainerRunner:
    """Runs the services of one sandbox as containers. See `ServiceRunner`.

    Args:
        home: the sandbox.
        engine: runs the containers.
        compose: starts and removes them.

    Its time-outs are those of the engine's client and of Compose, minutes both; a service's own time to stop is in its
    container.
    """

    name = "container"

    def __init__(self, home: SandboxHome, engine: Engine, compose: Compose) -> None:
        self._home = home
        self._engine = engine
        self._compose = compose
        self._exits: dict[tuple[str, int], Exit] = {}

    # ---- what is there

    def live(self, timeout_s: float = ANSWER_TIMEOUT_S) -> Sequence[LiveService]:
        """See `ServiceRunner.live`."""
        with self._engine.within(timeout_s):
            return tuple(self._live_service(container) for container in self._by_service.values())

    def logs(self, name: str, lines: int) -> Sequence[str]:
        """See `ServiceRunner.logs`."""
        container = self._of(name)
        if container is None:
            return tail(self._log_file(name), lines)
        if lines <= 0:
            return ()
        with translated(f"read the log of {name}"):
            return tuple(_lines(container.logs(tail=lines)))

    def follow(self, names: Sequence[str], lines: int) -> Iterator[tuple[str, str]]:
        """See `ServiceRunner.follow`."""
        written: queue.SimpleQueue[tuple[str, str]] = queue.SimpleQueue()
        for name in names:
            threading.Thread(target=self._follow, args=(name, lines, written), daemon=True).start()
        while True:
            yield written.get()

    def resources(self, name: str) -> Resources:
        """See `ServiceRunner.resources`. The page cache does not count; what the engine counts as pids are threads."""
        container = self._of(name)
        if container is None or container.status != "running":
            return Resources()
        with translated(f"measure {name}"):
            stats: Mapping[str, Any] = container.stats(stream=False, one_shot=True)  # type: ignore[assignment]
        memory = stats.get("memory_stats") or {}
        details = memory.get("stats") or {}
        cache = details.get("total_inactive_file", details.get("inactive_file", 0))
        threads = (stats.get("pids_stats") or {}).get("current", 0)
        return Resources(max(0, int(memory.get("usage", 0)) - int(cache)), int(threads))

    # ---- what changes

    def start(self, *specs: ServiceSpec, timeout_s: float = UP_TIMEOUT_S) -> None:
        """See `ServiceRunner.start`. A service that starts on request is only created."""
        wanted = not_running(specs, self.live(timeout_s))
        if not wanted:
            return
        self._home.create()
        file = self._write(wanted)
        at_once = [spec.name for spec in wanted if not container_of(spec).starts_on_request]
        on_request = [spec.name for spec in wanted if container_of(spec).starts_on_request]
        for option, names in (("--detach", at_once), ("--no-start", on_request)):
            if names:
                self._run(timeout_s, "--file", str(file), "up", option, *_UP_OPTIONS, *names)

    def stop(self, name: str, timeout_s: float = STOP_TIMEOUT_S) -> None:
        """See `ServiceRunner.stop`.

        A service that starts on request is removed, else the next request would start it. A job-scoped service that was
        already stopped is removed as well.
        """
        with self._engine.within(timeout_s, f"stop {name}"), gone_is_fine():
            container = self._of(name)
            if container is None:
                return
            was_stopped = container.status != "running" and labels.JOB_SCOPED in container.labels
            container.stop()
            if labels.ON_REQUEST in container.labels or was_stopped:
                self._save_log(name, container)
                container.remove(force=True, v=True)

    def resume(self, name: str, timeout_s: float = ANSWER_TIMEOUT_S) -> None:
        """See `ServiceRunner.resume`."""
        with self._engine.within(timeout_s, f"resume {name}"), gone_is_fine():
            container = self._of(name)
            if container is not None and container.status == "paused":
                container.unpause()

    def shut_down(self, timeout_s: float = UP_TIMEOUT_S) -> None:
        """See `ServiceRunner.shut_down`. Volumes are kept."""
        found = self._by_service
        if found:
            with ThreadPoolExecutor(THREADS) as pool:
                list(pool.map(self._save_log, found.keys(), found.values()))
            self._run(timeout_s, "down", "--remove-orphans")
        with self._engine.within(timeout_s, "remove the sandbox's containers"):
            for container in self._containers():
                with gone_is_fine():
                    container.remove(force=True, v=True)
            for network in self._engine.client.networks.list(filters={"label": self._label}):
                with gone_is_fine():
                    network.remove()
        (self._home.conf / "compose.yaml").unlink(missing_ok=True)

    def remove_orphans(self, timeout_s: float = STOP_TIMEOUT_S) -> int:
        """See `ServiceRunner.remove_orphans`. Orphans are containers that an interrupted Compose was replacing."""
        with self._engine.within(timeout_s, "remove orphans of an earlier run"):
            kept = {container.id for container in self._by_service.values()}
            orphans = [container for container in self._containers() if container.id not in kept]
            for container in orphans:
                with gone_is_fine():
                    container.remove(force=True, v=True)
        return len(orphans)

    # ---- the engine

    @property
    def _label(self) -> str:
        return f"{labels.SANDBOX}={self._home.project}"

    @property
    def _by_service(self) -> dict[str, Container]:
        """The container of each service; of two, the one that runs, else the newer one."""
        return {container.labels[labels.SERVICE]: container for container in self._containers()}

    def _of(self, name: str) -> Container | None:
        """The container of one service, chosen in the same way."""
        return next(reversed(self._containers(f"{labels.SERVICE}={name}")), None)

    def _containers(self, *wanted: str) -> list[Container]:
        """The containers, sorted: running ones last, and then by age, the newest last."""
        found = containers_of(self._engine, self._home.project, *wanted)
        return sorted(found, key=lambda each: (each.status == "running", _created(each)))

    def _run(self, timeout_s: float, *arguments: str) -> str:
        return self._compose.run("--project-name", self._home.project, *arguments, timeout_s=timeout_s)

    def _write(self, specs: Sequence[ServiceSpec]) -> Path:
        """Write the Compose file, with these services and those that were started before."""
        import yaml

        file = self._home.conf / "compose.yaml"
        new = document(self._home.project, specs)
        old = yaml.safe_load(file.read_text(encoding="utf-8")) if file.exists() else {}
        merged = {**new, **{part: {**old.get(part, {}), **_mapping(new[part])} for part in ("services", "volumes")}}
        write_atomically(file, yaml_text(merged))
        return file

    def _live_service(self, container: Container) -> LiveService:
        facts = container.attrs["State"]
        is_running = facts.get("Running", False) and not facts.get("Restarting", False)
        exits = int(container.attrs.get("RestartCount", 0))
        is_cut_off = _is_cut_off(container)
        state = ServiceState.FAILED if is_cut_off else STATES.get(container.status, ServiceState.FAILED)
        if state is ServiceState.STOPPED and labels.ON_REQUEST in container.labels:
            state = ServiceState.WAITING
        ended = self._last_exit(container) if exits else None
        return LiveService(
            name=container.labels[labels.SERVICE],
            state=state,
            digest=container.labels[labels.DIGEST],
            pid=int(facts.get("Pid") or 0) or None if is_running else None,
            uptime_s=_since(str(facts.get("StartedAt"))) if is_running else 0,
            exits=exits,
            last_exit=CUT_OFF if is_cut_off else ended,
            is_job_scoped=labels.JOB_SCOPED in container.labels,
        )

    def _last_exit(self, container: Container) -> Exit:
        """How it last ended by itself.

        Of one that runs again, or that was stopped while it did, only the engine's events know it, for as long as they
        are kept.
        """
        facts = container.attrs["State"]
        if facts.get("OOMKilled"):
            return Exit(None, OUT_OF_MEMORY)
        if container.status == "restarting":
            return _exit(int(facts.get("ExitCode", 0)))
        ended = (str(container.id), int(container.attrs["RestartCount"]))
        if ended not in self._exits:
            codes = self._codes_in_events(container)
            if not codes and container.status != "running":
                return _exit(int(facts.get("ExitCode", 0)))
            self._exits[ended] = self._precise(_exit(codes[-1]), container) if codes else Exit(None, "it ended")
        return self._exits[ended]

    def _precise(self, ended: Exit, container: Container) -> Exit:
        """The log tells why a process aborted, if it does."""
        if ended.reason != ABORTED:
            return ended
        with translated("read its log"):
            return replace(ended, reason=reason_in_log(container.logs(tail=LOG_LINES)) or ended.reason)

    def _codes_in_events(self, container: Container) -> list[int]:
        """The exit codes of its ends by itself, in order."""
        since, until = (f"{each:.6f}" for each in (_created(container).timestamp(), time.time()))
        asked = {"container": container.id, "event": ["die", "kill"]}
        with translated("ask for its events"):
            # As texts, since the SDK cuts times to seconds: a time to come would make the engine wait for it.
            stream = self._engine.client.events(since=since, until=until, filters=asked, decode=True)  # type: ignore[call-overload]
            return _codes(stream)

    # ---- logs

    def _log_file(self, name: str) -> Path:
        return self._home.logs / f"{name}.log"

    def _save_log(self, name: str, container: Container) -> None:
        """Save the last lines of a container's log, to keep them after its removal."""
        with translated(f"read the log of {name}"), gone_is_fine():
            log = container.logs(tail=KEPT_LOG_LINES)
            self._home.logs.mkdir(parents=True, exist_ok=True)
            self._log_file(name).write_bytes(log)

    def _follow(self, name: str, lines: int, written: queue.SimpleQueue[tuple[str, str]]) -> None:
        """Put each line of a service into a queue, from one container to the next. Endless."""
        seen: Mapping[str, Any] = {"tail": lines}
        while True:
            with contextlib.suppress(SandboxError), translated():
                container = self._of(name)
                if container is not None:
                    started = time.time()
                    for line in _whole_lines(container.logs(stream=True, follow=True, **seen)):
                        written.put((name, line))
                    seen = {"since": max(started, time.time() - FOLLOW_AGAIN_S)}
            time.sleep(FOLLOW_AGAIN_S)


_UP_OPTIONS = ("--no-deps", "--force-recreate", "--no-build", "--pull", "never", "--quiet-pull")


def _codes(events: Iterable[Mapping[str, Any]]) -> list[int]:
    """Exit codes of a container's ends, without those that somebody asked the engine for: a kill precedes these."""
    codes, is_asked_for = [], False
    for event in events:
        if event["Action"] == "die" and not is_asked_for:
            codes.append(int(event["Actor"]["Attributes"]["exitCode"]))
        is_asked_for = event["Action"] == "kill"
    return codes


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _exit(code: int) -> Exit:
    reason = reason_of(code)
    return Exit(None if reason.startswith("terminated") else code, reason)


def _created(container: Container) -> datetime.datetime:
    return _time(str(container.attrs["Created"]))


def _is_cut_off(container: Container) -> bool:
    """Whether it runs without a network, which somebody removed; one that was stopped may have none, too."""
    return container.status == "running" and not container.attrs["NetworkSettings"]["Networks"]


def _since(started_at: str) -> float:
    return max(0.0, (datetime.datetime.now(datetime.UTC) - _time(started_at)).total_seconds())


def _time(text: str) -> datetime.datetime:
    """Parse Docker's time, which has nanoseconds; Python drops the last three digits."""
    return datetime.datetime.fromisoformat(text)


def _lines(text: bytes) -> list[str]:
    return text.decode(errors="replace").splitlines()


def _whole_lines(parts: Iterator[bytes]) -> Iterator[str]:
    """Join parts of a stream into lines."""
    rest = b""
    for part in parts:
        *whole, rest = (rest + part).split(b"\n")
        yield from (line.decode(errors="replace").rstrip("\r") for line in whole)
    if rest:
        yield rest.decode(errors="replace")

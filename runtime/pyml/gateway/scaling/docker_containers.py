"""The containers of one sandbox in a Docker engine (or podman, which has the same API), through the docker SDK.

The SDK is imported at the first call. Its exceptions do not leave this module.
"""

from __future__ import annotations

import contextlib
import importlib.util
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pyml.gateway.ends.reasons import ABORTED, KILLED, LOG_LINES, OUT_OF_MEMORY, reason_in_events, reason_in_log
from pyml.gateway.scaling.containers import EngineError, ServerContainer
from pyml.gateway.scaling.docker_errors import docker_errors
from pyml.gateway.scaling.scaling_labels import SANDBOX, SERVICE

if TYPE_CHECKING:
    import docker

_TIMEOUT_S = 30
_HINT = "pyml dev doctor"


class DockerContainers:
    """See `Containers`.

    Args:
        engine: where the engine listens, for instance `unix:///var/run/docker.sock`.
        sandbox: the label that marks the sandbox's containers.
    """

    def __init__(self, engine: str, sandbox: str) -> None:
        self._engine = engine
        self._sandbox = sandbox
        self._lock = threading.Lock()
        self._client: docker.DockerClient | None = None

    def find(self, service: str | None = None) -> Sequence[ServerContainer]:
        """See `Containers.find`."""
        labels = [f"{SANDBOX}={self._sandbox}", f"{SERVICE}={service}" if service is not None else SERVICE]
        with self._translated() as client:
            found = client.containers.list(all=True, filters={"label": labels}, ignore_removed=True)
            return [container_of(each.attrs) for each in found]

    def start(self, container_id: str) -> None:
        """See `Containers.start`."""
        with self._translated() as client, _unless_gone():
            client.api.start(container_id)

    def stop(self, container_id: str) -> None:
        """See `Containers.stop`."""
        with self._translated() as client, _unless_gone():
            client.api.stop(container_id)

    def last_end(self, service: str, since: float) -> str | None:
        """See `Containers.last_end`."""
        labels = [f"{SANDBOX}={self._sandbox}", f"{SERVICE}={service}"]
        asked = {"type": "container", "label": labels, "event": ["die", "oom"]}
        begin, end = f"{since:.6f}", f"{time.time():.6f}"
        with self._translated() as client:
            # As texts, since the SDK cuts times to seconds: a time to come would make the engine wait for it.
            events = client.events(since=begin, until=end, filters=asked, decode=True)  # type: ignore[call-overload]
            reason = reason_in_events(events)
        return None if reason is None else self._precise(reason, service)

    def _precise(self, reason: str, service: str) -> str:
        """A lack of memory may stand in the container's state alone, and one of processes only in its log."""
        found = next(iter(self.find(service)), None)
        if found is not None and reason == KILLED and found.is_out_of_memory:
            return OUT_OF_MEMORY
        if found is not None and reason == ABORTED:
            with self._translated() as client:
                return reason_in_log(client.containers.get(found.id).logs(tail=LOG_LINES)) or reason
        return reason

    def close(self) -> None:
        """See `Containers.close`."""
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None

    @contextlib.contextmanager
    def _translated(self) -> Iterator[docker.DockerClient]:
        """The SDK's client; its exceptions are raised as `EngineError`."""
        if importlib.util.find_spec("docker") is None:
            raise EngineError("the docker SDK is not installed in this gateway", "pip install 'docker>=7.2'")
        with docker_errors(_refused, self._no_answer):
            yield self._connected()

    def _no_answer(self, reason: str) -> EngineError:
        if reason == "permission denied":
            return EngineError(f"the gateway may not use the Docker engine at {self._engine}: {reason}", _HINT)
        return EngineError(f"the Docker engine at {self._engine} does not answer: {reason}", _HINT)

    def _connected(self) -> docker.DockerClient:
        import docker

        with self._lock:
            if self._client is None:
                self._client = docker.DockerClient(base_url=self._engine, version="auto", timeout=_TIMEOUT_S)
            return self._client


def container_of(attrs: Mapping[str, Any]) -> ServerContainer:
    """A container from the response of `GET /containers/ID/json`."""
    state, labels = attrs["State"], attrs["Config"].get("Labels") or {}
    return ServerContainer(
        id=attrs["Id"],
        service=labels.get(SERVICE, ""),
        status=state["Status"],
        # A container that never ran has a start time in the year 1.
        started_at=max(0.0, datetime.fromisoformat(state["StartedAt"]).timestamp()),
        exit_code=int(state.get("ExitCode") or 0),
        restarts=int(attrs.get("RestartCount") or 0),
        is_out_of_memory=bool(state.get("OOMKilled")),
        labels=labels,
    )


@contextlib.contextmanager
def _unless_gone() -> Iterator[None]:
    """Ignore that the container itself is gone, but not that something it needs is, such as its network."""
    import docker.errors

    try:
        yield
    except docker.errors.NotFound as error:
        if "no such container" not in str(error).lower():
            raise


def _refused(message: str) -> EngineError:
    return EngineError(f"the Docker engine refused: {message}", _HINT)

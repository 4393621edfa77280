"""What the gateway reads from an engine, and what it says where the engine does not answer."""

from __future__ import annotations

import gc
import socket
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from pyml.gateway.scaling.containers import EngineError, ServerContainer
from pyml.gateway.scaling.docker_containers import DockerContainers, container_of

NEVER = "0001-01-01T00:00:00Z"


def attrs(state: Mapping[str, object], restarts: int = 0, labels: dict[str, str] | None = None) -> dict[str, object]:
    """A part of what `GET /containers/ID/json` answers."""
    return {"Id": "1f", "State": state, "RestartCount": restarts, "Config": {"Labels": labels}}


def test_a_container_is_read_from_what_the_engine_says() -> None:
    state = {"Status": "running", "StartedAt": "2025-11-25T12:00:00.500000789Z", "ExitCode": 0, "OOMKilled": False}
    labels = {"io.pyml.service": "model-fare-1", "other": "x"}
    assert container_of(attrs(state, 2, labels)) == ServerContainer(
        "1f", "model-fare-1", "running", 1764072000.5, restarts=2, labels=labels
    )


def test_times_of_another_zone_are_read() -> None:
    state = {"Status": "running", "StartedAt": "2025-11-25T14:00:00+02:00"}  # podman's
    assert container_of(attrs(state)).started_at == 1764072000


def test_one_that_never_ran_has_no_start() -> None:
    found = container_of(attrs({"Status": "created", "StartedAt": NEVER}))
    assert (found.started_at, found.service, found.is_stopped, found.is_running) == (0, "", True, False)


ENDS = [
    (ServerContainer("1", "a", "exited", exit_code=1), "ended with exit code 1"),
    (ServerContainer("1", "a", "exited", exit_code=1, restarts=1), "ended with exit code 1, restarted once"),
    (ServerContainer("1", "a", "exited", exit_code=137, restarts=3, is_out_of_memory=True), "ended with exit code 137 (out of memory), restarted 3 times"),
]  # fmt: skip


@pytest.mark.parametrize(("container", "words"), ENDS)
def test_how_it_ended_is_said(container: ServerContainer, words: str) -> None:
    assert container.end == words


def said(ask: Callable[[], object]) -> str:
    """What is said where the engine cannot be asked."""
    with pytest.raises(EngineError) as caught:
        ask()
    message = caught.value.message
    del caught
    gc.collect()  # the SDK leaves its socket to the garbage collector, which warns
    return message


SDK_LEAVES_ITS_SOCKET = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")


@SDK_LEAVES_ITS_SOCKET
def test_an_engine_that_is_not_there_is_said(tmp_path: Path) -> None:
    path = tmp_path / "docker.sock"
    message = said(DockerContainers(f"unix://{path}", "pyml-test").find)
    assert message == f"the Docker engine at unix://{path} does not answer: no such file or directory"


@SDK_LEAVES_ITS_SOCKET
def test_an_engine_that_does_not_listen_is_said(tmp_path: Path) -> None:
    path = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as nobody:
        nobody.bind(str(path))
    containers = DockerContainers(f"unix://{path}", "pyml-test")
    assert said(lambda: containers.start("1f")).endswith("does not answer: connection refused")


@SDK_LEAVES_ITS_SOCKET
def test_an_engine_that_may_not_be_used_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket.socket, "connect", refuse)  # nothing is forbidden to root, under which tests may run
    containers = DockerContainers("unix:///s", "pyml-test")
    message = said(lambda: containers.stop("1f"))
    assert message == "the gateway may not use the Docker engine at unix:///s: permission denied"

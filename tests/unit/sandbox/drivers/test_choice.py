"""Which driver a sandbox gets, and what keeps containers out of reach."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pyml.errors import SetupError, UsageError
from pyml_sandbox.drivers.choice import choose_driver, why_no_containers
from pyml_sandbox.drivers.container import container_checks
from pyml_sandbox.drivers.container.compose.compose_program import ComposeError
from pyml_sandbox.drivers.container.engine.docker_engine import EngineFacts


@pytest.mark.parametrize(
    ("recorded", "asked", "has_engine", "expected"),
    [
        (None, None, True, "container"),
        (None, None, False, "process"),
        (None, "process", True, "process"),
        (None, "container", False, "container"),
        ("process", None, True, "process"),
        ("container", None, False, "container"),
        ("container", "container", False, "container"),
    ],
)
def test_choice(recorded: str | None, asked: str | None, has_engine: bool, expected: str) -> None:
    assert choose_driver(recorded, asked, lambda: has_engine) == expected


def test_an_engine_is_looked_for_only_where_that_decides() -> None:
    def never() -> bool:
        raise AssertionError("nobody asked")

    assert choose_driver("process", None, never) == "process"
    assert choose_driver(None, "container", never) == "container"


def test_another_driver_than_the_recorded_one_is_refused() -> None:
    with pytest.raises(SetupError, match="made with the process driver"):
        choose_driver("process", "container", lambda: True)


def test_an_unknown_driver_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="podman"):
        choose_driver(None, "podman", lambda: True)


def test_what_keeps_containers_out_of_reach_is_said(tmp_path: Path) -> None:
    assert "there is no such socket" in why_no_containers({"DOCKER_HOST": f"unix://{tmp_path}/none.sock"})


FACTS = EngineFacts("Docker Engine", "28.1", "1.49", "x86_64", 8, 16_000_000_000, "/var/lib/docker", is_rootless=False)


class AnEngine:
    """An engine that says of itself what a test wants it to."""

    endpoint = "unix:///var/run/docker.sock"
    socket = None

    def __init__(self, **facts: object) -> None:
        self.facts = replace(FACTS, **facts)  # type: ignore[arg-type]


def test_the_engine_is_named_with_its_versions() -> None:
    said = container_checks.check_engine(AnEngine(is_rootless=True))  # type: ignore[arg-type]
    assert said == "Docker Engine 28.1, API 1.49, x86_64, at unix:///var/run/docker.sock, rootless"


def test_an_engine_that_is_too_old_is_refused() -> None:
    with pytest.raises(SetupError, match=r"has API 1\.39; expected 1\.41 or newer"):
        container_checks.check_engine(AnEngine(api_version="1.39"))  # type: ignore[arg-type]


def test_where_the_engine_is_a_virtual_machines_its_socket_there_is_roots(tmp_path: Path) -> None:
    elsewhere = AnEngine(root=str(tmp_path / "not here"))
    assert container_checks.socket_for_gateway(elsewhere) == ("/var/run/docker.sock", "0")  # type: ignore[arg-type]


def test_an_error_of_compose_is_without_the_progress_before_it_and_says_what_mends_it() -> None:
    words = " Container x-1  Creating\n Network y  Created\n Error response from daemon: write: no space left on device"
    error = ComposeError(words)
    assert error.message == "Docker Compose failed:  Error response from daemon: write: no space left on device"
    assert "pyml image prune" in error.hint
    assert "start Docker" in ComposeError("Cannot connect to the Docker daemon at unix:///x").hint

"""Which engine is asked follows Docker's context, and one that does not exist is never taken for the default."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pyml.errors import SetupError
from pyml_sandbox.drivers.container.engine.docker_engine import find_engine


def test_a_context_of_the_environment_that_does_not_exist_is_named() -> None:
    with pytest.raises(SetupError, match="There is no Docker context nope") as caught:
        find_engine({"DOCKER_CONTEXT": "nope"})
    assert "docker context ls" in caught.value.hint


def test_a_current_context_that_is_gone_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"currentContext": "gone"}))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    with pytest.raises(SetupError, match=r"There is no Docker context that Docker's config\.json names"):
        find_engine({})


def test_a_host_that_is_named_needs_no_context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"currentContext": "gone"}))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    with pytest.raises(SetupError, match="No Docker engine answers: unix:///nowhere"):
        find_engine({"DOCKER_HOST": "unix:///nowhere"})


@pytest.mark.parametrize(
    "host",
    ["ssh://me@build.example.com", "tcp://10.1.2.3:2376", "ssh://127.0.0.1", "10.1.2.3:2375", "https://docker:1"],
)
def test_an_engine_of_a_different_machine_is_refused_before_it_is_asked(host: str) -> None:
    with pytest.raises(SetupError, match="runs on a different machine") as caught:
        find_engine({"DOCKER_HOST": host})
    assert "docker context use default" in caught.value.hint


@pytest.mark.parametrize(
    "host",
    [
        "tcp://127.0.0.1:1",
        "tcp://localhost:1",
        "unix:///nowhere",
        "unix://nowhere/docker.sock",
        "127.0.0.1:1",
        "npipe:////./pipe/docker",
    ],
)
def test_an_engine_of_this_machine_is_asked(host: str) -> None:
    with pytest.raises(SetupError, match="No Docker engine answers"):
        find_engine({"DOCKER_HOST": host})

"""From a check of a real image to a real registry, as a user types it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pyml_sandbox.client import Client
from pyml_sandbox.proof.signing_key import create_key_pair
from pyml_sandbox.workspace.home import SandboxHome
from support.registries import docker_registry
from support.typed_commands import Typed, typed_with


@pytest.fixture
def typed(capsys: pytest.CaptureFixture[str]) -> Typed:
    return typed_with(capsys)


@pytest.fixture
def client(container_sandbox: SandboxHome, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Client:
    """A client whose key is of this test, since the sandbox is shared."""
    create_key_pair(tmp_path)
    monkeypatch.setenv("PYML_HOME", str(container_sandbox.root))
    monkeypatch.setenv("PYML_SANDBOX", container_sandbox.name)
    monkeypatch.setenv("PYML_SIGNING_KEY", str(tmp_path / "keys" / "signing.key"))
    return Client(container_sandbox)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[str]:
    folder = tmp_path / "registry"
    folder.mkdir()
    with docker_registry(folder) as process:
        yield process.host

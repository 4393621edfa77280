"""From a check of a real image to a real registry, as a user types it; then the other side."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyml.package.model_package import ModelPackage
from pyml_cli.main import run
from pyml_sandbox.client import Client
from pyml_sandbox.proof.signing_key import create_key_pair
from pyml_sandbox.workspace.home import SandboxHome
from support.packages import write_package
from support.registries import docker_registry

PARITY = """
[parity]
sql = "SELECT id, CAST(id AS DOUBLE) AS a FROM range(50)"
key = ["id"]
level = "P1"
"""


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


def test_a_proven_image_is_promoted_and_verified_and_another_is_refused(
    client: Client, host: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_package(tmp_path / "promoted")
    (folder / "pyml.toml").write_text(PARITY)
    model_id = client.upload_model(ModelPackage(folder))
    to = ["--to", f"{host}/models/promoted:prod", "--plain-http"]
    assert run(["promote", model_id, *to]) == 1
    refused = capsys.readouterr().err
    assert "nothing proves that the paths of sha256:" in refused
    assert "fix: pyml parity-check" in refused

    assert run(["parity-check", str(folder)]) == 0
    assert "signed with" in capsys.readouterr().err
    assert run(["promote", model_id, *to, "--dry-run"]) == 0
    assert "nothing was pushed" in capsys.readouterr().out
    assert run(["promote", model_id, *to, "--json"]) == 0
    promoted = json.loads(capsys.readouterr().out)
    assert (promoted["model"], promoted["level"]) == (model_id, "P1")
    assert promoted["tags"] == ["prod", model_id.replace("@", "-")]

    public = str(tmp_path / "keys" / "signing.pub")
    assert run(["verify", promoted["image"], "--key", public, "--plain-http", "--json"]) == 0
    verified = json.loads(capsys.readouterr().out)
    assert (verified["image"], verified["model"]) == (promoted["image"], model_id)
    assert run(["log", "promoted"]) == 0
    assert re.search(rf"checked +{model_id}  PASS P1.*\n.*promoted +{model_id}  {host}", capsys.readouterr().out)
    create_key_pair(tmp_path / "stranger")
    stranger = str(tmp_path / "stranger" / "keys" / "signing.pub")
    assert run(["verify", promoted["image"], "--key", stranger, "--plain-http"]) == 1
    assert "of no key that is trusted" in capsys.readouterr().err

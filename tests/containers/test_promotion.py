"""From a check of a real image to a real registry, as a user types it; then the other side."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyml.package.model_package import ModelPackage
from pyml.package.settings import ParitySettings
from pyml_cli.main import run
from pyml_sandbox.client import Client
from pyml_sandbox.parity.check import parity_check
from pyml_sandbox.proof.signing_key import create_key_pair
from pyml_sandbox.workspace.home import SandboxHome
from support.packages import write_package
from support.registries import docker_registry

SETTINGS = ParitySettings(sql="SELECT id, CAST(id AS DOUBLE) AS a FROM range(50)", key=("id",))


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
    model_id = client.upload_model(ModelPackage(write_package(tmp_path / "promoted")))
    to = ["--to", f"{host}/models/promoted:prod", "--plain-http"]
    assert run(["promote", model_id, *to]) == 1
    refused = capsys.readouterr().err
    assert "nothing proves that the paths of sha256:" in refused
    assert "fix: pyml parity-check" in refused

    parity_check(client, model_id, SETTINGS, signing_key=client.signing_key())
    assert run(["promote", model_id, *to, "--dry-run"]) == 0
    assert "nothing was pushed" in capsys.readouterr().out
    assert run(["promote", model_id, *to, "--json"]) == 0
    promoted = json.loads(capsys.readouterr().out)
    assert (promoted["model"], promoted["level"]) == (model_id, "P5")
    assert promoted["tags"] == ["prod", model_id.replace("@", "-")]

    public = str(tmp_path / "keys" / "signing.pub")
    assert run(["verify", promoted["image"], "--key", public, "--plain-http", "--json"]) == 0
    verified = json.loads(capsys.readouterr().out)
    assert (verified["image"], verified["model"]) == (promoted["image"], model_id)
    create_key_pair(tmp_path / "stranger")
    stranger = str(tmp_path / "stranger" / "keys" / "signing.pub")
    assert run(["verify", promoted["image"], "--key", stranger, "--plain-http"]) == 1
    assert "of no key that is trusted" in capsys.readouterr().err


def test_a_failed_check_shuts_the_gate_until_a_later_one_passes(
    client: Client, host: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    body = "a + __import__('os').getpid()"
    source = (
        "import pandas as pd\nfrom pyml import DataFrameModel, Schema\n\n\nclass Model(DataFrameModel):\n"
        "    inputs = Schema('a DOUBLE')\n    outputs = Schema('p DOUBLE')\n\n    def __init__(self, parameters):\n"
        f"        pass\n\n    def predict(self, frame):\n        a = frame['a']\n        return pd.DataFrame({{'p': {body}}})\n"
    )
    model_id = client.upload_model(ModelPackage(write_package(tmp_path / "differs", source)))
    parity_check(client, model_id, SETTINGS, signing_key=client.signing_key())
    assert run(["promote", model_id, "--to", f"{host}/models/differs", "--plain-http"]) == 1
    assert "says FAIL" in capsys.readouterr().err

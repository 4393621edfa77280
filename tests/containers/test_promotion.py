"""From a check of a real image to a real registry, as a user types it; then the other side."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from pyml.package.model_package import ModelPackage
from pyml_sandbox.client import Client
from pyml_sandbox.proof.signing_key import create_key_pair
from support.packages import write_package
from support.typed_commands import Typed

PARITY = """
[parity]
sql = "SELECT id, CAST(id AS DOUBLE) AS a FROM range(50)"
key = ["id"]
level = "P1"
"""


def test_a_proven_image_is_promoted_and_verified_and_another_is_refused(
    client: Client, host: str, typed: Typed, tmp_path: Path
) -> None:
    folder = write_package(tmp_path / "promoted")
    (folder / "pyml.toml").write_text(PARITY)
    model_id = client.upload_model(ModelPackage(folder))
    to = ["--to", f"{host}/models/promoted:prod", "--plain-http"]
    refused = typed("promote", model_id, *to, expected=1)
    assert re.search(r"error: nothing proves that the paths of sha256:.*\n  fix: pyml parity-check\n", refused)

    typed("parity-check", str(folder))
    assert "nothing was pushed" in typed("promote", model_id, *to, "--dry-run")
    promoted = json.loads(typed("promote", model_id, *to, "--json"))
    assert (promoted["model"], promoted["level"]) == (model_id, "P1")
    assert promoted["tags"] == ["prod", model_id.replace("@", "-")]
    told = typed("log", "promoted")
    assert re.search(rf"checked +{model_id}  PASS P1.*\n.*promoted +{model_id}  {host}", told)

    verify = ["verify", promoted["image"], "--plain-http", "--json", "--key"]
    verified = json.loads(typed(*verify, str(tmp_path / "keys" / "signing.pub")))
    assert (verified["image"], verified["model"]) == (promoted["image"], model_id)


@pytest.mark.slow
def test_who_trusts_a_different_key_is_not_convinced(client: Client, host: str, typed: Typed, tmp_path: Path) -> None:
    folder = write_package(tmp_path / "trusted")
    (folder / "pyml.toml").write_text(PARITY)
    model_id = client.upload_model(ModelPackage(folder))
    typed("parity-check", str(folder))
    promoted = json.loads(typed("promote", model_id, "--to", f"{host}/models/trusted", "--plain-http", "--json"))
    create_key_pair(tmp_path / "stranger")
    stranger = str(tmp_path / "stranger" / "keys" / "signing.pub")
    refused = typed("verify", promoted["image"], "--key", stranger, "--plain-http", expected=1)
    assert "of no key that is trusted" in refused

"""`pyml keys` as a user types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pyml_cli.main import application, run
from pyml_sandbox.proof.public_key import PublicKey
from pyml_sandbox.proof.signing_key import find_signing_key


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PYML_HOME", str(tmp_path))
    return tmp_path


def test_a_key_is_made_once_and_its_public_half_can_be_given_away(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["keys", "init"]) == 0
    assert str(home / "keys" / "signing.pub") in capsys.readouterr().out
    assert run(["keys", "show"]) == 0
    shown = capsys.readouterr().out
    key = find_signing_key(home, {})
    assert key is not None
    assert PublicKey.from_pem(shown, "what is shown").keyid == key.public.keyid
    assert run(["keys", "init"]) == 2
    assert "there is a key already" in capsys.readouterr().err


def test_as_json(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["keys", "init", "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert run(["keys", "show", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"keyid": made["keyid"], "public": made["public"]}


def test_without_a_key_the_command_that_makes_one_is_named(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["keys", "show"]) == 2
    assert capsys.readouterr().err == "error: there is no key yet\n  fix: pyml keys init\n"


def test_a_passphrase_is_taken_from_the_environment_or_missed(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert CliRunner().invoke(application(), ["keys", "init", "--passphrase"], input="").exit_code != 0
    assert not (home / "keys").exists()
    monkeypatch.setenv("PYML_SIGNING_PASSPHRASE", "three words long")
    assert run(["keys", "init", "--passphrase"]) == 0
    assert "ENCRYPTED" in (home / "keys" / "signing.key").read_text()
    monkeypatch.delenv("PYML_SIGNING_PASSPHRASE")
    capsys.readouterr()
    assert run(["keys", "show"]) == 0  # the public half needs none
    assert capsys.readouterr().out.startswith("-----BEGIN PUBLIC KEY-----")
    monkeypatch.setenv("PYML_SIGNING_KEY", str(home / "keys" / "signing.key"))
    assert run(["keys", "show"]) == 2
    assert "has a passphrase, and nobody can be asked for it" in capsys.readouterr().err

"""`pyml promote` and `pyml verify`: what is wrong with the command line is said before anything is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyml_cli.main import run

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["registry.example/fare"], "expected one of --key and --policy"),
        ([f"fare@{DIGEST}", "--key", "{key}"], "expected HOST/REPOSITORY[:TAG]"),
        ([f"registry.example/fare@{DIGEST}", "--key", "gone.pub"], "the public key gone.pub cannot be read"),
        ([f"registry.example/fare@{DIGEST}", "--policy", "gone.toml"], "the policy gone.toml cannot be read"),
        ([f"registry.example/fare@{DIGEST}", "--key", "{key}", "--plain-http"], "--plain-http is for a registry on this machine"),
    ],
)  # fmt: skip
def test_a_wrong_option_is_named(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PYML_HOME", str(tmp_path))
    assert run(["keys", "init"]) == 0
    capsys.readouterr()
    key = str(tmp_path / "keys" / "signing.pub")
    assert run(["verify", *(each.format(key=key) for each in arguments)]) == 2
    assert words in capsys.readouterr().err


def test_without_a_sandbox_there_is_nothing_to_promote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PYML_HOME", str(tmp_path))
    assert run(["promote", "fare", "--to", "registry.example/fare"]) == 3
    assert "pyml dev up" in capsys.readouterr().err

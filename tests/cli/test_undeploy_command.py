"""`pyml undeploy`, from the command line. The sandbox here is a stand-in."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from pyml.errors import UsageError
from pyml_cli.main import run
from pyml_sandbox import client


class FakeClient:
    """A sandbox in which one model is deployed."""

    def __init__(self, sandbox: str | None) -> None:
        self.sandbox = sandbox

    def undeploy_model(self, name: str) -> Sequence[str]:
        if "@" in name:
            raise UsageError("expected the name of a model", "pyml undeploy fare")
        return ["fare@1"] if name == "fare" else []


@pytest.fixture(autouse=True)
def deployed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "Client", FakeClient)


@pytest.mark.parametrize(
    ("model", "words"),
    [("fare", " Stopped fare@1. The upload is kept:  pyml deploy fare@1\n"), ("nobody", "not deployed")],
)
def test_it_says_what_it_stopped(model: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["undeploy", model]) == 0
    assert words in capsys.readouterr().out


@pytest.mark.parametrize(("model", "ids"), [("fare", ["fare@1"]), ("nobody", [])])
def test_a_program_reads_the_ids(model: str, ids: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["undeploy", model, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"model": model, "undeployed": ids}


def test_a_version_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["undeploy", "fare@1"]) == 2
    assert "pyml undeploy fare" in capsys.readouterr().err

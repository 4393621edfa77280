"""What `validate` and `upload` print of an environment."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pyml_cli.commands.model_commands import SignatureView, UploadView
from pyml_cli.main import application
from pyml_sandbox.models.environment import Environment, EnvironmentSize

SIZE = EnvironmentSize(1_240_400_000, 90, 35.44)
FACTS = {"size_mb": 1240.4, "packages": 90, "seconds": 35.4}


def test_validate_tells_what_the_environment_needs() -> None:
    view = SignatureView("frame", "a DOUBLE", "b DOUBLE", environment=SIZE)
    assert " needs    1,240 MB, 90 packages, made in 35 s" in view.text.splitlines()
    assert view.json["environment"] == FACTS
    assert SignatureView("frame", "a DOUBLE", "b DOUBLE").json["environment"] is None


def test_upload_prints_the_id_alone_and_the_size_as_json() -> None:
    view = UploadView("fare@12", SIZE.json)
    assert view.text == "fare@12"
    assert view.json == {"model_id": "fare@12", "environment": FACTS}


def test_the_summary_of_an_environment_has_its_size_if_it_is_known() -> None:
    assert Environment("key", "python", "package", "env 7c1e2b (new)").summary == "env 7c1e2b (new)"
    sized = Environment("key", "python", "package", "env 7c1e2b (new)", size=SIZE)
    assert sized.summary == "env 7c1e2b (new), 1,240 MB, 90 packages, made in 35 s"
    assert EnvironmentSize(5_000_000, 2).text == "5 MB, 2 packages"


@pytest.mark.parametrize(("template", "is_trained"), [("sklearn", True), ("frame", False)])
def test_init_says_that_the_sample_and_its_training_are_to_be_replaced(
    template: str, is_trained: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    application()(["init", str(tmp_path / "m"), "--template", template], standalone_mode=False)
    application()(["init", str(tmp_path / "n"), "--template", template, "--json"], standalone_mode=False)
    text, _, form = capsys.readouterr().out.partition("{")
    assert ("train.py trained this sample: replace it" in text) is is_trained
    assert len(json.loads("{" + form)["notes"]) == is_trained

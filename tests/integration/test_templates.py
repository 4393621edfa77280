"""A template of a framework, validated as a user's own package is: resolved, installed, loaded and called once."""

from __future__ import annotations

from pathlib import Path

from pyml.package.model_package import ModelPackage
from pyml_sandbox.drivers.process.environments import VirtualenvBuilder
from pyml_sandbox.models.registry import check
from pyml_sandbox.models.template import create
from pyml_sandbox.workspace.home import SandboxHome


def test_the_template_of_scikit_learn_is_valid_and_predicts(tmp_path: Path) -> None:
    create(tmp_path / "my_model", "sklearn")
    built = check(ModelPackage(tmp_path / "my_model"), VirtualenvBuilder(SandboxHome(tmp_path / "home", "tests")))
    signature = built.signature
    assert signature.refusal == ""
    assert signature.outputs.names == ("species", "probability")

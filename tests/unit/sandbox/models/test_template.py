"""The templates of `pyml init`: all there, complete, small, and packed into the distribution."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import get_type_hints

import pytest

from pyml.errors import SetupError, UsageError
from pyml.package.model_package import ModelPackage
from pyml_cli.commands.model_commands import init
from pyml_sandbox.models.template import BASIC, FRAMEWORKS, TEMPLATES, create, find_template

ROOT = Path(__file__).parents[4]
MOST_BYTES = 300_000
SAMPLES = {"flight_delay", "flight_delay_batch_mean", "sensor_tensor", "uber_sample"}
"""Models of `fixtures/models` that are no templates."""


def test_each_model_of_the_fixtures_is_a_template_or_a_known_sample() -> None:
    folders = {folder.name for folder in (ROOT / "fixtures" / "models").iterdir() if folder.is_dir()}
    assert folders - SAMPLES == set(FRAMEWORKS)


def test_the_distribution_holds_each_template_of_a_framework() -> None:
    document = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    included = document["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    packed = {source: target for source, target in included.items() if source.startswith("fixtures/models/")}
    assert packed == {f"fixtures/models/{name}": f"pyml_sandbox/models/templates/{name}" for name in FRAMEWORKS}


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_template_gives_a_complete_package_with_the_name_of_its_folder(template: str, tmp_path: Path) -> None:
    written = create(tmp_path / "my_model", template)
    package = ModelPackage(tmp_path / "my_model")
    assert package.problems() == []
    assert package.settings.name == "my_model"
    assert package.settings.parity.sql
    assert package.settings.parity.key
    assert Path("tests/test_parity.py") in written
    assert all((tmp_path / "my_model" / path).is_file() for path in written)


@pytest.mark.parametrize("template", FRAMEWORKS)
def test_a_template_of_a_framework_holds_what_it_was_trained_by_and_small_parameters(
    template: str, tmp_path: Path
) -> None:
    written = create(tmp_path / "my_model", template)
    parameters = [path for path in written if path.parts[0] == "parameters"]
    assert Path("train.py") in written
    assert parameters
    assert sum((tmp_path / "my_model" / path).stat().st_size for path in parameters) < MOST_BYTES


def test_an_unknown_template_is_refused_with_the_list_and_the_one_that_was_meant(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no template 'lightgmb'; did you mean lightgbm") as caught:
        create(tmp_path / "my_model", "lightgmb")
    assert all(name in caught.value.hint for name in TEMPLATES)
    assert not (tmp_path / "my_model").exists()


def test_an_installed_package_has_its_templates_in_itself(tmp_path: Path) -> None:
    package = tmp_path / "site-packages" / "pyml_sandbox"
    template = package / "models" / "templates" / "torch"
    template.mkdir(parents=True)
    (template / "pyml.toml").touch()
    assert find_template("torch", package) == template


def test_an_installation_without_its_templates_says_how_to_mend_it(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="lacks its template 'torch'"):
        find_template("torch", tmp_path / "site-packages" / "pyml_sandbox")


def test_the_help_of_init_lists_every_template() -> None:
    (option,) = get_type_hints(init, include_extras=True)["template"].__metadata__
    assert set(option.help.replace(":", ",").rstrip(".").split(", ")) >= set(TEMPLATES)


@pytest.mark.parametrize("template", BASIC)
def test_a_folder_that_is_not_empty_is_refused(template: str, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(UsageError, match="exists and is not empty"):
        create(tmp_path, template)

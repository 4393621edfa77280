"""Pages about causes are found in a checkout and in an installed package."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path

import pytest

from pyml.errors import SetupError
from pyml_sandbox.parity.diagnosis.cause_pages import page_path, read_page
from pyml_sandbox.parity.diagnosis.causes import CAUSES

ROOT = Path(__file__).parents[5]


def test_in_a_checkout_they_are_those_of_the_docs() -> None:
    assert page_path(CAUSES["B1"]) == ROOT / "docs" / "causes" / "B1.md"
    assert read_page(CAUSES["B1"]).startswith("# B1: batch statistics\n")


def test_in_an_installed_package_they_lie_where_the_wheel_puts_them(tmp_path: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    included = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    installed = tmp_path / "lib" / "site-packages"
    shutil.copytree(ROOT / "docs" / "causes", installed / included["docs/causes"])
    found = page_path(CAUSES["E5"], installed / "pyml_sandbox")
    assert found.read_text(encoding="utf-8") == read_page(CAUSES["E5"])
    assert found.is_relative_to(installed)


def test_an_installation_without_them_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="lacks its pages") as error:
        page_path(CAUSES["B1"], tmp_path / "lib" / "site-packages" / "pyml_sandbox")
    assert error.value.hint.startswith("pip install")

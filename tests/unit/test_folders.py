"""Every folder of the source says in one sentence what it is for, holds few files, and names none twice."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("runtime/pyml", "sandbox/pyml_sandbox", "cli/pyml_cli", "fixtures/pyml_fixtures")
MOST_FILES = 12
PARALLEL = ("sandbox/pyml_sandbox/drivers/process", "sandbox/pyml_sandbox/drivers/container")

FOLDERS = sorted(file.parent for package in PACKAGES for file in (ROOT / package).rglob("__init__.py"))
BELOW_THE_TOP = [str(path.relative_to(ROOT)) for path in FOLDERS if str(path.relative_to(ROOT)) not in PACKAGES]


def modules(folder: Path) -> list[Path]:
    return [file for file in folder.glob("*.py") if file.stem not in ("__init__", "__main__")]


def documented() -> dict[str, str]:
    """The table of CONTRIBUTING.md: sentences by folder."""
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([^`]+)` \| (.+) \|$", page, flags=re.MULTILINE)
    return {folder: sentence for folder, sentence in rows if folder.startswith(PACKAGES) and folder not in PACKAGES}


def test_every_folder_is_in_the_table() -> None:
    assert sorted(documented()) == sorted(BELOW_THE_TOP)


@pytest.mark.parametrize("folder", BELOW_THE_TOP)
def test_a_folder_and_the_table_say_the_same_in_one_sentence(folder: str) -> None:
    said = ast.get_docstring(ast.parse((ROOT / folder / "__init__.py").read_text(encoding="utf-8"))) or ""
    sentence, _, details = said.partition("\n")
    assert documented()[folder] == sentence
    assert re.fullmatch(r"[A-Z](?:[^.]|\.\w)+\.", sentence), "one sentence, on one line"
    assert not details or details.startswith("\n")


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: str(folder.relative_to(ROOT)))
def test_no_folder_is_a_heap(folder: Path) -> None:
    assert len(modules(folder)) <= MOST_FILES


def test_no_name_is_given_twice_but_to_the_same_part_of_both_drivers() -> None:
    found = [file.relative_to(ROOT) for folder in FOLDERS for file in modules(folder)]
    names = Counter(file.stem for file in found) + Counter(path.name for path in FOLDERS)
    twice = {name for name, times in names.items() if times > 1}
    parallel = [{file.stem for file in found if str(file).startswith(driver)} for driver in PARALLEL]
    assert twice <= set.intersection(*parallel)

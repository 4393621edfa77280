"""docs/how-to/testing.md: each block is run in a repository that `pyml init` has just written."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from plugin.projects import Project
from pyml_sandbox.models.template import create

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "testing.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
PROGRAMS = [text for language, text in BLOCKS if language == "python"]
COMMANDS = [text for language, text in BLOCKS if language == "sh"]


@pytest.fixture
def written(project: Project) -> Project:
    """What `pyml init` writes."""
    create(project.folder)
    return project


def test_every_block_is_run() -> None:
    assert {language for language, _ in BLOCKS} == {"python", "sh"}
    assert len(BLOCKS) == len(PROGRAMS) + len(COMMANDS) == 9


def test_the_first_program_is_the_one_that_init_writes(written: Project) -> None:
    assert (written.folder / "tests" / "test_parity.py").read_text(encoding="utf-8") == PROGRAMS[0]


def test_programs(written: Project) -> None:
    shutil.rmtree(written.folder / "tests")
    for number, text in enumerate(PROGRAMS):
        written.write_test(text, f"test_{number}.py")
    written.run().assert_outcomes(passed=len(PROGRAMS))


@pytest.mark.parametrize("command", COMMANDS)
def test_commands(written: Project, command: str) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environ = kept | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    if "--pyml\n" in command:
        shutil.rmtree(written.folder / "tests")
    done = subprocess.run(["bash", "-euc", command], env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"= 1 passed in ", done.stdout)

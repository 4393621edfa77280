"""Commands for a user to copy: a shell hands a program exactly the values that were meant, and runs nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias, cast

import pytest

from pyml.command_line import command
from pyml.types.spark_types import string_literal
from pyml_cli.commands.dev.dev_views import command_to_try
from pyml_cli.commands.model_commands import InitView
from pyml_sandbox.compare import Comparison, WorstRow
from pyml_sandbox.parity.report.next_command import next_command
from pyml_sandbox.parity.verdict import Decision, Verdict
from support.comparisons import column, comparison

NASTY = {
    "a substitution": "$(touch harm)",
    "back-ticks": "`touch harm`",
    "a single quote": "it's",
    "a double quote": 'say "hi"; touch harm',
    "both quotes": "'\"; touch harm; '\"",
    "a backslash at the end": "a\\",
    "a quote behind a backslash": "\\'; touch harm; \\'",
    "a newline": "a\ntouch harm\nb",
    "a newline and quotes": "a'\n\"$(touch harm)\\",
    "an escape sequence": "\x1b[31mred\u202e",
    "a leading dash": "--help",
    "a dash alone": "-",
    "a variable": "$HOME ${HOME}",
    "history": "!!",
    "a glob": "*",
    "a comment": "a # b",
    "not ASCII": "Zürich €",
    "nothing": "",
    "a separator": "a; touch harm & touch harm | touch harm > harm",
}  # fmt: skip
Run: TypeAlias = Callable[[str], list[str]]
STUB = f"#!{sys.executable}\nimport json, sys\nprint(json.dumps(sys.argv[1:]))\n"


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs a printed line through bash, where programs say what they were given; nothing else may happen."""
    programs, folder = tmp_path / "bin", tmp_path / "folder"
    programs.mkdir()
    folder.mkdir()
    for name in ("pyml", "curl"):
        (programs / name).write_text(STUB)
        (programs / name).chmod(0o755)

    def arguments(line: str) -> list[str]:
        assert "\n" not in line
        environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8"}
        done = subprocess.run(
            ["bash", "-c", line], cwd=folder, env=environment, capture_output=True, text=True, check=True, timeout=30
        )
        assert list(folder.iterdir()) == []
        return cast(list[str], json.loads(done.stdout.splitlines()[-1]))

    return arguments


@pytest.mark.parametrize("name", NASTY)
def test_a_shell_hands_over_what_was_meant(name: str, run: Run) -> None:
    value = NASTY[name]
    given = [each for each in run(command("pyml dev sql", value, "plain")) if each != "--"]
    assert given == ["dev", "sql", value, "plain"]


@pytest.mark.parametrize("name", [name for name in NASTY if NASTY[name]])
def test_an_option_keeps_its_value(name: str, run: Run) -> None:
    given = run(command("pyml dev up", sandbox=NASTY[name]))
    assert given in (["dev", "up", "--sandbox", NASTY[name]], ["dev", "up", f"--sandbox={NASTY[name]}"])


def test_a_plain_command_reads_as_one_would_write_it() -> None:
    assert command("pyml dev logs", "spark", sandbox="mine") == "pyml dev logs --sandbox mine spark"


def test_a_value_that_looks_like_an_option_is_none() -> None:
    assert command("pyml deploy", "--help@3f2a") == "pyml deploy -- --help@3f2a"


@pytest.mark.parametrize("name", NASTY)
def test_keys_and_columns_reach_the_next_command_as_one_query(name: str, run: Run) -> None:
    value = NASTY[name]
    query = run(next_command(FAILED, [differing(f"trip {value}", value)], "pyml_parity.rows_m"))[-1]
    in_back_ticks = f"trip {value}".replace("`", "``")
    assert query == f"SELECT * FROM pyml_parity.rows_m WHERE `{in_back_ticks}` = {string_literal(value)}"


@pytest.mark.parametrize(
    ("value", "where"),
    [
        (None, "id IS NULL"),
        ("17", "id = '17'"),
        ("2024-01-01 00:00:00+05", "id = '2024-01-01 00:00:00+05:00'"),
        ("2024-01-01 00:00:00.5-05", "id = '2024-01-01 00:00:00.5-05:00'"),
    ],
)
def test_the_next_command_asks_for_the_row_that_differs_most(value: str | None, where: str, run: Run) -> None:
    assert run(next_command(FAILED, [differing("id", value)], "t")) == ["dev", "sql", f"SELECT * FROM t WHERE {where}"]


@pytest.mark.parametrize("name", NASTY)
def test_the_folder_of_a_new_model_is_one_word(name: str, tmp_path: Path, run: Run) -> None:
    folder = tmp_path / f"x{NASTY[name].replace('/', '')}"
    folder.mkdir()
    line = InitView(folder, ()).text.split("Next:")[-1].strip()
    assert run(f'{line} && pyml "$PWD"') == [str(folder)]


@pytest.mark.parametrize(("text", "literal"), [("a'b", r"'a\'b'"), ("a\\", r"'a\\'"), ("\\'", r"'\\\''"), ("", "''")])
def test_spark_reads_a_string_literal_as_the_text_it_was_made_from(text: str, literal: str) -> None:
    assert string_literal(text) == literal


def test_a_model_of_the_sandbox_is_asked_by_one_word(run: Run) -> None:
    line = command_to_try(["m@1; touch harm"], 8480, Path())
    assert run(line) == ["-s", "http://127.0.0.1:8480/v2/models/m@1; touch harm"]


FAILED = Decision(Verdict.FAIL)


def differing(key: str, value: str | None) -> Comparison:
    """A comparison in which one row differs, by the name and the text of its key."""
    worst = WorstRow((value,), "1", "2", 1.0)
    return replace(comparison("batches", replace(column("p", differing=1), worst=(worst,))), key=(key,))

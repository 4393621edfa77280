"""`pyml explain`: the pages about causes from the command line."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pyml_cli.commands.explain_command import laid_out
from pyml_cli.main import run
from pyml_sandbox.parity.diagnosis.causes import CAUSES

PAGES = Path(__file__).parents[2] / "docs" / "causes"


@pytest.mark.parametrize("code", ["T10", "t10", " t10 "])
def test_a_page_is_printed_as_it_is_where_there_is_no_terminal(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", code]) == 0
    assert capsys.readouterr().out == (PAGES / "T10.md").read_text(encoding="utf-8")


def test_without_a_code_every_cause_is_listed_with_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain"]) == 0
    lines = capsys.readouterr().out.splitlines()
    listed = [tuple(line.split(maxsplit=1)) for line in lines if line.startswith("  ")]
    assert listed == [(cause.code, cause.name) for cause in CAUSES.values()]
    assert lines[-1] == "next: pyml explain CODE"


def test_json_is_one_object_with_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "b1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found) == {"code", "name", "page", "text"}
    assert (found["code"], found["name"]) == ("B1", "batch statistics")
    assert found["text"] == Path(found["page"]).read_text(encoding="utf-8")


def test_json_without_a_code_lists_pages_that_are_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "--json"]) == 0
    causes = json.loads(capsys.readouterr().out)["causes"]
    assert [cause["code"] for cause in causes] == list(CAUSES)
    assert all(Path(cause["page"]).is_file() for cause in causes)


@pytest.mark.parametrize(
    ("code", "message", "command"),
    [
        ("B99", "did you mean B9 (padding / truncation to batch)?", "pyml explain B9"),
        ("T018", "did you mean T18 (integer overflow)?", "pyml explain T18"),
        ("batch statistic", "did you mean B1 (batch statistics)?", "pyml explain B1"),
        ("zzzz", "There is no cause `zzzz`.", "`pyml explain` lists all codes"),
        ("", "There is no cause ``.", "`pyml explain` lists all codes"),
    ],
)
def test_an_unknown_code_is_a_usage_error_with_the_next_command(
    code: str, message: str, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["explain", code]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert message in said.err
    assert f"fix: {command}\n" in said.err


def test_an_unknown_code_is_an_object_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "B99", "--json"]) == 2
    found = json.loads(capsys.readouterr().out)
    assert (found["error"]["type"], found["error"]["hint"]) == ("UsageError", "pyml explain B9")


@pytest.mark.parametrize("width", [40, 80, 200])
@pytest.mark.parametrize("code", CAUSES)
def test_on_a_terminal_every_page_is_laid_out_within_its_width(code: str, width: int) -> None:
    page = laid_out((PAGES / f"{code}.md").read_text(encoding="utf-8"), width)
    assert "```" not in page
    assert "## " not in page
    assert CAUSES[code].name.split()[0] in page
    plain = [line for line in page.splitlines() if "\x1b]8" not in line]
    assert max(len(_without_colour(line)) for line in plain) <= min(width, 100)


def test_a_page_loads_nothing_heavy() -> None:
    heavy = "{'pandas', 'pyarrow', 'pyspark', 'docker', 'duckdb', 'grpc', 'numpy', 'rich'}"
    program = f"import sys; from pyml_cli.main import run; run(['explain', 'B1']); print(sorted({heavy} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def _without_colour(line: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", line)

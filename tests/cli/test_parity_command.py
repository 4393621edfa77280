"""`pyml parity-check`: what it asks the check for, and where it writes the report. A stand-in makes the check."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pytest

from pyml.errors import (
    InputError,
    PackageError,
    Problem,
    SandboxError,
    SchemaError,
    ServiceFailedError,
    SettingsError,
    SetupError,
    UsageError,
)
from pyml.offline.job import JobError
from pyml.package.settings import ParitySettings
from pyml_cli.main import run
from pyml_sandbox.parity.report.document import Report
from pyml_sandbox.workspace.home import SandboxHome
from support.reports import FAILING, MODEL, PASSING

TOML = '[parity]\nsql = "SELECT 1 AS id"\nkey = ["id"]\nlevel = "P4"\n'


KEY = object()
"""Stands for the key that signs."""


@dataclass
class Asked:
    """What the check was asked for."""

    report: Report = FAILING
    settings: list[ParitySettings] = field(default_factory=list)
    use_cache: list[bool] = field(default_factory=list)
    expected: list[Path | None] = field(default_factory=list)

    def check(
        self,
        client: object,
        model_id: str,
        settings: ParitySettings,
        on_event: object,
        *,
        rows: object,
        expected: Path | None,
        use_cache: bool,
        signing_key: object,
    ) -> Report:
        assert (model_id, rows, signing_key) == (MODEL, None, KEY)
        self.settings.append(settings)
        self.use_cache.append(use_cache)
        self.expected.append(expected)
        return self.report


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Asked:
    """The command with no sandbox behind it, in an empty folder; its model declares level P4."""
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "pyml.toml").write_text(TOML)
    monkeypatch.chdir(tmp_path)
    found = Asked()
    version = SimpleNamespace(model_id=MODEL, name="fare", package=tmp_path / "model", signature=None)

    def client(*_: Any) -> SimpleNamespace:
        home = SandboxHome(tmp_path / "home")
        return SimpleNamespace(home=home, deploy_model=lambda *_: None, signing_key=lambda _: KEY)

    monkeypatch.setattr("pyml_sandbox.client.Client", client)
    monkeypatch.setattr("pyml_sandbox.drivers.choice.builder_for", lambda _: None)
    monkeypatch.setattr("pyml_sandbox.models.registry.resolve", lambda *_: version)
    monkeypatch.setattr("pyml_sandbox.parity.check.parity_check", found.check)
    return found


@pytest.mark.parametrize(("report", "code"), [(FAILING, 1), (PASSING, 0)])
def test_the_verdict_is_the_exit_code_and_the_report_is_on_stdout(
    asked: Asked, report: Report, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    asked.report = report
    assert run(["parity-check"]) == code
    out = capsys.readouterr().out
    assert out.startswith(report.verdict.value)
    assert MODEL in out.splitlines()[0]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InputError("the query does not fit the model", [Problem("column `a` is missing")]), 2),
        (PackageError("invalid model package", [Problem("no model.py")]), 2),
        (SettingsError("pyml.toml", [Problem("unknown key")]), 2),
        (SchemaError("cannot be parsed"), 2),
        (UsageError("Spark cannot run the query"), 2),
        (JobError("the Spark job failed"), 3),
        (ServiceFailedError("the server did not become ready"), 3),
        (SandboxError("the sandbox is down"), 3),
        (SetupError("no Java"), 3),
        (ZeroDivisionError("a bug"), 70),
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("where", ["pyml_sandbox.models.registry.resolve", "pyml_sandbox.parity.check.parity_check"])
def test_nothing_but_the_verdict_fail_is_exit_code_1(
    asked: Asked,
    where: str,
    error: Exception,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(where, fails)
    assert run(["parity-check", "--json"]) == code
    said = json.loads(capsys.readouterr().out)
    assert said["exit_code"] == code
    assert str(getattr(error, "message", error)) in said["error"]["message"]


def test_json_is_the_one_object_that_can_be_read_again(asked: Asked, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["parity-check", "--json"]) == 1
    assert Report.from_json(json.loads(capsys.readouterr().out)) == FAILING


@pytest.mark.parametrize(("given", "level"), [([], "P4"), (["--level", "P1"], "P1"), (["--level", "P5"], "P5")])
def test_the_level_is_the_given_one_or_the_declared_one(asked: Asked, given: list[str], level: str) -> None:
    run(["parity-check", *given])
    assert asked.settings == [ParitySettings(sql="SELECT 1 AS id", key=("id",), level=level)]


@pytest.mark.parametrize(("given", "budget_s"), [([], 90.0), (["--budget", "600"], 600.0), (["--budget", "0.5"], 0.5)])
def test_the_time_budget_is_the_given_one_or_the_declared_one(asked: Asked, given: list[str], budget_s: float) -> None:
    run(["parity-check", *given])
    assert [settings.budget_s for settings in asked.settings] == [budget_s]


@pytest.mark.parametrize(("given", "uses"), [([], True), (["--no-cache"], False)])
def test_the_cache_is_used_unless_it_is_refused(asked: Asked, given: list[str], uses: bool) -> None:
    run(["parity-check", *given])
    assert asked.use_cache == [uses]


@pytest.fixture
def with_notebook(asked: Asked) -> Asked:
    """The model's settings name a file of the notebook; it lies in the user's folder, not in that of the version."""
    Path("model/pyml.toml").write_text(f"{TOML}expected = 'expected.csv'\n")
    Path("mine").mkdir()
    Path("mine/expected.csv").touch()
    return asked


def test_the_notebook_is_read_from_the_folder_that_the_user_named(with_notebook: Asked) -> None:
    run(["parity-check", "mine"])
    assert with_notebook.expected == [Path("mine/expected.csv")]


@pytest.mark.parametrize(
    ("model", "words"),
    [("fare@3f2a9c1b77d0", "check the folder: pyml parity-check FOLDER"), ("model", "there is no file")],
)
def test_a_notebook_that_is_not_there_is_refused(
    with_notebook: Asked, model: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["parity-check", model]) == 2
    assert words in capsys.readouterr().err
    assert with_notebook.expected == []


def test_other_rows_than_those_of_the_settings_are_checked_without_the_notebook(with_notebook: Asked) -> None:
    run(["parity-check", "mine", "--sql", "SELECT 2 AS id"])
    assert with_notebook.expected == [None]
    assert with_notebook.settings == [ParitySettings(sql="SELECT 2 AS id", key=("id",), level="P4")]


def test_both_files_are_written_whatever_the_verdict_and_named_on_stderr(
    asked: Asked, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["parity-check", "--html", "out/parity.html", "--junit", "parity.xml", "--json"]) == 1
    assert Path("out/parity.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert ElementTree.fromstring(Path("parity.xml").read_text(encoding="utf-8")).tag == "testsuites"
    captured = capsys.readouterr()
    assert "out/parity.html" in captured.err
    assert "parity.xml" in captured.err
    assert json.loads(captured.out)["verdict"] == "FAIL"


def test_a_file_may_be_read_by_others_of_the_machine(asked: Asked) -> None:
    run(["parity-check", "--html", "parity.html"])
    assert Path("parity.html").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize(
    ("given", "message", "hint"),
    [
        (["--level", "P6"], "expected a level after --level, found 'P6'", "one of P1, P2, P3, P4, P5"),
        (["--level", "p1"], "found 'p1'", "one of P1"),
        (["--budget", "0"], "expected seconds above 0 after --budget, found 0", "--budget 90"),
        (["--budget", "nan"], "expected seconds above 0 after --budget, found nan", "--budget 90"),
        (["--budget", "inf"], "found inf", "--budget 90"),
        (["--html", "."], "expected a file after --html, found the folder .", "--html parity.html"),
        (["--junit", "."], "expected a file after --junit, found the folder .", "--junit parity.xml"),
    ],
)
def test_what_makes_no_sense_is_said_before_anything_runs(
    asked: Asked, given: list[str], message: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["parity-check", *given]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert hint in error
    assert asked.settings == []


def test_a_file_that_cannot_be_written_is_trouble_of_the_machine(
    asked: Asked, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("taken").write_text("")
    assert run(["parity-check", "--html", "taken/parity.html"]) == 3
    captured = capsys.readouterr()
    assert "taken/parity.html cannot be written" in captured.err
    assert captured.out.startswith("FAIL")  # what the check found is not lost with it

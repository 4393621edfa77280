"""`pyml models`, `jobs`, `reports`, `--version` and completion, from the command line, over files of a sandbox that is down."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from pyml_cli import rich_table
from pyml_cli.completion import BEGUN, join_words_of_bash
from pyml_cli.main import run
from pyml_sandbox.models.registry import stored_ids
from pyml_sandbox.models.routes import Routes, routes_text, save_routes
from pyml_sandbox.parity.report.report_history import keep as keep_report
from pyml_sandbox.predict.offline_jobs import job_history
from pyml_sandbox.predict.offline_jobs.job_record import JobState
from pyml_sandbox.workspace.home import SandboxHome
from pyml_sandbox.workspace.ports import Ports
from pyml_sandbox.workspace.state import SandboxState, save_state
from support.jobs import kept
from support.reports import REPORTS
from support.uploads import keep

Pyml = Callable[..., tuple[int, str, str]]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SandboxHome:
    """A sandbox with two models, three jobs and two reports; `fare@12` is deployed."""
    monkeypatch.setenv("PYML_HOME", str(tmp_path))
    monkeypatch.delenv("PYML_SANDBOX", raising=False)
    home = SandboxHome(tmp_path)
    for at, model_id in enumerate(["fare@12", "fare@13", "tip@7"]):
        keep(home, model_id, 1_700_000_000 + at)
    save_routes(home, routes_text(Routes().with_version("fare", "12"), lambda name, version: []))
    save_state(home, SandboxState("process", Ports(), None, "0", "4"))
    return home


@pytest.fixture
def pyml(home: SandboxHome, capsys: pytest.CaptureFixture[str]) -> Pyml:
    def call(*arguments: str) -> tuple[int, str, str]:
        code = run(arguments)
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return call


def test_the_version_for_people_and_programs(pyml: Pyml) -> None:
    assert pyml("--version")[:2] == (0, "pyml 0.1.0\n")
    code, out, _ = pyml("--version", "--json")
    assert (code, json.loads(out)["pyml"]) == (0, "0.1.0")


@pytest.mark.parametrize("arguments", [("--json",), ("--json", "models"), ("models", "--json", "show", "fare")])
def test_an_option_before_a_command_is_refused_and_not_lost(arguments: tuple[str, ...], pyml: Pyml) -> None:
    assert pyml(*arguments)[0] == 2


class TestModels:
    def test_a_line_for_each_version(self, pyml: Pyml) -> None:
        code, out, _ = pyml("models")
        assert code == 0
        lines = [line.split() for line in out.splitlines()]
        assert [line[0] for line in lines] == ["model", "fare@13", "fare@12", "tip@7"]
        assert [line[-1] == "default" for line in lines] == [False, False, True, False]

    def test_as_json(self, pyml: Pyml) -> None:
        rows = json.loads(pyml("models", "--json")[1])["models"]
        assert [(row["model_id"], row["deployed"]) for row in rows] == [
            ("fare@13", False),
            ("fare@12", True),
            ("tip@7", False),
        ]

    def test_a_damaged_one_is_told_and_the_others_are_listed(self, pyml: Pyml, home: SandboxHome) -> None:
        (home.models / "tip" / "7" / "record.json").write_text("{")
        code, out, _ = pyml("models")
        assert code == 0
        assert "x tip@7 cannot be used" in out
        assert "fare@13" in out

    def test_without_a_terminal_nothing_is_deleted_unasked(self, pyml: Pyml, home: SandboxHome) -> None:
        code, _, err = pyml("models", "delete", "tip")
        assert code == 2
        assert "tip@7" in err
        assert "fix: pyml models delete tip --yes" in err
        assert "tip@7" in stored_ids(home)

    def test_it_says_how_much_goes_and_deletes(self, pyml: Pyml, home: SandboxHome) -> None:
        code, out, err = pyml("models", "delete", "tip", "--yes")
        assert code == 0
        assert "bytes  tip@7" in err
        assert "Deleted tip@7" in out
        assert stored_ids(home) == ["fare@12", "fare@13"]

    def test_a_deployed_one_is_refused_before_anybody_is_asked(self, pyml: Pyml) -> None:
        code, _, err = pyml("models", "delete", "fare")
        assert code == 2
        assert "fix: pyml undeploy fare" in err

    def test_what_was_deleted_as_json(self, pyml: Pyml) -> None:
        out = pyml("models", "delete", "tip@7", "--yes", "--json")[1]
        assert json.loads(out.splitlines()[-1])["deleted"] == ["tip@7"]


class TestJobs:
    def test_a_line_for_each_job_of_a_table(self, pyml: Pyml, home: SandboxHome) -> None:
        first = kept(home, 1, JobState.FAILED, error="it did not work", finished_at=1_700_000_003.0)
        second = kept(
            home, 2, rows=1_500, table="ml.tips", finished_at=1_700_000_100.0, partition={"ds": "1"}, append=True
        )
        code, out, _ = pyml("jobs")
        assert code == 0
        assert [line.split()[0] for line in out.splitlines()] == ["job", second.job_id, first.job_id]
        assert "ml.tips ds=1 +" in out
        assert "1,500" in out
        assert "1 min 38 s" in out
        assert first.job_id not in pyml("jobs", "--table", "ml.tips")[1]
        assert "and 1 earlier ones: --limit 2" in pyml("jobs", "--limit", "1")[1]
        assert [job["job_id"] for job in json.loads(pyml("jobs", "--json")[1])["jobs"]] == [second.job_id, first.job_id]

    def test_one_job_says_why_it_failed_and_what_it_asked(self, pyml: Pyml, home: SandboxHome) -> None:
        record = kept(
            home, 1, JobState.FAILED, error="it did not work", seconds={"check": 1.5}, tasks_done=1, tasks_total=9
        )
        code, out, _ = pyml("jobs", "show", record.job_id)
        assert code == 0
        for words in ("failed", "it did not work", "SELECT 1", "check 1.5 s", "1 of 9"):
            assert words in out
        assert json.loads(pyml("jobs", "show", record.job_id, "--json")[1])["state"] == "failed"

    @pytest.mark.parametrize("command", ["show", "cancel"])
    @pytest.mark.parametrize("job_id", ["../../sandbox", "20261128-101502-123-ab12"])
    def test_an_unknown_job_says_where_the_list_is(self, command: str, job_id: str, pyml: Pyml) -> None:
        code, _, err = pyml("jobs", command, job_id)
        assert code == 2
        assert "fix: pyml jobs" in err

    def test_a_job_that_has_ended_is_not_cancelled(self, pyml: Pyml, home: SandboxHome) -> None:
        code, _, err = pyml("jobs", "cancel", kept(home).job_id)
        assert code == 2
        assert "does not run: it has succeeded, and ml.fares is written" in err

    def test_cancel_waits_for_the_end_and_tells_it(
        self, pyml: Pyml, home: SandboxHome, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        record = kept(home, 1, JobState.RUNNING)

        def ends(*_: object) -> object:
            return kept(home, 1, JobState.CANCELLED, job_id=record.job_id)

        monkeypatch.setattr("pyml_sandbox.listings.job_list.wait_for_end", ends)
        code, out, _ = pyml("jobs", "cancel", record.job_id)
        assert code == 0
        assert f"{record.job_id} is cancelled; ml.fares is unchanged." in out
        assert job_history.cancel_request(home, record.job_id).exists()


class TestReports:
    def test_a_line_for_each_report_of_a_model(self, pyml: Pyml, home: SandboxHome) -> None:
        row = keep_report(home, REPORTS["fail"], 7.0)
        code, out, _ = pyml("reports")
        assert code == 0
        assert [line.split()[:3] for line in out.splitlines()[1:]] == [[row.report_id, row.model_id, "FAIL"]]
        assert "There are no reports" in pyml("reports", "--model", "nobody")[1]
        assert json.loads(pyml("reports", "--json")[1])["reports"] == [row.json]

    def test_a_report_is_printed_as_the_check_printed_it(self, pyml: Pyml, home: SandboxHome, tmp_path: Path) -> None:
        row = keep_report(home, REPORTS["fail"], 7.0)
        page = tmp_path / "report.html"
        code, out, _ = pyml("reports", "show", row.report_id, "--html", str(page))
        assert code == 0
        assert out.startswith("FAIL")
        assert page.exists()
        assert json.loads(pyml("reports", "show", row.report_id, "--json")[1]) == REPORTS["fail"].to_json()

    def test_an_unknown_report_says_where_the_list_is(self, pyml: Pyml) -> None:
        code, _, err = pyml("reports", "show", "../fare/report")
        assert code == 2
        assert "fix: pyml reports" in err


def test_a_table_on_a_terminal_is_drawn_and_holds_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = rich_table.table_text(("name", "rows"), [("a[b]", "1"), ("c", "20")], ("rows",))
    assert plain.splitlines() == ["name  rows", "a[b]     1", "c       20"]
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    drawn = rich_table.table_text(("name", "rows"), [("a[b]", "1"), ("c", "20")], ("rows",))
    assert "a[b]" in drawn
    assert len(drawn.splitlines()) == 4


# ---- completion


def asked(words: Sequence[str]) -> Mapping[str, str]:
    """The variables that typer's script for bash sets to complete the last word."""
    return {"COMP_WORDS": "\n".join(("pyml", *words)), "COMP_CWORD": str(len(words)), "_PYML_COMPLETE": "complete_bash"}


@pytest.fixture
def completed(home: SandboxHome, capsys: pytest.CaptureFixture[str]) -> Callable[..., list[str]]:
    """What a shell is offered for the last word."""

    def complete(*words: str) -> list[str]:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in {**asked(words), BEGUN: ""}.items():
                patch.setenv(name, value)
            with pytest.raises(SystemExit) as left:
                run([])
        printed = capsys.readouterr()
        assert (left.value.code, printed.err) == (0, "")
        return printed.out.split()

    return complete


def test_a_process_of_its_own_completes_names(home: SandboxHome) -> None:
    program = "import sys; sys.argv = ['pyml']; import pyml_cli; pyml_cli.main()"
    environ = {**os.environ, "PYML_HOME": str(home.root), **asked(["models", "show", "fa"])}
    done = subprocess.run([sys.executable, "-c", program], env=environ, capture_output=True, text=True, check=True)
    assert (done.stdout.split(), done.stderr) == (["fare", "fare@12", "fare@13"], "")


def test_names_and_ids_are_completed(home: SandboxHome, completed: Callable[..., list[str]]) -> None:
    running, ended = kept(home, 1, JobState.RUNNING), kept(home, 2)
    report = keep_report(home, REPORTS["pass"], 1.0)
    assert completed("deploy", "fare", "@", "1") == ["12", "13"]
    assert completed("deploy", "fare", "@") == ["12", "13"]
    assert completed("undeploy", "") == ["fare"]
    assert completed("dev", "restart", "m") == ["metastore", "model-fare-12"]
    assert completed("jobs", "--table", "ml") == ["ml.fares"]
    assert completed("jobs", "show", "2023") == [ended.job_id, running.job_id]
    assert completed("jobs", "cancel", "") == [running.job_id]
    assert completed("reports", "show", "") == [report.report_id]
    assert completed("models", "show", "--sandbox", "none", "") == []


def test_completion_is_silent_where_files_are_damaged(home: SandboxHome, completed: Callable[..., list[str]]) -> None:
    for file in (home.routes_file, home.conf / "routes.json"):
        file.write_text("{")
    assert completed("undeploy", "") == []
    assert completed("models", "show", "ti") == ["tip", "tip@7"]


@pytest.mark.parametrize(
    ("words", "cursor", "joined", "position", "begun"),
    [
        ("pyml\ndeploy\nfare\n@\n3f", 4, "pyml deploy 3f", "2", "fare@"),
        ("pyml\ndeploy\nfare\n@", 3, "pyml deploy ''", "2", "fare@"),
        ("pyml\ndeploy\nfare\n@\n3f\n--json\n", 6, "pyml deploy fare@3f --json", "4", None),
    ],
)
def test_words_that_bash_splits_are_joined(
    words: str, cursor: int, joined: str, position: str, begun: str | None
) -> None:
    environ = {"_PYML_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(cursor)}
    join_words_of_bash(environ)
    assert (environ["COMP_WORDS"], environ["COMP_CWORD"], environ.get(BEGUN)) == (joined, position, begun)


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"_PYML_COMPLETE": "complete_bash"},
        {"_PYML_COMPLETE": "complete_bash", "COMP_WORDS": "pyml models 'un", "COMP_CWORD": "2"},
        {"_PYML_COMPLETE": "complete_bash", "COMP_WORDS": "pyml models fare", "COMP_CWORD": "2"},
        {"_PYML_COMPLETE": "complete_zsh", "COMP_WORDS": "pyml a @ b", "COMP_CWORD": "2"},
    ],
)
def test_other_words_stay_as_they_are(environ: dict[str, str]) -> None:
    before = dict(environ)
    join_words_of_bash(environ)
    assert environ == before

"""The history of reports: each check is in it, whatever its verdict, and the latest of each version stays."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pyml_sandbox.parity.report import report_history
from pyml_sandbox.parity.report.document import Report
from pyml_sandbox.parity.report.report_history import ReportRow, find_by_key, keep, report_ids, report_of, summaries
from pyml_sandbox.workspace.home import SandboxHome
from support.reports import REPORTS
from support.uploads import keep as upload


@pytest.fixture
def home(tmp_path: Path) -> SandboxHome:
    return SandboxHome(tmp_path)


def checked(name: str, seconds: int, model: str = "") -> Report:
    at = datetime.fromtimestamp(1_700_000_000 + seconds, UTC).isoformat()
    return replace(REPORTS[name], checked_at=at, model=model or REPORTS[name].model)


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_of_any_verdict_is_kept_whole_with_a_summary(name: str, home: SandboxHome) -> None:
    report = REPORTS[name]
    row = keep(home, report, 12.5)
    assert list(summaries(home)) == [row]
    assert report_of(home, row.report_id) == report
    assert (row.model_id, row.verdict, row.level) == (report.model, report.verdict, report.decision.level or "")
    assert (row.level_asked, row.rows, row.seconds) == (report.declared_level, report.rows, 12.5)
    assert set(row.causes) == {finding.code for finding in report.findings if finding.code}
    assert ReportRow.from_json(json.loads(json.dumps(row.json))) == row


def test_the_latest_check_is_the_first(home: SandboxHome) -> None:
    for seconds in (5, 9, 7):
        keep(home, checked("pass", seconds), 1.0)
    assert [row.finished_at - 1_700_000_000 for row in summaries(home)] == [9, 7, 5]


def test_what_has_no_key_is_never_an_answer(home: SandboxHome) -> None:
    keep(home, REPORTS["pass"], 1.0)
    assert find_by_key(home, "k") is None


def test_the_oldest_go_but_not_the_latest_of_an_uploaded_version(
    home: SandboxHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report_history, "MAX_REPORTS", 2)
    upload(home, "here@1")
    for seconds, model in enumerate(["here@1", "here@1", "gone@1", "other@1", "other@1"]):
        keep(home, checked("pass", seconds, model), 1.0)
    assert [row.model_id for row in summaries(home)] == ["other@1", "other@1", "here@1"]
    assert [row.finished_at - 1_700_000_000 for row in summaries(home)] == [4, 3, 1]
    assert len(list((home.parity / report_history.FOLDER).iterdir())) == 6


@pytest.mark.parametrize("content", ["", "{", "[]", '{"report_id": "x"}', "null"])
def test_a_damaged_summary_is_passed_over(content: str, home: SandboxHome) -> None:
    good, bad = (keep(home, checked("fail", seconds), 1.0) for seconds in (1, 2))
    (home.parity / report_history.FOLDER / f"{bad.report_id}.json").write_text(content)
    assert list(summaries(home)) == [good]
    assert report_ids(home) == [bad.report_id, good.report_id]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b'{"schema": 99}', b"\xff\xfe"])
def test_a_damaged_report_is_none(content: bytes, home: SandboxHome) -> None:
    row = keep(home, REPORTS["pass"], 1.0, "k")
    (home.parity / report_history.FOLDER / f"{row.report_id}{report_history.WHOLE}").write_bytes(content)
    assert report_of(home, row.report_id) is None
    assert find_by_key(home, "k") is None


def test_the_model_folders_of_checks_are_not_touched(home: SandboxHome) -> None:
    (home.parity / "fare").mkdir(parents=True)
    keep(home, REPORTS["pass"], 1.0)
    assert sorted(path.name for path in home.parity.iterdir()) == [report_history.FOLDER, "fare"]

"""What a sandbox holds, as lists: of whatever is damaged the rest is still listed, and no id leads elsewhere."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pyml.errors import UsageError
from pyml_sandbox.lifecycle.temporary_serving import marked
from pyml_sandbox.listings.job_list import cancel_job, find_job, list_jobs, wait_for_end
from pyml_sandbox.listings.model_list import list_versions
from pyml_sandbox.listings.report_list import find_report, list_reports
from pyml_sandbox.models.routes import Routes, routes_text, save_routes
from pyml_sandbox.parity.report.report_history import keep as keep_report
from pyml_sandbox.predict.offline_jobs.job_history import cancel_request
from pyml_sandbox.predict.offline_jobs.job_record import JobState
from pyml_sandbox.workspace.home import SandboxHome
from support.jobs import kept
from support.reports import REPORTS
from support.uploads import keep

IDS = ["", "..", "../../sandbox", "20261128-101502-123-ab12", "/etc/passwd", "x" * 5000]


@pytest.fixture
def home(tmp_path: Path) -> SandboxHome:
    return SandboxHome(tmp_path)


def check(
    home: SandboxHome, model: str, seconds: int, name: str = "pass", driver: str = "process", **facts: str
) -> str:
    at = datetime.fromtimestamp(1_700_000_000 + seconds, UTC).isoformat()
    images = {"offline": facts["image"], "online": facts["image"]} if "image" in facts else {}
    report = replace(REPORTS[name], model=model, checked_at=at, driver=driver, images=images)
    return keep_report(home, report, 2.0).report_id


def deployed(home: SandboxHome, *pairs: tuple[str, str]) -> None:
    routes = Routes()
    for name, version in pairs:
        routes = routes.with_version(name, version)
    save_routes(home, routes_text(routes, lambda name, version: []))


class TestModels:
    def test_they_come_by_name_and_the_latest_upload_first(self, home: SandboxHome) -> None:
        for model_id, at in (("b@1", 5), ("a@1", 1), ("a@2", 9)):
            keep(home, model_id, at)
        assert [row.version.model_id for row in list_versions(home)] == ["a@2", "a@1", "b@1"]
        assert [row.version.model_id for row in list_versions(home, "b")] == ["b@1"]
        assert list_versions(home, "nobody") == []

    def test_a_damaged_one_says_so_and_the_others_are_listed(self, home: SandboxHome) -> None:
        keep(home, "a@1", 1)
        (keep(home, "a@2") / "record.json").write_text("{")
        rows = {row.version.model_id: row for row in list_versions(home)}
        assert not rows["a@1"].error
        assert "does not hold a valid model version" in rows["a@2"].error
        assert json.dumps([row.json for row in rows.values()])

    def test_the_newest_check_in_the_sandbox_says_which_level_was_earned(self, home: SandboxHome) -> None:
        for model_id in ("a@1", "a@2"):
            keep(home, model_id)
        check(home, "a@1", 1, "pass")
        check(home, "a@1", 2, "fail", image="sha256:1")
        check(home, "a@1", 3, "pass", driver="cluster east")
        rows = {row.version.model_id: row for row in list_versions(home)}
        assert (rows["a@1"].verdict, rows["a@1"].checked_at) == ("FAIL", 1_700_000_002)
        assert (rows["a@1"].level, rows["a@1"].level_asked) == (
            REPORTS["fail"].decision.level or "",
            REPORTS["fail"].declared_level,
        )
        assert rows["a@1"].image == "sha256:1"
        assert (rows["a@2"].verdict, rows["a@2"].level, rows["a@2"].checked_at, rows["a@2"].image) == (
            "",
            "",
            None,
            None,
        )

    def test_what_is_deployed_is_not_what_only_a_check_serves(self, home: SandboxHome) -> None:
        for model_id in ("a@1", "a@2", "b@1"):
            keep(home, model_id)
        deployed(home, ("a", "1"), ("a", "2"), ("b", "1"))
        with marked(home, "b@1"):
            facts = {row.version.model_id: (row.is_deployed, row.is_default) for row in list_versions(home)}
        assert facts == {"a@1": (True, True), "a@2": (True, False), "b@1": (False, False)}

    def test_size_and_environment(self, home: SandboxHome) -> None:
        folder = keep(home, "a@1")
        (folder / "package" / "model.py").write_text("12345")
        record = json.loads((folder / "record.json").read_text())
        (folder / "record.json").write_text(
            json.dumps({**record, "environment": {"size_mb": 12.5}, "pinned": "sha256:7"})
        )
        (row,) = list_versions(home)
        assert (row.size_bytes, row.environment_mb, row.image) == (5, 12.5, "sha256:7")


class TestReports:
    def test_of_all_models_of_one_and_of_one_version(self, home: SandboxHome) -> None:
        made = {model: check(home, model, second) for second, model in enumerate(["fare@12", "fare@13", "fares@12"])}
        assert [row.model_id for row in list_reports(home)] == ["fares@12", "fare@13", "fare@12"]
        assert [row.model_id for row in list_reports(home, "fare")] == ["fare@13", "fare@12"]
        assert [row.report_id for row in list_reports(home, "fare@12")] == [made["fare@12"]]
        assert find_report(home, made["fare@12"]).model == "fare@12"

    @pytest.mark.parametrize("report_id", IDS)
    def test_what_is_none_says_where_the_list_is(self, report_id: str, home: SandboxHome) -> None:
        with pytest.raises(UsageError, match="There is no report") as caught:
            find_report(home, report_id)
        assert caught.value.hint.startswith("pyml reports")


class TestJobs:
    def test_of_all_tables_and_of_one_whatever_its_case(self, home: SandboxHome) -> None:
        first, second = kept(home, 1, table="ml.a"), kept(home, 2, table="ML.B")
        assert list_jobs(home) == [second, first]
        assert list_jobs(home, "ml.b") == [second]
        assert list_jobs(home, "b") == []
        with pytest.raises(UsageError, match="is not the name of a Hive table"):
            list_jobs(home, "a b")

    @pytest.mark.parametrize("ask", [find_job, cancel_job])
    @pytest.mark.parametrize("job_id", IDS)
    def test_what_is_none_says_where_the_list_is(self, job_id: str, ask: object, home: SandboxHome) -> None:
        with pytest.raises(UsageError, match="There is no job") as caught:
            ask(home, job_id)  # type: ignore[operator]
        assert caught.value.hint.startswith("pyml jobs")

    def test_a_running_job_is_asked_to_end(self, home: SandboxHome) -> None:
        record = kept(home, 0, JobState.RUNNING)
        assert cancel_job(home, record.job_id).is_running
        assert cancel_request(home, record.job_id).exists()
        assert wait_for_end(home, record.job_id, 0.0).is_running

    @pytest.mark.parametrize(
        ("state", "words"),
        [
            (JobState.SUCCEEDED, "it has succeeded, and ml.fares is written"),
            (JobState.FAILED, "it has failed"),
            (JobState.CANCELLED, "it was cancelled"),
        ],
    )
    def test_a_job_that_does_not_run_is_not_asked(self, state: JobState, words: str, home: SandboxHome) -> None:
        record = kept(home, 0, state)
        with pytest.raises(UsageError, match=words):
            cancel_job(home, record.job_id)
        assert not cancel_request(home, record.job_id).exists()

    def test_a_lost_job_is_not_asked(self, home: SandboxHome) -> None:
        record = kept(home, 0, JobState.RUNNING, process_started_at=1.0)
        with pytest.raises(UsageError, match="it is lost, and its process is gone"):
            cancel_job(home, record.job_id)

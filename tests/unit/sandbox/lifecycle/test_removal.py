"""Versions are deleted one by one or all of a model; what is in use is refused, and then nothing goes."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyml.error_code import ErrorCode
from pyml.errors import SandboxError, UsageError
from pyml_sandbox.lifecycle.removal import delete_version, delete_versions, versions_to_delete
from pyml_sandbox.lifecycle.temporary_serving import marked
from pyml_sandbox.models.registry import stored_ids
from pyml_sandbox.models.routes import Routes, routes_text, save_routes
from pyml_sandbox.predict.offline_jobs.job_record import JobState
from pyml_sandbox.workspace.events import Event
from pyml_sandbox.workspace.home import SandboxHome
from support.jobs import kept
from support.uploads import keep


@pytest.fixture
def home(tmp_path: Path) -> SandboxHome:
    home = SandboxHome(tmp_path)
    for at, model_id in enumerate(["fare@12", "fare@13", "fares@12"]):
        (keep(home, model_id, at) / "package" / "model.py").write_text("pass")
    return home


def test_one_version_goes_by_its_first_digits(home: SandboxHome) -> None:
    events: list[Event] = []
    assert delete_version(home, "fares@1", events.append).model_id == "fares@12"
    assert stored_ids(home) == ["fare@12", "fare@13"]
    assert not (home.models / "fares").exists()
    assert [(event.subject, event.detail) for event in events] == [("fares@12", "deleted")]


def test_all_versions_of_a_model_go_with_its_name(home: SandboxHome) -> None:
    doomed = versions_to_delete(home, "fare")
    assert [each.model_id for each in doomed] == ["fare@13", "fare@12"]
    assert all(each.size_bytes > 0 for each in doomed)
    assert stored_ids(home) == ["fare@12", "fare@13", "fares@12"]
    assert delete_versions(home, "fare") == doomed
    assert stored_ids(home) == ["fares@12"]


def test_a_damaged_version_can_be_deleted(home: SandboxHome) -> None:
    (home.models / "fare" / "12" / "record.json").write_text("{")
    delete_version(home, "fare@12")
    assert stored_ids(home) == ["fare@13", "fares@12"]


@pytest.mark.parametrize(
    ("reference", "code"),
    [
        ("nobody", ErrorCode.MODEL_UNKNOWN),
        ("fare@9", ErrorCode.MODEL_UNKNOWN),
        ("fare@", ErrorCode.MODEL_UNKNOWN),
        ("", ErrorCode.MODEL_UNKNOWN),
        ("../models/fare@12", ErrorCode.MODEL_UNKNOWN),
        ("fare@1", ErrorCode.VERSION_AMBIGUOUS),
    ],
)
def test_what_names_no_version_or_several_deletes_nothing(reference: str, code: ErrorCode, home: SandboxHome) -> None:
    with pytest.raises(UsageError) as caught:
        delete_versions(home, reference)
    assert caught.value.code is code
    assert len(stored_ids(home)) == 3


def test_a_name_alone_is_no_version(home: SandboxHome) -> None:
    with pytest.raises(UsageError, match="expected name@version"):
        delete_version(home, "fare")


@pytest.mark.parametrize("reference", ["fare", "fare@12"])
def test_a_deployed_version_is_refused_and_no_other_goes(reference: str, home: SandboxHome) -> None:
    save_routes(home, routes_text(Routes().with_version("fare", "12"), lambda name, version: []))
    with pytest.raises(UsageError, match="fare@12 is deployed") as caught:
        delete_versions(home, reference)
    assert caught.value.hint == "pyml undeploy fare"
    assert len(stored_ids(home)) == 3


def test_a_version_that_a_check_or_a_job_needs_is_refused(home: SandboxHome) -> None:
    with marked(home, "fare@12"), pytest.raises(SandboxError, match="is served for a check that runs now"):
        delete_version(home, "fare@12")
    job = kept(home, 0, JobState.RUNNING, model_id="fare@12")
    with pytest.raises(SandboxError, match=f"The job {job.job_id} predicts with fare@12 now") as caught:
        delete_version(home, "fare@12")
    assert caught.value.hint == f"pyml jobs cancel {job.job_id}"
    assert delete_version(home, "fare@13").model_id == "fare@13"

"""Runs of the parity check: one at a time of a model, and none deletes what belongs to another model."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from types import SimpleNamespace
from typing import Any, cast

import pytest

from pyml.error_code import ErrorCode
from pyml.errors import PymlError, SandboxError
from pyml.package.settings import ParitySettings
from pyml_sandbox.models import registry
from pyml_sandbox.models.version import ModelVersion
from pyml_sandbox.parity import check
from pyml_sandbox.parity.observations.phase_clock import Phase
from pyml_sandbox.parity.report.document import Report
from pyml_sandbox.parity.run import Run, only_run
from pyml_sandbox.parity.verdict import PathFailure
from pyml_sandbox.predict.online import OnlineError, ServerEndedError
from pyml_sandbox.workspace.events import Event, Progress
from pyml_sandbox.workspace.home import SandboxHome
from support.reports import REPORTS

WAIT_S = 20


@pytest.fixture
def home(tmp_path: Path) -> SandboxHome:
    return SandboxHome(tmp_path)


def version(name: str = "fare") -> ModelVersion:
    return ModelVersion(name, "1", Path(), 0, {})


def in_thread(act: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=act, daemon=True)
    thread.start()
    return thread


def first_word(home: SandboxHome, first: str, second: str) -> str:
    """What a check of one model does first while one of another is under way: it waits, or it begins."""
    words: SimpleQueue[str] = SimpleQueue()

    def other() -> None:
        with only_run(home, second, lambda event: words.put("waits")):
            words.put("begins")

    with only_run(home, first):
        thread = in_thread(other)
        word = words.get(timeout=WAIT_S)
    thread.join(WAIT_S)
    return word


@pytest.mark.parametrize(
    ("second", "does"),
    [("fare-x", "waits"), ("fare_x", "waits"), ("Fare-X", "waits"), ("fare", "begins"), ("delay", "begins")],
    ids=["itself", "the same tables", "the same tables in Hive", "a part of its name", "another model"],
)
def test_checks_of_one_model_come_one_after_another(home: SandboxHome, second: str, does: str) -> None:
    assert first_word(home, "fare-x", second) == does


def test_a_check_that_waits_says_so(home: SandboxHome) -> None:
    told: list[Event] = []
    waits = threading.Event()

    def tell(event: Event) -> None:
        told.append(event)
        waits.set()

    def second() -> None:
        with only_run(home, "fare", tell):
            pass

    with only_run(home, "fare", told.append):
        assert told == []
        thread = in_thread(second)
        assert waits.wait(WAIT_S)
    thread.join(WAIT_S)
    assert [event.progress for event in told] == [Progress.WAITING, Progress.READY]
    assert "another check of fare" in told[0].detail


def test_who_holds_a_model_to_deploy_it_may_check_it(home: SandboxHome) -> None:
    told: list[Event] = []
    with only_run(home, "fare"), only_run(home, "fare", told.append):
        assert told == []
    assert first_word(home, "fare", "fare") == "waits"


def test_two_parity_checks_of_one_model_do_not_overlap(home: SandboxHome, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever calls it: the command, a program, the pytest plugin."""
    seen: list[str] = []
    waits = threading.Event()

    class Check:
        def __init__(self, *_arguments: object) -> None:
            seen.append("begins")

        def report(self, *_arguments: object, **_options: object) -> Report:
            assert waits.wait(WAIT_S)  # for the second check
            seen.append("ends")
            return REPORTS["pass"]

    monkeypatch.setattr(check, "_Check", Check)
    monkeypatch.setattr(registry, "find_version", lambda home, model_id: version())
    client = cast("Any", SimpleNamespace(home=home))

    def checked() -> None:
        check.parity_check(client, "fare", ParitySettings(), lambda event: waits.set())

    threads = [in_thread(checked) for _ in range(2)]
    for thread in threads:
        thread.join(WAIT_S)
    assert seen == ["begins", "ends", "begins", "ends"]


class FakeSpark:
    """Tables of the database that parity checks write to."""

    def __init__(self, *names: str) -> None:
        self.names = list(names)

    def sql(self, text: str) -> SimpleNamespace:
        if text.startswith("SHOW TABLES"):
            return SimpleNamespace(collect=lambda: [SimpleNamespace(tableName=name) for name in self.names])
        self.names.remove(text.split(".")[1].split()[0])
        return SimpleNamespace()


def test_tables_of_earlier_runs_go_and_those_of_other_models_stay(home: SandboxHome) -> None:
    run = Run.begin(home, version().name, lambda event: None)
    earlier = ["rows_fare_0a1b2c3d", "offline_fare_0a1b2c3d", "asked_fare_0a1b2c3d_1", "answered_fare_0a1b2c3d_12"]
    kept = [
        f"rows_{run.name}",
        f"asked_{run.name}_1",
        "rows_fare_deadbeef_12345678",  # of a model `fare_deadbeef`
        "asked_fare_deadbeef_12345678_1",
        "rows_fares_0a1b2c3d",
        "my_own",
    ]
    spark = FakeSpark(*earlier, *kept)
    run.drop_earlier(cast("Any", spark))
    assert spark.names == kept


# ---- the search for differences


def test_the_phases_of_the_search_are_steps_in_the_report_and_in_the_progress(tmp_path: Path) -> None:
    told: list[Event] = []
    run = Run(tmp_path, "m_1", told.append)
    with run.phases.within(Phase.FIND), run.phases.within(Phase.SHRINK):
        pass
    with run.search() as details, run.phases.within(Phase.FIND), run.phases.within(Phase.CONFIRM):
        details[Phase.CONFIRM] = "1 of 2 causes"
    assert [(event.subject, event.progress) for event in told] == [
        *((name, Progress.WAITING) for name in ("find", "shrink", "confirm")),
        *((name, Progress.READY) for name in ("find", "shrink", "confirm")),
    ]
    assert [(step.name, step.detail) for step in run.steps] == [
        ("find", ""),
        ("shrink", ""),
        ("confirm", "1 of 2 causes"),
    ]
    find, shrink, confirm = run.steps
    assert find.beside_s <= find.seconds
    assert (shrink.beside_s, confirm.beside_s) == (shrink.seconds, 0.0)


def test_a_search_that_fails_says_so_and_is_no_step(tmp_path: Path) -> None:
    told: list[Event] = []
    run = Run(tmp_path, "m_1", told.append)
    with pytest.raises(SandboxError), run.search(), run.phases.within(Phase.FIND):
        raise SandboxError("the gateway does not answer")
    assert [(event.subject, event.progress) for event in told] == [
        ("find", Progress.WAITING),
        ("find", Progress.FAILED),
    ]
    assert run.steps == []


# ---- paths that fail


@pytest.mark.parametrize(
    "error",
    [
        OnlineError("the request is too large", "", ErrorCode.REQUEST_TOO_LARGE),
        ServerEndedError("the server went away", "", ErrorCode.SERVER_DIED),
    ],
)
def test_a_path_that_fails_is_noted_with_its_code(error: PymlError, tmp_path: Path) -> None:
    run = Run(tmp_path, "m_1", lambda event: None)
    with run.path("batches", "online in batches"):
        raise error
    assert run.failures == [PathFailure(("online in batches",), error.message, "batches", error.code)]
    assert run.has_ended_server is isinstance(error, ServerEndedError)


def test_trouble_of_the_sandbox_is_no_failure_of_a_path(tmp_path: Path) -> None:
    run = Run(tmp_path, "m_1", lambda event: None)
    with pytest.raises(SandboxError), run.path("batches", "offline"):
        raise SandboxError("the gateway does not answer")
    assert run.failures == []

"""Which checks a report says were made: those that said so themselves, with what they asked and saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pyarrow as pa
import pytest

from checks.test_examine import BROKEN, A, of_a, of_s
from pyml.harness.session_messages import HarnessRequest, HarnessResponse, LoadReport
from pyml.inference.describe import Signature
from pyml.types.schema import Schema
from pyml_sandbox.compare import Tolerances
from pyml_sandbox.models.environment import Environment
from pyml_sandbox.models.model_session import NoAnswerError, Session
from pyml_sandbox.parity.checks.baseline import no_difference
from pyml_sandbox.parity.context.time_budget import TimeBudget
from pyml_sandbox.parity.examine import examine, open_context
from pyml_sandbox.parity.harness_process import ANSWER_TIMEOUT_S, FIRST_ANSWER_TIMEOUT_S, PATIENCE, HarnessProcess
from pyml_sandbox.parity.observations.catalogue import Check
from pyml_sandbox.parity.observations.check_record import CheckRecord, CheckRun, check_results, with_paths
from pyml_sandbox.parity.observations.observation import Observation
from pyml_sandbox.parity.rows.synthetic import InputRow
from pyml_sandbox.parity.verdict import Finding, Severity
from support.harnesses import BuilderHere, Source, harnesses_of

HONEST = of_a("return pd.DataFrame({'p': frame.a * 2})")
Z_SCORE = BROKEN["B1 z-score"]
OF_BATCHES = {"sizes", "alone", "contract", "copies", "neighbour", "together", "shuffle", "split", "crowd"}
OF_REPEAT = {"frozen-clock", "seeded", "same-history", "training-mode", "memory"}
OF_ENVIRONMENT = {"fresh", "hash-seed", "time-zone", "threads", "locale", "working-directory", "cpus", "umask"}
OF_STATE = {"repeat", "warm", "clock", "same-size", "first-batch", "mutation"}


def made_of(source: Source, folder: Path) -> dict[str, CheckRun]:
    with source.context(folder) as context:
        examine(context)
        return context.record.made


def test_only_what_an_honest_model_of_numbers_was_asked_is_listed(tmp_path: Path) -> None:
    made = made_of(HONEST, tmp_path)
    assert set(made) == OF_STATE | OF_ENVIRONMENT | {"versions", "training-switch"} | OF_BATCHES | {
        "null-neighbour",
    }
    assert made["repeat"].rows == len(A)
    assert made["copies"].rows > len(A)
    assert made["versions"].rows == 0
    assert all(each.seconds > 0 for each in made.values())


def test_memory_is_not_filled_for_a_model_that_only_refuses_a_call_without_rows(tmp_path: Path) -> None:
    refuses = of_a("assert len(frame)\nreturn pd.DataFrame({'p': frame.a * 2})")
    assert "memory" not in made_of(refuses, tmp_path)


def test_neighbours_of_other_kinds_are_listed_where_there_are_such(tmp_path: Path) -> None:
    made = made_of(
        of_s("return pd.DataFrame({'p': [float(len(s or '')) for s in frame.s]}, dtype='float64')", null=""), tmp_path
    )
    assert {"text-neighbour", "null-neighbour", "long-neighbour", "nulls"} <= set(made)
    assert all(made[name].rows for name in made if "neighbour" in name)


def test_with_less_time_fewer_rows_are_tried_and_what_was_left_undone_is_recorded(tmp_path: Path) -> None:
    wide = Source(
        "a DOUBLE NOT NULL, b DOUBLE, s STRING",
        "p DOUBLE NOT NULL",
        "return pd.DataFrame({'p': frame.a - frame.a.mean() + (frame.a > 2.5)})",
        {"a": A, "b": A, "s": [str(each) for each in A]},
    )
    rows, parts = [], []
    for budget in (TimeBudget(), TimeBudget(0.001)):
        with wide.context(tmp_path / str(budget.seconds)) as context:
            seen = examine(replace(context, budget=budget)).observations
            assert {each.output for each in seen} == {"p"}
            rows.append(context.record.made["copies"].rows)
            parts.append({part for part, _ in context.record.undone})
    assert rows[1] < rows[0]
    assert parts == [set(), {"alone", "sizes", "thresholds", "neighbours", "batches", "trace"}]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("D1 chance", {"repeat"} | OF_REPEAT - {"training-mode"}),
        ("E4 training", {"repeat"} | OF_REPEAT),
        ("P2 fitted on the first", OF_STATE | OF_ENVIRONMENT | {"versions", "training-switch", "memory"}),
    ],
)
def test_a_model_that_is_not_steady_was_not_asked_the_rest(name: str, expected: set[str], tmp_path: Path) -> None:
    assert set(made_of(BROKEN[name], tmp_path)) == expected


def test_each_variable_that_a_model_asks_for_is_listed(tmp_path: Path) -> None:
    source = of_a("import os\nos.environ.get('MODE')\nreturn pd.DataFrame({'p': frame.a * 2})")
    assert "variable:MODE" in made_of(source, tmp_path)


# ---- a model that ends its process


@dataclass
class Dying:
    """A conversation that ends at a question, as where the model calls `os._exit`."""

    inner: Session
    left: int
    asked: int = 0

    def receive(self, timeout_s: float) -> str:
        return self.inner.receive(timeout_s)

    def ask(self, line: str, timeout_s: float) -> str:
        self.asked += 1
        if self.asked > self.left:
            raise NoAnswerError("the model ended its Python", [])
        return self.inner.ask(line, timeout_s)

    def close(self) -> None:
        self.inner.close()


@dataclass
class BuilderOfDying:
    """Its first process ends after so many questions; the others answer all."""

    left: int
    conversations: list[Dying] = field(default_factory=list)

    def open_session(self, environment: Environment, arguments: Sequence[str]) -> Session:
        left = 10**9 if self.conversations else self.left
        self.conversations.append(Dying(BuilderHere().open_session(environment, arguments), left))
        return self.conversations[-1]


def broken_off_after(questions: int, folder: Path, source: Source = Z_SCORE) -> tuple[CheckRecord, str, list[str]]:
    """The record, the reason, and the checks that saw something."""
    signature = Signature("frame", Schema(source.inputs), Schema(source.outputs))
    harnesses = harnesses_of(source.write(folder), BuilderOfDying(questions))
    with open_context(harnesses, signature, source.full_batch, source.full_batch, len(A), Tolerances()) as context:
        found = examine(context)
        return context.record, found.gap, [observation.check for observation in found.observations]


@pytest.mark.parametrize(
    ("questions", "made", "under_way"),
    [(2, set(), "repeat"), (4, {"repeat"}, "clock"), (7, {"repeat", "clock"}, "warm")],
)
def test_where_the_process_ends_the_checks_before_stay_and_the_one_under_way_is_named(
    questions: int, made: set[str], under_way: str, tmp_path: Path
) -> None:
    record, gap, seen = broken_off_after(questions, tmp_path)
    assert (set(record.made), seen) == (made, [])
    assert f"`{under_way}`" in gap
    assert gap.partition("\n")[0].endswith("the model ended its Python")
    assert 'level = "P1"' in gap


@pytest.fixture(scope="module")
def seen_in_whole(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The checks that see something where the examination is not broken off."""
    with Z_SCORE.context(tmp_path_factory.mktemp("whole")) as context:
        return {observation.check for observation in examine(context).observations}


@pytest.mark.parametrize("questions", range(1, 40, 3))
def test_a_check_is_never_called_silent_where_what_it_saw_is_lost(
    questions: int, seen_in_whole: set[str], tmp_path: Path
) -> None:
    """Whatever stands in the record with nothing seen stands there so after the whole examination as well."""
    record, _, seen = broken_off_after(questions, tmp_path / "part")
    assert (set(record.made) - set(seen)) & seen_in_whole == set()


def test_of_a_model_that_refuses_every_row_no_check_is_claimed(tmp_path: Path) -> None:
    with of_a("raise ValueError('no')").context(tmp_path) as context:
        found = examine(context)
        assert (found.observations, context.record.made) == ((), {})
        assert "refuses every row" in found.gap
        assert "ValueError: no" in found.gap


def test_of_a_model_whose_output_never_fits_no_check_is_claimed(tmp_path: Path) -> None:
    """It does not vary by batch, and no input drives it."""
    with of_a("return pd.DataFrame({'p': frame.a.astype(str)})").context(tmp_path) as context:
        assert (examine(context).observations, context.record.made) == ((), {})


def test_a_model_that_waits_for_the_clock_is_examined(tmp_path: Path) -> None:
    waits = of_a(
        "end = time.time() + 0.0005\nwhile time.time() < end:\n    pass\nreturn pd.DataFrame({'p': frame.a * 2})",
        top="import time",
    )
    with waits.context(tmp_path) as context:
        found = examine(context)
        assert (found.observations, found.gap) == ((), "")
        assert "clock" in context.record.made


@dataclass
class Slow:
    """A conversation whose answers take as long as it is told, by the clock of the test."""

    clock: list[float]
    row_s: float
    given: list[float] = field(default_factory=list)

    def receive(self, timeout_s: float) -> str:
        return LoadReport().to_line()

    def ask(self, line: str, timeout_s: float) -> str:
        question = HarnessRequest.from_line(line)
        self.given.append(timeout_s)
        self.clock[0] += self.row_s * sum(map(len, question.groups))
        return HarnessResponse(question.rows.slice(0, 0), {}).to_line()

    def close(self) -> None: ...


def test_a_slow_model_has_time_for_many_rows_in_proportion_to_what_few_have_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = [0.0]
    monkeypatch.setattr("pyml_sandbox.parity.harness_process.time.perf_counter", lambda: clock[0])
    slow = Slow(clock, row_s=0.5)
    harness = HarnessProcess(slow, LoadReport())
    rows = pa.RecordBatch.from_pydict({"a": [1.0]})
    for count in (2, 1000):
        harness.ask(HarnessRequest(rows, [[0] * count]))
    assert slow.given == [FIRST_ANSWER_TIMEOUT_S, ANSWER_TIMEOUT_S + PATIENCE * 500.0]


# ---- the record itself


def observation_of(check: Check, rows: int = 3) -> Observation:
    return Observation(check, "p", (no_difference(InputRow({"a": 1.0}, 0), "p"),), rows=rows)


def test_a_check_counts_once_its_block_is_left_without_an_error() -> None:
    record = CheckRecord()
    with pytest.raises(NoAnswerError), record.making({"warm": 5}):
        raise NoAnswerError("the model ended its Python", [])
    assert (record.made, record.under_way) == ({}, ("warm",))
    with record.making({"warm": 5, "clock": 4}, seconds=2.0) as seen:
        seen.append(observation_of(Check.WARM))
    assert {name: made.rows for name, made in record.made.items()} == {"warm": 5, "clock": 4}
    assert record.made["warm"].seconds == record.made["clock"].seconds >= 1.0
    assert ([observation.check for observation in record.observations], record.under_way) == (["warm"], ())


def test_what_is_under_way_is_reported_when_it_begins() -> None:
    notes: list[str] = []
    record = CheckRecord(on_progress=notes.append)
    with record.making({"warm": 5}), record.making(dict.fromkeys(("locale", "fresh", "threads", "time-zone"), 3)):
        pass
    assert notes == ["warm", "locale, fresh, threads and 1 more"]


def test_a_check_that_saw_something_was_made() -> None:
    record = CheckRecord()
    with record.making({"neighbour": 5}) as seen:
        seen.append(observation_of(Check.NULL_NEIGHBOUR))
    assert set(record.made) == {"neighbour", "null-neighbour"}


def test_what_is_withdrawn_was_not_made_and_has_seen_nothing() -> None:
    record = CheckRecord()
    with record.making({"warm": 5}) as seen:
        seen.append(observation_of(Check.WARM))
    record.withdraw("warm", "clock")
    assert (record.made, record.observations) == ({}, [])


def test_results_come_in_the_order_of_the_catalogue_and_fire_for_observations_and_findings_but_not_for_noise() -> None:
    made = {name: CheckRun(8, 0.5) for name in ("variable:MODE", "thread-safe", "copies", "repeat", "paths")}
    findings = [
        Finding("differs", checks=("paths",)),
        Finding("noise", check="copies", weight=Severity.WARNS),
    ]
    found = check_results(made, [observation_of(Check.REPEAT)], findings)
    assert [(each.name, each.level, each.fired) for each in found] == [
        ("paths", "P1", True),
        ("copies", "P2", False),
        ("repeat", "P3", True),
        ("variable:MODE", "P3", False),
        ("thread-safe", "P5", False),
    ]
    assert {(each.rows, each.seconds) for each in found} == {(8, 0.5)}


@pytest.mark.parametrize(
    ("compared", "made"),
    [
        (CheckRun(300, 2.0), {"paths": CheckRun(364, 3.0), "repeat": CheckRun(8, 0.5)}),
        (None, {"repeat": CheckRun(8, 0.5)}),
    ],
)
def test_the_real_paths_are_compared_only_where_they_were_asked_about_all_rows(
    compared: CheckRun | None, made: dict[str, CheckRun]
) -> None:
    assert with_paths({"paths": CheckRun(64, 1.0), "repeat": CheckRun(8, 0.5)}, "paths", compared) == made


def test_of_no_check_nothing_is_said() -> None:
    assert check_results({}, [], []) == ()

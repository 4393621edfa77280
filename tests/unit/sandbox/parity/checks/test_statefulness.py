"""The checks of what stays behind, and of the process: small models, each of which does one thing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from pyml_sandbox.models.environment import Environment
from pyml_sandbox.models.model_session import NoAnswerError, Session
from pyml_sandbox.parity.checks.process_environment import EnvironmentChecks
from pyml_sandbox.parity.checks.statefulness import StateChecks
from pyml_sandbox.parity.context.time_budget import TimeBudget
from pyml_sandbox.parity.observations.catalogue import Check
from pyml_sandbox.parity.observations.check_record import CheckRecord
from pyml_sandbox.parity.observations.features import Tag
from pyml_sandbox.parity.observations.observation import Observation
from support.harnesses import BuilderHere, Source, harnesses_of

A = [1.5, 2.25, 3.5, 0.75]


def model(predict: str, load: str = "pass", top: str = "") -> Source:
    """A model of one column, which is handed on unless `predict` says otherwise."""
    body = f"p = frame.a.astype('float64')\n{predict}\nreturn pd.DataFrame({{'p': p}})"
    return Source("a DOUBLE NOT NULL", "p DOUBLE NOT NULL", body, {"a": A}, load, top)


def state(source: Source, folder: Path) -> list[Observation]:
    with source.context(folder) as context:
        return StateChecks(context).observations()


STATE = [
    ("an honest one", model("p = p * 2"), {}),
    ("chance", model("p = p + np.random.random(len(p))"), {Check.REPEAT: set(), Check.SEEDED: set()}),
    ("its own generator, seeded when it is loaded", model("p = p + self.rng.random(len(p))", "self.rng = np.random.default_rng(1)"), {Check.REPEAT: set(), Check.SAME_HISTORY: set()}),
    ("the clock, to the nanosecond", model("p = p + time.time_ns() % 1e9", top="import time"), {Check.REPEAT: set(), Check.FROZEN_CLOCK: set()}),
    ("the date", model("p = p + int(time.strftime('%j'))", top="import time"), {Check.CLOCK: set()}),
    ("a counter of calls", model("self.calls += 1\np = p + self.calls", "self.calls = 0"), {Check.REPEAT: set(), Check.SAME_HISTORY: set()}),
    ("every value so far", model("self.known |= set(p)\np = p + len(self.known)", "self.known = set()"), {Check.WARM: set()}),
    ("the first call", model("self.mean = p.mean() if self.mean is None else self.mean\np = p - self.mean", "self.mean = None"), {Check.FIRST_BATCH: set()}),
    ("an answer by length", model("p = self.known.setdefault(len(p), p.copy())", "self.known = {}"), {Check.SAME_SIZE: {Tag.EARLIER_ANSWER}}),
    ("writes into the frame", model("frame['a'] = 0.0"), {Check.MUTATION: set()}),
]  # fmt: skip


@pytest.mark.parametrize(("source", "expected"), [case[1:] for case in STATE], ids=[case[0] for case in STATE])
def test_what_a_model_does_is_seen_by_its_checks(
    source: Source, expected: dict[Check, set[Tag]], tmp_path: Path
) -> None:
    found = {observation.check: set(observation.tags) for observation in state(source, tmp_path)}
    assert {check: found.get(check) for check in expected} == expected
    assert set(found) - set(expected) <= SAID_AS_WELL


SAID_AS_WELL = {Check.SAME_HISTORY, Check.FIRST_BATCH, Check.SAME_SIZE}
"""What a model that remembers shows beside what it is looked at for."""


def test_seconds_between_two_processes_are_not_taken_for_what_the_first_one_predicted(tmp_path: Path) -> None:
    slow_to_load = model("p = p + time.time() % 1e8", load="time.sleep(1)", top="import time")
    assert [observation.check for observation in state(slow_to_load, tmp_path)] == [Check.CLOCK]


def test_a_first_batch_that_is_kept_is_seen_beside_the_clock(tmp_path: Path) -> None:
    keeps = "self.mean = p.mean() if self.mean is None else self.mean\np = p - self.mean"
    both = model(f"{keeps}\np = p + int(time.strftime('%j'))", load="self.mean = None", top="import time")
    assert {observation.check for observation in state(both, tmp_path)} >= {Check.FIRST_BATCH, Check.CLOCK}


def test_a_model_that_differs_from_itself_is_asked_nothing_further(tmp_path: Path) -> None:
    with model("p = p + np.random.random(len(p))").context(tmp_path) as context:
        StateChecks(context).observations()
        assert "repeat" in context.record.made
        assert not {"warm", "clock", "same-size", "first-batch"} & set(context.record.made)


@pytest.mark.parametrize(
    ("predict", "load", "odds"),
    [
        ("p = p + np.random.random(len(p))", "pass", (32, 32)),
        ("self.calls += 1\np = p + self.calls % 2", "self.calls = 0", (16, 32)),
        ("self.calls += 1\np = p + (self.calls == 2)", "self.calls = 0", (1, 32)),
    ],
)
def test_where_equal_calls_differ_more_are_made_to_count_how_many_do(
    predict: str, load: str, odds: tuple[int, int], tmp_path: Path
) -> None:
    with model(predict, load).context(tmp_path) as context:
        (observation,) = StateChecks(context).repeat().observations
        assert (observation.odds, observation.message) == (odds, f"{odds[0]} of 32 calls")
        assert not context.record.undone


def test_where_time_is_short_fewer_equal_calls_are_counted_and_said_to_be(tmp_path: Path) -> None:
    with model("p = p + np.random.random(len(p))").context(tmp_path) as context:
        (observation,) = StateChecks(replace(context, budget=TimeBudget(1e-6))).repeat().observations
        assert observation.odds == (3, 3)
        assert {part for part, _ in context.record.undone} == {"odds"}


def test_a_rare_difference_is_found_with_its_odds(tmp_path: Path) -> None:
    rare = model("self.calls += 1\np = p + (self.calls % 7 == 0)", "self.calls = 0")
    (repeat,) = (each for each in state(rare, tmp_path) if each.check is Check.REPEAT)
    assert repeat.odds == (1, 7)


def test_of_new_processes_that_differ_it_is_counted_how_many_do(tmp_path: Path) -> None:
    by_process = model("p = p + self.drawn", "import random; self.drawn = random.SystemRandom().random()")
    fresh = in_environments(by_process, tmp_path)["fresh"]
    assert fresh.odds[0] == fresh.odds[1] > 3


@pytest.mark.parametrize(
    ("predict", "odds", "processes"),
    [
        ("p = p * 2", [], 2),
        ("p = p + int(os.environ.get('MALLOC_PERTURB_', '0')) * (p > 1)", [(3, 4)], 4),
        ("p = p + (self.number >> np.arange(len(p))) % 2", [], 3),  # rows are often the same by chance
    ],
)
def test_what_differs_by_chance_is_not_taken_for_memory(
    predict: str, odds: list[tuple[int, int]], processes: int, tmp_path: Path
) -> None:
    loads = tmp_path / "loads"
    loads.write_text("")
    load = f"open({str(loads)!r}, 'a').write('.'); self.number = os.path.getsize({str(loads)!r})"
    with model(predict, load, top="import os").context(tmp_path) as context:
        builder = CountingBuilder()
        found = EnvironmentChecks(replace(context, harnesses=harnesses_of(tmp_path, builder))).of_memory()
        assert [each.odds for each in found] == odds
        assert len(builder.started) == processes


def test_an_honest_model_is_asked_everything(tmp_path: Path) -> None:
    with model("p = p * 2").context(tmp_path) as context:
        assert StateChecks(context).observations() == []
        assert {"repeat", "warm", "clock", "same-size", "first-batch"} <= set(context.record.made)


def test_an_observation_has_the_calls_that_came_before(tmp_path: Path) -> None:
    (observation,) = (each for each in state(STATE[6][1], tmp_path) if each.check is Check.WARM)
    case = observation.example
    assert case.output == "p"
    assert case.reference.rows == case.other.rows
    assert not case.reference.before
    assert case.other.before


# ---- the process


def in_environments(source: Source, folder: Path, *, is_steady: bool = True) -> dict[str, Observation]:
    with source.context(folder) as fresh:
        context = fresh.with_alone() if is_steady else fresh
        return {each.name: each for each in EnvironmentChecks(context, is_steady).observations()}


def test_each_process_predicts_fewer_rows_alone_with_a_slow_model(tmp_path: Path) -> None:
    with model("p = p * 2").context(tmp_path) as fresh:
        context = fresh.with_alone()
        context = context.with_rows([replace(row) for row in context.input_rows * 3])
        every = replace(context, call_s=0.001)
        slow = replace(context, call_s=60.0)
        for each, rows in ((every, len(context.all_input_rows)), (slow, len(slow.alone_again(3)))):
            found = replace(each, record=CheckRecord())
            EnvironmentChecks(found).observations()
            assert found.record.made["hash-seed"].rows == rows
            assert ("processes" in {part for part, _ in found.record.undone}) is (each is slow)
        assert len(slow.alone_again(3)) < len(context.all_input_rows)
        outputs = dict(zip(map(id, context.all_input_rows), context.alone, strict=True))
        assert all(output == outputs[id(row)] for row, output in slow.alone_again(3))


def of_zone(hour: str) -> Source:
    return model(f"p = p + {hour}", top="import time")


PROCESS = [
    ("an honest one", model("p = p * 2"), set()),
    ("the time zone", of_zone("time.localtime(0).tm_hour"), {"time-zone"}),
    ("a variable of its own", model("p = p + float(os.environ.get('MY_FACTOR', '0') == '1')", top="import os"), {"variable:MY_FACTOR"}),
    ("whether a variable is there", model("p = p + ('MY_FACTOR' in os.environ)", top="import os"), {"variable:MY_FACTOR"}),
    ("the working directory", model("p = p + os.path.exists('model.py')", top="import os"), {"working-directory"}),
    ("the number of threads", model("p = p + int(os.environ['OMP_NUM_THREADS'])", top="import os"), {"threads"}),
    ("the locale", model("p = p + len(os.environ['LC_ALL'])", top="import os"), {"locale"}),
    ("the order of texts in the locale", model("p = p + (locale.strxfrm('b') < locale.strxfrm('C'))", "locale.setlocale(locale.LC_COLLATE, '')", top="import locale"), {"locale"}),
    ("a switch that is on", model("pass", "self.layer = Layer()", "class Layer:\n    def __init__(self):\n        self.training = True"), {"training-switch"}),
    ("a pickle of another version", model("pass", "import warnings; warnings.warn('trying to unpickle what version 1.0 has saved')"), {"versions"}),
    ("any other warning", model("pass", "import warnings; warnings.warn('nothing to see here')"), set()),
    ("a warning of what comes", model("pass", "import warnings; warnings.warn('version 2 will pickle otherwise', FutureWarning)"), set()),
]  # fmt: skip


@pytest.mark.parametrize(("source", "expected"), [case[1:] for case in PROCESS], ids=[case[0] for case in PROCESS])
def test_what_a_model_depends_on_is_named(source: Source, expected: set[str], tmp_path: Path) -> None:
    assert set(in_environments(source, tmp_path)) == expected


def test_what_was_varied_is_in_the_case_with_what_it_was_set_to(tmp_path: Path) -> None:
    case = in_environments(of_zone("time.localtime(0).tm_hour"), tmp_path)["time-zone"].example
    assert case.other.variation.set == (("TZ", "America/New_York"),)
    assert not case.reference.variation.set


def test_a_model_that_does_not_load_elsewhere_is_shown_with_its_words(tmp_path: Path) -> None:
    source = model("pass", "assert os.path.exists('model.py'), 'where am I'", top="import os")
    found = in_environments(source, tmp_path)["working-directory"]
    assert found.output == ""
    assert "where am I" in found.message


def test_of_a_model_that_remembers_only_first_answers_are_compared(tmp_path: Path) -> None:
    remembers = model("self.most = max(self.most, p.max())\np = p / (1 + self.most)", "self.most = 0.0")
    assert in_environments(remembers, tmp_path, is_steady=False) == {}


# ---- how many processes


class CountingBuilder(BuilderHere):
    """Knows what was varied in each process that it started, and which of them still run."""

    def __init__(self, *, refuses_variations: bool = False) -> None:
        self.started: list[Sequence[str]] = []
        self.running = 0
        self._refuses = refuses_variations

    def open_session(self, environment: Environment, arguments: Sequence[str]) -> Session:
        if self._refuses and "--set" in arguments:
            raise NoAnswerError("the model ended its Python process", [])
        self.started.append(arguments[4:])
        self.running += 1
        session, end = super().open_session(environment, arguments), self._ended
        return Counted(session, end)

    def _ended(self) -> None:
        self.running -= 1


class Counted:
    """A session that says when it is closed."""

    def __init__(self, session: Session, ended: Callable[[], None]) -> None:
        self.ask, self.receive, self._session, self._ended = session.ask, session.receive, session, ended

    def close(self) -> None:
        self._session.close()
        self._ended()


def started(source: Source, folder: Path) -> tuple[CountingBuilder, list[Observation]]:
    """The processes that the checks of state and environment start beside the first, and what they see."""
    builder = CountingBuilder()
    with source.context(folder) as context:
        counted = replace(context, harnesses=harnesses_of(folder, builder))
        state = StateChecks(counted).observations()
        found = [*state, *EnvironmentChecks(counted.with_alone()).observations()]
        assert builder.running == 0
    return builder, found


def test_the_process_that_predicts_different_rows_first_is_one_of_those_in_which_all_settings_vary(
    tmp_path: Path,
) -> None:
    builder, found = started(model("p = p * 2"), tmp_path)
    assert not found
    seeds = [value for each in builder.started for value in each if value.startswith("PYTHONHASHSEED")]
    assert seeds == ["PYTHONHASHSEED=1", "PYTHONHASHSEED=2", "PYTHONHASHSEED=3"]
    assert len(builder.started) == 3
    assert ["--elsewhere" in each for each in builder.started] == [False, True, True]


def test_a_difference_there_is_looked_at_in_the_pinned_environment(tmp_path: Path) -> None:
    builder, found = started(model("p = p + time.timezone", top="import time"), tmp_path)
    assert {observation.check for observation in found} == {Check.TIME_ZONE}
    assert builder.started[1] == []


def test_a_model_that_reads_a_variable_gets_a_process_without_variations_for_its_state(tmp_path: Path) -> None:
    reads = model("p = p + (0 if os.environ.get('SPARE') else 0)", top="import os")
    builder, found = started(reads, tmp_path)
    assert not found
    assert [bool(each) for each in builder.started] == [False, True, True, True]


def test_a_model_that_ends_where_settings_vary_is_asked_of_its_state_all_the_same(tmp_path: Path) -> None:
    with model(
        "self.mean = p.mean() if self.mean is None else self.mean\np = p - self.mean", "self.mean = None"
    ).context(tmp_path) as context:
        builder = CountingBuilder(refuses_variations=True)
        found = StateChecks(replace(context, harnesses=harnesses_of(tmp_path, builder))).observations()
    assert Check.FIRST_BATCH in {observation.check for observation in found}

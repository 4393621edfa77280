"""Forks of a harness: where they are given, and that each is what a new process would be."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import pyarrow as pa
import pytest

from pyml_sandbox.models.environment import Environment
from pyml_sandbox.models.model_session import NoAnswerError, Session
from pyml_sandbox.parity.counterexample.condition_runner import ConditionRunner
from pyml_sandbox.parity.harness_process import HarnessProcess
from pyml_sandbox.parity.observations.observation import Condition, Example
from pyml_sandbox.parity.rows.synthetic import fixture_rows
from support.harnesses import BuilderOfProcesses, Source, harnesses_of

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a harness forks on Linux alone")
INPUTS, OUTPUTS = "a DOUBLE NOT NULL", "p DOUBLE NOT NULL"
ROWS = pa.RecordBatch.from_pydict({"a": [1.0]}, schema=pa.schema([pa.field("a", pa.float64(), nullable=False)]))


def model(value: str, load: str = "pass", top: str = "import random") -> Source:
    body = f"value = {value}\nreturn pd.DataFrame({{'p': np.full(len(frame), float(value))}})"
    return Source(INPUTS, OUTPUTS, body, {"a": [1.0, 2.0, 3.0]}, load, top)


def answer(harness: HarnessProcess | None) -> float:
    assert harness is not None
    ((output,),) = harness.calls(ROWS, [[0]])
    assert isinstance(output, dict), output
    return cast(float, output["p"])


def two_forks(source: Source, folder: Path) -> tuple[list[float], float]:
    """Two answers of each of two forks, and then one of the process itself."""
    found = []
    with harnesses_of(source.write(folder), BuilderOfProcesses()).start() as harness:
        for _ in range(2):
            with harness.forked() as fork:
                found += [answer(fork), answer(fork)]
        return found, answer(harness)


def test_a_fork_begins_with_the_loaded_model_and_leaves_nothing_behind(tmp_path: Path) -> None:
    counts = model("self.calls[-1]\nself.calls.append(value + 1)", load="self.calls = [1]")
    assert two_forks(counts, tmp_path) == ([1, 2, 1, 2], 1)


@pytest.mark.parametrize("draw", ["random.random()", "np.random.random()"])
def test_forks_draw_differently_unless_loading_has_seeded(draw: str, tmp_path: Path) -> None:
    found, last = two_forks(model(draw), tmp_path / "chance")
    assert len({*found, last}) == 5
    seeded, last = two_forks(model(draw, load="random.seed(7); np.random.seed(7)"), tmp_path / "seeded")
    assert seeded[:2] == seeded[2:]
    assert last == seeded[0]


@pytest.mark.parametrize(
    "load",
    [
        "import threading; threading.Thread(target=threading.Event().wait, daemon=True).start()",
        "self.file = open(__file__)",
        "import mmap; self.memory = mmap.mmap(-1, 4096)",
        "import subprocess; self.child = subprocess.Popen(['sleep', '60'])",
        "import signal; signal.signal(signal.SIGCHLD, signal.SIG_IGN)",
    ],
)
def test_there_is_no_fork_of_what_loading_has_left(load: str, tmp_path: Path) -> None:
    with harnesses_of(model("1", load).write(tmp_path), BuilderOfProcesses()).start() as harness:
        with harness.forked() as fork:
            assert fork is None
        assert answer(harness) == 1


def test_there_is_no_fork_of_a_process_that_was_called(tmp_path: Path) -> None:
    with harnesses_of(model("1").write(tmp_path), BuilderOfProcesses()).start() as harness:
        answer(harness)
        with harness.forked() as fork:
            assert fork is None


@pytest.mark.parametrize("end", ["os._exit(0)", "os._exit(3)", "os.kill(os.getpid(), 9)", "os.kill(os.getpid(), 15)"])
def test_a_model_that_ends_a_fork_has_ended_its_process(end: str, tmp_path: Path) -> None:
    def ask() -> None:
        source = model(f"print('my last words', flush=True) or {end}", top="import os")
        with harnesses_of(source.write(tmp_path), BuilderOfProcesses()).start() as harness, harness.forked() as fork:
            answer(fork)

    with pytest.raises(NoAnswerError, match="ended its Python process") as caught:
        ask()
    assert "my last words" in str(caught.value)


class CountingBuilder(BuilderOfProcesses):
    """Counts the processes that it started."""

    started = 0

    def open_session(self, environment: Environment, arguments: Sequence[str]) -> Session:
        self.started += 1
        return super().open_session(environment, arguments)


@pytest.mark.parametrize(
    ("load", "starts"),
    [("self.first = None", 1), ("import mmap; self.first, self.memory = None, mmap.mmap(-1, 4096)", 4)],
)
def test_conditions_with_earlier_calls_run_in_forks_of_one_process_where_that_is_the_same(
    load: str, starts: int, tmp_path: Path
) -> None:
    first = "self.first if self.first is not None else frame['a'].iloc[0]\nself.first = value"
    source, builder = model(first, load), CountingBuilder()
    with source.context(tmp_path) as here:
        context = replace(here, harnesses=harnesses_of(tmp_path, builder))
        one, other, _ = fixture_rows(context.full_batch)
        after = Example("p", Condition((one,)), Condition((one,), before=((other,),)))
        alike = Example("p", Condition((one,)), Condition((one,), before=((one,),)))
        with ConditionRunner(context) as runner:
            assert [runner.differs(each) for each in (after, alike)] == [True, False]
    assert builder.started == starts

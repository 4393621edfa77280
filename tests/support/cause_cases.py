"""For each cause: rows, and two contexts in which its broken model differs from itself and its fixed one does not."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from pyml import DataFrameModel, Schema
from pyml.inference.runner import Runner
from pyml.types.frame import frame_from_arrow
from pyml.types.predictions import arrow_from_frame

if TYPE_CHECKING:
    from _typeshed import TraceFunction

Row = Mapping[str, object]
Rows = Sequence[Row]


@dataclass(frozen=True)
class Example:
    """What the models of one page are given.

    Attributes:
        rows: what is predicted; keys that a model does not declare are left out.
        contexts: names of two functions below; none where one process cannot show the difference.
        beside: the other rows that a context needs.
        fixed_rows: rows for the fixed model, where its inputs are other ones.
        fixed_beside: the same for `beside`.
    """

    rows: Rows
    contexts: tuple[str, str] | None = None
    beside: Rows = ()
    fixed_rows: Rows = ()
    fixed_beside: Rows = ()

    @property
    def of_fixed(self) -> Example:
        """The case as the fixed model gets it."""
        return Example(
            self.rows if not self.fixed_rows else self.fixed_rows, self.contexts, self.fixed_beside or self.beside
        )


@dataclass(frozen=True)
class Trial:
    """One model class from a page, ready to be run.

    Attributes:
        source: the code block.
        folder: an empty folder, its parameters.
        patch: changes the process for the time of a test.
    """

    source: str
    folder: Path
    patch: pytest.MonkeyPatch

    def runner(self) -> Runner:
        """A newly loaded model."""
        names: dict[str, type[DataFrameModel]] = {}
        exec(self.source, names)
        return Runner(names["Model"](self.folder), self.folder)


Outputs = list[dict[str, object]]


def batch_of(rows: Rows, schema: Schema) -> pa.RecordBatch:
    """Rows as a batch of exactly the declared columns."""
    return pa.RecordBatch.from_pylist([{name: row[name] for name in schema.names} for row in rows], schema=schema.arrow)


def outputs(runner: Runner, rows: Rows) -> Outputs:
    found: Outputs = runner.predict_arrow(batch_of(rows, runner.inputs)).to_pylist()
    return found


def together(trial: Trial, case: Example) -> Outputs:
    return outputs(trial.runner(), case.rows)


def alone(trial: Trial, case: Example) -> Outputs:
    runner = trial.runner()
    return [output for row in case.rows for output in outputs(runner, [row])]


def backwards(trial: Trial, case: Example) -> Outputs:
    return outputs(trial.runner(), case.rows[::-1])[::-1]


def beside(trial: Trial, case: Example) -> Outputs:
    return outputs(trial.runner(), [*case.rows, *case.beside])[: len(case.rows)]


def instead(trial: Trial, case: Example) -> Outputs:
    return outputs(trial.runner(), case.beside)


def nothing(trial: Trial, case: Example) -> Outputs:
    return together(trial, case)[:0]


def empty(trial: Trial, case: Example) -> Outputs:
    return outputs(trial.runner(), [])


def again(trial: Trial, case: Example) -> Outputs:
    runner = trial.runner()
    outputs(runner, case.rows)
    return outputs(runner, case.rows)


def afterwards(trial: Trial, case: Example) -> Outputs:
    runner = trial.runner()
    outputs(runner, case.beside)
    return outputs(runner, case.rows)


def same_frame_again(trial: Trial, case: Example) -> Outputs:
    model = trial.runner().model
    assert isinstance(model, DataFrameModel)
    frame = frame_from_arrow(batch_of(case.rows, model.inputs), model.inputs)
    model.predict(frame)
    found: Outputs = arrow_from_frame(model.predict(frame), model.outputs, len(case.rows)).to_pylist()
    return found


def in_the_notebook(trial: Trial, case: Example) -> Outputs:
    """On the frame that pandas makes of the rows, not the one of the type rule."""
    model = trial.runner().model
    assert isinstance(model, DataFrameModel)
    frame = pd.DataFrame(list(case.rows))
    found: Outputs = arrow_from_frame(model.predict(frame), model.outputs, len(case.rows)).to_pylist()
    return found


def interleaved(trial: Trial, case: Example) -> Outputs:
    """Before each line of `predict`, another call with other rows, as threads would have it."""
    runner, before = trial.runner(), sys.gettrace()

    def on_line(frame: FrameType, event: str, argument: object) -> TraceFunction:
        if event == "line":
            outputs(runner, case.beside)  # not traced itself
        return on_line

    def on_call(frame: FrameType, event: str, argument: object) -> TraceFunction | None:
        return on_line if frame.f_code.co_name == "predict" and frame.f_code.co_filename == "<string>" else None

    sys.settrace(on_call)
    try:
        return outputs(runner, case.rows)
    finally:
        sys.settrace(before)


def through_json(trial: Trial, case: Example) -> Outputs:
    found: Outputs = json.loads(json.dumps(together(trial, case), allow_nan=False))
    return found


def later(trial: Trial, case: Example) -> Outputs:
    now = time.time()
    trial.patch.setattr(time, "time", lambda: now + 86_400)
    return together(trial, case)


def in_tokyo(trial: Trial, case: Example) -> Outputs:
    trial.patch.setenv("TZ", "JST-9")
    time.tzset()
    try:
        return together(trial, case)
    finally:
        trial.patch.undo()
        time.tzset()


def one_thread(trial: Trial, case: Example) -> Outputs:
    trial.patch.setenv("OMP_NUM_THREADS", "1")
    return together(trial, case)


def two_threads(trial: Trial, case: Example) -> Outputs:
    trial.patch.setenv("OMP_NUM_THREADS", "2")
    return together(trial, case)


def other_variable(trial: Trial, case: Example) -> Outputs:
    trial.patch.setenv("MARKUP", "2")
    return together(trial, case)


def fresh_memory(trial: Trial, case: Example) -> Outputs:
    trial.patch.setattr(np, "empty", np.zeros)
    return together(trial, case)


def used_memory(trial: Trial, case: Example) -> Outputs:
    trial.patch.setattr(np, "empty", np.ones)
    return together(trial, case)


def other_processor(trial: Trial, case: Example) -> Outputs:
    here = platform.machine()
    trial.patch.setattr(platform, "machine", lambda: "aarch64" if here == "x86_64" else "x86_64")
    return together(trial, case)


def other_version(trial: Trial, case: Example) -> Outputs:
    major = int(np.__version__.split(".")[0])
    trial.patch.setattr(np, "__version__", "1.26.4" if major >= 2 else "2.0.0")
    return together(trial, case)


def other_folder(trial: Trial, case: Example) -> Outputs:
    (elsewhere := trial.folder.parent / "elsewhere").mkdir(exist_ok=True)
    (elsewhere / "rates.json").write_text('{"rate": 7.0}')
    trial.patch.chdir(elsewhere)
    return together(trial, case)


def _with_hash_seed(trial: Trial, case: Example, seed: str) -> Outputs:
    program = (
        f"{trial.source}\nfrom pathlib import Path\n"
        f"print(Model(Path()).predict(pd.DataFrame({list(case.rows)!r})).to_json(orient='records'))"
    )
    environ = {**os.environ, "PYTHONHASHSEED": seed}
    done = subprocess.run([sys.executable, "-c", program], env=environ, capture_output=True, text=True, check=True)
    found: Outputs = json.loads(done.stdout)
    return found


def hash_seed_0(trial: Trial, case: Example) -> Outputs:
    return _with_hash_seed(trial, case, "0")


def hash_seed_1(trial: Trial, case: Example) -> Outputs:
    return _with_hash_seed(trial, case, "1")


CONTEXTS: Mapping[str, Callable[[Trial, Example], Outputs]] = {
    context.__name__: context
    for context in (
        together, alone, backwards, beside, instead, nothing, empty, again, afterwards, same_frame_again, in_the_notebook, interleaved, through_json,
        later, in_tokyo, one_thread, two_threads, other_variable,
        fresh_memory, used_memory, other_processor, other_version, other_folder, hash_seed_0, hash_seed_1,
    )
}  # fmt: skip


def of(**columns: Sequence[object]) -> Rows:
    """Rows from columns of one length."""
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


NIGHT = datetime(2024, 1, 15, 2, 30, tzinfo=UTC)
BIG = 2**53 + 1

CASES: Mapping[str, Example] = {
    "B1": Example(of(a=[1.0, 2.0, 4.0]), ("together", "alone")),
    "B2": Example(of(b=[1.0, None, 4.0]), ("together", "alone")),
    "B3": Example(of(s=["bus", "car", "tram"]), ("together", "alone")),
    "B4": Example(of(s=["bus", "car", "tram"]), ("together", "alone")),
    "B5": Example(of(a=[1.0, 5.0, 9.0]), ("together", "alone")),
    "B6": Example(of(a=[1.0, 5.0, 9.0], previous=[None, 1.0, 5.0]), ("together", "backwards")),
    "B7": Example(of(trip_id=[10, 11, 20]), ("together", "alone")),
    "B8": Example(of(a=[0.2, 0.9, 0.4]), ("together", "alone")),
    "B9": Example(of(s=["a", "bb", "dddd"]), ("together", "alone")),
    "B10": Example(of(x=[[1.0, 1.0, 1.0], [0.3, 0.6, 0.5]])),
    "B11": Example(of(a=[1.0, 1.0], unit=["km", "mile"]), ("together", "alone")),
    "B12": Example(of(x=[[1.0, 2.0], [3.0, 4.0]]), ("nothing", "empty")),
    "B13": Example(of(b=[1.0, None], previous_b=[None, 1.0]), ("together", "backwards")),
    "B14": Example(of(a=[1.0, 2.0, 4.0]), ("together", "alone")),
    "R1": Example(of(b=[1.0, 2.0]), ("together", "beside"), beside=of(b=[None])),
    "R2": Example(of(b=[None, 2.0, 3.0]), ("together", "alone")),
    "R3": Example(of(a=[3.0, 1.0, 2.0]), ("together", "alone")),
    "R4": Example(of(a=[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), ("together", "alone")),
    "R5": Example(of(customer=[7, 7, 8], amount=[1.0, 2.0, 3.0]), ("together", "alone")),
    "T1": Example(of(k=[3, 4], a=[0.5, 1.5]), ("together", "beside"), beside=of(k=[None], a=[0.0])),
    "T2": Example(of(id=[BIG, 7]), ("together", "beside"), beside=of(id=[None])),
    "T3": Example(of(k=[3, 4]), ("together", "beside"), beside=of(k=[None])),
    "T4": Example(of(b=[1.0, None]), ("together", "alone")),
    "T5": Example(of(a=[1.0, 0.0, 3.0], b=[0.0, 0.0, 2.0]), ("together", "through_json")),
    "T6": Example(of(a=[0.25, 0.3, 0.5]), ("together", "alone")),
    "T7": Example(of(price=[Decimal("0.10"), Decimal("2.00")]), ("together", "alone")),
    "T8": Example(of(s=[b"vip", b"guest"]), ("together", "alone")),
    "T9": Example(of(code=["007", "012"]), ("together", "beside"), beside=of(code=["A1"])),
    "T10": Example(of(t=[NIGHT, NIGHT + timedelta(hours=9)]), ("together", "alone")),
    "T11": Example(of(seconds=[0, 1_700_000_000]), ("together", "in_tokyo")),
    "T12": Example(
        of(point=[{"n": 3, "kind": "bus"}]), ("together", "beside"), beside=of(point=[{"n": None, "kind": "bus"}])
    ),
    "T13": Example(of(s=["tram", "bus"]), ("together", "backwards")),
    "T14": Example(of(b=[0.0, 1.0, 2.0, None, 3.0]), ("together", "alone")),
    "T15": Example(of(s=["a", "", None]), ("together", "alone")),
    "T16": Example(of(k=[1, 2]), ("together", "beside"), beside=of(k=[None])),
    "T17": Example(of(payload=['{"a": 0.7}', '{"a": 0.5}']), ("together", "alone")),
    "T18": Example(of(n=[20, 30]), ("together", "beside"), beside=of(n=[70_000])),
    "S1": Example(of(fare=[7.0, 8.0], distance=[2.0, 3.0]), ("together", "alone")),
    "S2": Example(of(a=[1.0, 2.0], b=[3.0, 4.0], night=[True, False]), ("together", "alone")),
    "S3": Example(of(Fare=[7.0, 8.0], fare=[7.0, 8.0]), ("together", "alone")),
    "S4": Example(of(features=[{"fare": 2.0}, {"fair": 2.0}]), fixed_rows=of(fare=[2.0, 3.0])),
    "S5": Example(of(city=["Oslo", "Rome"]), ("together", "beside"), beside=of(city=[None])),
    "D1": Example(of(trip_id=[1, 2], a=[1.0, 2.0]), ("together", "again")),
    "D2": Example(of(made_at=[1_700_000_000], asked_at=[1_700_000_060]), ("together", "later")),
    "D3": Example(of(s=["bus", "car", "tram"]), ("hash_seed_0", "hash_seed_1")),
    "D4": Example(of(x=[[1e16, 1.0, -1e16, 1.0]]), ("one_thread", "two_threads")),
    "D5": Example(of(a=[1.0, 2.0]), ("together", "other_processor")),
    "D6": Example(of(a=[1.0, -2.0]), ("fresh_memory", "used_memory")),
    "P1": Example(of(a=[1.0, 2.0]), ("together", "again")),
    "P2": Example(of(s=["bus", "car", "tram"]), ("together", "afterwards"), beside=of(s=["tram"])),
    "P3": Example(of(a=[1.0, 2.0]), ("together", "same_frame_again")),
    "P4": Example(of(a=[1.0, 2.0]), ("together", "interleaved"), beside=of(a=[8.0, 9.0])),
    "P5": Example(of(a=[1.0, 2.0]), ("together", "afterwards"), beside=of(a=[8.0, 9.0])),
    "E1": Example(of(a=[0.1234, 0.5678]), ("together", "other_version")),
    "E2": Example(of(a=[1.0, 2.0]), ("together", "other_folder")),
    "E3": Example(of(a=[1.0, 2.0]), ("together", "other_variable")),
    "E4": Example(of(a=[1.0, 2.0]), ("together", "alone")),
    "E5": Example(
        of(z=[0.5]), ("together", "instead"), beside=of(z=[0.0]),  # (12 - 10) / 4 in SQL, and in whole numbers
        fixed_rows=of(a=[12]), fixed_beside=of(a=[12]),
    ),
    "N1": Example(of(side=[3, 50_000]), ("together", "in_the_notebook")),
}  # fmt: skip

"""Both real paths, asked about single rows, with a Spark and a gateway that are stand-ins."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pyarrow as pa
import pytest

from pyml.error_code import ErrorCode
from pyml.errors import InputError, OutputError, PymlError, SandboxError
from pyml.harness.session_messages import Refusal
from pyml.inference.describe import Signature
from pyml.offline import job_run
from pyml.offline.job import OfflineJob
from pyml.types.schema import Schema
from pyml_sandbox.models.model_session import NoAnswerError
from pyml_sandbox.models.version import ModelVersion
from pyml_sandbox.parity.paths import real_paths
from pyml_sandbox.parity.paths.real_paths import BATCH_ROWS, LOST, RealPaths
from pyml_sandbox.parity.rows.numbered import ROW
from pyml_sandbox.parity.rows.synthetic import InputRow
from pyml_sandbox.predict.online import OnlineError, OnlineModel

CONTRACT = Signature("frame", Schema("a DOUBLE, s STRING"), Schema("p DOUBLE"))
ROWS = [InputRow({"a": float(number), "s": "x"}, number) for number in range(3)]
Predict = Callable[[pa.Table], pa.Table]


def predicted(rows: pa.Table, numbers: Sequence[int] | None = None) -> pa.Table:
    """What the model would give: twice the first column, for these rows or all."""
    kept = rows if numbers is None else rows.take(list(numbers))
    values = [2 * value for value in kept.column("a").to_pylist()]
    return pa.table({"p": pa.array(values, pa.float64())})


@dataclass
class FakeSpark:
    """A session with tables in memory, and a setting.

    Attributes:
        predict: what a job makes of the rows of its source.
        batch_rows: the setting while a job ran.
        dropped: names of tables that were dropped.
    """

    predict: Predict = predicted
    tables: dict[str, pa.Table] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=lambda: {BATCH_ROWS: "10000"})
    batch_rows: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)

    @property
    def conf(self) -> SimpleNamespace:
        return SimpleNamespace(get=self.settings.__getitem__, set=self.settings.__setitem__)

    def table(self, name: str) -> SimpleNamespace:
        return SimpleNamespace(toArrow=lambda: self.tables[name])

    def sql(self, text: str) -> None:
        self.dropped.append(text.split()[4])

    def run(self, job: OfflineJob) -> None:
        source = self.tables[job.query.rpartition(" ")[2]]
        self.batch_rows.append(self.settings[BATCH_ROWS])
        declared = pa.table({name.lower(): source.column(name) for name in source.column_names})
        found = self.predict(declared)
        keys = declared.column(ROW).slice(0, found.num_rows) if ROW not in found.column_names else None
        self.tables[job.table] = found if keys is None else found.add_column(0, ROW, keys)


@dataclass
class FakeModel:
    """A gateway: what a request becomes, and the columns of each."""

    predict_: Predict = predicted
    asked: list[list[str]] = field(default_factory=list)
    signature: Signature = CONTRACT

    def predict(self, batches: Sequence[pa.RecordBatch], *, recorded: bool = False) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            self.asked.append(batch.schema.names)
            (answer,) = self.predict_(pa.Table.from_batches([batch])).to_batches()
            yield answer


@dataclass
class Scene:
    spark: FakeSpark
    model: FakeModel

    @property
    def paths(self) -> RealPaths:
        version = cast(ModelVersion, SimpleNamespace(signature=CONTRACT, name="fare", version="1"))
        return RealPaths(cast(Any, self.spark), cast(OnlineModel, self.model), version, "/package", "rest", "fare")


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Scene:
    made = Scene(FakeSpark(), FakeModel())
    monkeypatch.setattr(real_paths, "write_table", lambda spark, table, name: spark.tables.update({name: table}))
    monkeypatch.setattr(job_run, "run", lambda spark, job: spark.run(job))
    return made


def failing(error: Exception) -> Predict:
    def fail(rows: pa.Table) -> pa.Table:
        raise error

    return fail


# ---- offline


def test_each_row_gets_its_own_output_in_whatever_order_the_table_has_them(scene: Scene) -> None:
    def reordered(rows: pa.Table) -> pa.Table:
        backwards = rows.take([2, 1, 0])
        return predicted(backwards).add_column(0, ROW, backwards.column(ROW))

    scene.spark.predict = reordered
    assert scene.paths.offline(ROWS) == [{"p": 0.0}, {"p": 2.0}, {"p": 4.0}]


def test_a_row_that_is_not_in_the_target_is_lost(scene: Scene) -> None:
    def without_the_second(rows: pa.Table) -> pa.Table:
        kept = rows.take([0, 2])
        return predicted(kept).add_column(0, ROW, kept.column(ROW))

    scene.spark.predict = without_the_second
    assert scene.paths.offline(ROWS) == [{"p": 0.0}, LOST, {"p": 4.0}]


@pytest.mark.parametrize(("batch_rows", "expected"), [(None, "3"), (1, "1")])
def test_workers_get_all_rows_at_once_unless_told_otherwise_and_the_setting_comes_back(
    batch_rows: int | None, expected: str, scene: Scene
) -> None:
    scene.paths.offline(ROWS, batch_rows=batch_rows)
    assert scene.spark.batch_rows == [expected]
    assert scene.spark.settings[BATCH_ROWS] == "10000"


@pytest.mark.parametrize("error", [None, PymlError("the job failed"), SandboxError("Spark is gone")])
def test_tables_are_dropped_and_the_setting_comes_back_however_the_job_ends(
    error: PymlError | None, scene: Scene
) -> None:
    if error is not None:
        scene.spark.predict = failing(error)
    if isinstance(error, SandboxError):
        with pytest.raises(SandboxError):
            scene.paths.offline(ROWS)
    else:
        scene.paths.offline(ROWS)
    assert len(scene.spark.dropped) == 2
    assert scene.spark.settings[BATCH_ROWS] == "10000"


def test_a_job_that_fails_refuses_every_row_in_its_words(scene: Scene) -> None:
    scene.spark.predict = failing(PymlError("predict raised KeyError"))
    found = scene.paths.offline(ROWS)
    assert [cast(Refusal, each).message for each in found] == ["predict raised KeyError"] * 3


def test_each_job_has_tables_of_its_own(scene: Scene) -> None:
    paths = scene.paths
    paths.offline(ROWS)
    paths.offline(ROWS)
    assert len(set(scene.spark.dropped)) == 4


def test_a_turned_table_has_its_columns_backwards_and_in_upper_case_but_for_the_key(scene: Scene) -> None:
    scene.paths.offline(ROWS, is_reversed=True)
    (asked,) = (table for name, table in scene.spark.tables.items() if "asked" in name)
    assert asked.column_names == ["S", "A", ROW]


# ---- online


def test_each_call_is_one_request_and_answers_stand_in_the_order_of_the_calls(scene: Scene) -> None:
    calls = [[row] for row in ROWS] * 4
    for threads in (1, 4):
        found = scene.paths.online(calls, threads=threads)
        assert found == [[{"p": 0.0}], [{"p": 2.0}], [{"p": 4.0}]] * 4
    assert len(scene.model.asked) == 24


def test_columns_may_come_in_reverse_order(scene: Scene) -> None:
    scene.paths.online([ROWS], is_reversed=True)
    assert scene.model.asked == [["s", "a"]]


def test_a_request_that_fails_refuses_each_of_its_rows(scene: Scene) -> None:
    scene.model.predict_ = failing(OnlineError("no"))
    ((first, second, third),) = scene.paths.online([ROWS])
    assert cast(Refusal, first).message == "no"
    assert first == second == third


def test_an_empty_request_that_fails_is_one_refusal(scene: Scene) -> None:
    scene.model.predict_ = failing(OnlineError("no rows"))
    assert [cast(Refusal, each).message for each in scene.paths.online([[]])[0]] == ["no rows"]


def test_a_gateway_that_is_gone_is_an_error_and_no_answer_of_the_model(scene: Scene) -> None:
    scene.model.predict_ = failing(SandboxError("the gateway does not answer"))
    for ask in (lambda: scene.paths.online([ROWS]), lambda: scene.paths.is_answered_online(ROWS[0], without="a")):
        with pytest.raises(SandboxError):
            ask()


@pytest.mark.parametrize("code", [ErrorCode.DEADLINE, ErrorCode.QUEUE_FULL, ErrorCode.REQUEST_TOO_LARGE])
def test_a_request_that_exceeds_a_limit_says_nothing_of_its_rows(scene: Scene, code: ErrorCode) -> None:
    scene.model.predict_ = failing(OnlineError("no answer within the deadline", "", code))
    for ask in (lambda: scene.paths.online([ROWS]), lambda: scene.paths.is_answered_online(ROWS[0], without="a")):
        with pytest.raises(NoAnswerError, match="exceeds a limit: no answer within the deadline"):
            ask()


def test_an_answer_of_another_length_says_nothing_of_any_row(scene: Scene) -> None:
    scene.model.predict_ = lambda rows: predicted(rows, [0])
    (found,) = scene.paths.online([ROWS])
    assert [cast(Refusal, each).message for each in found] == ["3 rows in, 1 rows out"] * 3


@pytest.mark.parametrize(("is_refused", "is_taken"), [(True, False), (False, True)])
def test_a_request_that_lacks_a_column_is_taken_where_it_is_answered(
    is_refused: bool, is_taken: bool, scene: Scene
) -> None:
    scene.model.predict_ = failing(OnlineError("no")) if is_refused else lambda rows: pa.table({"p": [1.0]})
    assert scene.paths.is_answered_online(ROWS[0], without="s") is is_taken
    assert scene.paths.is_answered_online(ROWS[0], beside="more") is is_taken
    assert scene.model.asked == [["a"], ["a", "s", "more"]]


# ---- other forms


Ask = Callable[[pa.RecordBatch], pa.RecordBatch]


def forms(monkeypatch: pytest.MonkeyPatch, **asks: Ask) -> None:
    monkeypatch.setattr(real_paths, "wire_formats_of", lambda model, rest: asks)


def answers(rows: pa.RecordBatch) -> pa.RecordBatch:
    (found,) = predicted(pa.Table.from_batches([rows])).to_batches()
    return found


def raising(error: Exception) -> Ask:
    def ask(rows: pa.RecordBatch) -> pa.RecordBatch:
        raise error

    return ask


def test_every_form_gives_its_outputs_row_by_row(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    forms(monkeypatch, Arrow=answers, columns=answers)
    expected = [{"p": 0.0}, {"p": 2.0}, {"p": 4.0}]
    assert scene.paths.in_wire_formats(ROWS) == {"Arrow": expected, "columns": expected}


@pytest.mark.parametrize("error", [InputError("JSON holds no NaN", []), ValueError("out of range")])
def test_a_form_that_cannot_carry_the_rows_is_left_out(
    error: Exception, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    forms(monkeypatch, Arrow=answers, REST=raising(error))
    assert list(scene.paths.in_wire_formats(ROWS)) == ["Arrow"]


@pytest.mark.parametrize("error", [OnlineError("predict raised KeyError"), OutputError("1 rows out", [])])
def test_a_form_in_which_the_model_fails_refuses_every_row(
    error: PymlError, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    forms(monkeypatch, Arrow=answers, columns=raising(error))
    found = scene.paths.in_wire_formats(ROWS)["columns"]
    assert [cast(Refusal, each).message for each in found] == [error.message] * 3


def test_a_gateway_that_is_gone_ends_the_forms(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    forms(monkeypatch, Arrow=raising(SandboxError("gone")))
    with pytest.raises(SandboxError):
        scene.paths.in_wire_formats(ROWS)

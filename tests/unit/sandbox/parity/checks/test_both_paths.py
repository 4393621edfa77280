"""The checks of both real paths: a model in this process, and paths that do to its answers what a test says."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pyml.error_code import ErrorCode
from pyml.harness.session_messages import Refusal
from pyml.inference.describe import Signature
from pyml.inference.digests import digests_of_batch, record
from pyml.inference.record_columns import RECORD_NAMES
from pyml.inference.worker_info import Worker
from pyml.offline.job import JobResult
from pyml.types.declared_rows import one_batch
from pyml.types.schema import Schema
from pyml_sandbox.parity.checks.both_paths import THREADS, PathChecks
from pyml_sandbox.parity.context.check_context import CheckContext
from pyml_sandbox.parity.harness_process import Output, is_answer
from pyml_sandbox.parity.observations.catalogue import Check
from pyml_sandbox.parity.observations.features import Tag
from pyml_sandbox.parity.observations.observation import Condition, Example, Observation
from pyml_sandbox.parity.paths.real_paths import RealPaths
from pyml_sandbox.parity.rows.row_files import write
from pyml_sandbox.parity.rows.row_kind import Kind
from pyml_sandbox.parity.rows.snapshot import Snapshot
from pyml_sandbox.parity.rows.synthetic import InputRow
from support.harnesses import Source

MODEL = Source(
    "a DOUBLE, b DOUBLE",
    "p DOUBLE NOT NULL",
    "return pd.DataFrame({'p': (frame.a.fillna(0.25) * 2 + frame.b.fillna(0.25)).astype('float64')})",
    {"a": [1.5, 2.25, None, 0.75], "b": [0.5, 1.5, 2.5, 3.5]},
)
Change = Callable[[InputRow, Output], Output]


def unchanged(row: InputRow, output: Output) -> Output:
    return output


@dataclass
class FakePaths:
    """Paths that ask the model by itself, and then change what it answers.

    Attributes:
        offline_, online_, at_once: what happens to an answer offline, online, and among requests at the same time.
        forms: the answers in other forms, by form.
        takes: which of `without` and `beside` are answered.
        asked: how each path was asked.
    """

    context: CheckContext
    offline_: Change = unchanged
    online_: Change = unchanged
    at_once: Change = unchanged
    forms: Mapping[str, Change] = field(default_factory=lambda: {"Arrow": unchanged, "REST": unchanged})
    takes: frozenset[str] = frozenset()
    asked: list[object] = field(default_factory=list)
    served: Mapping[str, str] = field(default_factory=lambda: {"inputs": MODEL.inputs, "outputs": MODEL.outputs})
    package: Path = Path("nowhere")

    @property
    def model(self) -> SimpleNamespace:
        return SimpleNamespace(served_schemas=lambda: self.served)

    @property
    def version(self) -> SimpleNamespace:
        return SimpleNamespace(package=self.package)

    def offline(
        self, rows: Sequence[InputRow], *, batch_rows: int | None = None, is_reversed: bool = False
    ) -> list[Output]:
        self.asked.append((len(rows), batch_rows, is_reversed))
        return [self.offline_(row, output) for row, output in zip(rows, self._alone(rows), strict=True)]

    def online(
        self, calls: Sequence[Sequence[InputRow]], *, threads: int = 1, is_reversed: bool = False
    ) -> list[list[Output]]:
        rows = [row for (row,) in calls]
        change = self.online_ if threads == 1 else self.at_once
        return [[change(row, output)] for row, output in zip(rows, self._alone(rows), strict=True)]

    def in_wire_formats(self, rows: Sequence[InputRow]) -> dict[str, list[Output]]:
        self.asked.append([row.values for row in rows])
        answers = list(zip(rows, self._alone(rows), strict=True))
        return {form: [change(row, output) for row, output in answers] for form, change in self.forms.items()}

    def is_answered_online(self, row: InputRow, *, without: str = "", beside: str = "") -> bool:
        return bool({"without" if without else "beside"} & self.takes)

    def _alone(self, rows: Sequence[InputRow]) -> list[Output]:
        return [answer[0] for answer in self.context.calls([[row] for row in rows])]


@dataclass
class Scene:
    """Checks of one model on such paths."""

    context: CheckContext
    paths: FakePaths
    folder: Path
    workers: tuple[Worker | None, Worker | None] = (None, None)
    uploaded: Signature = field(default_factory=lambda: Signature("frame", Schema(MODEL.inputs), Schema(MODEL.outputs)))
    predictions: dict[str, Path] = field(default_factory=dict)

    @property
    def checks(self) -> PathChecks:
        snapshot = Snapshot("t", self.folder / "rows.parquet", 4, ("id",), ())
        offline, online = self.workers
        result = None if offline is None else JobResult("t", 4, ("id",), workers=(offline,))
        paths = cast(RealPaths, self.paths)
        return PathChecks(self.context, paths, self.uploaded, snapshot, self.predictions, result, online)

    def seen(self, *earlier: Observation) -> dict[str, Observation]:
        """What the checks of the sample saw, by check; each saw something once at most."""
        found = self.checks.of_sample(earlier)
        assert len({observation.check for observation in found}) == len(found)
        return {observation.check: observation for observation in found}

    def of_fixture(self) -> dict[str, Observation]:
        return {observation.check: observation for observation in self.checks.of_fixture()}

    @property
    def made(self) -> set[str]:
        return set(self.context.record.made)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with MODEL.context(tmp_path / "model") as fresh:
        context = fresh.with_alone()
        yield Scene(context, FakePaths(context), tmp_path)


def off_by(amount: float, wanted: Callable[[InputRow], bool] = lambda row: True) -> Change:
    """Adds to the predictions of some rows."""

    def change(row: InputRow, output: Output) -> Output:
        return {"p": cast(float, output["p"]) + amount} if is_answer(output) and wanted(row) else output

    return change


def refusing(words: str, *codes: ErrorCode) -> Change:
    return lambda row, output: Refusal("OnlineError", words, codes)


def lacks_a(row: InputRow) -> bool:
    return row.values["a"] is None


# ---- rows that the fixture lacks


def test_paths_that_answer_alike_show_nothing_and_all_checks_count_as_made(scene: Scene) -> None:
    assert scene.seen() == {}
    assert {"paths", "forms", "names", "concurrent", "thread-safe"} <= scene.made


@pytest.mark.parametrize("path", ["offline_", "online_"])
def test_a_path_that_differs_in_some_rows_is_shown_with_their_kind_and_both_outputs(path: str, scene: Scene) -> None:
    setattr(scene.paths, path, off_by(1.0, lambda row: row.values["b"] is None))
    found = scene.seen()["paths"]
    assert (found.output, found.inputs) == ("p", ("b",))
    assert Kind.NULL in found.kinds
    for online, offline in found.outputs:
        assert is_answer(online)
        assert is_answer(offline)
        assert cast(float, offline["p"]) - cast(float, online["p"]) == (1.0 if path == "offline_" else -1.0)


def test_a_difference_in_every_row_counts_them_all(scene: Scene) -> None:
    scene.paths.offline_ = lambda row, output: {"p": -12345.0}
    found = scene.seen()["paths"]
    assert found.rows == len(scene.context.all_input_rows)


def test_rows_that_one_path_refuses_are_shown_with_its_words(scene: Scene) -> None:
    scene.paths.offline_ = lambda row, output: Refusal("JobError", "the job failed") if lacks_a(row) else output
    found = scene.seen()["paths"]
    assert (found.output, found.message) == ("", "the job failed")


def test_rows_that_the_model_refuses_by_itself_are_asked_on_neither_path(tmp_path: Path) -> None:
    strict = replace(MODEL, predict="if frame.a.isna().any(): raise ValueError('no a')\n" + MODEL.predict)
    with strict.context(tmp_path) as fresh:
        context = fresh.with_alone()
        scene = Scene(context, FakePaths(context), tmp_path)
        taken = sum(is_answer(output) for output in context.alone)
        assert scene.seen() == {}
        assert scene.paths.asked[0] == (taken, None, True)
        assert 0 < taken < len(context.all_input_rows)


def observation(check: Check) -> Observation:
    row = Condition((InputRow({"a": 1.0, "b": 1.0}, 0),))
    return Observation(check, "p", (Example("p", row, row),))


@pytest.mark.parametrize(
    ("earlier", "batch_rows"), [(Check.NEIGHBOUR, 1), (Check.CROWD, 1), (Check.COPIES, 1), (Check.HASH_SEED, None)]
)
def test_a_model_whose_output_depends_on_the_batch_gets_its_rows_one_by_one(
    earlier: Check, batch_rows: int | None, scene: Scene
) -> None:
    scene.seen(observation(earlier))
    assert scene.paths.asked[0] == (len(scene.context.all_input_rows), batch_rows, True)


@pytest.mark.parametrize("earlier", [Check.REPEAT, Check.FRESH, Check.WARM, Check.SAME_SIZE, Check.FIRST_BATCH])
def test_a_model_that_is_not_steady_is_asked_nothing(earlier: Check, scene: Scene) -> None:
    scene.paths.offline_ = off_by(1.0)
    assert scene.seen(observation(earlier)) == {}
    assert not scene.paths.asked


# ---- other forms


def test_a_form_with_another_answer_is_shown_beside_the_first(scene: Scene) -> None:
    scene.paths.forms = {
        "Arrow": unchanged,
        "columns": unchanged,
        "REST": off_by(1.0, lambda row: row.values["a"] == 1.5),
    }
    found = scene.seen()["forms"]
    assert (found.output, found.rows) == ("p", 1)
    assert found.message == "as Arrow it is 3.5, as REST it is 4.5"


@pytest.mark.parametrize(
    ("form", "message"),
    [
        (refusing("no such column"), "as Arrow it is answered, as REST it is refused: no such column"),
        (lambda row, output: {"p": math.nan}, "as Arrow it is 3.5, as REST it is nan"),
    ],
)
def test_a_form_that_is_refused_or_loses_its_value_is_shown(form: Change, message: str, scene: Scene) -> None:
    scene.paths.forms = {"Arrow": unchanged, "REST": form}
    assert scene.seen()["forms"].message == message


def test_rows_with_a_null_go_in_no_other_form(scene: Scene) -> None:
    scene.seen()
    (sent,) = (each for each in scene.paths.asked if isinstance(each, list))
    assert len(sent) == 3
    assert all(None not in row.values() for row in sent)


def test_one_form_alone_is_held_against_nothing_and_is_no_check(scene: Scene) -> None:
    scene.paths.forms = {"Arrow": unchanged}
    assert scene.seen() == {}
    assert "forms" not in scene.made


# ---- names


@pytest.mark.parametrize(
    ("takes", "words"),
    [("without", "a request without column `a`"), ("beside", "the undeclared column")],
)
def test_a_request_with_other_columns_that_is_answered_is_shown(takes: str, words: str, scene: Scene) -> None:
    scene.paths.takes = frozenset({takes})
    found = scene.seen()["names"]
    assert words in found.message
    assert found.inputs == ("a",)


# ---- at the same time


def test_answers_that_change_among_requests_at_the_same_time_are_shown(scene: Scene) -> None:
    scene.paths.at_once = off_by(1.0, lambda row: row.values["a"] == 1.5)
    found = scene.seen()["concurrent"]
    assert (found.output, found.example.other.threads) == ("p", THREADS)
    assert found.example.reference.row.values["a"] == 1.5


def test_rows_that_get_lost_among_requests_are_told_by_their_code(scene: Scene) -> None:
    scene.paths.at_once = refusing("2 rows in, 1 rows out", ErrorCode.ROW_COUNT)
    found = scene.seen()["concurrent"]
    assert (found.output, found.message, found.tags) == ("", "2 rows in, 1 rows out", frozenset({Tag.ROW_COUNT}))


# ---- the fixture


def worker(**packages: str) -> Worker:
    return Worker("host", None, "3.11", packages)


@pytest.mark.parametrize(
    ("offline", "online", "message"),
    [
        ({"numpy": "2.0"}, {"numpy": "2.1"}, "numpy 2.0 offline and 2.1 online"),
        ({"numpy": "2.0", "xgb": "1"}, {"numpy": "2.0"}, "xgb 1 offline and absent online"),
        ({"a": "1", "b": "1"}, {"a": "2", "b": "2"}, "a 1 offline and 2 online, b 1 offline and 2 online"),
    ],
)
def test_packages_of_two_versions_are_named(
    offline: Mapping[str, str], online: Mapping[str, str], message: str, scene: Scene
) -> None:
    scene.workers = worker(**offline), worker(**online)
    assert scene.of_fixture()["packages"].message == message


def test_equal_packages_show_nothing_and_unknown_ones_are_no_check(scene: Scene) -> None:
    for workers, is_made in (((worker(numpy="2.0"), None), False), ((worker(numpy="2.0"), worker(numpy="2.0")), True)):
        scene.workers = workers
        assert scene.of_fixture() == {}
        assert ("packages" in scene.made) is is_made


@pytest.mark.parametrize(
    ("served", "message"),
    [
        ({"inputs": "a DOUBLE"}, f"inputs uploaded as {MODEL.inputs}, served as a DOUBLE"),
        ({"outputs": "p FLOAT"}, f"outputs uploaded as {MODEL.outputs}, served as p FLOAT"),
    ],
)
def test_a_model_that_is_served_with_another_declaration_is_shown(
    served: Mapping[str, str], message: str, scene: Scene
) -> None:
    scene.paths.served = {**scene.paths.served, **served}
    assert scene.of_fixture()["metadata"].message == message


def test_a_model_that_loads_with_another_declaration_is_shown(scene: Scene) -> None:
    scene.uploaded = replace(scene.uploaded, inputs=Schema("a DOUBLE"))
    scene.paths.served = {**scene.paths.served, "inputs": "a DOUBLE"}
    assert "loaded again as a DOUBLE, b DOUBLE" in scene.of_fixture()["metadata"].message


def test_parameters_of_another_scikit_learn_than_the_installed_one_are_named(scene: Scene) -> None:
    from sklearn.linear_model import LinearRegression

    (scene.folder / "package" / "parameters").mkdir(parents=True)
    scene.paths.package = scene.folder / "package"
    file = scene.folder / "package" / "parameters" / "model.pkl"
    file.write_bytes(pickle.dumps(LinearRegression()))
    harness = scene.context.harness
    for installed, is_shown in ((None, False), ("0.1", True)):
        packages = {} if installed is None else {"scikit-learn": installed}
        harness.load_report = replace(harness.load_report, packages=packages)
        assert ("versions" in scene.of_fixture()) is is_shown
    assert "model.pkl was written by scikit-learn" in scene.of_fixture()["versions"].message


# ---- what became of the values


ASKED = pa.table({"id": [1, 2, 3], "a": [1.5, None, 0.5], "b": [0.5, 1.5, 2.5]})
GAVE = pa.table({"id": [1, 2, 3], "p": [3.5, 2.0, 3.5]})


def wrote(scene: Scene, seen: pa.Table = ASKED, gave: pa.Table = GAVE, answered: pa.Table = GAVE) -> None:
    """The files of a path on which `predict` saw and gave these, and which answered so."""
    declared = scene.uploaded
    tables = (
        (seen.cast(pa.schema([("id", pa.int64()), *declared.inputs.arrow])).drop_columns(["id"]), declared.inputs),
        (
            gave.cast(pa.schema([("id", pa.int64()), *declared.outputs.arrow])).drop_columns(["id"]),
            declared.outputs,
        ),
    )
    digests = [digests_of_batch(one_batch(table), schema) for table, schema in tables]
    columns = record(digests[0], digests[1], seen.num_rows)
    whole, file = answered, scene.folder / "online.parquet"
    for name, column in zip(RECORD_NAMES, columns, strict=False):
        rows = pa.array([min(row, len(column) - 1) for row in range(answered.num_rows)])
        whole = whole.append_column(name, column.take(rows))
    pq.write_table(ASKED, scene.folder / "rows.parquet")
    write(whole, file)
    scene.predictions["online"] = file


def test_values_that_arrive_and_come_back_as_they_are_show_nothing(scene: Scene) -> None:
    wrote(scene)
    assert scene.of_fixture() == {}
    assert {"lost", "frames", "stored"} <= scene.made


def test_a_value_that_predict_saw_otherwise_is_shown_with_its_column(scene: Scene) -> None:
    wrote(scene, seen=ASKED.set_column(1, "a", pa.array([1.5, 0.0, 0.5])))
    found = scene.of_fixture()["frames"]
    assert (found.inputs, found.output, found.message) == (("a",), "", "`a` online, in 1 row")


def test_a_value_that_changed_after_predict_is_shown_with_its_output(scene: Scene) -> None:
    wrote(scene, answered=GAVE.set_column(1, "p", pa.array([3.5, 2.5, 3.5])))
    found = scene.of_fixture()["stored"]
    assert (found.inputs, found.output, found.rows) == ((), "p", 1)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ([1, 2], "1 row too few; 1 key is missing"),
        ([1, 2, 3, 3], "1 row too many; 1 key is"),
        ([1, 2, 4], "as many rows as given; 2 keys are"),
    ],
)
def test_other_rows_than_were_asked_for_are_shown_and_their_values_not_looked_at(
    keys: list[int], message: str, scene: Scene
) -> None:
    wrote(scene, answered=pa.table({"id": keys, "p": [0.0] * len(keys)}))
    found = scene.of_fixture()
    assert set(found) == {"lost"}
    assert f"online, {message}" in found["lost"].message
    assert "frames" not in scene.made


def test_a_path_that_kept_no_record_is_not_looked_at(scene: Scene) -> None:
    scene.predictions["offline"] = scene.folder / "none.parquet"
    assert scene.of_fixture() == {}
    assert not {"lost", "frames", "stored"} & scene.made

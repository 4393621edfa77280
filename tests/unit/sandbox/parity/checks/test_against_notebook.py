"""What differs from the notebook: its rows, what explains them, and the column that drives it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pyml_sandbox.parity.checks.against_notebook import of_notebook
from pyml_sandbox.parity.context.check_context import CheckContext
from pyml_sandbox.parity.diagnosis.explanations import Explainer
from pyml_sandbox.parity.diagnosis.rules import diagnose
from pyml_sandbox.parity.observations.catalogue import Check
from pyml_sandbox.parity.observations.features import Explanation
from pyml_sandbox.parity.observations.observation import Observation
from pyml_sandbox.parity.rows.row_kind import Kind
from pyml_sandbox.parity.rows.snapshot import Snapshot
from support.harnesses import Source

LENGTHS = Source(
    "city STRING, a DOUBLE NOT NULL",
    "p DOUBLE",
    "lengths = [0.0 if city is None else float(len(str(city))) for city in frame.city]\n"
    "return pd.DataFrame({'p': frame.a + lengths})",
    {"city": [None, "ab", "c", None], "a": [1.0, 2.0, 3.0, 4.0]},
)
IDS = [10, 11, 12, 13]
PREDICTED: list[float | None] = [1.0, 4.0, 4.0, 4.0]


@pytest.fixture
def context(tmp_path: Path) -> Iterator[CheckContext]:
    with LENGTHS.context(tmp_path) as context:
        yield context


def written(file: Path, **columns: object) -> Path:
    pq.write_table(pa.table(columns), file)
    return file


def observed(context: CheckContext, folder: Path, notebook: dict[str, object]) -> list[Observation]:
    rows = written(folder / "rows.parquet", id=IDS, **LENGTHS.rows)
    snapshot = Snapshot("t", rows, len(IDS), ("id",), ())
    offline = written(folder / "offline.parquet", id=IDS[::-1], p=PREDICTED[::-1])
    expected = written(folder / "expected.parquet", **notebook)
    paths = {"offline": offline, "online": folder / "absent.parquet"}
    return of_notebook(context, snapshot, expected, paths)


@pytest.mark.parametrize(
    "notebook",
    [
        {"id": IDS, "p": PREDICTED},
        {"id": IDS[1:3], "p": [4.0 + 1e-14, 4.0]},
        {"id": IDS},
        {"id": [11, 11, 99], "p": [4.0, 4.0, 5.0]},
    ],
    ids=["equal", "noise, some of the rows", "without the output", "repeated and unknown keys"],
)
def test_a_notebook_that_agrees_shows_nothing(
    context: CheckContext, tmp_path: Path, notebook: dict[str, object]
) -> None:
    assert observed(context, tmp_path, notebook) == []
    assert Check.EXPECTED in context.record.made


def test_the_rows_that_differ_are_seen_by_key_with_both_outputs(context: CheckContext, tmp_path: Path) -> None:
    (seen,) = observed(context, tmp_path, {"id": [13, 12, 11, 10], "p": [7.0, 4.0, 4.0, 4.0]})
    assert (seen.check, seen.output, seen.rows, seen.message) == (Check.EXPECTED, "p", 2, "id = 13")
    assert [example.reference.row.values["a"] for example in seen.examples] == [4.0, 1.0]
    assert seen.outputs == (({"p": 4.0}, {"p": 7.0}), ({"p": 1.0}, {"p": 4.0}))
    assert seen.kinds == {Kind.NULL}


def test_nan_for_null_explains_them_and_its_column_drives_them(context: CheckContext, tmp_path: Path) -> None:
    (seen,) = observed(context, tmp_path, {"id": IDS, "p": [4.0, 4.0, 4.0, 7.0]})
    found = Explainer(context).explain(seen)
    assert Explanation.NAN in found.explanations
    assert Explainer(context).drivers(found) == ("city",)
    assert [one.code for one in diagnose([found])] == ["T4"]


def test_what_no_change_explains_has_no_column_that_drives_it(context: CheckContext, tmp_path: Path) -> None:
    (seen,) = observed(context, tmp_path, {"id": IDS, "p": [8.1, 9.7, 1.3, 2.9]})
    found = Explainer(context).explain(seen)
    assert (found.explanations, Explainer(context).drivers(found)) == (frozenset(), ())
    assert [one.code for one in diagnose([found])] == ["N1"]

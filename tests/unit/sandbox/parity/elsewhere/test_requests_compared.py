"""What is seen when the same rows are asked for in a different form, or at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pytest

from pyml.error_code import ErrorCode
from pyml.errors import InputError
from pyml_sandbox.compare import Tolerances
from pyml_sandbox.parity.decisions.pairings import ONLINE_ROWS, REPEAT_FIRST
from pyml_sandbox.parity.elsewhere import requests_compared
from pyml_sandbox.parity.elsewhere.requests_compared import RequestEvidence, RequestsCompared
from pyml_sandbox.parity.rows.row_files import write
from pyml_sandbox.parity.rows.snapshot import Snapshot
from pyml_sandbox.parity.run import Run
from pyml_sandbox.predict.online import OnlineError, ServerEndedError

ROWS = pa.table({"id": [1, 2, 3], "a": pa.array([1.0, None, 3.0])})
Answer = Callable[[pa.RecordBatch], pa.RecordBatch]


def honest(batch: pa.RecordBatch) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({"p": pa.array([0.0 if a is None else 2 * a for a in batch["a"].to_pylist()])})


def other(batch: pa.RecordBatch) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({"p": pa.array([7.0] * batch.num_rows)})


def raises(error: Exception) -> Answer:
    def ask(batch: pa.RecordBatch) -> pa.RecordBatch:
        raise error

    return ask


@dataclass
class Model:
    """A model behind a gateway."""

    answer: Answer = honest
    input_names: tuple[str, ...] = ("a",)
    asked: list[int] = field(default_factory=list)

    def predict(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            self.asked.append(batch.num_rows)
            yield self.answer(batch)


def seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: Answer = honest, form: Answer = honest
) -> RequestEvidence:
    """The evidence, where the rows were answered honestly before, one by one and together."""
    monkeypatch.setattr(requests_compared, "wire_formats_of", lambda model, rest: {"columns": form, "REST": other})
    run = Run(tmp_path, "fare_0", lambda event: None)
    before = ROWS.select(["id"]).append_column("p", pa.array([2.0, 0.0, 6.0]))
    for name in (ONLINE_ROWS, REPEAT_FIRST):
        write(before, run.file(name))
    snapshot = Snapshot("", tmp_path / "rows.parquet", 3, ("id",), ())
    return RequestsCompared(run, cast("Any", Model(at_once)), snapshot, Tolerances()).evidence(ROWS)


def test_an_honest_gateway_shows_nothing_and_both_checks_were_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = seen(tmp_path, monkeypatch)
    assert (found.findings, found.gaps) == ([], [])
    assert {name: run.rows for name, run in found.made.items()} == {"forms": 2, "concurrent": 3}


@pytest.mark.parametrize(
    ("changed", "check", "words"),
    [
        ({"form": other}, "forms", "`p` of 2 rows is different in requests as columns than before"),
        ({"at_once": other}, "concurrent", "`p` of 3 rows is different in requests 8 at once than before"),
        ({"form": lambda batch: honest(batch.slice(0, 1))}, "forms", "For 2 rows as columns come 1 predictions"),
        ({"form": lambda batch: honest(batch).rename_columns(["q"])}, "forms", "give different columns"),
        ({"form": raises(OnlineError("no"))}, "forms", "as columns are refused, and before they were answered: no"),
        ({"at_once": raises(OnlineError("no"))}, "concurrent", "8 at once are refused"),
        ({"at_once": raises(ServerEndedError("killed"))}, "concurrent", "8 at once ended the model's server: killed"),
        ({"at_once": lambda batch: honest(batch) if batch["a"][0].as_py() else honest(batch).rename_columns(["q"])}, "concurrent", "answers have different columns"),
    ],
)  # fmt: skip
def test_what_differs_is_a_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: dict[str, Answer], check: str, words: str
) -> None:
    found = seen(tmp_path, monkeypatch, **changed)
    assert [each.check for each in found.findings] == [check]
    assert words in found.findings[0].sentence
    assert check in found.made


@pytest.mark.parametrize(
    "error", [InputError("nulls", []), OnlineError("types", "", ErrorCode.CANNOT_CARRY), OnlineError("big", "", ErrorCode.REQUEST_TOO_LARGE)]
)  # fmt: skip
def test_a_form_that_cannot_hold_the_rows_says_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    found = seen(tmp_path, monkeypatch, form=raises(error))
    assert (found.findings, found.gaps, list(found.made)) == ([], [], ["concurrent"])


def test_a_limit_leaves_the_question_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = seen(tmp_path, monkeypatch, at_once=raises(OnlineError("full", "", ErrorCode.QUEUE_FULL)))
    assert found.gaps == ["requests 8 at once exceed a limit: full"]
    assert list(found.made) == ["forms"]

"""The rows of the snapshot through the gateway: cut into requests, put together again, and which of them go one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyml.error_code import ErrorCode
from pyml.inference.worker_info import Worker
from pyml_sandbox.parity.paths.batches_online import predict_in_batches, sample
from pyml_sandbox.predict.online import OnlineError


def doubled(batch: pa.RecordBatch) -> pa.RecordBatch:
    values = [2 * value for value in batch.column("a").to_pylist()]
    return pa.RecordBatch.from_pydict({"p": pa.array(values, pa.float64())})


@dataclass
class FakeModel:
    """A model behind the gateway, and the requests that it got."""

    answer: Callable[[pa.RecordBatch], pa.RecordBatch] = doubled
    asked: list[pa.RecordBatch] = field(default_factory=list)
    recorded: bool = False
    input_names: Sequence[str] = ("b", "a")
    max_request_mb: int = 64
    timeout_s: float = 60.0
    worker: Worker | None = None

    def predict(self, batches: Iterable[pa.RecordBatch], *, recorded: bool = False) -> Iterator[pa.RecordBatch]:
        self.recorded = recorded
        for batch in batches:
            self.asked.append(batch)
            yield self.answer(batch)


def rows(count: int, chunks: int = 1) -> pa.Table:
    """Rows with a key and two inputs, in chunks of about one size."""
    whole = pa.table(
        {
            "id": range(count),
            "a": pa.array([float(number) for number in range(count)]),
            "b": pa.array([0.5] * count),
        }
    )
    size = max(-(-count // chunks), 1)
    return pa.concat_tables([whole.slice(start, size) for start in range(0, count, size)]) if count else whole


def predicted(
    model: FakeModel,
    table: pa.Table,
    file: Path,
    batch_rows: int = 2,
    on_rows: Callable[[int], None] = lambda done: None,
) -> pa.Table:
    predict_in_batches(model, table, ["id"], batch_rows, file / "p.parquet", on_rows)
    return pq.read_table(file / "p.parquet")


@pytest.mark.parametrize("chunks", [1, 3, 5])
def test_requests_have_one_size_whatever_chunks_the_rows_come_in(chunks: int, tmp_path: Path) -> None:
    model = FakeModel()
    found = predicted(model, rows(5, chunks), tmp_path)
    assert [batch.num_rows for batch in model.asked] == [2, 2, 1]
    assert found.to_pydict() == {"id": [0, 1, 2, 3, 4], "p": [0.0, 2.0, 4.0, 6.0, 8.0]}


def test_rows_that_do_not_fit_into_one_request_are_sent_in_more(tmp_path: Path) -> None:
    documents = pa.table({"id": range(40), "a": ["x" * 90_000] * 40, "b": pa.array([0.5] * 40)})
    model = FakeModel(lambda batch: pa.record_batch({"p": batch["b"]}), max_request_mb=1)
    found = predicted(model, documents, tmp_path, batch_rows=1000)
    assert {batch.num_rows for batch in model.asked} == {10}
    assert found["id"].to_pylist() == list(range(40))


def test_a_request_has_the_models_inputs_in_their_order_and_no_key(tmp_path: Path) -> None:
    model = FakeModel()
    predicted(model, rows(1), tmp_path)
    assert model.asked[0].schema.names == ["b", "a"]


def test_progress_counts_rows(tmp_path: Path) -> None:
    done: list[int] = []
    predicted(FakeModel(), rows(5), tmp_path, on_rows=done.append)
    assert done == [2, 4, 5]


def test_rows_that_are_lost_on_the_way_are_an_error_and_no_file(tmp_path: Path) -> None:
    model = FakeModel(lambda batch: doubled(batch).slice(1))
    with pytest.raises(OnlineError, match="4 rows were sent and 2 predictions came back") as caught:
        predicted(model, rows(4), tmp_path)
    assert caught.value.code is ErrorCode.ROW_COUNT
    assert list(tmp_path.iterdir()) == []


def test_answers_of_several_kinds_are_an_error(tmp_path: Path) -> None:
    kinds = iter([pa.float64(), pa.float32()])
    model = FakeModel(lambda batch: doubled(batch).cast(pa.schema({"p": next(kinds)})))
    with pytest.raises(OnlineError, match="have different columns"):
        predicted(model, rows(4), tmp_path)


# ---- the sample


def table_of(nulls: list[bool]) -> pa.Table:
    return pa.table({"n": range(len(nulls)), "a": pa.array([None if each else 1.0 for each in nulls])})


SAMPLES = [
    ("all of a few", [False] * 3, 5, [0, 1, 2]),
    ("from the first to the last", [False] * 9, 3, [0, 4, 8]),
    ("half of them with a null where there are so many", [True, True, True, True, *[False] * 8], 4, [0, 3, 4, 11]),
    ("those with a null where there are few", [False, False, True, *[False] * 9], 4, [0, 2, 6, 11]),
    ("only rows with a null", [True] * 9, 3, [0, 4, 8]),
    ("all others where there are few", [False, *[True] * 8], 4, [0, 1, 5, 8]),
]


@pytest.mark.parametrize(
    ("nulls", "size", "expected"), [case[1:] for case in SAMPLES], ids=[case[0] for case in SAMPLES]
)
def test_a_sample(nulls: list[bool], size: int, expected: list[int]) -> None:
    assert sample(table_of(nulls), size).column("n").to_pylist() == expected


@given(st.lists(st.booleans(), max_size=40), st.integers(1, 12))
def test_a_sample_is_of_the_rows_in_their_order_each_once_and_has_a_null_where_one_is_to_be_had(
    nulls: list[bool], size: int
) -> None:
    found = sample(table_of(nulls), size).column("n").to_pylist()
    assert found == sorted(set(found))
    assert len(found) == min(size, len(nulls))
    assert not found or set(found) <= set(range(len(nulls)))
    if size >= 2:
        assert any(nulls[row] for row in found) == any(nulls)

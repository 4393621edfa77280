"""Rows of a Parquet file in slices: the rows of the whole table, whatever the file's row groups."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pyml.errors import InputError
from pyml.types.schema import Schema
from pyml_sandbox.parity.paths.batches_online import sample
from pyml_sandbox.parity.rows import stored_rows
from pyml_sandbox.parity.rows.stored_rows import DeclaredRows, StoredRows, columns_with_nulls

WHOLE = pa.table(
    {
        "id": range(23),
        "a": pa.array([None if row % 5 == 0 else row / 2 for row in range(23)]),
        "s": [{"n": row, "l": [row] * (row % 3)} for row in range(23)],
    }
)


def stored(rows: pa.Table, folder: Path, group: int = 4) -> StoredRows:
    pq.write_table(rows, folder / "rows.parquet", row_group_size=group)
    return StoredRows(folder / "rows.parquet")


@given(offset=st.integers(0, 25), length=st.integers(0, 30), group=st.integers(1, 30))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_slice_is_that_of_the_whole_table(offset: int, length: int, group: int, tmp_path: Path) -> None:
    rows = stored(WHOLE, tmp_path, group)
    assert rows.slice(offset, length).to_pylist() == WHOLE.slice(offset, length).to_pylist()
    some = rows.select(["s", "id"]).slice(offset, length)
    assert some.to_pylist() == WHOLE.select(["s", "id"]).slice(offset, length).to_pylist()


def test_it_holds_one_row_group(tmp_path: Path) -> None:
    rows = stored(WHOLE, tmp_path)
    rows.slice(0, 23)
    assert rows._known is not None
    assert rows._known[1].num_rows <= 4


def test_columns_with_nulls_are_known_without_reading_them(tmp_path: Path) -> None:
    assert columns_with_nulls(stored(WHOLE, tmp_path)) == ["a", "s"]  # an empty list may be a null, too
    assert columns_with_nulls(stored(WHOLE.select(["id"]), tmp_path)) == []
    assert columns_with_nulls(WHOLE) == ["a"]


@given(nulls=st.lists(st.booleans(), max_size=40), size=st.integers(1, 12), slice_rows=st.integers(1, 7))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_sample_is_that_of_the_whole_table(nulls: list[bool], size: int, slice_rows: int, tmp_path: Path) -> None:
    table = pa.table({"n": pa.array(range(len(nulls)), pa.int64()), "a": [None if null else 1.0 for null in nulls]})
    expected = sample(table, size).to_pylist()
    with pytest.MonkeyPatch.context() as patched:
        for module in ("rows.stored_rows", "paths.batches_online"):
            patched.setattr(f"pyml_sandbox.parity.{module}.SLICE_ROWS", slice_rows)
        assert sample(stored(table, tmp_path), size).to_pylist() == expected


def test_declared_rows_are_refused_at_once_wherever_a_null_is(tmp_path: Path) -> None:
    rows = stored(pa.table({"a": [1.5] * 9 + [None]}), tmp_path)
    with pytest.raises(InputError):
        DeclaredRows(rows, Schema("a DOUBLE NOT NULL"))
    assert DeclaredRows(rows, Schema("a DOUBLE")).slice(8, 5).to_pydict() == {"a": [1.5, None]}


def test_all_rows_come_in_slices(tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(stored_rows, "SLICE_ROWS", 10)
        assert [part.num_rows for part in stored_rows.slices(stored(WHOLE, tmp_path))] == [10, 10, 3]

"""Which rows of a fixture have rare values."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from pyml_sandbox.parity.rows.rare import OF_COLUMN, rare_rows


def test_a_null_both_ends_and_the_value_of_one_row_are_among_them() -> None:
    kinds = ["a", "b"] * 100
    kinds[57] = "c"
    amounts = [float(number % 3) for number in range(200)]
    amounts[91], amounts[17], amounts[130] = 1e9, -5.0, None  # type: ignore[call-overload]
    found = rare_rows(pa.table({"kind": kinds, "amount": amounts}))
    assert {57, 91, 17, 130} <= set(found.tolist())


def test_lists_count_with_their_nulls_alone() -> None:
    assert rare_rows(pa.table({"x": [[1], None, [2]]})).tolist() == [1]


COLUMNS = st.one_of(
    st.lists(st.one_of(st.none(), st.integers(-3, 3)), min_size=1, max_size=60),
    st.lists(st.one_of(st.none(), st.floats()), min_size=1, max_size=60),
    st.lists(st.one_of(st.none(), st.text(max_size=2)), min_size=1, max_size=60),
    st.lists(st.booleans(), min_size=1, max_size=60),
)


@given(COLUMNS)
def test_they_are_few_distinct_rows_of_the_table(values: list[object]) -> None:
    found = rare_rows(pa.table({"x": pa.array(values)})).tolist()
    assert len(found) == len(set(found)) <= OF_COLUMN
    assert all(0 <= row < len(values) for row in found)


def test_no_rows_have_none() -> None:
    assert rare_rows(pa.table({"x": pa.array([], pa.int64())})).tolist() == []

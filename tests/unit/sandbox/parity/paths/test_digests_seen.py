"""What a path did to the values that it carried: exactly the changed cells, on the way in and on the way out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyml.inference.describe import Signature
from pyml.inference.digests import digests_of_batch, record
from pyml.types.declared_rows import one_batch
from pyml.types.schema import Schema
from pyml_sandbox.parity.paths.digests_seen import Mismatch, mismatches, unmatched_keys_in
from support.type_matrix import CASES, KINDS, TypeCase

INPUTS = Schema("a DOUBLE, k BIGINT, s STRING")
OUTPUTS = Schema("p DOUBLE, q STRING")
CONTRACT = Signature("frame", INPUTS, OUTPUTS)
Columns = dict[str, list[object]]
ASKED: Columns = {"a": [0.5, None, 1.5], "k": [1, 2, None], "s": ["x", "", None]}
ANSWERED: Columns = {"p": [0.25, math.nan, None], "q": ["u", None, "w"]}


def table(columns: Columns, schema: Schema) -> pa.Table:
    return pa.Table.from_pydict(dict(columns), schema=schema.arrow)


def recorded(seen: pa.Table, gave: pa.Table, signature: Signature = CONTRACT) -> pa.Table:
    """What `predict` noted, had it seen and given these."""
    digests = (
        digests_of_batch(one_batch(seen), signature.inputs),
        digests_of_batch(one_batch(gave), signature.outputs),
    )
    columns = record(*digests, seen.num_rows)[:2]
    return pa.Table.from_arrays(columns, ["__seen", "__gave"])


def found(seen: Columns, gave: Columns) -> list[Mismatch]:
    asked, answered = table(ASKED, INPUTS), table(ANSWERED, OUTPUTS)
    return list(mismatches("online", CONTRACT, asked, answered, recorded(table(seen, INPUTS), table(gave, OUTPUTS))))


def with_cell(columns: Columns, name: str, row: int, value: object) -> Columns:
    return {**columns, name: [value if place == row else each for place, each in enumerate(columns[name])]}


def test_equal_values_all_the_way_are_no_loss() -> None:
    assert found(ASKED, ANSWERED) == []


@pytest.mark.parametrize(
    ("column", "row", "value"),
    [
        ("a", 0, math.nextafter(0.5, 1.0)),
        ("a", 0, -0.5),
        ("a", 0, None),
        ("a", 1, math.nan),
        ("a", 1, 0.0),
        ("k", 0, 2),
        ("k", 2, 0),
        ("s", 0, "X"),
        ("s", 1, None),
        ("s", 2, ""),
        ("s", 2, "None"),
    ],
)
def test_one_changed_value_on_the_way_in_is_found_where_it_is_and_nowhere_else(
    column: str, row: int, value: object
) -> None:
    seen = with_cell(ASKED, column, row, value)
    assert found(seen, ANSWERED) == [Mismatch("online", True, column, (row,))]


@pytest.mark.parametrize(
    ("column", "row", "value"), [("p", 0, 0.75), ("p", 1, None), ("p", 2, math.nan), ("q", 1, ""), ("q", 2, None)]
)
def test_one_changed_value_on_the_way_out_is_found_where_it_is_and_nowhere_else(
    column: str, row: int, value: object
) -> None:
    gave = with_cell(ANSWERED, column, row, value)
    assert found(ASKED, gave) == [Mismatch("online", False, column, (row,))]


def test_rows_in_another_order_are_losses_of_the_rows_that_moved() -> None:
    seen = {name: [values[1], values[0], values[2]] for name, values in ASKED.items()}
    assert [(loss.column, loss.rows) for loss in found(seen, ANSWERED)] == [
        ("a", (0, 1)),
        ("k", (0, 1)),
        ("s", (0, 1)),
    ]


def test_two_columns_that_were_exchanged_are_losses_of_both() -> None:
    signature = Signature("frame", Schema("a DOUBLE, b DOUBLE"), OUTPUTS)
    asked = pa.table({"a": [1.0, 2.0], "b": [3.0, 2.0]}, schema=signature.inputs.arrow)
    turned = pa.table({"a": asked["b"], "b": asked["a"]}, schema=signature.inputs.arrow)
    answered = table({"p": [0.0, 0.0], "q": ["", ""]}, OUTPUTS)
    noted = recorded(turned, answered, signature)
    assert [(loss.column, loss.rows) for loss in mismatches("offline", signature, asked, answered, noted)] == [
        ("a", (0,)),
        ("b", (0,)),
    ]


def test_further_columns_and_chunks_of_the_snapshot_play_no_part() -> None:
    asked = table(ASKED, INPUTS)
    noted = recorded(asked, table(ANSWERED, OUTPUTS))
    in_chunks = pa.concat_tables([asked.slice(0, 1), asked.slice(1)]).append_column("id", pa.array([1, 2, 3]))
    noted_in_chunks = pa.concat_tables([noted.slice(0, 2), noted.slice(2)])
    assert list(mismatches("offline", CONTRACT, in_chunks, table(ANSWERED, OUTPUTS), noted_in_chunks)) == []


def test_no_rows_are_no_losses() -> None:
    asked, answered = INPUTS.arrow.empty_table(), OUTPUTS.arrow.empty_table()
    assert list(mismatches("offline", CONTRACT, asked, answered, recorded(asked, answered))) == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.ddl_type)
def test_a_value_of_any_type_that_becomes_null_or_another_one_is_found(case: TypeCase, kind: str) -> None:
    signature = Signature("frame", case.schema(), OUTPUTS)
    asked = pa.Table.from_batches([case.batch(kind)])
    rows = asked.num_rows
    answered = table({"p": [0.0] * rows, "q": [""] * rows}, OUTPUTS)
    all_null = pa.Table.from_arrays([pa.nulls(rows, asked["c"].type)], schema=case.schema().arrow)
    noted = recorded(all_null, answered, signature)
    wanted = tuple(row for row, value in enumerate(case.values(kind)) if value is not None)
    expected = [Mismatch("offline", True, "c", wanted)] if wanted else []
    assert list(mismatches("offline", signature, asked, answered, noted)) == expected


@pytest.mark.parametrize(
    ("ddl_type", "value", "other"),
    [
        ("BIGINT", 2**53, 2**53 + 1),
        ("DECIMAL(10, 2)", Decimal("1.20"), Decimal("1.21")),
        ("TIMESTAMP", datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 1, microsecond=1, tzinfo=UTC)),
        ("ARRAY<DOUBLE>", [1.0, None], [1.0, math.nan]),
        ("STRUCT<n: INT>", {"n": 3}, {"n": None}),
    ],
)
def test_near_values_are_told_apart(ddl_type: str, value: object, other: object) -> None:
    signature = Signature("frame", Schema(f"c {ddl_type}"), OUTPUTS)
    asked, seen = (pa.table({"c": [each]}, schema=signature.inputs.arrow) for each in (value, other))
    answered = table({"p": [0.0], "q": [""]}, OUTPUTS)
    assert list(mismatches("offline", signature, asked, answered, recorded(asked, answered, signature))) == []
    assert [
        loss.rows for loss in mismatches("offline", signature, asked, answered, recorded(seen, answered, signature))
    ] == [(0,)]


def test_tensors_are_held_row_by_row() -> None:
    signature = Signature("tensor", Schema([("x", "float32", (-1, 2))]), Schema([("y", "int64", (-1,))]))
    asked = pa.table({"x": [[1.0, 2.0], [3.0, 4.0]]}, schema=signature.inputs.arrow)
    seen = pa.table({"x": [[1.0, 2.0], [4.0, 3.0]]}, schema=signature.inputs.arrow)
    answered = pa.table({"y": [1, 2]}, schema=signature.outputs.arrow)
    noted = recorded(seen, answered, signature)
    assert list(mismatches("online", signature, asked, answered, noted)) == [Mismatch("online", True, "x", (1,))]


cells = st.lists(st.tuples(st.sampled_from(["a", "k"]), st.integers(0, 5)), max_size=4, unique=True)


@given(cells)
def test_exactly_the_changed_cells_are_found(changed: Sequence[tuple[str, int]]) -> None:
    signature = Signature("frame", Schema("a DOUBLE, k BIGINT"), OUTPUTS)
    columns: Columns = {"a": [row / 2 for row in range(6)], "k": list(range(6))}
    seen = {
        name: [-7 if (name, row) in changed else value for row, value in enumerate(values)]
        for name, values in columns.items()
    }
    asked, noted_frame = (table(each, signature.inputs) for each in (columns, seen))
    answered = table({"p": [0.0] * 6, "q": [""] * 6}, OUTPUTS)
    found = mismatches("online", signature, asked, answered, recorded(noted_frame, answered, signature))
    assert {(loss.column, row) for loss in found for row in loss.rows} == set(changed)


@pytest.mark.parametrize(
    ("answered", "count"),
    [
        ([1, 2, 3], 0),
        ([1, 2], 1),
        ([1, 2, 3, 4], 1),
        ([1, 2, 2, 3], 1),
        ([1, 2, 2], 2),
        ([], 3),
    ],
)
def test_keys_that_are_missing_new_or_repeated_are_counted(answered: list[int], count: int) -> None:
    asked = pa.table({"k": pa.array([1, 2, 3], pa.int64()), "a": [0.5, 1.5, 2.5]})
    assert unmatched_keys_in(asked, pa.table({"k": pa.array(answered, pa.int64())}), ["k"]) == count


def test_a_key_of_several_columns_is_one() -> None:
    asked = pa.table({"a": [1, 1, 2], "b": ["x", "y", "x"]})
    assert unmatched_keys_in(asked, pa.table({"a": [1, 2, 2], "b": ["x", "x", "y"]}), ["a", "b"]) == 2

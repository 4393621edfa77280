"""Shrinking: the smallest case that still holds, and never one that does not."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import pairwise
from typing import cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyml.types.declared_rows import conform
from pyml.types.schema import Schema
from pyml_sandbox.parity.observations.observation import Condition, Example
from pyml_sandbox.parity.observations.shrink import MAX_STEPS, Shrinker, default_of, simpler
from pyml_sandbox.parity.rows.synthetic import InputRow, batch_of
from support.type_matrix import CASES, TypeCase

SCHEMA = Schema("a DOUBLE NOT NULL, b BIGINT, s STRING, x ARRAY<DOUBLE>")
Rows = tuple[InputRow, ...]


def rows(count: int) -> Rows:
    return tuple(
        InputRow({"a": base + 0.123456, "b": base * 1000 + 7, "s": f"text {base}", "x": [0.5] * base}, base)
        for base in range(count)
    )


def number(row: InputRow) -> float:
    return cast(float, row.values["a"])


def among(input_rows: Rows, target: int) -> Example:
    """A row alone against the same row among others."""
    return Example("p", Condition((input_rows[target],)), Condition(input_rows, target))


@dataclass
class Oracle:
    """A predicate on cases that counts how often it is asked, and of what it was true."""

    holds: Callable[[Example], bool]
    asked: int = 0
    held: list[Example] = field(default_factory=list)

    def __call__(self, example: Example) -> bool:
        self.asked += 1
        if self.holds(example):
            self.held.append(example)
            return True
        return False


def shrunk(
    holds: Callable[[Example], bool], example: Example, steps: int = MAX_STEPS
) -> tuple[Example, tuple[str, ...]]:
    return Shrinker(SCHEMA, holds, steps).shrunk(example)


def neighbours(example: Example) -> list[InputRow]:
    return [row for place, row in enumerate(example.other.rows) if place != example.other.target]


# ---- rows


@pytest.mark.parametrize("count", [2, 3, 7, 32, 100])
@pytest.mark.parametrize("place", ["first", "middle", "last"])
def test_any_neighbour_at_all_leaves_two_rows(count: int, place: str) -> None:
    target = {"first": 0, "middle": count // 2, "last": count - 1}[place]
    example, _ = shrunk(lambda each: len(each.other.rows) >= 2, among(rows(count), target), steps=1000)
    assert len(example.other.rows) == 2
    assert example.other.row.base == target
    assert len(example.reference.rows) == 1


@pytest.mark.parametrize("culprit", [0, 1, 6, 15])
def test_the_one_neighbour_that_matters_stays(culprit: int) -> None:
    example, _ = shrunk(lambda each: any(row.base == culprit for row in neighbours(each)), among(rows(16), 3))
    assert [row.base for row in neighbours(example)] == [culprit]


def test_two_neighbours_that_matter_together_both_stay() -> None:
    example, _ = shrunk(lambda each: {2, 13} <= {row.base for row in neighbours(each)}, among(rows(16), 5))
    assert [row.base for row in example.other.rows] == [2, 5, 13]
    assert example.other.target == 1


@pytest.mark.parametrize("needed", [7, 40, 64])
def test_where_many_rows_are_needed_no_more_than_these_stay(needed: int) -> None:
    many = tuple(InputRow({"a": float(number * 37 % 1000)}, number) for number in range(1000))

    def is_beaten(example: Example) -> bool:
        """As of a model that keeps so many rows, those with the largest values."""
        return sum(number(row) > number(example.other.row) for row in example.other.rows) >= needed

    oracle = Oracle(is_beaten)
    example = Shrinker(Schema("a DOUBLE NOT NULL"), oracle).with_fewer_rows(among(many, 500))
    assert len(example.other.rows) == needed + 1
    assert oracle.asked < MAX_STEPS


def test_the_order_of_rows_is_kept() -> None:
    example, _ = shrunk(
        lambda each: any(row.base == 1 for row in each.other.rows[: each.other.target]), among(rows(12), 9)
    )
    assert [row.base for row in example.other.rows] == [1, 9]
    assert example.other.target == 1


def test_copies_of_the_row_beside_itself_stay_copies() -> None:
    (row,) = rows(1)
    example, _ = shrunk(
        lambda each: len(each.other.rows) == 2 and each.other.rows[0] == each.other.rows[1] == each.reference.row,
        Example("p", Condition((row,)), Condition((row, row), 1)),
    )
    assert example.other.rows == (example.reference.row, example.reference.row)


def test_both_sides_lose_the_same_rows_where_both_had_the_same() -> None:
    several = rows(8)
    example = Example("p", Condition(several, 4), Condition(several, 4, before=((several[0],),)))
    small, _ = shrunk(lambda each: bool(each.other.before), example)
    assert len(small.reference.rows) == len(small.other.rows) == 1
    assert small.reference.row == small.other.row
    assert small.other.row.base == 4


# ---- columns


@pytest.mark.parametrize("column", SCHEMA.names)
def test_one_column_that_matters_is_found_and_all_others_are_at_a_default(column: str) -> None:
    start = among(rows(4), 1)
    value = start.other.row.values[column]

    example, columns = shrunk(lambda each: each.other.row.values[column] == value, start)
    assert columns == (column,)
    defaults = {each.name: default_of(each) for each in SCHEMA.fields if each.name != column}
    assert defaults.items() <= example.other.row.values.items()
    assert example.other.row.values[column] == value


def test_two_columns_that_matter_are_found() -> None:
    example, columns = shrunk(
        lambda each: number(each.other.row) > 1 and each.other.row.values["s"] is not None, among(rows(4), 3)
    )
    assert columns == ("a", "s")
    assert example.other.row.values["b"] is None


def test_where_no_column_matters_the_first_one_is_shown() -> None:
    _, columns = shrunk(lambda each: True, among(rows(3), 0))
    assert columns == ("a",)


# ---- values


def test_values_become_as_plain_as_the_difference_allows() -> None:
    example, columns = shrunk(
        lambda each: len(each.other.rows) >= 2 and number(each.other.row) > 1.5, among(rows(8), 5)
    )
    assert columns == ("a",)
    assert [row.values["a"] for row in example.other.rows] == [2.0, 0.0]


def test_a_row_of_an_earlier_call_becomes_plain_too() -> None:
    now, earlier = rows(2)
    example = Example("p", Condition((now,)), Condition((now,), before=((earlier,),)))
    small, _ = shrunk(lambda each: bool(each.other.before), example)
    assert small.other.before[0][0].values["a"] == 0.0


@pytest.mark.parametrize(
    ("value", "first"),
    [
        (7, 0),
        (-7, 0),
        (0.123456, 0.0),
        ("text", ""),
        ([1, 2], []),
    ],
)
def test_the_simplest_value_is_tried_first(value: object, first: object) -> None:
    assert next(iter(simpler(value))) == first


@pytest.mark.parametrize("value", [None, True, False, math.nan, math.inf, [], {"a": 1}, b"x", date(2024, 1, 1)])
def test_what_has_nothing_simpler_is_left_alone(value: object) -> None:
    assert list(simpler(value)) == []


@given(st.one_of(st.integers(), st.floats(allow_nan=False), st.text(), st.lists(st.integers())))
def test_simpler_values_are_of_the_same_type_and_not_longer(value: object) -> None:
    for found in simpler(value):
        assert type(found) is type(value)
        if isinstance(found, str | list) and isinstance(value, str | list):
            assert len(found) <= len(value)


# ---- defaults


@pytest.mark.parametrize("example", CASES, ids=lambda example: example.ddl_type)
def test_a_column_that_may_be_null_is_null_by_default(example: TypeCase) -> None:
    assert default_of(example.schema().fields[0]) is None


@pytest.mark.parametrize(
    ("ddl_type", "value"),
    [
        ("TINYINT", 0),
        ("BIGINT", 0),
        ("FLOAT", 0.0),
        ("DOUBLE", 0.0),
        ("BOOLEAN", False),
        ("STRING", ""),
        ("BINARY", b""),
        ("DECIMAL(10, 2)", Decimal("0.00")),
        ("DECIMAL(38, 38)", Decimal("0E-38")),
        ("DATE", date(1970, 1, 1)),
        ("TIMESTAMP", datetime(1970, 1, 1, tzinfo=UTC)),
        ("TIMESTAMP_NTZ", datetime(1970, 1, 1)),
        ("ARRAY<STRUCT<x: INT>>", []),
    ],
)
def test_a_not_null_column_has_the_simplest_value_of_its_type_by_default(ddl_type: str, value: object) -> None:
    schema = Schema(f"c {ddl_type} NOT NULL")
    found = default_of(schema.fields[0])
    assert repr(found) == repr(value)
    assert conform(batch_of([InputRow({"c": found}, 0)], schema), schema).num_rows == 1


def test_a_tensor_keeps_its_shape() -> None:
    schema = Schema([("x", "float32", (-1, 2)), ("y", "int64", (-1,))])
    row, other = (InputRow({"x": [float(n), 0.5], "y": n}, n) for n in (1, 2))
    example, _ = Shrinker(schema, lambda each: len(each.other.rows) == 2).shrunk(among((row, other), 0))
    assert all(np.shape(cast(list[float], each.values["x"])) == (2,) for each in example.other.rows)
    assert batch_of(example.other.rows, schema).num_rows == 2


# ---- what always holds


def test_no_more_questions_are_asked_than_allowed() -> None:
    for steps in (0, 1, 5, 50):
        oracle = Oracle(lambda example: len(example.other.rows) >= 2)
        shrunk(oracle, among(rows(32), 7), steps=steps)
        assert oracle.asked <= steps


def test_without_a_question_left_the_case_is_as_it_was() -> None:
    start = among(rows(5), 2)
    example, columns = shrunk(lambda example: True, start, steps=0)
    assert example == start
    assert columns == SCHEMA.names


def test_every_step_is_of_cases_that_hold_and_never_grows() -> None:
    oracle = Oracle(lambda example: sum(map(number, example.other.rows)) > 4)
    shrunk(oracle, among(rows(12), 6), steps=1000)
    sizes = [len(example.other.rows) for example in oracle.held]
    assert len(sizes) > 3
    assert all(later <= earlier for earlier, later in pairwise(sizes))


conditions = st.tuples(
    st.sets(st.integers(0, 11), max_size=3),  # neighbours that must stay
    st.sets(st.sampled_from(SCHEMA.names), max_size=2),  # columns whose value must stay, in the row looked at
    st.floats(0, 6),  # what column a must reach in one of the rows
)


@given(conditions, st.integers(1, 12), st.integers(0, 11), st.sampled_from([0, 1, 3, 10, 40, 400]))
def test_what_comes_out_holds_and_looks_at_the_same_row_whatever_the_difference_needs(
    condition: tuple[set[int], set[str], float], count: int, target: int, steps: int
) -> None:
    needed, columns, least = condition
    several, at = rows(count), target % count
    wanted = several[at].values

    def holds(example: Example) -> bool:
        here = example.other
        return (
            needed & set(range(count)) <= {row.base for row in here.rows}
            and all(repr(here.row.values[name]) == repr(wanted[name]) for name in columns)
            and max(map(number, here.rows)) >= min(least, count - 1)
        )

    start = among(several, at)
    example, shown = shrunk(holds, start, steps)
    assert holds(example)
    assert example.other.row.base == at
    assert example.reference.row == example.other.row
    assert set(shown) <= set(SCHEMA.names)
    assert conform(batch_of(example.other.rows, SCHEMA), SCHEMA).num_rows == len(example.other.rows)


def test_a_condition_keeps_its_environment() -> None:
    start = among(rows(4), 1)
    start = replace(start, other=replace(start.other, threads=4))
    example, _ = shrunk(lambda each: each.other.threads == 4, start)
    assert example.other.threads == 4

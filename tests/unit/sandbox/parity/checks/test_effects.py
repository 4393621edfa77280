"""What a neighbour changed: the traits that a column's effects have in common."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pyml_sandbox.parity.checks.effects import Effect, Effects
from pyml_sandbox.parity.observations.observation import Condition, Example
from pyml_sandbox.parity.rows.synthetic import InputRow


def effect(own: object, other: object, kind: str = "far", *, on_base: bool = True, place: int = 0) -> Effect:
    """A row with the value `own` in the column `c` changed beside one with `other`."""
    row, neighbour = InputRow({"c": own}, 0), InputRow({"c": other}, 0, "c", kind)
    rows = (row, neighbour) if place == 0 else (neighbour, row)
    case = Example("p", Condition((row,)), Condition(rows, place))
    return Effect("p", "c", kind, on_base, place, False, False, False, "1.0", None, case)


def tags(*found: Effect, ddl_type: str = "DOUBLE", column: str = "c", is_known: bool = False) -> set[str]:
    """Without the column's type and the kinds of rows, which are always among them."""
    effects = Effects(column, ddl_type, is_known, found)
    return {trait for trait in effects.tags if not trait.startswith(("type:", "kind:"))}


BOTH_PLACES = (effect(1.0, 2.0), effect(1.0, 2.0, place=1))
TABLE = [
    ("a value beside a value", BOTH_PLACES, {"plain"}),
    ("in one place only", BOTH_PLACES[:1], {"plain", "order"}),
    ("a value beside a null", [effect(1.0, None, "null"), effect(1.0, None, "null", place=1)], {"null-only", "null"}),
    ("a value beside a NaN", [effect(1.0, float("nan"), "nan")], {"null-only", "null", "order"}),
    ("a value beside both", [*BOTH_PLACES, effect(1.0, None, "null")], {"plain", "null"}),
    ("a null on an ordinary row is its own", [effect(None, 2.0), effect(None, 2.0, place=1)], {"own-value"}),
    ("a NaN as well", [effect(float("nan"), 2.0)], {"own-value", "order"}),
    ("a varied row", [effect(9.0, 1.0, on_base=False)], {"own-value", "order"}),
    (
        "a varied row with several outputs",
        [effect(9.0, 1.0, on_base=False), replace(effect(9.0, 1.0, on_base=False), value="2.0")],
        {"own-value", "order", "by-value"},
    ),
    ("one row of several outputs is no varied one", [BOTH_PLACES[0], replace(BOTH_PLACES[1], value="2.0")], {"plain"}),
    ("a longer list", [effect([1], [1, 2]), effect([1], [1, 2], place=1)], {"plain", "longer-only"}),
    ("a shorter list", [effect([1, 2], [1]), effect([1, 2], [1], place=1)], {"plain", "shorter-only"}),
    ("a list of either length", [effect([1, 2], [1]), effect([1], [1, 2], place=1)], {"plain"}),
    ("text with more words", [effect("a word", "a b c d"), effect("a word", "a b c d", place=1)], {"plain", "longer-only"}),
    (
        "a null that is not longer",
        [effect("a", "bb"), effect("a", "bb", place=1), effect("a", None, "null")],
        {"plain", "longer-only", "null"},
    ),
    ("the other's output", [replace(each, is_others=True) for each in BOTH_PLACES], {"plain", "borrowed"}),
    ("the other's output for one of two", [BOTH_PLACES[0], replace(BOTH_PLACES[1], is_others=True)], {"plain"}),
    ("outputs exchanged", [replace(each, is_others=True, is_swapped=True) for each in BOTH_PLACES], {"plain", "swapped"}),
    ("exchanged once", [BOTH_PLACES[0], replace(BOTH_PLACES[1], is_swapped=True)], {"plain", "swapped"}),
    (
        "the output of a null",
        [replace(effect(1.0, None, "null", place=place), is_others=True) for place in (0, 1)],
        {"null-only", "null", "others-output"},
    ),
    ("NaN for null always", [replace(each, is_nan_for_null=True) for each in BOTH_PLACES], {"plain", "nan-for-null"}),
    ("NaN for null once", [BOTH_PLACES[0], replace(BOTH_PLACES[1], is_nan_for_null=True)], {"plain"}),
    ("dates", [effect("2024-01-15", "2024/01/15"), effect("15.1.2024", "16.1.2024", place=1)], {"plain", "date"}),
    ("one of them no date", [effect("2024-01-15", "2024/01/15"), effect("June", "July", place=1)], {"plain"}),
]  # fmt: skip


@pytest.mark.parametrize(("found", "expected"), [case[1:] for case in TABLE], ids=[case[0] for case in TABLE])
def test_effects_have_in_common(found: list[Effect], expected: set[str]) -> None:
    assert tags(*found) == expected


@pytest.mark.parametrize(
    ("ddl_type", "own", "is_number"), [("STRING", "007", True), ("STRING", "7 km", False), ("BIGINT", 7, False)]
)
def test_texts_that_read_as_numbers_are_noted(ddl_type: str, own: object, is_number: bool) -> None:
    assert ("number" in tags(effect(own, "x"), ddl_type=ddl_type)) is is_number


@pytest.mark.parametrize(
    ("is_known", "kinds", "is_silent"),
    [(True, ("far",), True), (True, ("far", "other"), False), (False, ("far",), False), (True, ("null",), False)],
)
def test_known_values_are_silent_where_they_were_tried_and_none_changed_a_row(
    is_known: bool, kinds: tuple[str, ...], is_silent: bool
) -> None:
    found = [effect(1.0, 2.0, kind) for kind in kinds]
    assert ("known-silent" in tags(*found, is_known=is_known)) is is_silent


def test_rows_that_differ_in_every_column_have_no_value_of_their_own_to_miss() -> None:
    assert "plain" in tags(effect(1.0, 2.0), column="")


def test_type_and_kinds_are_among_the_traits() -> None:
    found = Effects("c", "DOUBLE", False, [effect(1.0, 2.0, "far"), effect(1.0, None, "null", on_base=False)])
    assert {trait for trait in found.tags if ":" in trait} == {"type:DOUBLE", "kind:far"}

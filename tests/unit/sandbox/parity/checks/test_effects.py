"""What a neighbour changed: the traits that a column's effects have in common."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pyml_sandbox.parity.checks.effects import Effect, Effects
from pyml_sandbox.parity.observations.features import DriverType, Tag
from pyml_sandbox.parity.observations.observation import Condition, Example
from pyml_sandbox.parity.rows.row_kind import Kind
from pyml_sandbox.parity.rows.synthetic import InputRow


def effect(own: object, other: object, kind: Kind = Kind.NEAR, *, on_base: bool = True, position: int = 0) -> Effect:
    """A row with the value `own` in the column `c` changed beside one with `other`."""
    row, neighbour = InputRow({"c": own}, 0), InputRow({"c": other}, 0, "c", kind)
    rows = (row, neighbour) if position == 0 else (neighbour, row)
    case = Example("p", Condition((row,)), Condition(rows, position))
    return Effect("p", "c", kind, on_base, position, False, False, False, False, False, "1.0", None, case)


def tags(
    *found: Effect, ddl_type: DriverType = DriverType.DOUBLE, column: str = "c", is_known: bool = False
) -> frozenset[Tag]:
    return Effects(column, ddl_type, is_known, found).tags


BOTH_PLACES = (effect(1.0, 2.0), effect(1.0, 2.0, position=1))
TABLE = [
    ("a value beside a value", BOTH_PLACES, {Tag.PLAIN}),
    ("in one place only", BOTH_PLACES[:1], {Tag.PLAIN, Tag.ORDER}),
    ("a value beside a null", [effect(1.0, None, Kind.NULL), effect(1.0, None, Kind.NULL, position=1)], {Tag.NULL_ONLY, Tag.NULL}),
    ("a value beside a NaN", [effect(1.0, float(Kind.NAN), Kind.NAN)], {Tag.NULL_ONLY, Tag.NULL, Tag.ORDER}),
    ("a value beside both", [*BOTH_PLACES, effect(1.0, None, Kind.NULL)], {Tag.PLAIN, Tag.NULL}),
    ("a null on an ordinary row is its own", [effect(None, 2.0), effect(None, 2.0, position=1)], {Tag.OWN_VALUE}),
    ("a NaN as well", [effect(float(Kind.NAN), 2.0)], {Tag.OWN_VALUE, Tag.ORDER}),
    ("a varied row", [effect(9.0, 1.0, on_base=False)], {Tag.OWN_VALUE, Tag.ORDER}),
    (
        "a varied row with several outputs",
        [effect(9.0, 1.0, on_base=False), replace(effect(9.0, 1.0, on_base=False), value="2.0")],
        {Tag.OWN_VALUE, Tag.ORDER, Tag.BY_VALUE},
    ),
    (
        "varied rows with an output each",
        [effect(9.0, 1.0, on_base=False), replace(effect(8.0, 1.0, on_base=False), value="2.0")],
        {Tag.OWN_VALUE, Tag.ORDER},
    ),
    ("one row of several outputs is no varied one", [BOTH_PLACES[0], replace(BOTH_PLACES[1], value="2.0")], {Tag.PLAIN}),
    ("a longer list", [effect([1], [1, 2]), effect([1], [1, 2], position=1)], {Tag.PLAIN, Tag.LONGER_ONLY}),
    ("a shorter list", [effect([1, 2], [1]), effect([1, 2], [1], position=1)], {Tag.PLAIN, Tag.SHORTER_ONLY}),
    ("a list of either length", [effect([1, 2], [1]), effect([1], [1, 2], position=1)], {Tag.PLAIN}),
    ("lists of the same length", [effect([1, 2], [1, 3]), effect([1, 2], [1], position=1)], {Tag.PLAIN}),
    ("text with more words", [effect("a word", "a b c d"), effect("a word", "a b c d", position=1)], {Tag.PLAIN, Tag.LONGER_ONLY}),
    (
        "a null that is not longer",
        [effect("a", "bb"), effect("a", "bb", position=1), effect("a", None, Kind.NULL)],
        {Tag.PLAIN, Tag.LONGER_ONLY, Tag.NULL},
    ),
    ("the other's output", [replace(each, is_others=True) for each in BOTH_PLACES], {Tag.PLAIN, Tag.BORROWED}),
    ("the other's output for one of two", [BOTH_PLACES[0], replace(BOTH_PLACES[1], is_others=True)], {Tag.PLAIN}),
    ("outputs exchanged", [replace(each, is_others=True, is_swapped=True) for each in BOTH_PLACES], {Tag.PLAIN, Tag.SWAPPED}),
    ("exchanged once", [BOTH_PLACES[0], replace(BOTH_PLACES[1], is_swapped=True)], {Tag.PLAIN, Tag.SWAPPED}),
    (
        "the output of a null",
        [replace(effect(1.0, None, Kind.NULL, position=position), is_others=True) for position in (0, 1)],
        {Tag.NULL_ONLY, Tag.NULL, Tag.OTHERS_OUTPUT},
    ),
    ("NaN for null always", [replace(each, is_nan_for_null=True) for each in BOTH_PLACES], {Tag.PLAIN, Tag.NAN_FOR_NULL}),
    ("NaN for null once", [BOTH_PLACES[0], replace(BOTH_PLACES[1], is_nan_for_null=True)], {Tag.PLAIN}),
    ("dates", [effect("2024-01-15", "2024/01/15"), effect("15.1.2024", "16.1.2024", position=1)], {Tag.PLAIN, Tag.DATE}),
    ("one of them no date", [effect("2024-01-15", "2024/01/15"), effect("June", "July", position=1)], {Tag.PLAIN}),
]  # fmt: skip


@pytest.mark.parametrize("has_equal_length", [False, True])
def test_lists_of_a_different_length_alone_matter_only_where_those_of_the_same_length_were_tried(
    *, has_equal_length: bool
) -> None:
    either = [effect([1, 2], [1]), effect([1], [1, 2], position=1)]
    assert (Tag.LENGTHS in Effects("c", DriverType.ARRAY, True, either, has_equal_length).tags) is has_equal_length
    same = [*either, effect([1, 2], [1, 3])]
    assert Tag.LENGTHS not in Effects("c", DriverType.ARRAY, True, same, has_equal_length).tags


@pytest.mark.parametrize(("found", "expected"), [case[1:] for case in TABLE], ids=[case[0] for case in TABLE])
def test_effects_have_in_common(found: list[Effect], expected: set[Tag]) -> None:
    assert tags(*found) == expected


@pytest.mark.parametrize(
    ("ddl_type", "own", "is_number"),
    [(DriverType.STRING, "007", True), (DriverType.STRING, "7 km", False), (DriverType.BIGINT, 7, False)],
)
def test_texts_that_read_as_numbers_are_noted(ddl_type: DriverType, own: object, is_number: bool) -> None:
    assert (Tag.NUMBER in tags(effect(own, "x"), ddl_type=ddl_type)) is is_number


@pytest.mark.parametrize(
    ("is_known", "kinds", "is_silent"),
    [
        (True, (Kind.NEAR,), True),
        (True, (Kind.NEAR, Kind.OTHER), False),
        (False, (Kind.NEAR,), False),
        (True, (Kind.NULL,), False),
    ],
)
def test_known_values_are_silent_where_they_were_tried_and_none_changed_a_row(
    is_known: bool, kinds: tuple[Kind, ...], is_silent: bool
) -> None:
    found = [effect(1.0, 2.0, kind) for kind in kinds]
    assert (Tag.KNOWN_SILENT in tags(*found, is_known=is_known)) is is_silent


def test_rows_that_differ_in_every_column_have_no_value_of_their_own_to_miss() -> None:
    assert Tag.PLAIN in tags(effect(1.0, 2.0), column="")


def test_the_kinds_are_those_of_neighbours_of_ordinary_rows() -> None:
    found = Effects(
        "c", DriverType.DOUBLE, False, [effect(1.0, 2.0, Kind.NEAR), effect(1.0, None, Kind.NULL, on_base=False)]
    )
    assert (found.type, found.kinds) == (DriverType.DOUBLE, frozenset({Kind.NEAR}))

"""How the output of a row changes with a different row in the call, and what all such changes have in common. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pyml.harness.session_messages import Refusal
from pyml_sandbox.parity.observations.features import DriverType, Tag
from pyml_sandbox.parity.observations.observation import Example
from pyml_sandbox.parity.rows.row_kind import NULLS, Kind
from pyml_sandbox.parity.rows.synthetic import Cell

DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}")


@dataclass(frozen=True)
class Effect:
    """One change of a row's output in a row pair.

    Attributes:
        output: the column that changed; empty if the call was refused.
        column: the input column in which the two rows differ.
        kind: kind of the varied value.
        on_base: whether the output of the ordinary row changed; else that of the varied row.
        position: position of the changed row in the call.
        is_swapped: each of the two rows got the output of the other.
        is_others: the changed row got the output that the other row has alone.
        is_as_alone: the changed row got the output that it has alone, and a copy of it changes that.
        is_nan_for_null: one of the expected and the changed output is NaN, the other null.
        is_wrapped: they are whole numbers, and differ by what an integer loses that overflows.
        value: `repr` of the changed output; empty for a refusal.
        refusal: why the call was refused; None if it was not.
        example: the row alone against the row in the pair.
    """

    output: str
    column: str
    kind: Kind
    on_base: bool
    position: int
    is_swapped: bool
    is_others: bool
    is_as_alone: bool
    is_nan_for_null: bool
    is_wrapped: bool
    value: str
    refusal: Refusal | None
    example: Example

    def values(self, column: str) -> tuple[Cell, Cell]:
        """The values in one input column: of the row that changed, and of the other row."""
        rows = self.example.other.rows
        return rows[self.position].values.get(column), rows[1 - self.position].values.get(column)


@dataclass(frozen=True)
class Effects:
    """All changes of one output in the row pairs that differ in one column.

    Attributes:
        column: the input column in which the rows differ.
        type: its declared type, without parameters.
        is_known: whether a pair with two values of the fixture was among those that were tried.
        found: the changes that were seen, at least one.
        has_equal_length: whether pairs with two different lists of equal length were among those that were tried.
    """

    column: str
    type: DriverType
    is_known: bool
    found: Sequence[Effect]
    has_equal_length: bool = False

    @property
    def on_base(self) -> list[Effect]:
        """The changes of an ordinary row that has a value in the column."""
        return [effect for effect in self.found if effect.on_base and not self._is_missing(effect)]

    @property
    def plain(self) -> list[Effect]:
        """The changes in pairs of two rows that both have a value in the column."""
        return [effect for effect in self.on_base if effect.kind not in NULLS]

    @property
    def simplest(self) -> Sequence[Effect]:
        """The changes of ordinary rows, or all if there are none."""
        return self.on_base or self.found

    @property
    def tags(self) -> frozenset[Tag]:
        """The tags whose conditions these changes meet."""
        return frozenset(tag for tag, holds in _TAGS if holds(self))

    @property
    def kinds(self) -> frozenset[Kind]:
        """The kinds of the varied values."""
        return frozenset(effect.kind for effect in self.simplest)

    def all_plain(self, holds: Callable[[Effect], bool]) -> bool:
        """Whether there are changes between rows with values, and a condition holds for each of them."""
        return bool(self.plain) and all(map(holds, self.plain))

    def all_own(self, holds: Callable[[Cell], bool]) -> bool:
        """Whether a condition holds for the value of each row that changed."""
        return all(holds(self._own(effect)) for effect in self.simplest)

    @property
    def is_ordered(self) -> bool:
        """Whether only rows before a row, or only rows after it, change its output."""
        ordinary = [effect for effect in self.found if effect.on_base]
        return len({effect.position for effect in ordinary or self.found}) == 1

    @property
    def is_by_value(self) -> bool:
        """Whether one row gets several outputs, by the other row; different rows have different outputs anyway."""
        by_row: dict[str, set[str]] = defaultdict(set)
        for effect in self.found:
            by_row[repr(effect.example.reference.row.values)].add(effect.value)
        return any(len(values) > 1 for values in by_row.values())

    def _own(self, effect: Effect) -> Cell:
        return effect.example.reference.row.values.get(self.column)

    def _is_missing(self, effect: Effect) -> bool:
        """Whether the row that changed has a null or NaN itself; False if the rows differ in every column."""
        own = self._own(effect)
        return bool(self.column) and (own is None or bool(own != own))


_TAGS: tuple[tuple[Tag, Callable[[Effects], bool]], ...] = (
    # which value is missing in a pair with a change: none, that of the other row, that of the row itself
    (Tag.PLAIN, lambda its: bool(its.plain)),
    (Tag.NULL_ONLY, lambda its: bool(its.on_base) and not its.plain),
    (Tag.OWN_VALUE, lambda its: not its.on_base),
    (Tag.NULL, lambda its: any(effect.kind in NULLS for effect in its.found)),
    # which other rows change a row: longer ones, shorter ones, only values that the fixture lacks
    (Tag.LONGER_ONLY, lambda its: its.all_plain(lambda effect: is_longer(*effect.values(its.column)))),
    (Tag.SHORTER_ONLY, lambda its: its.all_plain(lambda effect: is_longer(*reversed(effect.values(its.column))))),
    (
        Tag.LENGTHS,
        lambda its: (
            its.has_equal_length and its.all_plain(lambda effect: _have_other_lengths(*effect.values(its.column)))
        ),
    ),
    (Tag.KNOWN_SILENT, lambda its: its.is_known and its.all_plain(lambda effect: effect.kind is not Kind.OTHER)),
    # which rows are changed
    (Tag.DATE, lambda its: its.all_own(lambda own: bool(DATE.match(str(own))))),
    (Tag.NUMBER, lambda its: its.type is DriverType.STRING and its.all_own(_is_number)),
    (Tag.ORDER, lambda its: its.is_ordered),
    # what they get instead: see `Tag`
    (Tag.BORROWED, lambda its: its.all_plain(lambda effect: effect.is_others and not effect.is_swapped)),
    (Tag.AS_ALONE, lambda its: its.all_plain(lambda effect: effect.is_as_alone)),
    (Tag.NAN_FOR_NULL, lambda its: all(effect.is_nan_for_null for effect in its.found)),
    (Tag.WRAPPED, lambda its: all(effect.is_wrapped for effect in its.found)),
    (Tag.SWAPPED, lambda its: any(effect.is_swapped for effect in its.found)),
    (Tag.OTHERS_OUTPUT, lambda its: any(effect.is_others and effect.kind in NULLS for effect in its.found)),
    (Tag.BY_VALUE, lambda its: not its.on_base and its.is_by_value),
)
"""Each tag with its condition. `pyml_sandbox.parity.diagnosis.rules` reads the tags."""


def _is_number(text: object) -> bool:
    """Whether a string can be read as a number."""
    try:
        float(str(text))
    except ValueError:
        return False
    return True


def _have_other_lengths(own: Cell, other: Cell) -> bool:
    """Whether both are lists, of different lengths."""
    return isinstance(own, list) and isinstance(other, list) and len(own) != len(other)


def is_longer(own: Cell, other: Cell) -> bool:
    """Whether the other row's list is longer than the row's own, or its string, in characters or in words."""
    if not isinstance(other, str | bytes | list) or not isinstance(own, type(other)):
        return False
    if isinstance(own, str) and isinstance(other, str) and len(other.split()) > len(own.split()):
        return True
    return len(other) > len(own)

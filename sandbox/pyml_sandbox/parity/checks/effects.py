"""What a neighbour changed in a row, and what all such changes of one column have in common. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pyml.harness.session_messages import Refusal
from pyml_sandbox.parity.observations.features import DriverType, Tag
from pyml_sandbox.parity.observations.observation import Example
from pyml_sandbox.parity.rows.row_kind import NULLS, Kind

DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}")


@dataclass(frozen=True)
class Effect:
    """A neighbour that changed a row's output.

    Attributes:
        output: the column that changed; empty where the call was refused.
        column: the input column in which the neighbour was varied.
        kind: how.
        on_base: the ordinary row changed; else the varied one.
        place: where in the call the changed row stood.
        is_swapped: each of the two rows got the output that belongs to the other.
        is_others: the changed row got the output that belongs to the other, alone.
        is_nan_for_null: one of expected and changed output is NaN, the other null.
        value: the changed output, as text.
        refusal: why the call was refused.
        case: the row alone against the row beside the neighbour.
    """

    output: str
    column: str
    kind: Kind
    on_base: bool
    place: int
    is_swapped: bool
    is_others: bool
    is_nan_for_null: bool
    value: str
    refusal: Refusal | None
    case: Example

    def values(self, column: str) -> tuple[Any, Any]:
        """In one input column, of the row that changed and of its neighbour."""
        rows = self.case.other.rows
        return rows[self.place].values.get(column), rows[1 - self.place].values.get(column)


@dataclass(frozen=True)
class Effects:
    """What neighbours that were varied in one column did to one output.

    Attributes:
        column: in which they were varied.
        type: its declared type, without parameters.
        is_known: a neighbour with another value of the fixture's was among those that were tried.
        found: each change that was seen, at least one.
    """

    column: str
    type: DriverType
    is_known: bool
    found: Sequence[Effect]

    @property
    def on_base(self) -> list[Effect]:
        """Those on an ordinary row, which has a value in the column."""
        return [effect for effect in self.found if effect.on_base and not self._is_missing(effect)]

    @property
    def plain(self) -> list[Effect]:
        """Those of two rows that both have a value there."""
        return [effect for effect in self.on_base if effect.kind not in NULLS]

    @property
    def plainest(self) -> Sequence[Effect]:
        """Those on ordinary rows, or all where there are none."""
        return self.on_base or self.found

    @property
    def tags(self) -> frozenset[Tag]:
        """What they have in common: the tags whose rules hold for all of it."""
        return frozenset(tag for tag, holds in _TAGS if holds(self))

    @property
    def kinds(self) -> frozenset[Kind]:
        """The kinds of the neighbours."""
        return frozenset(effect.kind for effect in self.plainest)

    def all_plain(self, holds: Callable[[Effect], bool]) -> bool:
        """Whether there are any between rows with values, and something holds for each of them."""
        return bool(self.plain) and all(map(holds, self.plain))

    def all_own(self, holds: Callable[[Any], bool]) -> bool:
        """Whether something holds for the value of each row that changed."""
        return all(holds(self._own(effect)) for effect in self.plainest)

    @property
    def is_ordered(self) -> bool:
        """Whether only what stands before a row, or only what stands after it, changes its output."""
        ordinary = [effect for effect in self.found if effect.on_base]
        return len({effect.place for effect in ordinary or self.found}) == 1

    def _own(self, effect: Effect) -> Any:
        return effect.case.reference.row.values.get(self.column)

    def _is_missing(self, effect: Effect) -> bool:
        """Whether the row that changed has a null or NaN itself; not where neighbours differ in every column."""
        own = self._own(effect)
        return bool(self.column) and (own is None or bool(own != own))


_TAGS: tuple[tuple[Tag, Callable[[Effects], bool]], ...] = (
    # whose values are missing where something changes: nobody's, the neighbour's, the row's own
    (Tag.PLAIN, lambda its: bool(its.plain)),
    (Tag.NULL_ONLY, lambda its: bool(its.on_base) and not its.plain),
    (Tag.OWN_VALUE, lambda its: not its.on_base),
    (Tag.NULL, lambda its: any(effect.kind in NULLS for effect in its.found)),
    # which neighbours change a row: longer ones, shorter ones, only values that the fixture lacks
    (Tag.LONGER_ONLY, lambda its: its.all_plain(lambda effect: is_longer(*effect.values(its.column)))),
    (Tag.SHORTER_ONLY, lambda its: its.all_plain(lambda effect: is_longer(*reversed(effect.values(its.column))))),
    (Tag.KNOWN_SILENT, lambda its: its.is_known and its.all_plain(lambda effect: effect.kind is not Kind.OTHER)),
    # which rows are changed
    (Tag.DATE, lambda its: its.all_own(lambda own: bool(DATE.match(str(own))))),
    (Tag.NUMBER, lambda its: its.type is DriverType.STRING and its.all_own(_is_number)),
    (Tag.ORDER, lambda its: its.is_ordered),
    # what they get instead
    (Tag.BORROWED, lambda its: its.all_plain(lambda effect: effect.is_others and not effect.is_swapped)),
    (Tag.NAN_FOR_NULL, lambda its: all(effect.is_nan_for_null for effect in its.found)),
    (Tag.SWAPPED, lambda its: any(effect.is_swapped for effect in its.found)),
    (Tag.OTHERS_OUTPUT, lambda its: any(effect.is_others and effect.kind in NULLS for effect in its.found)),
    (Tag.BY_VALUE, lambda its: not its.on_base and len({effect.value for effect in its.found}) > 1),
)
"""Each tag, and when effects have it. `pyml_sandbox.parity.diagnosis.rules` reads them."""


def _is_number(text: object) -> bool:
    """Whether a text reads as a number."""
    try:
        float(str(text))
    except ValueError:
        return False
    return True


def is_longer(own: Any, other: Any) -> bool:
    """Whether a neighbour's list is longer than the row's own; or its text, in characters or in words."""
    if not isinstance(other, str | bytes | list) or not isinstance(own, type(other)):
        return False
    if isinstance(own, str) and isinstance(other, str) and len(other.split()) > len(own.split()):
        return True
    return len(other) > len(own)

"""The changes to a row or its frame that may explain a difference. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass, replace
from itertools import combinations

from pyml.harness.perturbations import Perturbation
from pyml.types.field import Field
from pyml.types.schema import Schema
from pyml_sandbox.parity.diagnosis.value_changes import (
    BY_FLOATS,
    DTYPE_CHANGES,
    NULL_CHANGES,
    VALUE_CHANGES,
)
from pyml_sandbox.parity.observations.features import DriverType, Explanation
from pyml_sandbox.parity.rows.synthetic import Cell, InputRow

MAX_ORDERS = 40
FLOATS = "floats"
"""The perturbation that converts numbers to float64."""


@dataclass(frozen=True)
class Change:
    """One possible change to a row.

    Attributes:
        name: the explanation.
        columns: the columns that it changes.
        perturbation: the change to the frame; None if values change.
        value: the change to a value, which returns the same object if it does not apply; None if the frame changes.
    """

    name: Explanation
    columns: tuple[str, ...] = ()
    perturbation: Perturbation | None = None
    value: Callable[[Cell], Cell] | None = None


def changes_of(inputs: Schema, drivers: Set[str]) -> list[Change]:
    """All changes to the columns that drive an observation, or to every column if the drivers are not known.

    Args:
        inputs: the model's declared inputs.
        drivers: names of the columns; empty if they are not known.
    """
    fields = [field for field in inputs.fields if not drivers or field.name in drivers]
    changes = [change for field in fields for change in _of_field(field)]
    return [*changes, *_of_all_fields(changes), *_of_names(inputs, drivers)]


def order_changes(inputs: Schema) -> Iterator[Change]:
    """Columns in a different order, an additional column, or a different index."""
    yield Change(Explanation.INDEX, (), Perturbation("index", value=1))
    if not inputs.is_tensor:
        yield Change(Explanation.EXTRA, (), Perturbation("extra", ("extra",)))
        for order in _orders(inputs.names):
            yield Change(Explanation.ORDER, (), Perturbation("order", order))


def _orders(names: Sequence[str]) -> list[tuple[str, ...]]:
    """Orders of the columns: sorted, reversed, one column moved to either end, or two exchanged."""
    found = [tuple(sorted(names)), tuple(reversed(names))]
    for name in names:
        rest = [each for each in names if each != name]
        found += [(*rest, name), (name, *rest)]
    for left, right in combinations(range(len(names)), 2):
        swapped = list(names)
        swapped[left], swapped[right] = swapped[right], swapped[left]
        found.append(tuple(swapped))
    return [order for order in dict.fromkeys(found) if order != tuple(names)][:MAX_ORDERS]


def changed_row(row: InputRow, change: Change) -> InputRow:
    """The row with its values changed; the same row if the change is one of the frame, or does not apply."""
    if change.value is not None:
        for name in change.columns:
            old = row.values[name]
            new = change.value(old)
            row = row if new is old else row.with_value(name, new, row.kind)
    return row


def _of_all_fields(changes: Sequence[Change]) -> list[Change]:
    """Each change, applied to all of its columns at once."""
    by_kind: dict[tuple[Explanation, object], list[Change]] = {}
    for change in changes:
        by_kind.setdefault((change.name, change.perturbation.kind if change.perturbation else change.value), []).append(
            change
        )
    return [_joined(several) for several in by_kind.values() if len(several) > 1]


def _joined(changes: Sequence[Change]) -> Change:
    columns = tuple(name for change in changes for name in change.columns)
    perturbation = changes[0].perturbation
    return replace(changes[0], columns=columns, perturbation=perturbation and replace(perturbation, columns=columns))


def _of_names(inputs: Schema, drivers: Set[str]) -> Iterator[Change]:
    """A missing column, or a column name in a different case."""
    names = inputs.names
    if inputs.is_tensor:
        return
    for name in names if not drivers else sorted(drivers):
        yield Change(Explanation.MISSING, (name,), Perturbation("missing", (name,)))
        yield Change(Explanation.OTHER_CASE, (name,), Perturbation("other-case", (name,)))
    yield Change(Explanation.OTHER_CASE, (), Perturbation("other-case", tuple(names)))


def _of_field(field: Field) -> Iterator[Change]:
    """Changes to the values of one column, or to its dtype."""
    if field.tensor is not None:
        return
    name, kind = field.name, DriverType(field.base_type)
    for explanation in DTYPE_CHANGES.get(kind, ()):
        perturbation = FLOATS if explanation in BY_FLOATS else explanation.value
        yield Change(explanation, (name,), Perturbation(perturbation, (name,)))
    for explanation, value in VALUE_CHANGES.get(kind, ()):
        yield Change(explanation, (name,), value=value)
    if field.nullable:
        for explanation, value in NULL_CHANGES.get(kind, ()):
            yield Change(explanation, (name,), value=value)

"""Makes an input smaller while it still shows a difference: fewer rows, then fewer columns, then simpler values.

Delta debugging (Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002) over the rows that
are sent together with the row in question. The test harness tries each step; it is kept if the difference stays.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal

from pyml.types.field import Field
from pyml.types.schema import Schema
from pyml_sandbox.parity.observations.observation import Condition, Example
from pyml_sandbox.parity.rows.synthetic import InputRow

Holds = Callable[[Example], bool]
MAX_STEPS = 400


@dataclass
class Shrinker:
    """Makes an example smaller as long as its difference stays.

    Attributes:
        schema: the model's declared inputs.
        holds: whether the outputs under the two conditions of an example still differ.
        steps: how many more steps may be tried.
        was_cut: whether a step was not tried because there were too many.
    """

    schema: Schema
    holds: Holds
    steps: int = MAX_STEPS
    was_cut: bool = False

    def shrunk(self, example: Example) -> tuple[Example, tuple[str, ...]]:
        """The smallest example that was found, and the input columns that matter in it; others have a default value."""
        example = self.with_fewer_rows(example)
        example, columns = self._fewer_columns(example)
        for field in self.schema.fields:
            if field.name in columns and field.tensor is None:  # a tensor keeps its shape
                example = self._simpler_values(example, field.name)
        return example, columns

    def _still(self, example: Example) -> bool:
        if self.steps <= 0:
            self.was_cut = True
            return False
        self.steps -= 1
        return self.holds(example)

    # ---- rows

    def with_fewer_rows(self, example: Example) -> Example:
        """Remove other rows: half of them at a time, then smaller parts, in the end one by one until each matters."""
        part = max(len(example.other.rows) // 2, 1)
        while len(example.other.rows) > 1:
            before = len(example.other.rows)
            example = self._without_parts(example, part)
            if part == 1 and len(example.other.rows) == before:
                break
            part = max(min(part, len(example.other.rows)) // 2, 1)
        return example

    def _without_parts(self, example: Example, part: int) -> Example:
        """Go through the rows once, and remove each part of them without which the difference stays."""
        start = 0
        while start < len(example.other.rows):
            smaller = _without(example, range(start, start + part))
            if smaller is not None and self._still(smaller):
                example = smaller
            else:
                start += part
        return example

    # ---- columns

    def _fewer_columns(self, example: Example) -> tuple[Example, tuple[str, ...]]:
        """Give columns their default in every row: first all except one, then one after the other."""
        names = [field.name for field in self.schema.fields]
        for name in names:
            reduced = self._at_default(example, [other for other in names if other != name])
            if self._still(reduced):
                return reduced, (name,)
        matter = []
        for name in names:
            reduced = self._at_default(example, [name])
            if self._still(reduced):
                example = reduced
            else:
                matter.append(name)
        return example, tuple(matter)

    def _at_default(self, example: Example, names: Sequence[str]) -> Example:
        return _mapped(example, lambda row: at_default(row, self.schema, names))

    # ---- values

    def _simpler_values(self, example: Example, column: str) -> Example:
        """Try simpler values in one column, row by row."""
        for row in _distinct_rows(example):
            old = row.values[column]
            for value in simpler(old):
                if repr(value) == repr(old):
                    break
                smaller = _mapped(example, _put(row, column, value))
                if self._still(smaller):
                    example = smaller
                    break
        return example


def _without(example: Example, rows: range) -> Example | None:
    """The example without some of the rows, by number; the row in question stays. None if no row would go."""
    other = example.other
    kept = [at for at in range(len(other.rows)) if at == other.target or at not in rows]
    if len(kept) == len(other.rows):
        return None
    smaller = replace(other, rows=tuple(other.rows[at] for at in kept), target=kept.index(other.target))
    return replace(example, reference=_reference(example, smaller), other=smaller)


def _put(row: InputRow, column: str, value: object) -> Callable[[InputRow], InputRow]:
    return lambda each: each.with_value(column, value, each.kind) if each == row else each


def _reference(example: Example, other: Condition) -> Condition:
    """The reference condition for fewer rows: the same rows if both conditions had the same, else the row alone."""
    if len(example.reference.rows) == len(example.other.rows):
        return replace(example.reference, rows=other.rows, target=other.target)
    return example.reference


def _mapped(example: Example, change: Callable[[InputRow], InputRow]) -> Example:
    """Apply a change to every row of an example; a row that occurs twice stays the same object."""
    made: dict[int, InputRow] = {}

    def of(row: InputRow) -> InputRow:
        return made.setdefault(id(row), change(row))

    def side(condition: Condition) -> Condition:
        before = tuple(tuple(of(row) for row in call) for call in condition.before)
        return replace(condition, rows=tuple(of(row) for row in condition.rows), before=before)

    return replace(example, reference=side(example.reference), other=side(example.other))


def _distinct_rows(example: Example) -> list[InputRow]:
    rows = [*example.other.rows, *(row for call in example.other.before for row in call)]
    return list({id(row): row for row in rows}.values())


NO_DEFAULT = object()
"""The default of a column without a simplest value, such as a tensor, which keeps its shape."""


def at_default(row: InputRow, schema: Schema, names: Sequence[str]) -> InputRow:
    """A row with the default value in some columns.

    Args:
        row: the row.
        schema: the model's declared inputs.
        names: the columns to change; a column without a default keeps its value.
    """
    defaults = {field.name: default_of(field) for field in schema.fields if field.name in names}
    usable = {name: value for name, value in defaults.items() if value is not NO_DEFAULT}
    return replace(row, values={**row.values, **usable})


def default_of(field: Field) -> object:
    """The simplest value of a column: null, zero, an empty value or the first day of 1970; else `NO_DEFAULT`."""
    if field.tensor is not None:
        return NO_DEFAULT
    if field.nullable:
        return None
    kind = field.base_type
    scale = int(field.ddl_type[8:-1].split(",")[1]) if kind == "DECIMAL" else 0
    plain: dict[str, object] = {
        **dict.fromkeys(("TINYINT", "SMALLINT", "INT", "BIGINT"), 0),
        **dict.fromkeys(("FLOAT", "DOUBLE"), 0.0),
        "BOOLEAN": False,
        "STRING": "",
        "BINARY": b"",
        "DECIMAL": Decimal(0).scaleb(-scale),
        "DATE": date(1970, 1, 1),
        "TIMESTAMP": datetime(1970, 1, 1, tzinfo=UTC),
        "TIMESTAMP_NTZ": datetime(1970, 1, 1),
    }
    return plain.get(kind, [] if kind == "ARRAY" else NO_DEFAULT)


def simpler(value: object) -> Iterator[object]:
    """Simpler values than one, the simplest first."""
    if isinstance(value, bool) or value is None:
        return
    if isinstance(value, int):
        yield from (each for each in (0, 1, 2) if abs(each) <= abs(value))
    elif isinstance(value, float) and math.isfinite(value):
        yield from (0.0, 1.0, 2.0)
        yield from (round(value, digits) for digits in (0, 1, 2, 4))
    elif isinstance(value, str):
        yield from (each for each in ("", "a", "b") if len(each) <= len(value))
        yield from (value[:1], value[: len(value) // 2])
    elif isinstance(value, list) and value:
        yield from ([], value[:1], value[: len(value) // 2])

"""Decision thresholds, mined from a model's own behaviour by bisection, and the rows that lie beside them.

Where a value changes an output in one step, the two neighbouring numbers between which it does so are found by halving
the way from an ordinary value to another that has another output. A value rounded to float32 lands on the wrong side of
such a threshold only if it lies within half a float32 step of it: no row of a fixture ever does, so such rows are made.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np

from pyml.harness.session_messages import Refusal
from pyml_sandbox.parity.context.check_context import CheckContext
from pyml_sandbox.parity.harness_process import Output
from pyml_sandbox.parity.noise.noise_model import NOISE_OF_DOUBLE
from pyml_sandbox.parity.rows.row_kind import Kind
from pyml_sandbox.parity.rows.synthetic import InputRow

MAX_WAYS = 24
MAX_HALVINGS = 70
WAYS_BUDGET_S = 10.0
WAYS_OF_COLUMN = 3
NOISES = 4
WRITTEN_DIGITS = 4
COMPANY = (2, 32)
"""Copies of a row in a call: arithmetic adds in a different order in each size."""


@dataclass
class _Way:
    """From an ordinary value of a column to another one; `low` keeps the output of the first."""

    base: InputRow
    column: str
    low: float
    high: float
    output: Output
    at_low: Output
    at_high: Output
    is_single: bool

    @property
    def middle(self) -> float:
        middle = self.low + (self.high - self.low) / 2
        return float(np.float32(middle)) if self.is_single else middle

    @property
    def is_over(self) -> bool:
        return self.middle in (self.low, self.high)


def beside_thresholds(context: CheckContext) -> list[InputRow]:
    """Rows beside every threshold that is found, in columns of DOUBLE and FLOAT."""
    ways = _affordable_ways(context)
    for _ in range(MAX_HALVINGS):
        _halve(context, [way for way in ways if not way.is_over])
    # At the end of a step both sides are one number apart: a smooth model differs there by next to nothing.
    steps = [way for way in ways if way.is_over and context.differing(way.at_low, way.at_high)]
    return _steady(context, [row for way in steps for row in _beside(way)])


def _affordable_ways(context: CheckContext) -> list[_Way]:
    """The columns' ways in turns, as many as time allows."""
    fields = [
        field for field in context.inputs.fields if field.ddl_type in ("DOUBLE", "FLOAT") and field.tensor is None
    ]
    in_turns = zip_longest(*(_ways(context, field.name, is_single=field.ddl_type == "FLOAT") for field in fields))
    affordable = min(context.affordable(WAYS_BUDGET_S) // MAX_HALVINGS, MAX_WAYS)
    return [way for turn in in_turns for way in turn if way is not None][:affordable]


def _halve(context: CheckContext, ways: list[_Way]) -> None:
    """Ask about the middle of each way, and keep the half in which the output changes."""
    if not ways:
        return
    answers = context.calls([[_at(way, way.middle)] for way in ways])
    for way, (output,) in zip(ways, answers, strict=True):
        if context.differing(way.output, output):
            way.high, way.at_high = way.middle, output
        else:
            way.low, way.at_low = way.middle, output


def _steady(context: CheckContext, rows: list[InputRow]) -> list[InputRow]:
    """Rows that lie further from their step than the model's noise: where it is of float32, they have one output in any
    company. Where there is none, a row that has not shows that the widths part.
    """
    if not context.noise.is_of_float32:
        return rows
    alone = context.calls([[row] for row in rows])
    crowded = [context.calls([[row] * size for row in rows]) for size in COMPANY]
    return [
        row
        for place, row in enumerate(rows)
        if not any(context.differing(alone[place][0], output) for calls in crowded for output in calls[place])
    ]


def _ways(context: CheckContext, name: str, *, is_single: bool) -> list[_Way]:
    """From an ordinary row to values of a column that give another output."""
    base = context.ordinary[0]
    outputs = dict(zip(map(id, context.everything), context.alone, strict=True))
    found = []
    for row in context.input_rows:
        if row.column == name and _are_numbers(base.values[name], row.values[name]):
            here, there = outputs[id(base)], outputs[id(row)]
            if not isinstance(here, Refusal) and not isinstance(there, Refusal) and context.differing(here, there):
                found.append(_Way(base, name, base.values[name], row.values[name], here, here, there, is_single))
    return found[:WAYS_OF_COLUMN]


def _is_written(value: float) -> bool:
    """Whether a float32 is a number of few digits, rounded."""
    return float(np.float32(f"{value:.{WRITTEN_DIGITS}g}")) == value


def _are_numbers(*values: object) -> bool:
    return all(isinstance(value, float) and math.isfinite(value) for value in values)


def _at(way: _Way, value: float) -> InputRow:
    return way.base.with_value(way.column, value, Kind.BOUNDARY)


def _beside(way: _Way) -> Iterator[InputRow]:
    """Numbers on both sides of a step that float32 would put on the other, and float32's own beside them.

    Each lies further from the step than the noise of arithmetic, which may flip a decision as well, and honestly. In a
    column of FLOAT only the limit itself parts widths, where somebody wrote it: noise has no steps at such numbers.
    """
    if way.is_single:
        yield from (_at(way, value) for value in (way.low, way.high) if _is_written(value))
        return
    single = np.float32(way.high)
    for to in (-math.inf, math.inf):
        other = np.nextafter(single, np.float32(to))
        middle = (float(single) + float(other)) / 2
        for value in ((way.high + middle) / 2, (way.high + float(single)) / 2, float(other)):
            if abs(value - way.high) > NOISES * NOISE_OF_DOUBLE * abs(way.high):
                yield _at(way, value)

"""Decision thresholds of a model, found by bisection, and rows next to them.

If an output changes in one step, bisection between two values with different outputs finds the two adjacent floats
between which it changes. A value that is rounded to float32 falls on the wrong side of such a threshold only if it is
within half a float32 step of it. Rows of a fixture hardly ever are, so such rows are made.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import TypeGuard

import numpy as np

from pyml.harness.session_messages import Refusal
from pyml_sandbox.parity.context.check_context import CheckContext
from pyml_sandbox.parity.context.time_budget import Part
from pyml_sandbox.parity.harness_process import Output, is_answer
from pyml_sandbox.parity.noise.noise_model import NOISE_OF_DOUBLE
from pyml_sandbox.parity.rows.row_kind import Kind
from pyml_sandbox.parity.rows.synthetic import Cell, InputRow

MAX_BRACKETS = 24
MAX_HALVINGS = 70
BRACKETS_OF_COLUMN = 3
NOISE_MARGIN = 4
WRITTEN_DIGITS = 4
COPIES = (2, 32)
"""Copies of a row in a call: the order of additions differs with the number of rows."""


@dataclass
class _Bracket:
    """The interval between two values of a column with different outputs; `low` has that of the ordinary value."""

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
    """Rows next to every threshold that is found in columns of DOUBLE and FLOAT. Blocks."""
    brackets = _affordable_brackets(context)
    for _ in range(MAX_HALVINGS):
        _halve(context, [bracket for bracket in brackets if not bracket.is_over])
    # In the end both sides are adjacent floats, where the outputs of a smooth model hardly differ.
    steps = [bracket for bracket in brackets if bracket.is_over and context.differing(bracket.at_low, bracket.at_high)]
    return _steady(context, [row for bracket in steps for row in _both_sides(bracket)])


def _affordable_brackets(context: CheckContext) -> list[_Bracket]:
    """Brackets of the columns in turn, as many as time allows."""
    fields = [
        field for field in context.inputs.fields if field.ddl_type in ("DOUBLE", "FLOAT") and field.tensor is None
    ]
    in_turns = zip_longest(*(_brackets(context, field.name, is_single=field.ddl_type == "FLOAT") for field in fields))
    brackets = [bracket for turn in in_turns for bracket in turn if bracket is not None][:MAX_BRACKETS]
    affordable = context.affordable(Part.THRESHOLDS) // MAX_HALVINGS
    if affordable < len(brackets):
        rest_s = (len(brackets) - affordable) * MAX_HALVINGS * context.call_s
        context.leave(Part.THRESHOLDS, f"{affordable} of {len(brackets)} bisected", rest_s)
    return brackets[:affordable]


def _halve(context: CheckContext, brackets: list[_Bracket]) -> None:
    """Predict the middle of each bracket, and keep the half in which the output changes."""
    if not brackets:
        return
    answers = _answers(context, [_at(bracket, bracket.middle) for bracket in brackets])
    for bracket, output in zip(brackets, answers, strict=True):
        if context.differing(bracket.output, output):
            bracket.high, bracket.at_high = bracket.middle, output
        else:
            bracket.low, bracket.at_low = bracket.middle, output


def _answers(context: CheckContext, rows: list[InputRow]) -> list[Output]:
    """The output of each row: in one call where a row does not depend on its batch, else in calls of their own."""
    if context.noise.is_rowwise:
        (together,) = context.calls([rows])
        if all(map(is_answer, together)):
            return together
    return [output for (output,) in context.calls([[row] for row in rows])]


def _steady(context: CheckContext, rows: list[InputRow]) -> list[InputRow]:
    """Rows that are further from their threshold than the model's noise.

    If a column has noise of float32, these are the rows with the same output in calls of every size. Without such
    noise all rows are kept: there a different output shows the difference between float32 and float64.
    """
    if not context.noise.is_of_float32:
        return rows
    alone = context.calls([[row] for row in rows])
    copied = [context.calls([[row] * size for row in rows]) for size in COPIES]
    return [
        row
        for position, row in enumerate(rows)
        if not any(context.differing(alone[position][0], output) for calls in copied for output in calls[position])
    ]


def _brackets(context: CheckContext, name: str, *, is_single: bool) -> list[_Bracket]:
    """Brackets from an ordinary row to values of a column that have a different output."""
    base = context.ordinary[0]
    outputs = dict(zip(map(id, context.all_input_rows), context.alone, strict=True))
    found = []
    for row in context.input_rows:
        low, high = base.values[name], row.values[name]
        if row.column == name and _is_number(low) and _is_number(high):
            here, there = outputs[id(base)], outputs[id(row)]
            if not isinstance(here, Refusal) and not isinstance(there, Refusal) and context.differing(here, there):
                found.append(_Bracket(base, name, low, high, here, here, there, is_single))
    return found[:BRACKETS_OF_COLUMN]


def _is_written(value: float) -> bool:
    """Whether a float32 is the rounding of a number with few digits."""
    return float(np.float32(f"{value:.{WRITTEN_DIGITS}g}")) == value


def _is_number(value: Cell) -> TypeGuard[float]:
    return isinstance(value, float) and math.isfinite(value)


def _at(bracket: _Bracket, value: float) -> InputRow:
    return bracket.base.with_value(bracket.column, value, Kind.BOUNDARY)


def _both_sides(bracket: _Bracket) -> Iterator[InputRow]:
    """Numbers on both sides of a threshold that rounding to float32 moves to the other side, and the adjacent float32.

    Each is further from the threshold than the noise of arithmetic, which may flip a decision of a correct model. In a
    column of FLOAT only the threshold itself distinguishes the widths, if it is a number that somebody wrote: noise
    does not make thresholds at such numbers.
    """
    if bracket.is_single:
        yield from (_at(bracket, value) for value in (bracket.low, bracket.high) if _is_written(value))
        return
    single = np.float32(bracket.high)
    for to in (-math.inf, math.inf):
        other = np.nextafter(single, np.float32(to))
        middle = (float(single) + float(other)) / 2
        for value in ((bracket.high + middle) / 2, (bracket.high + float(single)) / 2, float(other)):
            if abs(value - bracket.high) > NOISE_MARGIN * NOISE_OF_DOUBLE * abs(bracket.high):
                yield _at(bracket, value)

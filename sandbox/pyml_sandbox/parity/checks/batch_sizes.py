"""The check `sizes`: rows of the fixture whose output changes with only the number of rows in the call."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set

from pyml_sandbox.parity.checks.baseline import one_row
from pyml_sandbox.parity.context.check_context import CheckContext
from pyml_sandbox.parity.context.size_noise import SIZES
from pyml_sandbox.parity.observations.catalogue import Check
from pyml_sandbox.parity.observations.observation import Condition, Example, Observation
from pyml_sandbox.parity.rows.synthetic import fixture_rows

MAX_BATCH_EXAMPLES = 3
"""Fewer than `baseline.MAX_EXAMPLES`: each of these examples needs calls with whole batches."""


def of_sizes(context: CheckContext, seen: Set[str]) -> Iterator[Observation]:
    """An observation for each output column that depends, beyond its noise, on the size of the batch alone.

    Args:
        context: its noise has been measured.
        seen: output columns in which the checks of the sample have already seen a difference.
    """
    for name, rows in context.noise.size_dependent.items():
        examples = [example for row in rows[:MAX_BATCH_EXAMPLES] if (example := _smallest(context, name, row))]
        if examples and name not in seen:
            yield Observation(Check.SIZES, name, tuple(examples), rows=len(rows))


def _smallest(context: CheckContext, name: str, row: int) -> Example | None:
    """The row alone, and the smallest batch that gives it a different value; None if no batch does."""
    start = row // context.batch_rows * context.batch_rows
    rows = context.all_rows.slice(start, context.batch_rows)
    input_rows, position = fixture_rows(rows), row - start
    groups = [
        [position],
        *(_around(position, size, len(input_rows)) for size in (*sorted(SIZES)[1:], context.batch_rows)),
    ]
    alone, *others = context.harness.calls(rows, groups)
    for group, outputs in zip(groups[1:], others, strict=True):
        if name in context.differing(alone[0], outputs[group.index(position)]):
            together = Condition(tuple(input_rows[each] for each in group), group.index(position))
            return Example(name, one_row(input_rows[position]), together)
    return None


def _around(position: int, size: int, rows: int) -> Sequence[int]:
    start = position // size * size
    return range(start, min(start + size, rows))

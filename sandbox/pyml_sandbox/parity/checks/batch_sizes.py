"""The check of sizes: rows of the fixture whose output changes with nothing but the number of rows in the call."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set

from pyml_sandbox.parity.checks.baseline import one_row
from pyml_sandbox.parity.context.check_context import CheckContext
from pyml_sandbox.parity.context.size_noise import SIZES
from pyml_sandbox.parity.observations.catalogue import Check
from pyml_sandbox.parity.observations.observation import Condition, Example, Observation
from pyml_sandbox.parity.rows.synthetic import fixture_rows

MAX_CASES = 3


def of_sizes(context: CheckContext, seen: Set[str]) -> Iterator[Observation]:
    """An observation for each output column that departs, beyond its noise, where only the size of the batch differs.

    Args:
        context: with its noise measured.
        seen: output columns in which the checks of the sample saw a difference already.
    """
    for name, rows in context.noise.departing.items():
        cases = [case for row in rows[:MAX_CASES] if (case := _smallest(context, name, row))]
        if cases and name not in seen:
            yield Observation(Check.SIZES, name, tuple(cases), rows=len(rows))


def _smallest(context: CheckContext, name: str, row: int) -> Example | None:
    """The row alone, and the smallest of the batches it was asked in that gives a different value."""
    start = row // context.batch_rows * context.batch_rows
    rows = context.judged.slice(start, context.batch_rows)
    input_rows, place = fixture_rows(rows), row - start
    groups = [[place], *(_around(place, size, len(input_rows)) for size in (*sorted(SIZES)[1:], context.batch_rows))]
    alone, *others = context.harness.calls(rows, groups)
    for group, outputs in zip(groups[1:], others, strict=True):
        if name in context.differing(alone[0], outputs[group.index(place)]):
            together = Condition(tuple(input_rows[each] for each in group), group.index(place))
            return Example(name, one_row(input_rows[place]), together)
    return None


def _around(place: int, size: int, rows: int) -> Sequence[int]:
    start = place // size * size
    return range(start, min(start + size, rows))

"""The check `sizes`: rows of the fixture whose output changes with only the number of rows in the call."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set

from pyml_sandbox.parity.checks.baseline import one_row
from pyml_sandbox.parity.checks.company import in_company, smallest_company
from pyml_sandbox.parity.context.check_context import CheckContext
from pyml_sandbox.parity.context.size_noise import SIZES
from pyml_sandbox.parity.observations.catalogue import Check
from pyml_sandbox.parity.observations.observation import Condition, Example, Observation
from pyml_sandbox.parity.rows.synthetic import fixture_rows

TRIED = 3
"""How many rows of a column are tried for its example, each with whole batches."""


def of_sizes(context: CheckContext, seen: Set[str]) -> Iterator[Observation]:
    """An observation for each output column that depends, beyond its noise, on the size of the batch alone. Blocks.

    Args:
        context: its noise has been measured.
        seen: output columns in which the checks of the sample have already seen a difference.

    Raises:
        NoAnswerError: the model ended its Python process, or is too slow.
    """
    for name, example in examples_of_sizes(context, seen):
        observation = Observation(Check.SIZES, name, (example,), rows=len(_rows_by_output(context)[name]))
        company = smallest_company(context, example)
        yield in_company(context, observation, company) if company else observation


def examples_of_sizes(context: CheckContext, seen: Set[str] = frozenset()) -> Iterator[tuple[str, Example]]:
    """One example for each output column that depends on the size of the batch, or is refused for it. Blocks.

    Args:
        context: its noise has been measured.
        seen: output columns to leave out.

    Yields:
        The output column, empty for refused calls; and a row alone against the row in the smallest batch that differs.

    Raises:
        NoAnswerError: the model ended its Python process, or is too slow.
    """
    for name, rows in _rows_by_output(context).items():
        if name in seen:
            continue
        found = (_smallest(context, name, row) for row in rows[:TRIED])
        if example := next(filter(None, found), None):
            yield name, example


def _rows_by_output(context: CheckContext) -> dict[str, tuple[int, ...]]:
    refused = {"": context.noise.refused} if context.noise.refused else {}
    return {**context.noise.size_dependent, **refused}


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

"""The check `map-order`: Hive and Spark give the entries of a map in no order that a model may use."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from pyml_sandbox.parity.checks.baseline import MAX_EXAMPLES, one_row
from pyml_sandbox.parity.context.check_context import CheckContext
from pyml_sandbox.parity.harness_process import refusal_in
from pyml_sandbox.parity.observations.catalogue import Check
from pyml_sandbox.parity.observations.observation import Example, Observation
from pyml_sandbox.parity.rows.synthetic import InputRow, fixture_rows

MAX_ROWS = 16
"""How many rows beyond the sample are called alone in both orders, since a call of all of them differs there."""


def of_map_order(context: CheckContext) -> list[Observation]:
    """Rows of the fixture with the entries of their maps in reverse order; nothing for a model without maps. Blocks.

    Raises:
        NoAnswerError: the model ended its Python process, or is too slow.
    """
    columns = [field.name for field in context.inputs.fields if field.tensor is None and field.base_type == "MAP"]
    if not columns:
        return []
    rows = [(row, changed) for row in context.fixture if (changed := _reversed(row, columns)) is not row]
    rows += _of_the_rest(context, columns)
    if not rows:
        return []
    with context.record.making({Check.MAP_ORDER: len(rows)}) as seen:
        answers = context.calls([[row] for pair in rows for row in pair])
        found: dict[str, list[Example]] = defaultdict(list)
        messages: dict[str, str] = {}
        for (row, changed), (left,), (right,) in zip(rows, answers[::2], answers[1::2], strict=True):
            for name in context.differing(left, right):
                found[name].append(Example(name, one_row(row), one_row(changed)))
                messages.setdefault(name, refusal_in(left) or refusal_in(right))
        seen += [
            Observation(
                Check.MAP_ORDER,
                name,
                tuple(examples[:MAX_EXAMPLES]),
                tuple(columns[:1] * (len(columns) == 1)),
                rows=len(examples),
                message=messages[name],
            )
            for name, examples in found.items()
        ]
    return seen


def _of_the_rest(context: CheckContext, columns: list[str]) -> list[tuple[InputRow, InputRow]]:
    """Rows beyond the sample that one call with all of them tells from a call with their maps in reverse order."""
    given = fixture_rows(context.full_batch)[len(context.fixture) :]
    changed = [_reversed(row, columns) for row in given]
    if all(row is each for row, each in zip(changed, given, strict=True)):
        return []
    left, right = context.calls([given, changed])
    found = zip(given, changed, left, right, strict=True)
    return [(row, each) for row, each, here, there in found if context.differing(here, there)][:MAX_ROWS]


def _reversed(row: InputRow, columns: list[str]) -> InputRow:
    """The row with the entries of its maps in reverse order; the same row if no map has two entries."""
    changed = {
        name: dict(reversed(value.items()))
        for name in columns
        if isinstance(value := row.values[name], dict) and len(value) > 1
    }
    return replace(row, values={**row.values, **changed}) if changed else row

"""The predictions of the notebook against those of the real paths: which rows differ, for a cause."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pyml_sandbox.compare.rendering.formatting import plain
from pyml_sandbox.parity.checks.baseline import MAX_EXAMPLES, no_difference, tags_of_pairs
from pyml_sandbox.parity.context.check_context import CheckContext
from pyml_sandbox.parity.noise.noise_model import Row, rows_of
from pyml_sandbox.parity.noise.ties import aligned
from pyml_sandbox.parity.observations.catalogue import Check
from pyml_sandbox.parity.observations.observation import Observation
from pyml_sandbox.parity.rows.synthetic import InputRow, fixture_rows, kinds_of

if TYPE_CHECKING:
    import pyarrow as pa

    from pyml_sandbox.parity.rows.snapshot import Snapshot

MAX_ROWS = 500
"""How many rows that differ, and how many that agree, are looked at."""


def of_notebook(
    context: CheckContext, snapshot: Snapshot, expected: Path, predictions: Mapping[str, Path]
) -> list[Observation]:
    """What differs from the notebook, an observation for each output; does not call the model.

    Args:
        context: of the check; its noise has been measured.
        snapshot: the rows.
        expected: Parquet file of keys and outputs, as the notebook predicted them.
        predictions: the Parquet file that each path wrote, by path.
    """
    found: dict[str, Observation] = {}
    with context.record.making({Check.EXPECTED: 0}) as seen:
        for predicted in predictions.values():
            if predicted.exists():
                for observation in _against(context, snapshot, expected, predicted):
                    found.setdefault(observation.output, observation)
        seen += found.values()
    return list(found.values())


def _against(context: CheckContext, snapshot: Snapshot, expected: Path, predicted: Path) -> Iterator[Observation]:
    import pyarrow.parquet as pq

    measured, answered = aligned(pq.read_table(expected), pq.read_table(predicted), snapshot.key)
    keyed, rows = aligned(measured, pq.read_table(snapshot.file), snapshot.key)
    if keyed.num_rows != measured.num_rows:  # a key is repeated, which is a finding of its own
        return
    for name in context.outputs.names:
        if name in measured.column_names and name in answered.column_names:
            positions = _unequal(measured, answered, name)
            observation = _observed(context, name, positions, measured, answered, rows, snapshot.key)
            if observation is not None:
                yield observation


def _unequal(left: pa.Table, right: pa.Table, name: str) -> list[int]:
    """Rows whose values are not equal; NaN is unequal to itself here."""
    pairs = zip(left[name].to_pylist(), right[name].to_pylist(), strict=True)
    return [position for position, (one, other) in enumerate(pairs) if one != other]


def _observed(
    context: CheckContext,
    name: str,
    unequal: Sequence[int],
    measured: pa.Table,
    answered: pa.Table,
    rows: pa.Table,
    key: Sequence[str],
) -> Observation | None:
    """The observation of one output; None if its values differ by no more than noise."""
    candidates = unequal[:MAX_ROWS]
    outputs = _rows_at(answered, context.outputs.names, candidates)
    wanted = [
        {**output, **own}
        for output, own in zip(outputs, _rows_at(measured, context.outputs.names, candidates), strict=True)
    ]
    differing = [
        at
        for at, (left, right) in enumerate(zip(outputs, wanted, strict=True))
        if context.noise_model.differ(name, left[name], right[name])
    ]
    if not differing:
        return None
    positions = [candidates[at] for at in differing]
    shown, silent = _input_rows(context, rows, positions), _input_rows(context, rows, _others(unequal, rows.num_rows))
    pairs = tuple((outputs[at], wanted[at]) for at in differing)
    return Observation(
        Check.EXPECTED,
        name,
        tuple(no_difference(row, name) for row in shown[:MAX_EXAMPLES]),
        tags=frozenset(tags_of_pairs(name, pairs)),
        rows=len(differing),
        message=_key_text(rows, key, positions[0]),
        outputs=pairs[:MAX_EXAMPLES],
        kinds=frozenset(kinds_of(shown, silent)),
    )


def _others(unequal: Sequence[int], rows: int) -> list[int]:
    """Some of the rows that are equal."""
    known = set(unequal)
    return [position for position in range(rows) if position not in known][:MAX_ROWS]


def _rows_at(table: pa.Table, names: Sequence[str], positions: Sequence[int]) -> list[Row]:
    from pyml.types.declared_rows import one_batch

    there = [name for name in names if name in table.column_names]
    return rows_of(one_batch(_taken(table.select(there), positions)))


def _input_rows(context: CheckContext, rows: pa.Table, positions: Sequence[int]) -> list[InputRow]:
    from pyml.types.declared_rows import conform, one_batch

    inputs = _taken(rows.select(list(context.inputs.names)), positions)
    return fixture_rows(conform(one_batch(inputs), context.inputs))


def _taken(table: pa.Table, positions: Sequence[int]) -> pa.Table:
    import pyarrow as pa

    return table.take(pa.array(positions, pa.int64()))


def _key_text(rows: pa.Table, key: Sequence[str], position: int) -> str:
    """The key of a row, as `id = 7`."""
    return ", ".join(f"{name} = {plain(str(rows[name][position].as_py()))}" for name in key)

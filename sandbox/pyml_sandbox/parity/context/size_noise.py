"""Every row of the fixture in batches of several sizes, in one isolated process: what size alone does to outputs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pyml.harness.session_messages import HarnessRequest
from pyml.types.schema import Schema
from pyml_sandbox.compare import Tolerance, Tolerances
from pyml_sandbox.parity.harness_process import HarnessProcess
from pyml_sandbox.parity.noise.column_noise import Noise, column_noise, has_floats
from pyml_sandbox.parity.noise.float_pairs import FloatPairs, floats_in
from pyml_sandbox.parity.noise.ties import Ties, ties_in

if TYPE_CHECKING:
    import pyarrow as pa

SIZES = (32, 2, 1)
"""Rows in a call, beside the whole batches in which the rows come."""
BUDGET_S = 6.0
"""What asking may take."""
SLICE_S = 1.0
"""What one slice of the rows may take in batches of every size: the budget is looked at between slices."""


def measure_noise(
    harness: HarnessProcess,
    rows: pa.RecordBatch,
    outputs: Schema,
    batch_rows: int,
    *,
    granted: Tolerances | None = None,
    pass_through: Set[str] = frozenset(),
    row_s: float = 0.0,
    budget_s: float = BUDGET_S,
    clock: Callable[[], float] = time.perf_counter,
) -> Noise:
    """Ask about rows in batches of 1, 2, 32 and `batch_rows`, and compare each with the last; blocks.

    Args:
        harness: asked.
        rows: shape (rows, inputs): every row that is judged. Where time is short those that are asked about lie evenly
            among them.
        outputs: of the model.
        batch_rows: as many rows as one request of the check holds.
        granted: what floats may differ by before anything is measured; None for what their types allow.
        pass_through: output columns that hand an input back.
        row_s: seconds that a call of one row takes: a slow model is asked about smaller slices.
        budget_s: seconds that asking may take; the first slice is always asked about.
        clock: seconds that pass.

    Raises:
        PackageError: the model ended its Python, or does not answer.
    """
    measured = _Measured(outputs, granted or Tolerances())
    end = clock() + budget_s
    size = _affordable(batch_rows, row_s * (len(SIZES) + 1))
    for start in _spread_slices(rows.num_rows, batch_rows):
        for part in range(start, min(start + batch_rows, rows.num_rows), size):
            begun = clock()
            measured.ask(harness, rows.slice(part, min(size, start + batch_rows - part)), part)
            size = _affordable(batch_rows, (clock() - begun) / size)
            if clock() > end:
                return measured.noise(rows.num_rows, pass_through)
    return measured.noise(rows.num_rows, pass_through)


def _affordable(batch_rows: int, row_s: float) -> int:
    """Rows of one slice, where each takes `row_s` seconds in batches of every size."""
    return max(min(batch_rows, int(SLICE_S / max(row_s, 1e-9))) // max(SIZES), 1) * max(SIZES)


def _spread_slices(rows: int, size: int) -> list[int]:
    """Where slices of some rows begin, so ordered that the first few lie far apart: by their numbers' reversed bits."""
    count = -(-rows // size)
    width = max(count - 1, 1).bit_length()
    order = sorted(range(count), key=lambda number: f"{number:0{width}b}"[::-1])
    return [number * size for number in order]


@dataclass(frozen=True)
class _Slice:
    """Predictions of some rows, row for row: as they come, and in each smaller size that was answered."""

    start: int
    whole: pa.RecordBatch
    parts: Mapping[int, pa.RecordBatch]


class _Measured:
    """What was seen so far."""

    def __init__(self, outputs: Schema, granted: Tolerances) -> None:
        self._outputs, self._granted = outputs.arrow, granted
        self._slices: list[_Slice] = []
        self._rows = 0

    def ask(self, harness: HarnessProcess, rows: pa.RecordBatch, start: int) -> None:
        """Ask about rows of which the first has the number `start`; where a call is refused nothing is compared."""
        whole = _predictions(harness, rows, rows.num_rows)
        self._rows += rows.num_rows
        if whole is not None:
            answers = {size: _predictions(harness, rows, size) for size in SIZES if size < rows.num_rows}
            answered = {size: part for size, part in answers.items() if part is not None}
            self._slices.append(_Slice(start, whole, answered))

    def noise(self, rows: int, pass_through: Set[str]) -> Noise:
        """Noise and logic of each column."""
        found = {
            field.name: column_noise(
                field.name,
                field.type,
                self._floats(field.name),
                self._pairs(field.name),
                stated=self._granted.columns.get(field.name),
                is_pass_through=field.name in pass_through,
            )
            for field in self._outputs
        }
        columns = {field.name: found[field.name][0] for field in self._outputs if has_floats(field.type)}
        departing = {name: set(beyond.tolist()) for name, (_, beyond) in found.items()}
        measured = {name: column.tolerance(self._granted) for name, column in columns.items()}
        scores = {**measured, **self._granted.columns}
        labels = [name for name, beyond in departing.items() if beyond and name not in columns]
        ties = {name: self._ties(name, scores) for name in labels}
        for name, tied in ties.items():
            departing[name] -= set(tied.tied)
        return Noise(
            columns,
            {name: tuple(sorted(beyond)) for name, beyond in departing.items() if beyond},
            {name: tied for name, tied in ties.items() if tied.tied},
            self._rows,
            rows,
        )

    def _floats(self, name: str) -> np.ndarray:
        return np.concatenate([np.zeros(0), *(floats_in(each.whole[name]) for each in self._slices)])

    def _pairs(self, name: str) -> FloatPairs:
        return FloatPairs.concatenated(
            [
                FloatPairs.between(each.whole[name], part[name]).in_rows(each.start + np.arange(part.num_rows))
                for each in self._slices
                for part in each.parts.values()
            ]
        )

    def _ties(self, name: str, scores: Mapping[str, Tolerance]) -> Ties:
        """Labels that flip in any size; a row that is not tied in each size in which it flips is not a tie."""
        found = []
        for size in SIZES:
            slices = [each for each in self._slices if size in each.parts]
            if slices:
                numbers = np.concatenate([each.start + np.arange(each.whole.num_rows) for each in slices])
                whole = _table(each.whole for each in slices)
                ties = ties_in(whole, _table(each.parts[size] for each in slices), name, scores)
                found.append(ties.numbered(numbers))
        return Ties.joined(name, found)


def _predictions(harness: HarnessProcess, rows: pa.RecordBatch, size: int) -> pa.RecordBatch | None:
    """Predictions row for row, asked in batches of a size; None where one of them is refused."""
    answers = harness.ask(HarnessRequest(rows, list(_groups(rows.num_rows, size))))
    return None if answers.refusals else answers.predictions


def _groups(rows: int, size: int) -> Iterator[Sequence[int]]:
    for start in range(0, rows, size):
        yield range(start, min(start + size, rows))


def _table(batches: Iterable[pa.RecordBatch]) -> pa.Table:
    import pyarrow as pa

    return pa.Table.from_batches(list(batches))

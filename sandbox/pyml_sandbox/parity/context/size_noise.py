"""Every row of the fixture in batches of several sizes, in one isolated process: how the size alone changes outputs."""

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
"""Rows in a call, besides whole batches."""
BUDGET_S = 6.0
"""How long the measurement may take, in seconds."""
SLICE_S = 1.0
"""How long one slice of the rows may take in batches of every size; the budget is checked between slices."""


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
    """Predict rows in batches of 1, 2, 32 and `batch_rows`, and compare each size with the last. Blocks.

    Args:
        harness: predicts the rows.
        rows: shape (rows, inputs): every row that both paths predict. If time is short, evenly spaced rows are used.
        outputs: the model's declared outputs.
        batch_rows: rows in one request of the check.
        granted: the tolerances of floats before noise is measured; None for those of their types.
        pass_through: output columns that hand an input back.
        row_s: time of a call with one row, in seconds; the slower the model, the smaller the slices.
        budget_s: how long the measurement may take, in seconds; the first slice is always measured.
        clock: monotonic time in seconds.

    Raises:
        NoAnswerError: the model ended its Python process, or is too slow.
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
    """Rows of one slice, if each row takes `row_s` seconds in batches of every size."""
    return max(min(batch_rows, int(SLICE_S / max(row_s, 1e-9))) // max(SIZES), 1) * max(SIZES)


def _spread_slices(rows: int, size: int) -> list[int]:
    """First rows of slices, ordered so that the first few are far apart: by the reversed bits of their numbers."""
    count = -(-rows // size)
    width = max(count - 1, 1).bit_length()
    order = sorted(range(count), key=lambda number: f"{number:0{width}b}"[::-1])
    return [number * size for number in order]


@dataclass(frozen=True)
class _Slice:
    """Predictions of some rows, row for row: in one batch, and in each smaller size that was not refused."""

    start: int
    whole: pa.RecordBatch
    parts: Mapping[int, pa.RecordBatch]


class _Measured:
    """The measurements so far."""

    def __init__(self, outputs: Schema, granted: Tolerances) -> None:
        self._outputs, self._granted = outputs.arrow, granted
        self._slices: list[_Slice] = []
        self._rows = 0

    def ask(self, harness: HarnessProcess, rows: pa.RecordBatch, start: int) -> None:
        """Measure rows, the first of which has the number `start`; if a call is refused, nothing is compared."""
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
        size_dependent = {name: set(beyond.tolist()) for name, (_, beyond) in found.items()}
        measured = {name: column.tolerance(self._granted) for name, column in columns.items()}
        scores = {**measured, **self._granted.columns}
        labels = [name for name, beyond in size_dependent.items() if beyond and name not in columns]
        ties = {name: self._ties(name, scores) for name in labels}
        for name, tied in ties.items():
            size_dependent[name] -= set(tied.tied)
        return Noise(
            columns,
            {name: tuple(sorted(beyond)) for name, beyond in size_dependent.items() if beyond},
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
        """Labels that flip in any size; a row is tied only if it is tied in each size in which it flips."""
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
    """Predictions row for row, in batches of a size; None if one of them is refused."""
    answers = harness.ask(HarnessRequest(rows, list(_groups(rows.num_rows, size))))
    return None if answers.refusals else answers.predictions


def _groups(rows: int, size: int) -> Iterator[Sequence[int]]:
    for start in range(0, rows, size):
        yield range(start, min(start + size, rows))


def _table(batches: Iterable[pa.RecordBatch]) -> pa.Table:
    import pyarrow as pa

    return pa.Table.from_batches(list(batches))

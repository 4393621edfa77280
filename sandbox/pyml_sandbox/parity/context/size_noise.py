"""Every row of the fixture in batches of several sizes, in one isolated process: how the size alone changes outputs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pyml.harness.session_messages import HarnessRequest
from pyml.types.schema import Schema
from pyml_sandbox.compare import Tolerance, Tolerances
from pyml_sandbox.parity.harness_process import HarnessProcess
from pyml_sandbox.parity.noise.column_noise import Noise, column_noise, has_floats
from pyml_sandbox.parity.noise.float_pairs import FloatPairs, floats_in
from pyml_sandbox.parity.noise.ties import Ties, ties_in
from pyml_sandbox.parity.rows.rare import rare_rows
from pyml_sandbox.parity.rows.stored_rows import RowSlices

if TYPE_CHECKING:
    import pyarrow as pa

SIZES = (64, 8, 2, 1)
"""Rows in a call, besides whole batches."""
SLICE_SHARE = 1 / 3
"""The share of the time that the small batches of one slice of the rows may take, if there are more than two slices."""
CALLS_OF_ROW = sum(1 / size for size in SIZES)
"""The calls that each row costs."""
WHOLE_SHARE = 1 / 3
"""The share of the time that a whole batch may take; a model that is slow with each row gets smaller ones."""


def measure_noise(
    harness: HarnessProcess,
    rows: RowSlices,
    outputs: Schema,
    batch_rows: int,
    *,
    budget_s: float,
    granted: Tolerances | None = None,
    pass_through: Set[str] = frozenset(),
    row_s: float = 0.0,
    clock: Callable[[], float] = time.perf_counter,
) -> Noise:
    """Predict rows in batches of 1, 2, 8, 64 and `batch_rows`, and compare each size with the last. Blocks.

    Where the last is refused, sizes are compared with each row alone.

    Args:
        harness: predicts the rows.
        rows: shape (rows, inputs): every row that both paths predict. If time is short, evenly spaced rows are used.
        outputs: the model's declared outputs.
        batch_rows: rows in one request of the check.
        budget_s: how long the measurement may take, in seconds; a first whole batch is always measured.
        granted: the tolerances of floats before noise is measured; None for those of their types.
        pass_through: output columns that hand an input back.
        row_s: time of a call with one row, in seconds; the slower the model, the fewer small batches.
        clock: monotonic time in seconds.

    Raises:
        NoAnswerError: the model ended its Python process, or is too slow.
    """
    measured = _Measured(outputs, granted or Tolerances())
    started = clock()
    begun = clock()
    first = rows.slice(0, max(SIZES))
    harness.ask(HarnessRequest(first, [range(first.num_rows)]))
    first_row_s = max((clock() - begun) / max(first.num_rows, 1), 1e-9)
    whole = min(batch_rows, max(int(budget_s * WHOLE_SHARE / first_row_s), max(SIZES)))
    slices, taken_s, call_s = _spread_slices(rows.num_rows, whole), 0.0, row_s
    slice_s = budget_s * max(SLICE_SHARE, 1 / max(len(slices), 1))
    for start in slices:
        begun, part = clock(), rows.slice(start, whole)
        calls = measured.ask(harness, part, start, _calls_of_one_size(part.num_rows, slice_s / max(call_s, 1e-9)))
        call_s = max(call_s, (clock() - begun) / calls)
        if (taken_s := clock() - started) > budget_s:
            break
    noise = measured.noise(rows.num_rows, pass_through)
    if noise.rows >= noise.of:
        return noise
    each_s = taken_s / noise.rows
    if row_s:  # the fewer rows were tried, the more the whole batches count in the mean
        each_s = min(max(each_s, CALLS_OF_ROW * row_s), (len(SIZES) + 1) * row_s)
    of_slice_s = (_calls_of_every_size(min(whole, noise.of)) + 1) * call_s
    needed_s = max(each_s * noise.of, of_slice_s * min(len(slices), 1 / SLICE_SHARE))
    return replace(noise, rest_s=each_s * (noise.of - noise.rows), needed_s=needed_s)


def _calls_of_every_size(rows: int) -> int:
    """The calls with all small batches of some rows."""
    return sum(-(-rows // size) for size in SIZES)


def _calls_of_one_size(rows: int, calls: float) -> int:
    """How many batches of each size may be tried, if so many calls can be made: all of them, or equally many."""
    return rows if calls >= _calls_of_every_size(rows) else max(int(calls / len(SIZES)), 1)


def _spread_slices(rows: int, size: int) -> list[int]:
    """First rows of slices, ordered so that the first few are far apart: by the reversed bits of their numbers."""
    count = -(-rows // size)
    width = max(count - 1, 1).bit_length()
    order = sorted(range(count), key=lambda number: f"{number:0{width}b}"[::-1])
    return [number * size for number in order]


@dataclass(frozen=True)
class _Answers:
    """The answers to some rows in batches of one size.

    Attributes:
        groups: int64, shape (rows,): the number of each row's batch.
        asked: bool, shape (rows,): rows whose batch was tried.
        answered: bool, shape (rows,): rows whose batch was predicted.
        predictions: of these rows, in their order.
        calls: how many batches were tried.
    """

    groups: np.ndarray
    asked: np.ndarray
    answered: np.ndarray
    predictions: pa.RecordBatch
    calls: int

    @classmethod
    def of(cls, harness: HarnessProcess, rows: pa.RecordBatch, size: int, chosen: np.ndarray) -> _Answers:
        """Predict rows in batches of a size. Blocks.

        Args:
            harness: predicts them.
            rows: shape (rows, inputs).
            size: rows in each batch.
            chosen: int64, sorted: the numbers of the batches that are tried.
        """
        groups = np.arange(rows.num_rows) // size
        batches = [range(batch * size, min((batch + 1) * size, rows.num_rows)) for batch in chosen.tolist()]
        response = harness.ask(HarnessRequest(rows, batches))
        asked = np.isin(groups, chosen)
        refused = chosen[list(response.refusals)] if response.refusals else chosen[:0]
        return cls(groups, asked, asked & ~np.isin(groups, refused), response.predictions, len(batches))

    def of_rows(self, wanted: np.ndarray) -> pa.RecordBatch:
        """The predictions of some of the rows that were answered; `wanted` is bool, shape (rows,)."""
        import pyarrow as pa

        return self.predictions.filter(pa.array(wanted[self.answered]))

    def refused_beside(self, alone: _Answers) -> np.ndarray:
        """Rows whose batch was refused although each of its rows is answered alone, and the other way round.

        Args:
            alone: the answers to each row alone.
        """
        is_answered_alone = np.bincount(self.groups, ~alone.answered)[self.groups] == 0
        refused: np.ndarray = self.asked & ~self.answered & is_answered_alone
        refused |= self.answered & alone.asked & ~alone.answered
        return refused


@dataclass(frozen=True)
class _Slice:
    """Some rows, the first of which has the number `start`, in one batch and in batches of each smaller size."""

    start: int
    by_size: Mapping[int, _Answers]

    @property
    def base(self) -> _Answers:
        """What each size is compared with: one batch of all rows, or each row alone if that is refused."""
        whole = self.by_size[max(self.by_size)]
        return whole if whole.answered.all() else self.alone

    @property
    def alone(self) -> _Answers:
        """The answers in the smallest batches, of one row."""
        return self.by_size[min(self.by_size)]

    def sides(self, size: int) -> tuple[np.ndarray, pa.RecordBatch, pa.RecordBatch] | None:
        """The numbers of the rows that a size and the base answer, and both predictions; None if there are none."""
        answers, base = self.by_size.get(size), self.base
        if answers is None or answers is base:
            return None
        both = answers.answered & base.answered
        if not both.any():
            return None
        return self.start + np.flatnonzero(both), base.of_rows(both), answers.of_rows(both)

    @property
    def refused(self) -> np.ndarray:
        """The numbers of rows that are refused in batches of one size alone: int64."""
        found = [answers.refused_beside(self.alone) for answers in self.by_size.values()]
        return self.start + np.flatnonzero(np.any(found, axis=0))


class _Measured:
    """The measurements so far."""

    def __init__(self, outputs: Schema, granted: Tolerances) -> None:
        self._outputs, self._granted = outputs.arrow, granted
        self._slices: list[_Slice] = []
        self._rows = 0

    def ask(self, harness: HarnessProcess, rows: pa.RecordBatch, start: int, calls: int) -> int:
        """Measure rows. Blocks.

        Args:
            harness: predicts them.
            rows: shape (rows, inputs), for one whole batch.
            start: the number of the first.
            calls: how many batches of one size may be tried; those with rare values are, and others evenly spread.

        Returns:
            How many batches were tried.
        """
        sizes = (rows.num_rows, *(size for size in SIZES if size < rows.num_rows))
        rare = rare_rows(rows)
        by_size = {
            size: _Answers.of(harness, rows, size, _chosen(-(-rows.num_rows // size), rare // size, calls))
            for size in sizes
        }
        self._slices.append(_Slice(start, by_size))
        self._rows += int(self._slices[-1].alone.asked.sum())
        return sum(answers.calls for answers in by_size.values())

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
            tuple(self._refused().tolist()),
        )

    def _refused(self) -> np.ndarray:
        return np.unique(np.concatenate([np.zeros(0, np.int64), *(each.refused for each in self._slices)]))

    def _floats(self, name: str) -> np.ndarray:
        return np.concatenate([np.zeros(0), *(floats_in(each.base.predictions[name]) for each in self._slices)])

    def _pairs(self, name: str) -> FloatPairs:
        return FloatPairs.concatenated(
            [
                FloatPairs.between(base[name], part[name]).in_rows(numbers)
                for size in self._sizes
                for numbers, base, part in self._sides(size)
            ]
        )

    def _ties(self, name: str, scores: Mapping[str, Tolerance]) -> Ties:
        """Labels that flip in any size; a row is tied only if it is tied in each size in which it flips."""
        found = []
        for size in self._sizes:
            if sides := self._sides(size):
                numbers = np.concatenate([numbers for numbers, _, _ in sides])
                base, parts = _table(base for _, base, _ in sides), _table(part for _, _, part in sides)
                found.append(ties_in(base, parts, name, scores).numbered(numbers))
        return Ties.joined(name, found)

    @property
    def _sizes(self) -> set[int]:
        return {size for each in self._slices for size in each.by_size}

    def _sides(self, size: int) -> list[tuple[np.ndarray, pa.RecordBatch, pa.RecordBatch]]:
        return [sides for each in self._slices if (sides := each.sides(size)) is not None]


def _chosen(batches: int, rare: np.ndarray, calls: int) -> np.ndarray:
    """The numbers of at most `calls` batches, sorted: half of them with rare values, the others evenly spread."""
    if batches <= calls:
        return np.arange(batches)
    first = rare[: calls // 2]
    spread = np.linspace(0, batches - 1, calls - len(first)).round().astype(int)
    return np.unique(np.concatenate([first, spread]))


def _table(batches: Iterable[pa.RecordBatch]) -> pa.Table:
    import pyarrow as pa

    return pa.Table.from_batches(list(batches))

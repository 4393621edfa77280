"""Decision thresholds, mined from a model's own behaviour by bisection, and the rows that lie beside them.

Where a value changes an output in one step, the two neighbouring numbers between which it does so are found by halving
the way from an ordinary value to another that has another output. A value rounded to float32 lands on the wrong side of
such a threshold only if it lies within half a float32 step of it: no row of a fixture ever does, so such rows are made.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from pyml.lab.messages import Refusal
from pyml_sandbox.parity.bench import Bench
from pyml_sandbox.parity.lab import Output
from pyml_sandbox.parity.specimens import Specimen

MAX_WAYS = 24
MAX_HALVINGS = 70
WAYS_OF_COLUMN = 3


@dataclass
class _Way:
    """From an ordinary value of a column to another one; `low` keeps the output of the first."""

    base: Specimen
    column: str
    low: float
    high: float
    output: Output

    @property
    def middle(self) -> float:
        return self.low + (self.high - self.low) / 2

    @property
    def is_over(self) -> bool:
        return self.middle in (self.low, self.high)


def beside_thresholds(bench: Bench) -> list[Specimen]:
    """Rows beside every threshold that is found, in columns of DOUBLE."""
    names = [field.name for field in bench.inputs.fields if field.ddl_type == "DOUBLE" and field.tensor is None]
    ways = list(_ways(bench, names))[:MAX_WAYS]
    for _ in range(MAX_HALVINGS):
        open_ways = [way for way in ways if not way.is_over]
        if not open_ways:
            break
        answers = bench.calls([[_at(way, way.middle)] for way in open_ways])
        for way, (output,) in zip(open_ways, answers, strict=True):
            _halve(way, is_same=not bench.differing(way.output, output))
    return [row for way in ways if way.is_over for row in _beside(way)]


def _halve(way: _Way, *, is_same: bool) -> None:
    if is_same:
        way.low = way.middle
    else:
        way.high = way.middle


def _ways(bench: Bench, names: Sequence[str]) -> Iterator[_Way]:
    """From an ordinary row to values that give another output, a few for each column."""
    base = bench.ordinary[0]
    outputs = dict(zip(map(id, [*bench.fixture, *bench.specimens]), bench.alone, strict=True))
    for name in names:
        found = 0
        for row in bench.specimens:
            if row.column != name or found == WAYS_OF_COLUMN or not _are_numbers(base.values[name], row.values[name]):
                continue
            here, there = outputs[id(base)], outputs[id(row)]
            if not isinstance(here, Refusal) and not isinstance(there, Refusal) and bench.differing(here, there):
                found += 1
                yield _Way(base, name, base.values[name], row.values[name], here)


def _are_numbers(*values: object) -> bool:
    return all(isinstance(value, float) and math.isfinite(value) for value in values)


def _at(way: _Way, value: float) -> Specimen:
    return way.base.with_value(way.column, value, "boundary")


def _beside(way: _Way) -> Iterator[Specimen]:
    """The two numbers of a step and their float32 neighbours; nothing where the output changes with every number."""
    if way.low == way.base.values[way.column]:
        return
    single = float(np.float32(way.high))
    values = {way.low, way.high, single, *(float(np.nextafter(np.float32(single), to)) for to in (-math.inf, math.inf))}
    yield from (_at(way, value) for value in sorted(values))

"""Predicted values of single rows, and how far two of them are apart."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, TypeAlias

from pyml_sandbox.compare.tolerance import EXACT, Tolerance, Tolerances

if TYPE_CHECKING:
    import pyarrow as pa

    from pyml_sandbox.parity.noise.column_noise import Noise

Value: TypeAlias = object
Row: TypeAlias = Mapping[str, Value]
"""Values by column."""

# What an honest model's own arithmetic may do when it adds in another order. Most compute in float64, whose noise was
# measured at up to 8e-16 of a value. Networks compute in float32, whatever they declare, and sums of some hundred
# products in it differ by some 80 ulps; that much is noise only in a column that shows itself to come from float32.
NOISE_OF_DOUBLE = 1e-9
NOISE_OF_SINGLE = 1e-5
COLUMN_SHARE = 0.2
"""A sum near zero has the noise of its parts: as if it were this share of the largest value of its column."""
EXACT_TO = 2**53
"""Beyond it every float64 is a whole number."""
EXACT_TO_IN_SINGLE = 2**24
"""Beyond it every float32 is."""
FEW = 3
CANCELLED = 8
"""How many times the noise of the other rows a sum that cancels may have."""


class Apart(Enum):
    """How two values of one column relate."""

    SAME = "same"
    NOISE = "noise"
    """Floats that differ by no more than arithmetic in another order explains."""
    DOUBTFUL = "doubtful"
    """By what would be noise of float32 and is none of float64; a difference until the gauge reconsiders."""
    DIFFERENT = "different"


def rows_of(batch: pa.RecordBatch) -> list[Row]:
    """The rows of a batch as Python values; a map as a dict, a date beyond Python's calendar as text."""
    try:
        rows: list[Row] = batch.to_pylist(maps_as_pydicts="strict")
    except (OverflowError, ValueError):
        rows = _with_texts(batch).to_pylist(maps_as_pydicts="strict")
    return rows


def _with_texts(batch: pa.RecordBatch) -> pa.RecordBatch:
    import pyarrow as pa

    columns = [column.cast(pa.string()) if pa.types.is_temporal(column.type) else column for column in batch.columns]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


@dataclass
class NoiseModel:
    """Tells values apart, and keeps the largest noise that it met: the noise floor of each column.

    Attributes:
        single: float columns whose values come from float32.
        scale: largest finite magnitude of each float column, by name.
        floor: largest difference that was noise, by column.
        floor_ulps: the same in units in the last place of float64.
        doubtful: differences that would be noise of float32 and are none of float64, by column.
        certain: columns that differed by more than any noise.
        largest: largest difference that was not noise, by column.
        loose: largest difference that counts as noise although it is beyond what arithmetic mostly does, by column.
        echoes: columns that hand an input back: no arithmetic is done to it, and so there is no noise.
        measured: what the noise of all rows that are judged allows, by column, once it has been measured.
    """

    single: set[str] = field(default_factory=set)
    scale: dict[str, float] = field(default_factory=dict)
    floor: dict[str, float] = field(default_factory=dict)
    floor_ulps: dict[str, int] = field(default_factory=dict)
    doubtful: dict[str, set[float]] = field(default_factory=dict)
    certain: set[str] = field(default_factory=set)
    largest: dict[str, float] = field(default_factory=dict)
    loose: dict[str, float] = field(default_factory=dict)
    pass_through: set[str] = field(default_factory=set)
    measured: dict[str, Tolerance] = field(default_factory=dict)

    def learn(self, rows: Sequence[Row]) -> None:
        """Take the magnitudes of a model's ordinary outputs, and whether float32 could hold them all."""
        import numpy as np

        for name in rows[0] if rows else ():
            found = [value for row in rows for value in _floats_in(row[name]) if math.isfinite(value)]
            if found:
                self.scale[name] = max(map(abs, found))
                with np.errstate(over="ignore"):
                    is_single = all(float(np.float32(value)) == value for value in found)
                if is_single and any(value != int(value) for value in found):
                    self.single.add(name)

    def learn_pass_through(self, given: Sequence[Row], rows: Sequence[Row]) -> None:
        """Take the columns whose every value is that of an input, where there are several."""
        for name in rows[0] if len(rows) >= FEW else ():
            self.pass_through |= {
                name
                for column in given[0]
                if all(repr(left[column]) == repr(right[name]) for left, right in zip(given, rows, strict=True))
            }

    def take(self, noise: Noise) -> None:
        """Hold values to the noise that was measured on the rows that are judged."""
        for name, column in noise.columns.items():
            self.scale[name] = max(self.scale.get(name, 0.0), column.scale)
            if name not in noise.departing and column.max_abs:
                self.measured[name] = column.tolerance(Tolerances())
        self.single |= noise.single

    def reconsider(self) -> set[str]:
        """Columns all of whose differences look like noise after all.

        Those of float32 that a column declared as DOUBLE passes on are small, many, and no two alike. In a column of
        float32 a sum that cancels has more noise than its size says: a few times as much as the other rows have. They
        count as noise from now on; what was asked about them before is to be asked again.
        """
        found = {name for name, apart in self.doubtful.items() if name not in self.certain and len(apart) >= FEW}
        cancelling = {
            name: apart
            for name, apart in self.largest.items()
            if name in self.single and apart <= CANCELLED * self.floor.get(name, 0.0)
        }
        self.single |= found
        self.loose |= cancelling
        self.doubtful.clear()
        return found | cancelling.keys()

    def note(self, column: str, left: Value, right: Value) -> None:
        """Learn from two values that one row has in two situations: noise raises the floor of their column."""
        parts = list(_floats_in(left)), list(_floats_in(right))
        if len(parts[0]) != len(parts[1]):
            return
        for a, b in zip(*parts, strict=True):
            apart, by = self._floats_apart(column, a, b), _between(a, b)
            if apart is Apart.NOISE:
                self.floor[column] = max(self.floor.get(column, 0.0), by)
                self.floor_ulps[column] = max(self.floor_ulps.get(column, 0), ulps_between(a, b))
            elif apart is not Apart.SAME:
                self.largest[column] = max(self.largest.get(column, 0.0), by)
            if apart is Apart.DOUBTFUL:
                self.doubtful.setdefault(column, set()).add(by)
            elif apart is Apart.DIFFERENT:
                self.certain.add(column)

    def differ(self, column: str, left: Value, right: Value) -> bool:
        """Whether two values of a column differ by more than noise."""
        return self._apart(column, left, right) in (Apart.DOUBTFUL, Apart.DIFFERENT)

    def _apart(self, column: str, left: Value, right: Value) -> Apart:
        if isinstance(left, float) and isinstance(right, float):
            return self._floats_apart(column, left, right)
        if isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
            return _worst(self._apart(column, a, b) for a, b in zip(left, right, strict=True))
        if isinstance(left, dict) and isinstance(right, dict) and left.keys() == right.keys():
            return _worst(self._apart(column, left[name], right[name]) for name in left)
        is_same = type(left) is type(right) and left == right
        return Apart.SAME if is_same else Apart.DIFFERENT

    def _floats_apart(self, column: str, left: float, right: float) -> Apart:
        if left == right or (math.isnan(left) and math.isnan(right)):
            return Apart.SAME
        apart = _between(left, right)
        if column in self.pass_through or not math.isfinite(apart):
            return Apart.DIFFERENT
        magnitude = max(abs(left), abs(right), COLUMN_SHARE * self.scale.get(column, 0.0))
        measured = self.measured.get(column, EXACT)
        if apart <= max(self.loose.get(column, 0.0), measured.atol, measured.rtol * magnitude):
            return Apart.NOISE
        if apart <= (NOISE_OF_SINGLE if column in self.single else NOISE_OF_DOUBLE) * magnitude:
            return Apart.NOISE
        return Apart.DOUBTFUL if apart <= NOISE_OF_SINGLE * magnitude else Apart.DIFFERENT


def _between(left: float, right: float) -> float:
    """How far two floats are apart; infinitely where one is not finite, or both are counted and size says nothing."""
    if not (math.isfinite(left) and math.isfinite(right)):
        return math.inf
    apart = abs(left - right)
    are_counted = _is_counted(left) and _is_counted(right) and not (_is_coarse(left) and _is_coarse(right))
    return math.inf if apart >= 1 and are_counted else apart


def _is_counted(value: float) -> bool:
    """Whether a float is a whole number, of a magnitude at which there are others."""
    return value == int(value) and abs(value) < EXACT_TO


def _is_coarse(value: float) -> bool:
    """Whether a float could be a float32 too large to be anything but whole."""
    return abs(value) >= EXACT_TO_IN_SINGLE and struct.unpack("<f", struct.pack("<f", value))[0] == value


def _floats_in(value: Value) -> Iterator[float]:
    """Every float in a value, however deep."""
    if isinstance(value, float):
        yield value
    elif isinstance(value, list | dict):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _floats_in(part)


def _worst(found: Iterable[Apart]) -> Apart:
    return max(found, key=list(Apart).index, default=Apart.SAME)


def ulps_between(left: float, right: float) -> int:
    """How many float64 numbers apart two finite ones are."""
    return abs(_place(left) - _place(right))


def _place(value: float) -> int:
    """Where a number stands among all float64 numbers: its bits read as an integer count the steps from zero."""
    bits = int(struct.unpack("<q", struct.pack("<d", abs(value)))[0])
    return -bits if value < 0 else bits

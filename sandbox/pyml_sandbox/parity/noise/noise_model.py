"""Predicted values of single rows, and whether two of them differ by more than noise."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING, TypeAlias

from pyml_sandbox.compare.tolerance import EXACT, Tolerance, Tolerances

if TYPE_CHECKING:
    import pyarrow as pa

    from pyml_sandbox.parity.noise.column_noise import Noise

Value: TypeAlias = object
Row: TypeAlias = Mapping[str, Value]
"""Values by column."""

# The noise of a correct model that sums in a different order. Most models compute in float64, whose noise was measured
# at up to 8e-16 of a value. Networks compute in float32, whatever they declare, and sums of a few hundred products in
# it differ by about 80 ulps; that much is noise only in a column whose values come from float32.
NOISE_OF_DOUBLE = 1e-9
NOISE_OF_SINGLE = 1e-5
COLUMN_SHARE = 0.2
"""A sum near zero has the noise of its parts, as if it were this share of the largest value of its column."""
EXACT_TO = 2**53
"""Every larger float64 is a whole number."""
EXACT_TO_IN_SINGLE = 2**24
"""Every larger float32 is a whole number."""
FEW = 3
CANCELLED = 8
"""A sum that cancels may have this many times the noise of the other rows."""


class Apart(Enum):
    """How two values of one column differ."""

    SAME = "same"
    NOISE = "noise"
    """Floats that differ by no more than arithmetic in a different order explains."""
    DOUBTFUL = "doubtful"
    """Floats with a difference that is noise of float32 but not of float64; it counts as a difference for now."""
    DIFFERENT = "different"


def rows_of(batch: pa.RecordBatch) -> list[Row]:
    """The rows of a batch as Python values; a map as a dict, a date beyond Python's calendar as a string."""
    try:
        rows: list[Row] = batch.to_pylist(maps_as_pydicts="strict")
    except (OverflowError, ValueError):
        rows = _with_texts(batch).to_pylist(maps_as_pydicts="strict")
    return rows


def _with_texts(batch: pa.RecordBatch) -> pa.RecordBatch:
    import pyarrow as pa

    from pyml.types.spark_types import with_leaves

    def text(leaf: pa.DataType) -> pa.DataType:
        return pa.string() if pa.types.is_temporal(leaf) else leaf

    columns = [column.cast(with_leaves(column.type, text)) for column in batch.columns]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


@dataclass(frozen=True)
class NoiseModel:
    """Decides whether values differ by more than noise. It is immutable: methods that learn return a new model.

    Attributes:
        single: float columns whose values come from float32.
        scale: largest finite magnitude of each float column, by name.
        floor: largest difference that was noise, by column.
        doubtful: differences that are noise of float32 but not of float64, by column.
        certain: columns that differed by more than any noise.
        largest: largest difference that was not noise, by column.
        loose: largest difference that counts as noise although it is larger than usual, by column.
        pass_through: columns that hand an input back, which have no noise since there is no arithmetic.
        measured: the tolerance from the noise of all rows, by column; empty before it is measured.
        stated: the tolerance in the model's settings, by column; it replaces all others.
        tied: for each label that flips only where its scores tie, the columns of these scores.
    """

    single: frozenset[str] = frozenset()
    scale: Mapping[str, float] = field(default_factory=dict)
    floor: Mapping[str, float] = field(default_factory=dict)
    doubtful: Mapping[str, frozenset[float]] = field(default_factory=dict)
    certain: frozenset[str] = frozenset()
    largest: Mapping[str, float] = field(default_factory=dict)
    loose: Mapping[str, float] = field(default_factory=dict)
    pass_through: frozenset[str] = frozenset()
    measured: Mapping[str, Tolerance] = field(default_factory=dict)
    stated: Mapping[str, Tolerance] = field(default_factory=dict)
    tied: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def learned(self, rows: Sequence[Row]) -> NoiseModel:
        """A model with the magnitudes of ordinary outputs, and the columns that float32 can represent."""
        floats = {name: _finite_floats(row[name] for row in rows) for name in (rows[0] if rows else ())}
        scale = {name: max(map(abs, found)) for name, found in floats.items() if found}
        single = {name for name, found in floats.items() if _come_from_float32(found)}
        return replace(self, scale={**self.scale, **scale}, single=self.single | single)

    def learned_pass_through(self, given: Sequence[Row], rows: Sequence[Row]) -> NoiseModel:
        """A model with the columns whose values all equal those of an input; needs several rows.

        Args:
            given: the inputs, row by row.
            rows: the outputs, row by row.
        """
        found = {
            name
            for name in (rows[0] if len(rows) >= FEW else ())
            for column in given[0]
            if all(repr(left[column]) == repr(right[name]) for left, right in zip(given, rows, strict=True))
        }
        return replace(self, pass_through=self.pass_through | found)

    def held_to(self, noise: Noise) -> NoiseModel:
        """A model with the tolerance of the noise that was measured on all rows."""
        scale = {name: max(self.scale.get(name, 0.0), column.scale) for name, column in noise.columns.items()}
        measured = {
            name: column.tolerance(Tolerances())
            for name, column in noise.columns.items()
            if name not in noise.size_dependent and column.max_abs
        }
        return replace(
            self,
            scale={**self.scale, **scale},
            measured={**self.measured, **measured},
            single=self.single | noise.single,
            tied={name: ties.scores for name, ties in noise.ties.items() if name not in noise.size_dependent},
        )

    def learned_pairs(self, pairs: Iterable[tuple[Row, Row]]) -> NoiseModel:
        """A model with the distances between outputs of the same row under two conditions.

        Args:
            pairs: the expected and the actual output.
        """
        statistics = _PairStatistics(
            dict(self.floor),
            {name: set(apart) for name, apart in self.doubtful.items()},
            set(self.certain),
            dict(self.largest),
        )
        for expected, output in pairs:
            for column in expected:
                for left, right in _paired_floats(expected[column], output[column]):
                    statistics.take(column, self._floats_apart(column, left, right), left, right)
        return replace(
            self,
            floor=statistics.floor,
            doubtful={name: frozenset(apart) for name, apart in statistics.doubtful.items()},
            certain=frozenset(statistics.certain),
            largest=statistics.largest,
        )

    @property
    def noise_after_all(self) -> frozenset[str]:
        """Columns whose differences, taken together, all look like noise.

        If a DOUBLE column has values of float32, its differences are small, many and all distinct. In a column of
        float32, a sum that cancels has more noise than its size suggests: a few times that of the other rows.
        """
        return self._of_float32 | self._cancelling.keys()

    def reconsidered(self) -> NoiseModel:
        """A model for which the differences of `noise_after_all` are noise; earlier checks must be made again."""
        return replace(
            self,
            single=self.single | self._of_float32,
            loose={**self.loose, **self._cancelling},
            doubtful={},
        )

    @property
    def _of_float32(self) -> frozenset[str]:
        return frozenset(
            name for name, apart in self.doubtful.items() if name not in self.certain and len(apart) >= FEW
        )

    @property
    def _cancelling(self) -> dict[str, float]:
        return {
            name: apart
            for name, apart in self.largest.items()
            if name in self.single and apart <= CANCELLED * self.floor.get(name, 0.0)
        }

    def differ(self, column: str, left: Value, right: Value) -> bool:
        """Whether two values of a column differ by more than noise."""
        return self._apart(column, left, right) in (Apart.DOUBTFUL, Apart.DIFFERENT)

    def is_tie(self, column: str, row: Row) -> bool:
        """Whether the two largest scores of a row, which decide the label in a column, differ by no more than noise."""
        import numpy as np

        from pyml_sandbox.parity.noise.ties import top_two_tie

        names = [name for name in self.tied.get(column, ()) if name in self.measured]
        plain = [row[name] for name in names if isinstance(row[name], float)]
        lists = [(row[name], self.measured[name]) for name in names if isinstance(row[name], list)]
        widest = max((self.measured[name] for name in names), key=lambda each: (each.rtol, each.atol), default=EXACT)
        return any(top_two_tie(np.array(scores, np.float64), allowed) for scores, allowed in [*lists, (plain, widest)])

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
        if stated := self.stated.get(column):
            return _apart_by(stated, left, right)
        apart = _between(left, right)
        if column in self.pass_through or not math.isfinite(apart):
            return Apart.DIFFERENT
        magnitude = max(abs(left), abs(right), COLUMN_SHARE * self.scale.get(column, 0.0))
        measured = self.measured.get(column, EXACT)
        if apart <= max(self.loose.get(column, 0.0), measured.at(magnitude)):
            return Apart.NOISE
        if apart <= (NOISE_OF_SINGLE if column in self.single else NOISE_OF_DOUBLE) * magnitude:
            return Apart.NOISE
        return Apart.DOUBTFUL if apart <= NOISE_OF_SINGLE * magnitude else Apart.DIFFERENT


@dataclass
class _PairStatistics:
    """Statistics of pairs of floats, by column; see `NoiseModel`."""

    floor: dict[str, float]
    doubtful: dict[str, set[float]]
    certain: set[str]
    largest: dict[str, float]

    def take(self, column: str, apart: Apart, left: float, right: float) -> None:
        by = _between(left, right)
        if apart is Apart.NOISE:
            self.floor[column] = max(self.floor.get(column, 0.0), by)
        elif apart is not Apart.SAME:
            self.largest[column] = max(self.largest.get(column, 0.0), by)
        if apart is Apart.DOUBTFUL:
            self.doubtful.setdefault(column, set()).add(by)
        elif apart is Apart.DIFFERENT:
            self.certain.add(column)


def _apart_by(allowed: Tolerance, left: float, right: float) -> Apart:
    """Whether a tolerance covers two floats that are not the same."""
    magnitude = max(abs(left), abs(right))
    is_near = math.isfinite(magnitude) and abs(left - right) <= allowed.at(magnitude)
    return Apart.NOISE if is_near else Apart.DIFFERENT


def _paired_floats(left: Value, right: Value) -> Iterator[tuple[float, float]]:
    """The floats of two values in pairs; none if their numbers differ."""
    parts = list(_floats_in(left)), list(_floats_in(right))
    if len(parts[0]) == len(parts[1]):
        yield from zip(*parts, strict=True)


def _finite_floats(values: Iterable[Value]) -> list[float]:
    return [part for value in values for part in _floats_in(value) if math.isfinite(part)]


def _come_from_float32(found: Sequence[float]) -> bool:
    """Whether float32 represents all of them, and not all are whole."""
    import numpy as np

    with np.errstate(over="ignore"):
        is_single = all(float(np.float32(value)) == value for value in found)
    return is_single and any(value != int(value) for value in found)


def _between(left: float, right: float) -> float:
    """The distance of two floats; infinite if one is not finite, or both are counts, for which size does not matter."""
    if not (math.isfinite(left) and math.isfinite(right)):
        return math.inf
    apart = abs(left - right)
    are_counted = _is_counted(left) and _is_counted(right) and not (_is_coarse(left) and _is_coarse(right))
    return math.inf if apart >= 1 and are_counted else apart


def _is_counted(value: float) -> bool:
    """Whether a float is a whole number, of a magnitude at which float64 represents every whole number."""
    return value == int(value) and abs(value) < EXACT_TO


def _is_coarse(value: float) -> bool:
    """Whether a float may be a float32 of a magnitude at which float32 has only whole numbers."""
    return abs(value) >= EXACT_TO_IN_SINGLE and struct.unpack("<f", struct.pack("<f", value))[0] == value


def _floats_in(value: Value) -> Iterator[float]:
    """Every float in a value, at any depth."""
    if isinstance(value, float):
        yield value
    elif isinstance(value, list | dict):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _floats_in(part)


def _worst(found: Iterable[Apart]) -> Apart:
    return max(found, key=list(Apart).index, default=Apart.SAME)

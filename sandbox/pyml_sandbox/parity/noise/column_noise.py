"""The noise of a model's own arithmetic in each float column, separated from logic. Pure.

Floats are summed in a different order in batches of a different size, so a correct model gives one row slightly
different values alone and in a batch. This is noise if rounding explains its size: up to `MOST_OF_SINGLE` of a value in
float32 arithmetic, up to `NOISE_OF_DOUBLE` in float64 arithmetic. A larger difference is logic. In a column of DOUBLE
a difference that only float32 explains is also logic if it has the same direction in nearly every row.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from pyml_sandbox.compare import Origin, Tolerance, Tolerances
from pyml_sandbox.parity.noise.float_pairs import FloatPairs
from pyml_sandbox.parity.noise.noise_model import COLUMN_SHARE, EXACT_TO, EXACT_TO_IN_SINGLE, NOISE_OF_DOUBLE
from pyml_sandbox.parity.noise.ties import Ties
from pyml_sandbox.parity.verdict import NoiseFloor

if TYPE_CHECKING:
    import pyarrow as pa

MOST_OF_SINGLE = 2.5e-5
"""The largest relative noise of float32: a softmax over logits of about 30 was measured at 7e-6."""
MARGIN = 4
"""How many times the measured noise the tolerance allows: batches of sizes that were not measured round differently."""
WIDEST = 5e-5
"""The widest relative tolerance, whatever noise is measured: a relative error of 1e-4 is always found."""
ENOUGH_ROWS = 20
"""How many rows must differ before it matters that nearly all of them differ in the same direction."""
ONE_SIDED = 0.02
"""Rounding moves more than this share of the rows up, down, away from zero, and towards zero."""


@dataclass(frozen=True)
class ColumnNoise:
    """The noise of one float column.

    Attributes:
        column: output column.
        is_single: whether its values come from float32 arithmetic; always true for FLOAT.
        scale: largest finite magnitude of its values.
        max_abs: largest absolute difference.
        max_rel: largest relative difference of values that are not small for the column.
        max_abs_of_small: largest absolute difference of values that are small for the column, where sums cancel.
        max_ulps: largest difference in units in the last place: of float32 where `is_single`, else of float64.
    """

    column: str
    is_single: bool
    scale: float
    max_abs: float = 0.0
    max_rel: float = 0.0
    max_abs_of_small: float = 0.0
    max_ulps: int = 0

    def tolerance(self, granted: Tolerances) -> Tolerance:
        """The tolerance of the type, widened by the measured noise, and never narrowed by it.

        The absolute part is meant for values near zero, so it is at most the relative part of the column's largest
        value: in a column of small probabilities 1e-6 would hide every difference.

        Args:
            granted: the tolerances of FLOAT and DOUBLE.
        """
        grant = granted.of(self.column, is_double=not self.is_single)
        near_zero = min(grant.atol, grant.rtol * self.scale) if self.scale else grant.atol
        rtol = min(MARGIN * self.max_rel, WIDEST)
        of_small = MARGIN * max(self.max_abs_of_small, COLUMN_SHARE * self.max_rel * self.scale)
        atol = min(of_small, WIDEST * self.scale)
        origin = Origin.NOISE if rtol > grant.rtol or atol > near_zero else grant.origin
        return Tolerance(max(grant.rtol, rtol), max(near_zero, atol), grant.max_ulps, origin)


@dataclass(frozen=True)
class Noise:
    """How a model's outputs change if only the size of the batch changes.

    Attributes:
        columns: the noise of each measured column with floats, by name; zero if it has none.
        size_dependent: rows of the fixture whose values change by more than noise, by output column; only columns with
            such rows.
        ties: labels of an exact type that flip with the size because their scores tie within the noise, by column.
        rows: number of rows that were predicted in batches of every size.
        of: number of rows of the fixture.
        refused: rows that are refused in batches of one size and predicted in batches of another.
        rest_s: about how long the rest of the rows would take, in seconds.
        needed_s: the time in which every row would be predicted, in seconds; 0 if they were.
    """

    columns: Mapping[str, ColumnNoise] = field(default_factory=dict)
    size_dependent: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    ties: Mapping[str, Ties] = field(default_factory=dict)
    rows: int = 0
    of: int = 0
    refused: tuple[int, ...] = ()
    rest_s: float = 0.0
    needed_s: float = 0.0

    @property
    def single(self) -> Set[str]:
        """Columns whose values come from float32 arithmetic."""
        return {name for name, column in self.columns.items() if column.is_single}

    @property
    def is_rowwise(self) -> bool:
        """Whether no measured row depends on the rows of its batch, apart from rounding of float64."""
        depends = self.size_dependent or self.ties or self.refused or self.is_of_float32
        return self.rows > 0 and not depends

    @property
    def is_of_float32(self) -> bool:
        """Whether a column shows noise of float32."""
        return any(column.is_single and column.max_abs for column in self.columns.values())

    @property
    def floors(self) -> tuple[NoiseFloor, ...]:
        """The noise floor of each column that has one, by name."""
        noisy = (self.columns[name] for name in sorted(self.columns) if self.columns[name].max_abs)
        return tuple(
            NoiseFloor(
                each.column, each.max_abs, each.max_ulps, "float32" if each.is_single else "float64", each.max_rel
            )
            for each in noisy
        )

    def tolerances(self, granted: Tolerances) -> Tolerances:
        """The tolerance of each measured column.

        Args:
            granted: the tolerances of the types, and of columns with a tolerance of their own.
        """
        measured = {name: column.tolerance(granted) for name, column in self.columns.items()}
        return Tolerances(granted.double, granted.single, {**measured, **granted.columns})


def column_noise(
    name: str,
    kind: pa.DataType,
    values: np.ndarray,
    pairs: FloatPairs,
    *,
    stated: Tolerance | None = None,
    is_pass_through: bool = False,
) -> tuple[ColumnNoise, np.ndarray]:
    """Separate noise from logic in one column.

    Args:
        name: of the column.
        kind: its Arrow type.
        values: float64, shape (n,): every finite float of the column.
        pairs: where batches of different sizes give different values.
        stated: the column's tolerance in the settings, which alone separates noise from logic; None if there is none.
        is_pass_through: whether the column hands an input back: without arithmetic no difference is noise.

    Returns:
        Its noise, and the rows that differ by more than noise: int64, shape (m,), sorted.
    """
    scale = float(np.max(np.abs(values), initial=0.0))
    apart = np.abs(pairs.left - pairs.right)
    magnitude = np.maximum(np.abs(pairs.left), np.abs(pairs.right))
    share = apart / np.maximum(magnitude, max(COLUMN_SHARE * scale, np.finfo(float).tiny))
    share[_are_counted(pairs) | is_pass_through] = np.inf
    is_single = has_float32(kind) or _is_rounding_of_float32(pairs, share, fits=_fits_float32(values))
    is_noise = share <= (MOST_OF_SINGLE if is_single else NOISE_OF_DOUBLE)
    if stated:
        is_noise = apart <= np.maximum(stated.atol, stated.rtol * magnitude)
    small = magnitude < COLUMN_SHARE * scale
    noise = ColumnNoise(
        name,
        is_single,
        scale,
        max_abs=float(np.max(apart[is_noise], initial=0.0)),
        max_rel=float(np.max((apart / np.maximum(magnitude, np.finfo(float).tiny))[is_noise & ~small], initial=0.0)),
        max_abs_of_small=float(np.max(apart[is_noise & small], initial=0.0)),
        max_ulps=int(np.max(ulps_between(pairs.left, pairs.right, is_single=is_single)[is_noise], initial=0)),
    )
    return noise, np.unique(np.concatenate([pairs.unlike, pairs.rows[~is_noise]]))


def has_float32(kind: pa.DataType) -> bool:
    """Whether a type is or contains FLOAT."""
    import pyarrow as pa

    if kind.num_fields:
        return any(has_float32(kind.field(number).type) for number in range(kind.num_fields))
    return bool(pa.types.is_float32(kind))


def has_floats(kind: pa.DataType) -> bool:
    """Whether a type is or contains FLOAT or DOUBLE."""
    import pyarrow as pa

    if kind.num_fields:
        return any(has_floats(kind.field(number).type) for number in range(kind.num_fields))
    return bool(pa.types.is_floating(kind))


def ulps_between(left: np.ndarray, right: np.ndarray, *, is_single: bool) -> np.ndarray:
    """The distance of finite floats in units in the last place, of float32 or float64: int64, element by element.

    The bits of an IEEE 754 number without its sign, as an integer, count the representable numbers from zero.
    """
    width, bits = (np.float32, np.int32) if is_single else (np.float64, np.int64)

    def steps_from_zero(values: np.ndarray) -> np.ndarray:
        steps: np.ndarray = np.abs(values.astype(width)).view(bits).astype(np.int64)
        return np.where(np.signbit(values), -steps, steps)

    steps: np.ndarray = np.abs(steps_from_zero(left) - steps_from_zero(right))
    return steps


def _are_counted(pairs: FloatPairs) -> np.ndarray:
    """Whole numbers that differ by one or more: counts or codes, unless they are float32 too large for fractions."""
    left, right = pairs.left, pairs.right
    whole = (left == np.trunc(left)) & (right == np.trunc(right)) & (np.maximum(abs(left), abs(right)) < EXACT_TO)
    coarse = (np.minimum(abs(left), abs(right)) >= EXACT_TO_IN_SINGLE) & _are_float32(left) & _are_float32(right)
    counted: np.ndarray = whole & ~coarse & (np.abs(left - right) >= 1)
    return counted


def _are_float32(values: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        same: np.ndarray = values.astype(np.float32) == values
    return same


def _fits_float32(values: np.ndarray) -> bool:
    """Whether float32 represents every value, and not all of them are whole."""
    return bool(len(values) and _are_float32(values).all() and (values != np.trunc(values)).any())


def _is_rounding_of_float32(pairs: FloatPairs, share: np.ndarray, *, fits: bool) -> bool:
    """Whether differences that are too large for float64 are rounding of float32.

    All have its size, and float32 represents every value of the column, or the differences have both directions.
    """
    beyond = share > NOISE_OF_DOUBLE
    if not beyond.any() or (share > MOST_OF_SINGLE).any():
        return False
    rows, first = np.unique(pairs.rows[beyond], return_index=True)
    left, right = pairs.left[beyond][first], pairs.right[beyond][first]
    shares = (left > right).mean(), (np.abs(left) > np.abs(right)).mean()
    return fits or len(rows) < ENOUGH_ROWS or all(ONE_SIDED < share < 1 - ONE_SIDED for share in shares)

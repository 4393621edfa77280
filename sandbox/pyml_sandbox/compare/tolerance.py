"""How far two floats may lie apart and still count as the same prediction."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from pyml.errors import UsageError


class Origin(StrEnum):
    """Where a tolerance comes from."""

    TYPE = "type"
    """What FLOAT or DOUBLE is granted."""
    NOISE = "measured noise"
    """Widened, since the model's own arithmetic does as much."""
    SETTINGS = "pyml.toml"
    """The model's settings say so; nothing that is measured changes it."""
    ARGUMENT = "as asked"
    """The caller says so."""


@dataclass(frozen=True)
class Tolerance:
    """Floats `a` and `b` agree when any one of the three allowances covers their distance.

    `|a - b| <= max(atol, rtol * max(|a|, |b|))`, or at most `max_ulps` representable numbers lie between them. The rule
    is symmetric, and a larger allowance never finds more differences.

    Attributes:
        rtol: relative allowance.
        atol: absolute allowance; what counts for values near zero, where a tiny difference is many ulps.
        max_ulps: allowance in units in the last place of the column's own width.
        origin: where it comes from.

    Raises:
        UsageError: an allowance is negative, NaN or infinite.
    """

    rtol: float = 0.0
    atol: float = 0.0
    max_ulps: int = 0
    origin: Origin = Origin.ARGUMENT

    def __post_init__(self) -> None:
        for name, value in (("rtol", self.rtol), ("atol", self.atol), ("max_ulps", self.max_ulps)):
            if not math.isfinite(value) or value < 0:
                raise UsageError(f"{name} must be a finite number of at least 0, found {value!r}")

    def at(self, magnitude: float) -> float:
        """How far two floats may lie apart of which the larger has this magnitude, ulps not counted."""
        return max(self.atol, self.rtol * magnitude)

    def __str__(self) -> str:
        ulps = f" or {self.max_ulps} ulps" if self.max_ulps else ""
        return f"rtol {self.rtol:g}, atol {self.atol:g}{ulps} ({self.origin})"


EXACT = Tolerance()

# An honest logistic regression differs between a row alone and the same row in a batch by up to 7.8e-16, on half of the
# rows; for probabilities near zero that is many ulps. So bit-equality is the wrong bar, ulps alone the wrong measure.
# DOUBLE: three orders of magnitude above that noise. FLOAT: some 80 ulps relative, as sums of hundreds of products in
# float32 need. Both are far below what changes a decision. docs/reference/parity-report.md has the reasons.
DOUBLE_TOLERANCE = Tolerance(rtol=1e-9, atol=1e-12, origin=Origin.TYPE)
FLOAT_TOLERANCE = Tolerance(rtol=1e-5, atol=1e-6, origin=Origin.TYPE)


@dataclass(frozen=True)
class Tolerances:
    """The tolerance of each float column: its own if it has one, else the default of its width.

    Attributes:
        double: for DOUBLE columns and for DOUBLE values inside lists, structs and maps.
        single: for FLOAT columns and FLOAT values inside; also where one side is FLOAT and the other DOUBLE.
        columns: a tolerance for one column by name, whatever its width. The measured noise floor of a model goes here.
    """

    double: Tolerance = DOUBLE_TOLERANCE
    single: Tolerance = FLOAT_TOLERANCE
    columns: Mapping[str, Tolerance] = field(default_factory=dict)

    @classmethod
    def exact(cls) -> Tolerances:
        """Every float must be equal to the last bit."""
        return cls(double=EXACT, single=EXACT)

    @classmethod
    def given(
        cls, rtol: float | None = None, atol: float | None = None, max_ulps: int | None = None, *, exact: bool = False
    ) -> Tolerances:
        """The tolerances that a user chose: one for all floats, or the defaults if nothing is given.

        Args:
            rtol: relative allowance; None for 0.
            atol: absolute allowance; None for 0.
            max_ulps: allowance in units in the last place; None for 0.
            exact: whether every float must be equal to the bit.

        Raises:
            UsageError: both `exact` and a tolerance are given, or an allowance is negative, NaN or infinite.
        """
        is_given = any(allowance is not None for allowance in (rtol, atol, max_ulps))
        if exact and is_given:
            raise UsageError("exact allows no tolerance: give one or the other")
        if exact or is_given:
            one = Tolerance(rtol or 0.0, atol or 0.0, max_ulps or 0)
            return cls(double=one, single=one)
        return cls()

    def of(self, column: str, *, is_double: bool) -> Tolerance:
        """The tolerance that applies to the floats of `column`."""
        return self.columns.get(column, self.double if is_double else self.single)

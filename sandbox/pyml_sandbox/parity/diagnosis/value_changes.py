"""What may happen to the values of a column, and to its dtype, by its declared type. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from pyml_sandbox.parity.observations.features import INTEGERS, DriverType, Explanation
from pyml_sandbox.parity.rows.synthetic import Cell

FORMATS = ("15g", "12g", "10g", "9g", "6g", "4g", "15f", "10f", "6f")
"""How programs write numbers: with so many digits, or with so many decimals, as JSON of pandas with ten."""
HOURS = [hours for hours in range(-12, 15) if hours]

Changes = tuple[tuple[Explanation, Callable[[Cell], Cell]], ...]
"""Changes to a value, each with the explanation that it is; a function returns the same object if it does not apply."""


def _single(value: Any) -> Any:
    import numpy as np

    if value is None or not math.isfinite(value):
        return value
    rounded = float(np.float32(value))
    return value if rounded == value else rounded


def _via_float(value: Any) -> Any:
    if value is None or int(float(value)) == value:
        return value
    return min(int(float(value)), 2**63 - 1)


def _mapped(found: object, put: object) -> Callable[[Any], Any]:
    """Replaces one value; numbers of different types with equal values match, and NaN matches NaN."""

    def change(value: Any) -> Any:
        is_found = (
            value is None if found is None else (value is not None and (value == found or _both_nan(value, found)))
        )
        return put if is_found else value

    return change


def _both_nan(left: object, right: object) -> bool:
    return isinstance(left, float) and isinstance(right, float) and math.isnan(left) and math.isnan(right)


def _always(put: object) -> Callable[[Any], Any]:
    """A value that a table of known values does not contain."""
    return lambda value: value if value is None else put


def _shifted(hours: int) -> Callable[[Any], Any]:
    def change(value: Any) -> Any:
        return value + timedelta(hours=hours) if isinstance(value, datetime) else value

    return change


def _repr_of_bytes(value: Any) -> Any:
    """A string as `str` makes it of its bytes: `vip` as `b'vip'`."""
    return value if value is None else str(value.encode())


def _guessed(value: Any) -> Any:
    """A string as a reader that guesses types returns it: `007` as 7, `3.0` as 3."""
    if value is None:
        return value
    try:
        number = float(value)
    except ValueError:
        return value
    text = str(int(number)) if math.isfinite(number) and number == int(number) else str(number)
    return value if text == value else text


def _written(how: str) -> Callable[[Any], Any]:
    """A number that was written in a format and read again."""

    def change(value: Any) -> Any:
        if value is None or not math.isfinite(value):
            return value
        read = float(f"{value:.{how}}")
        return value if read == value else read

    return change


def _next(upwards: bool) -> Callable[[Any], Any]:
    def change(value: Any) -> Any:
        if value is None or not math.isfinite(value):
            return value
        return math.nextafter(value, math.inf if upwards else -math.inf)

    return change


DTYPE_CHANGES: dict[DriverType, tuple[Explanation, ...]] = {
    **dict.fromkeys(INTEGERS, (Explanation.FLOATS, Explanation.OBJECTS)),
    DriverType.FLOAT: (Explanation.DOUBLE, Explanation.OBJECTS, Explanation.NAN),
    DriverType.DOUBLE: (Explanation.FLOATS, Explanation.OBJECTS, Explanation.NAN),
    DriverType.DECIMAL: (Explanation.DECIMAL_FLOATS,),
    DriverType.BOOLEAN: (Explanation.OBJECTS, Explanation.NAN),
    DriverType.STRING: (Explanation.NAN, Explanation.BYTES, Explanation.CATEGORIES),
    DriverType.BINARY: (Explanation.TEXT, Explanation.NAN),
    DriverType.ARRAY: (Explanation.ARRAYS, Explanation.INNER_FLOATS),
    DriverType.MAP: (Explanation.INNER_FLOATS,),
    DriverType.STRUCT: (Explanation.INNER_FLOATS,),
    DriverType.TIMESTAMP: (Explanation.NAIVE, Explanation.OBJECTS),
    DriverType.TIMESTAMP_NTZ: (Explanation.NAIVE, Explanation.OBJECTS),
    DriverType.DATE: (Explanation.OBJECTS,),
}
"""Changes to the dtype of a column, by its declared type."""
BY_FLOATS = frozenset({Explanation.DOUBLE, Explanation.DECIMAL_FLOATS, Explanation.INNER_FLOATS})
"""Explanations that one perturbation, `floats`, shows: a column of these types arrives as float64."""
_UNKNOWN_INTEGERS = {
    DriverType.TINYINT: -119,
    DriverType.SMALLINT: -29_119,
    DriverType.INT: -1_987_654_319,
    DriverType.BIGINT: -(2**52) - 119,
}
_NUMBERS: Changes = (
    (Explanation.NULL_ZERO, _mapped(None, 0)),
    (Explanation.ULP, _next(upwards=True)),
    (Explanation.ULP, _next(upwards=False)),
)
VALUE_CHANGES: dict[DriverType, Changes] = {
    **{
        kind: (
            (Explanation.VIA_FLOAT64, _via_float),
            (Explanation.NULL_ZERO, _mapped(None, 0)),
            (Explanation.UNKNOWN, _always(value)),
        )
        for kind, value in _UNKNOWN_INTEGERS.items()
    },
    DriverType.FLOAT: (
        (Explanation.NULL_NAN, _mapped(None, math.nan)),
        (Explanation.NAN_ZERO, _mapped(math.nan, 0.0)),
        *_NUMBERS[:1],
    ),
    DriverType.DOUBLE: (
        *((Explanation.WRITTEN, _written(how)) for how in FORMATS),
        (Explanation.SINGLE, _single),
        (Explanation.NULL_NAN, _mapped(None, math.nan)),
        (Explanation.NAN_ZERO, _mapped(math.nan, 0.0)),
        (Explanation.ZERO_NAN, _mapped(0.0, math.nan)),
        *_NUMBERS,
    ),
    DriverType.STRING: (
        (Explanation.NULL_EMPTY, _mapped(None, "")),
        (Explanation.NULL_TEXT, _mapped(None, "None")),
        (Explanation.NULL_TEXT, _mapped(None, "nan")),
        (Explanation.GUESSED, _guessed),
        (Explanation.BYTES, _repr_of_bytes),
    ),
    **dict.fromkeys(
        (DriverType.TIMESTAMP, DriverType.TIMESTAMP_NTZ), tuple((Explanation.HOURS, _shifted(hours)) for hours in HOURS)
    ),
}
"""Changes to the values of a column, by its declared type."""
NULL_CHANGES: dict[DriverType, Changes] = {
    **dict.fromkeys(INTEGERS, ((Explanation.ZERO_NULL, _mapped(0, None)),)),
    **dict.fromkeys(
        (DriverType.FLOAT, DriverType.DOUBLE),
        ((Explanation.ZERO_NULL, _mapped(0.0, None)), (Explanation.NAN_NULL, _mapped(math.nan, None))),
    ),
    DriverType.STRING: ((Explanation.EMPTY_NULL, _mapped("", None)),),
}
"""Changes of a value to null, for nullable columns, by the declared type."""

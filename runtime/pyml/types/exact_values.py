"""Whether a plain Python value belongs to a declared type, with nothing lost and nothing guessed.

Arrow's own conversion is not strict enough for object columns: it turns 1.5 into the integer 1, NaT into the year 1,
and drops unknown keys of a dict, all without an error.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache

import numpy as np
import pyarrow as pa

Check = Callable[[object], bool]


def is_null(value: object) -> bool:
    """True for None, `pd.NA` and NaT; NaN is a value."""
    if value is None:
        return True
    pandas = sys.modules.get("pandas")  # where nobody has imported it there are no values of it
    return pandas is not None and (value is pandas.NA or value is pandas.NaT)


@lru_cache(maxsize=256)
def check_for(arrow: pa.DataType) -> Check:
    """A function that checks whether a value (not null) belongs exactly to this type."""
    types = pa.types
    if types.is_list(arrow):
        return _list_check(check_for(arrow.value_type))
    if types.is_struct(arrow):
        return _struct_check({field.name: check_for(field.type) for field in arrow})
    if types.is_map(arrow):
        return _map_check(check_for(arrow.key_type), check_for(arrow.item_type))
    if types.is_timestamp(arrow):
        return _timestamp_check(aware=arrow.tz is not None)
    return _is_decimal if types.is_decimal(arrow) else _PLAIN[str(arrow)]


def _is_int(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _is_float(value: object) -> bool:
    return isinstance(value, float | np.floating)


def _is_float32(value: object) -> bool:
    if not isinstance(value, float | np.floating):
        return False
    with np.errstate(over="ignore"):
        return float(np.float32(value)) == float(value) or math.isnan(value)


def _is_bool(value: object) -> bool:
    return isinstance(value, bool | np.bool_)


def _is_date(value: object) -> bool:
    return isinstance(value, date) and not isinstance(value, datetime)


def _is_decimal(value: object) -> bool:
    return isinstance(value, Decimal) and value.is_finite()


_PLAIN: dict[str, Check] = {
    **{f"int{width}": _is_int for width in (8, 16, 32, 64)},
    "float": _is_float32,
    "double": _is_float,
    "bool": _is_bool,
    "string": lambda value: isinstance(value, str),
    "binary": lambda value: isinstance(value, bytes),
    "date32[day]": _is_date,
}


def _timestamp_check(*, aware: bool) -> Check:
    def check(value: object) -> bool:
        if not isinstance(value, datetime) or (value.tzinfo is not None) != aware:
            return False
        return not getattr(value, "nanosecond", 0)

    return check


def _list_check(element: Check) -> Check:
    def check(value: object) -> bool:
        if isinstance(value, np.ndarray):
            value = list(value)
        return isinstance(value, list | tuple) and all(item is None or element(item) for item in value)

    return check


def _struct_check(members: dict[str, Check]) -> Check:
    def check(value: object) -> bool:
        return (
            isinstance(value, dict)
            and value.keys() == members.keys()
            and all(value[name] is None or member(value[name]) for name, member in members.items())
        )

    return check


def _map_check(key: Check, item: Check) -> Check:
    def check(value: object) -> bool:
        return isinstance(value, dict) and all(key(k) and (v is None or item(v)) for k, v in value.items())

    return check

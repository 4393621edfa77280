"""Numbers in a different dtype, with every value checked: the one place that decides whether a number is kept."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.generic]
    Flags = NDArray[np.bool_]

# Bits of the integers that a float holds without a gap.
_MANTISSA = {2: 11, 4: 24, 8: 53}


def holds_all(dtype: np.dtype[np.generic], found: np.dtype[np.generic]) -> bool:
    """Whether a dtype holds every number of another one, so that no value needs to be checked.

    Args:
        dtype: of integers or floats.
        found: the same, or object for Python integers of any size.
    """
    if found.kind == "O":
        return False
    if found.kind in "iu" and dtype.kind == "f":
        return np.iinfo(str(found)).bits - (found.kind == "i") <= _MANTISSA[dtype.itemsize]
    return np.can_cast(found, dtype, "safe")


def in_dtype(values: Numbers, dtype: np.dtype[np.generic]) -> tuple[Numbers, Flags | None]:
    """Numbers in a different dtype, and which of them it cannot hold.

    A number is held if the converted one equals it and has its sign: -0.0 is not an integer, NaN is a float alone.

    Args:
        values: integers or floats of shape (n,), or Python integers as objects.
        dtype: of integers or floats.

    Returns:
        The converted numbers, the same array if the dtype is the same; and True for each that was lost, None if the
        dtypes alone tell that nothing was.
    """
    if values.dtype == dtype:
        return values, None
    if holds_all(dtype, values.dtype):
        return values.astype(dtype), None
    with np.errstate(over="ignore", invalid="ignore"):
        if values.dtype.kind == "O":
            return _of_python_integers(values, dtype)
        if values.dtype.kind == "f":
            return _narrower(values, dtype) if dtype.kind == "f" else _whole(values, dtype)
        return _rounded(values, dtype) if dtype.kind == "f" else _in_range(values, dtype)


def numbers_as_written(
    elements: Sequence[float], dtype: np.dtype[np.generic], types: Collection[type] | None = None
) -> tuple[Numbers, Flags]:
    """Numbers that a person wrote in decimal digits, in a dtype, and which of them it cannot hold.

    A whole number must be kept exactly. A decimal fraction means the nearest float, unless that is infinity, or zero
    for a number that is not.

    Args:
        elements: n integers of any size, floats and Booleans.
        dtype: of integers, floats or Booleans.
        types: those of the elements, if the caller has looked; None to look.

    Returns:
        The numbers of shape (n,); and True for each that was lost.
    """
    found = set(map(type, elements)) if types is None else set(types)
    if found == {float} or (found and found <= {int, bool}):
        return _nearest(_of_one_type(elements, is_float=float in found), dtype)
    array, lost = np.zeros(len(elements), dtype), np.zeros(len(elements), bool)
    kinds = np.array([isinstance(element, float) for element in elements], bool)
    for is_float in (False, True):
        of_kind = np.flatnonzero(kinds == is_float)
        if len(of_kind):
            values = _of_one_type([elements[at] for at in of_kind.tolist()], is_float=is_float)
            array[of_kind], lost[of_kind] = _nearest(values, dtype)
    return array, lost


def _of_one_type(elements: Sequence[float], *, is_float: bool) -> Numbers:
    if is_float or isinstance(elements[0], bool):
        return np.array(elements)
    try:
        return np.array(elements, np.int64)
    except OverflowError:
        return np.array(elements, object)


def _nearest(values: Numbers, dtype: np.dtype[np.generic]) -> tuple[Numbers, Flags]:
    if values.dtype == dtype and dtype.kind == "f":
        return values, np.isinf(values)
    if values.dtype.kind == "f" and dtype.kind == "f":
        with np.errstate(over="ignore", under="ignore"):
            nearest = values.astype(dtype)
        return nearest, np.isinf(nearest) | ((nearest == 0) & (values != 0))
    converted, lost = in_dtype(values, dtype)
    return converted, np.zeros(len(values), bool) if lost is None else lost


def _narrower(values: Numbers, dtype: np.dtype[np.generic]) -> tuple[Numbers, Flags]:
    narrow = values.astype(dtype)
    return narrow, (narrow.astype(values.dtype) != values) & (values == values)  # NaN is kept


def _whole(values: Numbers, dtype: np.dtype[np.generic]) -> tuple[Numbers, Flags]:
    wide = values.astype(np.float64)
    least, beyond = _ends(dtype)
    held = (wide >= least) & (wide < beyond) & (np.trunc(wide) == wide) & ~((wide == 0) & np.signbit(wide))
    return np.where(held, wide, 0).astype(dtype), ~held


def _ends(dtype: np.dtype[np.generic]) -> tuple[float, float]:
    """The smallest integer of a dtype, and the first that is too large; as float64 both are exact."""
    limits = np.iinfo(str(dtype))
    return float(limits.min), float(int(limits.max) + 1)


def _rounded(values: Numbers, dtype: np.dtype[np.generic]) -> tuple[Numbers, Flags]:
    floats = values.astype(dtype)
    back, lost = _whole(floats, values.dtype)
    return floats, lost | (back != values)


def _in_range(values: Numbers, dtype: np.dtype[np.generic]) -> tuple[Numbers, Flags]:
    found, limits = np.iinfo(str(values.dtype)), np.iinfo(str(dtype))
    least, most = max(found.min, limits.min), min(found.max, limits.max)
    is_lost = np.less(values, least) | np.greater(values, most)
    return values.astype(dtype), np.asarray(is_lost)


def _of_python_integers(values: Numbers, dtype: np.dtype[np.generic]) -> tuple[Numbers, Flags]:
    """Python integers, which may be larger than any dtype holds; Python compares them with floats exactly."""
    converted = np.zeros(values.shape, dtype)
    lost = np.zeros(values.shape, bool)
    for at, value in enumerate(values.tolist()):
        try:
            converted[at] = value
        except OverflowError:
            lost[at] = True
        else:
            lost[at] = converted[at].item() != value
    return converted, lost

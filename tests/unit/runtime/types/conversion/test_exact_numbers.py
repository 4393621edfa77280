"""Numbers in a different dtype: refused if and only if a value is lost, held against Python's exact comparison."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pyml.types.conversion.exact_numbers import holds_all, in_dtype

INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
FLOATS = ("float16", "float32", "float64")
LIMITS = [2**power + step for power in (7, 8, 11, 15, 16, 24, 31, 32, 53, 63, 64) for step in (-1, 0, 1)]


def numbers(dtype: str) -> st.SearchStrategy[int | float]:
    """Numbers of a dtype, often at the limits of different ones."""
    limits = np.array([sign * limit for limit in LIMITS for sign in (1, -1)], object)
    if dtype in FLOATS:
        with np.errstate(over="ignore"):
            held = [float(np.dtype(dtype).type(float(limit))) for limit in limits]
        return st.one_of(st.floats(width=np.dtype(dtype).itemsize * 8), st.sampled_from(held))  # type: ignore[arg-type]
    least, most = int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)
    return st.one_of(st.integers(least, most), st.sampled_from([v for v in limits if least <= v <= most]))


def is_held(value: float, dtype: str) -> bool:
    """Whether a dtype holds a Python number, decided without numpy's conversions of arrays."""
    if math.isnan(value):
        return dtype in FLOATS
    if dtype in INTEGERS:
        limits = np.iinfo(dtype)
        is_negative_zero = value == 0 and math.copysign(1, value) < 0
        return (
            not math.isinf(value) and value == int(value) and limits.min <= value <= limits.max and not is_negative_zero
        )
    with np.errstate(over="ignore"):
        nearest = np.dtype(dtype).type(float(value))
    return float(nearest) == value  # Python compares an integer with a float exactly


@given(st.data(), st.sampled_from(INTEGERS + FLOATS), st.sampled_from(INTEGERS + FLOATS))
def test_a_number_is_lost_if_and_only_if_the_dtype_does_not_hold_it(
    data: st.DataObject, found: str, dtype: str
) -> None:
    values = np.array(data.draw(st.lists(numbers(found), min_size=1, max_size=8)), found)
    converted, lost = in_dtype(values, np.dtype(dtype))
    expected = [not is_held(value, dtype) for value in values.tolist()]
    assert (lost.tolist() if lost is not None else [False] * len(values)) == expected
    for value, kept, is_lost in zip(values.tolist(), converted.tolist(), expected, strict=True):
        assert is_lost or repr(float(kept)) == repr(float(value))
        assert is_lost or kept == value or math.isnan(value)


@given(st.lists(st.integers(-(2**70), 2**70) | st.sampled_from(LIMITS)), st.sampled_from(INTEGERS + FLOATS))
@example([2**1024], "float64")
@example([2**70, 2**70 + 1], "float64")
def test_python_integers_of_any_size_are_held_to_the_same_rule(values: list[int], dtype: str) -> None:
    found = np.empty(len(values), object)
    found[:] = values
    converted, lost = in_dtype(found, np.dtype(dtype))
    assert lost is not None
    for value, kept, is_lost in zip(values, converted.tolist(), lost.tolist(), strict=True):
        assert is_lost or kept == value
        if dtype in INTEGERS:
            assert is_lost is not (np.iinfo(dtype).min <= value <= np.iinfo(dtype).max)
    assert [kept for kept, is_lost in zip(converted.tolist(), lost, strict=True) if not is_lost] == [
        value for value, is_lost in zip(values, lost, strict=True) if not is_lost
    ]


LOST = [
    (2**53 + 1, "int64", "float64"),
    (2**63 - 1, "int64", "float64"),
    (2**64 - 1, "uint64", "float64"),
    (16_777_217, "int32", "float32"),
    (0.1, "float64", "float32"),
    (1e-46, "float64", "float32"),
    (1e39, "float64", "float32"),
    (-0.0, "float64", "int64"),
    (math.nan, "float64", "int64"),
    (math.inf, "float64", "int64"),
    (2.0**63, "float64", "int64"),
    (128, "int16", "int8"),
    (-1, "int8", "uint64"),
    (65_520, "int32", "float16"),
]
KEPT = [
    (2**53 + 2, "int64", "float64"),
    (-(2**63), "int64", "float64"),
    (16_777_218, "int32", "float32"),
    (-0.0, "float64", "float32"),
    (math.nan, "float64", "float32"),
    (-math.inf, "float64", "float32"),
    (-(2.0**63), "float64", "int64"),
    (8.0, "float64", "int32"),
]


@pytest.mark.parametrize(("value", "found", "dtype"), LOST)
def test_what_a_dtype_does_not_hold_is_lost(value: float, found: str, dtype: str) -> None:
    _, lost = in_dtype(np.array([value], found), np.dtype(dtype))
    assert lost is not None
    assert lost.tolist() == [True]


@pytest.mark.parametrize(("value", "found", "dtype"), KEPT)
def test_what_a_dtype_holds_is_kept_with_its_sign(value: float, found: str, dtype: str) -> None:
    converted, lost = in_dtype(np.array([value], found), np.dtype(dtype))
    assert lost is None or lost.tolist() == [False]
    assert repr(float(converted[0])) == repr(float(value))


@pytest.mark.parametrize(
    ("dtype", "found", "expected"),
    [
        ("float64", "int32", True),
        ("float64", "uint32", True),
        ("float64", "int64", False),
        ("float32", "int16", True),
        ("float32", "int32", False),
        ("float16", "int8", True),
        ("int64", "uint32", True),
        ("int64", "uint64", False),
        ("float64", "float32", True),
        ("int64", "float32", False),
        ("int64", "object", False),
    ],
)
def test_wider_types_are_known_without_a_look_at_the_values(dtype: str, found: str, *, expected: bool) -> None:
    assert holds_all(np.dtype(dtype), np.dtype(found)) is expected


def test_numbers_of_the_same_dtype_are_the_same_array() -> None:
    values = np.array([1.0, math.nan])
    assert in_dtype(values, np.dtype("float64"))[0] is values

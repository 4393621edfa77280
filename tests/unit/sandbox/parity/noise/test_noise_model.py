"""The noise model: which values are the same, which differ by the noise of arithmetic, and which differ."""

from __future__ import annotations

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyml_sandbox.compare import Tolerance
from pyml_sandbox.parity.noise.noise_model import (
    COLUMN_SHARE,
    FEW,
    NOISE_OF_DOUBLE,
    NOISE_OF_SINGLE,
    NoiseModel,
)

NAN, INF = math.nan, math.inf
floats = st.floats(allow_nan=True, allow_infinity=True)
leaves = (
    st.none() | st.booleans() | st.integers(-3, 3) | floats | st.sampled_from([0.0, -0.0, 1.0, 1.0 + 1e-12, "", "a"])
)
values = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("xy"), inner))


def single(value: float) -> float:
    return float(struct.unpack("<f", struct.pack("<f", value))[0])


# ---- same or not


@pytest.mark.parametrize(
    ("left", "right", "differ"),
    [
        (None, None, False),
        (NAN, NAN, False),
        (INF, INF, False),
        (0.0, -0.0, False),
        ("a", "a", False),
        (True, True, False),
        ([], [], False),
        ({}, {}, False),
        (None, NAN, True),
        (None, 0.0, True),
        (None, "", True),
        (NAN, 0.0, True),
        (NAN, INF, True),
        (INF, -INF, True),
        (INF, 1.7976931348623157e308, True),
        (True, 1, True),
        (False, 0.0, True),
        (1, 1.0, True),
        (1, 2, True),
        ("a", b"a", True),
        ("1", 1, True),
        (2**53, 2**53 + 1, True),
        ([1.0], [1.0, 1.0], True),
        ([None], [NAN], True),
        ([NAN, [1.0]], [NAN, [1.0]], False),
        ([1.0, 2.5], [1.0, 3.5], True),
        ([], {}, True),
        ({"x": 1.5}, {"x": 1.5}, False),
        ({"x": 1.5}, {"y": 1.5}, True),
        ({"x": None}, {}, True),
        ({"x": [NAN]}, {"x": [None]}, True),
    ],
)
def test_values_are_the_same_only_where_a_reader_would_say_so(left: object, right: object, differ: bool) -> None:
    assert NoiseModel().differ("p", left, right) is differ


@given(values)
def test_every_value_is_the_same_as_itself(value: object) -> None:
    assert not NoiseModel().differ("p", value, value)


@given(values, values)
def test_neither_side_is_the_measure(left: object, right: object) -> None:
    assert NoiseModel().differ("p", left, right) == NoiseModel().differ("p", right, left)


@given(floats, floats, st.floats(0, 1e6), st.booleans())
def test_neither_side_is_the_measure_in_a_column_that_was_learnt(
    left: float, right: float, scale: float, is_single: bool
) -> None:
    noise_model = NoiseModel(frozenset({"p"} if is_single else ()), {"p": scale})
    assert noise_model.differ("p", left, right) == noise_model.differ("p", right, left)


# ---- noise


@pytest.mark.parametrize(
    ("is_single", "relative", "differ"),
    [
        (False, NOISE_OF_DOUBLE / 2, False),
        (False, NOISE_OF_DOUBLE * 2, True),
        (False, NOISE_OF_SINGLE / 2, True),
        (True, NOISE_OF_DOUBLE * 2, False),
        (True, NOISE_OF_SINGLE / 2, False),
        (True, NOISE_OF_SINGLE * 2, True),
    ],
)
@pytest.mark.parametrize("value", [0.37, -123.4, 1e-200, 98765.4321])
def test_noise_is_what_the_width_of_a_column_explains(
    is_single: bool, relative: float, differ: bool, value: float
) -> None:
    noise_model = NoiseModel(frozenset({"p"} if is_single else ()))
    assert noise_model.differ("p", value, value * (1 + relative)) is differ
    assert noise_model.differ("p", [value], [value * (1 + relative)]) is differ
    assert noise_model.differ("p", {"x": value}, {"x": value * (1 + relative)}) is differ


@pytest.mark.parametrize(
    ("relative", "in_double", "in_single"), [(8e-16, False, False), (1e-10, False, False), (1e-8, True, False), (1e-6, True, False), (1e-4, True, True)]
)  # fmt: skip
def test_measured_noise_is_noise_and_a_change_of_width_is_not(
    relative: float, in_double: bool, in_single: bool
) -> None:
    assert NoiseModel().differ("p", 0.37, 0.37 * (1 + relative)) is in_double
    assert NoiseModel(frozenset({"p"})).differ("p", 0.37, 0.37 * (1 + relative)) is in_single


def test_a_sum_near_zero_has_the_noise_of_its_column() -> None:
    apart = 0.5 * NOISE_OF_DOUBLE * COLUMN_SHARE * 100.0
    assert NoiseModel().differ("p", 0.0, apart)
    assert not NoiseModel(scale={"p": 100.0}).differ("p", 0.0, apart)
    assert NoiseModel(scale={"q": 100.0}).differ("p", 0.0, apart)


@pytest.mark.parametrize("size", [1.0, 1e6, 2.0**52])
def test_whole_numbers_are_never_noise(size: float) -> None:
    noise_model = NoiseModel(frozenset({"p"}), {"p": 1e300})
    assert noise_model.differ("p", size, size + 1)
    noise_model = noise_model.learned_pairs([({"p": size}, {"p": size + 1})])
    assert noise_model.certain == {"p"}


def test_whole_numbers_that_float32_cannot_tell_from_their_neighbours_are_measured() -> None:
    assert not NoiseModel(frozenset({"p"}), {"p": 1.0}).differ("p", 557510080.0, 557510016.0)
    assert NoiseModel(frozenset({"p"}), {"p": 1.0}).differ("p", 557510080.0, 557510017.0)
    assert NoiseModel(frozenset({"p"}), {"p": 1.0}).differ("p", 557510080.0, 557410048.0)


def test_one_ulp_is_noise_of_floats_and_a_difference_of_nothing_else() -> None:
    assert not NoiseModel().differ("p", 0.1, math.nextafter(0.1, 1.0))
    assert NoiseModel().differ("p", str(0.1), str(math.nextafter(0.1, 1.0)))


# ---- learning


@pytest.mark.parametrize(
    ("found", "is_single"),
    [
        ([0.5, 0.25], True),
        ([single(0.1), single(0.7)], True),
        ([single(0.1), None, NAN, INF], True),
        ([0.1, single(0.7)], False),
        ([1.0, 2.0], False),  # whole numbers show nothing
        ([1e300], False),
        ([None], False),
        ([3], False),
        (["a"], False),
    ],
)
def test_a_column_is_single_where_float32_holds_all_of_it_and_some_of_it_is_no_whole_number(
    found: list[object], is_single: bool
) -> None:
    noise_model = NoiseModel().learned([{"p": value} for value in found])
    assert ("p" in noise_model.single) is is_single


def test_the_scale_is_the_largest_finite_magnitude() -> None:
    noise_model = NoiseModel().learned([{"p": value, "q": None} for value in (1.5, -7.0, INF, NAN, None)])
    assert noise_model.scale == {"p": 7.0}


def test_nothing_is_learnt_from_no_rows() -> None:
    noise_model = NoiseModel().learned([])
    assert noise_model == NoiseModel()


# ---- the floor


def test_noise_raises_the_floor_of_its_column_and_nothing_else_does() -> None:
    noise_model = NoiseModel()
    for left, right in ((1.0, 1.0), (1.0, 2.0), (NAN, 1.0), (1, 2), (None, 0.5), (1.0, INF)):
        noise_model = noise_model.learned_pairs([({"p": left}, {"p": right})])
    assert noise_model.floor == {}
    step = math.nextafter(1.0, 2.0)
    noise_model = noise_model.learned_pairs([({"p": 1.0}, {"p": math.nextafter(step, 2.0)})])
    noise_model = noise_model.learned_pairs([({"p": 1.0}, {"p": step})])
    assert noise_model.floor == {"p": 2**-51}


# ---- reconsidering


def doubtful(number: int) -> NoiseModel:
    """One that met differences of the size of float32's noise, no two alike."""
    noise_model = NoiseModel()
    for step in range(number):
        other = 0.3 * (1 + NOISE_OF_SINGLE * (step + 1) / 10)
        assert noise_model.differ("p", 0.3, other)
        noise_model = noise_model.learned_pairs([({"p": 0.3}, {"p": other})])
    return noise_model


def test_many_small_differences_of_many_sizes_are_the_noise_of_float32_after_all() -> None:
    noise_model = doubtful(FEW)
    assert noise_model.noise_after_all == {"p"}
    noise_model = noise_model.reconsidered()
    assert not noise_model.differ("p", 0.3, 0.3 * (1 + NOISE_OF_SINGLE / 2))


def test_a_few_are_not() -> None:
    noise_model = doubtful(FEW - 1)
    assert noise_model.noise_after_all == frozenset()
    assert noise_model.differ("p", 0.3, 0.3 * (1 + NOISE_OF_SINGLE / 2))


def test_nor_is_one_difference_that_comes_again_and_again() -> None:
    noise_model = NoiseModel()
    for _ in range(9):
        noise_model = noise_model.learned_pairs([({"p": 0.3}, {"p": 0.3 * (1 + NOISE_OF_SINGLE / 2)})])
    assert noise_model.noise_after_all == frozenset()


def test_nor_are_those_of_a_column_with_one_large_difference() -> None:
    noise_model = doubtful(FEW)
    noise_model = noise_model.learned_pairs([({"p": 0.3}, {"p": 0.4})])
    assert noise_model.noise_after_all == frozenset()


def test_values_that_nobody_holds_against_one_another_say_nothing_about_noise() -> None:
    noise_model = doubtful(FEW)
    assert noise_model.differ("p", 0.3, 0.4)
    assert noise_model.noise_after_all == {"p"}


def test_what_was_reconsidered_is_not_reconsidered_again() -> None:
    noise_model = doubtful(FEW)
    assert noise_model.reconsidered().noise_after_all == frozenset()


def test_a_column_that_hands_an_input_back_has_no_noise() -> None:
    noise_model = NoiseModel()
    given = [{"a": 0.5, "b": 1.0}, {"a": 1.5, "b": 2.0}, {"a": 2.5, "b": 4.0}]
    noise_model = noise_model.learned_pass_through(given, [{"p": row["a"], "q": row["a"] + row["b"]} for row in given])
    assert noise_model.pass_through == {"p"}
    assert noise_model.differ("p", 0.7, math.nextafter(0.7, 1))
    assert not noise_model.differ("q", 0.7, math.nextafter(0.7, 1))


def test_a_sum_that_cancels_may_have_a_few_times_the_noise_of_the_other_rows() -> None:
    noise_model = NoiseModel(frozenset({"p"}), {"p": 1.0})
    noise_model = noise_model.learned_pairs([({"p": 1.0}, {"p": 1.0 + 1e-6})])
    noise_model = noise_model.learned_pairs([({"p": 1e-3}, {"p": 1e-3 + 7e-6})])
    assert noise_model.differ("p", 1e-3, 1e-3 + 7e-6)
    assert noise_model.noise_after_all == {"p"}
    noise_model = noise_model.reconsidered()
    assert not noise_model.differ("p", 1e-3, 1e-3 + 7e-6)
    assert noise_model.differ("p", 1e-3, 1e-3 + 9e-6)


@pytest.mark.parametrize("apart", [1e-5, 0.5, math.inf])
def test_more_than_a_few_times_the_noise_is_none(apart: float) -> None:
    noise_model = NoiseModel(frozenset({"p"}), {"p": 1.0})
    noise_model = noise_model.learned_pairs([({"p": 1.0}, {"p": 1.0 + 1e-6})])
    noise_model = noise_model.learned_pairs([({"p": 1e-3}, {"p": 1e-3 + apart})])
    assert noise_model.differ("p", 1e-3, 1e-3 + apart)
    assert noise_model.noise_after_all == frozenset()


@pytest.mark.parametrize(
    ("left", "right", "differ"),
    [
        (100.0, 100.9, False),
        (100.0, 101.1, True),
        (100.0, 101.0, False),  # whole numbers too
        (1.0, NAN, True),
        (1.0, INF, True),
        (INF, INF, False),
        ([100.0, 1.0], [100.9, 1.0], False),
    ],
)
def test_a_stated_tolerance_alone_decides(left: object, right: object, differ: bool) -> None:
    stated = NoiseModel(stated={"p": Tolerance(rtol=0.01)}, pass_through=frozenset("p"))
    assert stated.differ("p", left, right) is differ
    assert stated.differ("q", 100.0, 100.9)

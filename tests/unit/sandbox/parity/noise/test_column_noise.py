"""Noise told from logic, column by column, and the tolerance that follows: wider than the type grants, never narrower."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyml_sandbox.compare import Origin, Tolerance, Tolerances
from pyml_sandbox.compare.tolerance import DOUBLE_TOLERANCE, FLOAT_TOLERANCE
from pyml_sandbox.parity.noise.column_noise import WIDEST, ColumnNoise, Noise, column_noise, ulps_between
from pyml_sandbox.parity.noise.float_pairs import FloatPairs

ROWS = 200
VALUES = np.linspace(-1.0, 1.0, ROWS) * 100.0
RANDOM = np.random.default_rng(7)


def pairs(left: np.ndarray, right: np.ndarray, unlike: tuple[int, ...] = ()) -> FloatPairs:
    differ = np.flatnonzero(left != right)
    return FloatPairs(differ, left[differ], right[differ], np.array(unlike, np.int64))


def measured(
    relative: np.ndarray | float, kind: pa.DataType, values: np.ndarray = VALUES, *, is_pass_through: bool = False
) -> tuple[ColumnNoise, list[int]]:
    noise, beyond = column_noise(
        "p", kind, values, pairs(values, values * (1 + relative)), is_pass_through=is_pass_through
    )
    return noise, beyond.tolist()


def both_ways(size: float) -> np.ndarray:
    return RANDOM.uniform(-size, size, ROWS)


@pytest.mark.parametrize(("kind", "size", "is_single"), [
    (pa.float64(), 3e-16, False),
    (pa.float32(), 4e-7, True),
    (pa.float64(), 4e-7, True),
    (pa.float64(), 7e-6, True),
    (pa.list_(pa.float32()), 4e-7, True),
])  # fmt: skip
def test_rounding_is_noise_of_the_width_that_explains_it(kind: pa.DataType, size: float, is_single: bool) -> None:
    noise, beyond = measured(both_ways(size), kind)
    assert beyond == []
    assert noise.is_single is is_single
    assert 0 < noise.max_rel <= size * 1.01 + 2**-52
    assert 0 < noise.max_abs <= 101 * (size + 2**-52)


@pytest.mark.parametrize("kind", [pa.float32(), pa.float64(), pa.list_(pa.float64())])
def test_a_relative_error_of_1e_4_is_logic(kind: pa.DataType) -> None:
    noise, beyond = measured(1e-4, kind)
    assert len(beyond) > ROWS * 0.7  # of values near zero size says nothing
    assert noise.tolerance(Tolerances()).rtol < 1e-4


def test_a_double_that_goes_the_same_way_in_every_row_is_logic_however_little() -> None:
    noise, beyond = measured(1e-6, pa.float64())
    assert not noise.is_single
    assert len(beyond) > ROWS * 0.9


def test_one_row_beyond_rounding_keeps_a_double_from_being_taken_for_float32() -> None:
    relative = both_ways(4e-7)
    relative[150] = 1e-3
    noise, beyond = measured(relative, pa.float64())
    assert not noise.is_single
    assert 150 in beyond


def test_counts_that_differ_by_one_are_logic_in_every_width() -> None:
    values = np.full(ROWS, 1_000_000.0)
    _, beyond = column_noise("p", pa.float32(), values, pairs(values, values + 1), is_pass_through=False)
    assert len(beyond) == ROWS


def test_a_column_that_hands_an_input_back_has_no_noise() -> None:
    assert len(measured(both_ways(3e-16), pa.float64(), is_pass_through=True)[1]) > ROWS / 2


def test_rows_that_differ_in_more_than_floats_are_logic() -> None:
    _, beyond = column_noise("p", pa.float64(), VALUES, pairs(VALUES, VALUES, unlike=(3, 9)))
    assert beyond.tolist() == [3, 9]


def test_sums_that_cancel_have_the_noise_of_their_parts() -> None:
    values = np.array([5000.0, 4000.0, 0.5])
    noise, beyond = column_noise("p", pa.float32(), values, pairs(values, values + np.array([0.001, 0.0, 0.002])))
    assert beyond.tolist() == []
    assert noise.max_rel == pytest.approx(2e-7, rel=0.01)
    assert noise.max_abs_of_small == pytest.approx(0.002, rel=0.01)
    assert noise.tolerance(Tolerances()).atol >= 0.008 * 0.99


@pytest.mark.parametrize(("left", "right", "is_single", "steps"), [
    (1.0, 1.0 + 2**-52, False, 1),
    (1.0, 1.0 + 2**-23, True, 1),
    (-0.0, 0.0, False, 0),
    (-5e-324, 5e-324, False, 2),
    (0.71, 0.71 + 4.5e-7, True, 8),
])  # fmt: skip
def test_ulps_are_those_of_the_width(left: float, right: float, is_single: bool, steps: int) -> None:
    assert ulps_between(np.array([left]), np.array([right]), is_single=is_single).tolist() == [steps]


# ---- tolerance

SIZES = st.floats(0, 1e-3)


@given(st.booleans(), st.floats(1.0, 1e9), SIZES, SIZES)
def test_what_was_measured_only_widens_what_the_type_grants(
    is_single: bool, scale: float, rel: float, small: float
) -> None:
    grant = FLOAT_TOLERANCE if is_single else DOUBLE_TOLERANCE
    found = ColumnNoise("p", is_single, scale, max_rel=rel, max_abs_of_small=small * scale).tolerance(Tolerances())
    assert found.rtol >= grant.rtol
    assert found.atol >= grant.atol
    assert found.rtol <= max(grant.rtol, WIDEST)


@given(st.booleans(), st.floats(1e-12, 1e9), SIZES, SIZES)
def test_a_relative_error_of_1e_4_in_the_largest_value_is_always_found(
    is_single: bool, scale: float, rel: float, small: float
) -> None:
    found = ColumnNoise("p", is_single, scale, max_rel=rel, max_abs_of_small=small * scale).tolerance(Tolerances())
    assert max(found.atol, found.rtol * scale * 1.0001) < 1e-4 * scale


def test_a_column_of_zeros_keeps_what_its_type_grants() -> None:
    assert ColumnNoise("p", True, 0.0).tolerance(Tolerances()) == FLOAT_TOLERANCE


def test_a_tolerance_of_its_own_is_kept() -> None:
    own = Tolerances(columns={"p": Tolerance(rtol=0.1)})
    noise = Noise({"p": ColumnNoise("p", True, 1.0, 1e-7, 1e-7), "q": ColumnNoise("q", True, 1.0)})
    assert noise.tolerances(own).columns == {"p": Tolerance(rtol=0.1), "q": FLOAT_TOLERANCE}


def test_floors_name_the_width_of_their_ulps() -> None:
    columns = [
        ColumnNoise("q", True, 1.0, 1e-7, 1e-7, 0.0, 2),
        ColumnNoise("p", False, 1.0, 1e-16, 1e-16, 0.0, 1),
        ColumnNoise("r", True, 1.0),
    ]
    floors = Noise({each.column: each for each in columns}).floors
    assert [(each.column, each.max_ulps, each.width) for each in floors] == [("p", 1, "float64"), ("q", 2, "float32")]


@pytest.mark.parametrize(("stated", "departs"), [
    (Tolerance(rtol=1e-2), False),
    (Tolerance(rtol=1e-4), True),
    (Tolerance(atol=1.0), False),
    (Tolerance(), True),
])  # fmt: skip
def test_a_stated_tolerance_alone_tells_noise_from_logic(stated: Tolerance, departs: bool) -> None:
    _, beyond = column_noise("p", pa.float64(), VALUES, pairs(VALUES, VALUES * (1 + 1e-3)), stated=stated)
    assert bool(len(beyond)) is departs


def test_a_tolerance_says_whether_its_type_or_a_measurement_gave_it() -> None:
    quiet, noisy = (ColumnNoise("p", True, 1.0, max_rel=size, max_abs=size) for size in (1e-8, 1e-5))
    assert [noise.tolerance(Tolerances()).origin for noise in (quiet, noisy)] == [Origin.TYPE, Origin.NOISE]

"""Taking two Arrow columns apart into pairs of floats and everything else, held against a walk through Python values."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyml_sandbox.parity.noise.float_pairs import FloatPairs, floats_in

FLOATS = st.one_of(st.none(), st.sampled_from([0.0, -0.0, 1.0, 1.5, math.nan, math.inf, -math.inf]))
TEXTS = st.one_of(st.none(), st.sampled_from(["", "a", "b"]))
KINDS = {
    "double": (pa.float64(), FLOATS),
    "float": (pa.float32(), FLOATS),
    "string": (pa.string(), TEXTS),
    "list": (pa.list_(pa.float64()), st.one_of(st.none(), st.lists(FLOATS, max_size=2))),
    "fixed list": (pa.list_(pa.float32(), 2), st.one_of(st.none(), st.lists(FLOATS, min_size=2, max_size=2))),
    "lists of lists": (pa.list_(pa.list_(pa.float64())), st.lists(st.one_of(st.none(), st.lists(FLOATS, max_size=2)), max_size=2)),
    "struct": (pa.struct({"x": pa.float64(), "s": pa.string()}), st.one_of(st.none(), st.fixed_dictionaries({"x": FLOATS, "s": TEXTS}))),
    "map": (pa.map_(pa.string(), pa.float64()), st.one_of(st.none(), st.dictionaries(st.sampled_from(["a", "b"]), FLOATS).map(lambda it: sorted(it.items())))),
}  # fmt: skip


def walked(left: object, right: object) -> Iterator[tuple[float, float] | None]:
    """The pairs of finite floats in which two values differ, and None for each difference of any other kind."""
    if isinstance(left, float) and isinstance(right, float):
        yield from walked_floats(left, right)
    elif isinstance(left, dict) and isinstance(right, dict):
        for name in left:
            yield from walked(left[name], right[name])
    elif isinstance(left, list | tuple) and isinstance(right, list | tuple) and len(left) == len(right):
        for a, b in zip(left, right, strict=True):
            yield from walked(a, b)
    elif left != right:
        yield None


def walked_floats(left: float, right: float) -> Iterator[tuple[float, float] | None]:
    if left != right and not (math.isnan(left) and math.isnan(right)):
        yield (left, right) if math.isfinite(left) and math.isfinite(right) else None


@pytest.mark.parametrize("kind", KINDS)
def test_pairs_and_unlike_rows_are_those_of_a_walk_through_the_values(kind: str) -> None:
    arrow, values = KINDS[kind]

    @given(st.lists(st.tuples(values, values), max_size=6))
    def holds(pairs: list[tuple[object, object]]) -> None:
        left, right = (pa.array([pair[side] for pair in pairs], arrow) for side in (0, 1))
        found = FloatPairs.between(left, right)
        expected = [list(walked(a, b)) for a, b in zip(left.to_pylist(), right.to_pylist(), strict=True)]
        assert found.unlike.tolist() == [row for row, each in enumerate(expected) if None in each]
        # A list of another length has no pairs; a walk through it finds none either.
        assert sorted(zip(found.rows, found.left, found.right, strict=True)) == sorted(
            (row, *pair) for row, each in enumerate(expected) for pair in each if pair
        )

    holds()


def test_every_finite_float_of_a_nested_column_is_found() -> None:
    array = pa.array([{"x": 1.0, "l": [2.0, None]}, None, {"x": math.nan, "l": [math.inf, -3.0]}])
    assert sorted(floats_in(array)) == [-3.0, 1.0, 2.0]


def test_slices_keep_their_own_rows() -> None:
    left, right = pa.array([[1.0], [2.0, 3.0], [4.0]]), pa.array([[1.0], [2.0, 3.5], [5.0]])
    found = FloatPairs.between(left.slice(1), right.slice(1))
    assert (found.rows.tolist(), found.left.tolist(), found.right.tolist()) == ([0, 1], [3.0, 4.0], [3.5, 5.0])


def test_rows_take_other_numbers_together() -> None:
    parts = [
        FloatPairs(np.array([0]), np.array([1.0]), np.array([2.0]), np.array([1])).in_rows(np.array([70, 71])),
        FloatPairs(np.array([1]), np.array([3.0]), np.array([4.0]), np.array([0])).in_rows(np.array([70, 71])),
    ]
    found = FloatPairs.concatenated(parts)
    assert (found.rows.tolist(), found.unlike.tolist()) == ([70, 71], [70, 71])

"""How far floats may lie apart: the defaults' edges, allowances by column, distances in ulps."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyml.errors import UsageError
from pyml_sandbox.compare import EXACT, ColumnComparison, Tolerance, Tolerances, compare

pytestmark = pytest.mark.usefixtures("one_database")

FLOATS = {"double": (pa.float64(), "d", "q"), "float": (pa.float32(), "f", "i")}


def columns(
    left: Sequence[object], right: Sequence[object], kind: pa.DataType, allowed: Tolerances
) -> list[ColumnComparison]:
    """Each pair in a column of its own, so that its distance can be read."""
    names = ["id", *(f"p{i}" for i in range(len(left)))]
    tables = [pa.table([pa.array([1]), *(pa.array([value], kind) for value in side)], names) for side in (left, right)]
    return list(compare(tables[0], tables[1], ["id"], tolerances=allowed).columns)


def outcome(column: ColumnComparison) -> str:
    counts = {"equal": column.equal, "within": column.within_tolerance, "differs": column.differing}
    return next(name for name, count in counts.items() if count)


@pytest.mark.parametrize(
    ("kind", "left", "right", "expected"),
    [
        ("double", 1.0, 1.0, "equal"),
        ("double", 1.0, math.nextafter(1, 2), "within"),
        ("double", 0.5, 0.5 + 7.8e-16, "within"),  # the measured noise of an honest model
        ("double", 1e-300, 9e-300, "within"),  # as near to 0 as no probability is told apart
        ("double", 0.0, 1e-12, "within"),
        ("double", 0.0, 1.001e-12, "differs"),
        ("double", 1.0, 1 + 0.99e-9, "within"),
        ("double", 1.0, 1 + 1.01e-9, "differs"),
        ("double", -1.0, -1 - 0.99e-9, "within"),
        ("double", 1e300, 1e300 * (1 + 0.99e-9), "within"),
        ("double", 1e300, 1e300 * (1 + 1.01e-9), "differs"),
        ("double", 5e-13, -5e-13, "within"),
        ("double", 1.7e308, -1.7e308, "differs"),
        ("double", math.inf, 1.7976931348623157e308, "differs"),
        ("double", math.nan, 0.0, "differs"),
        ("double", 0.30000000000000004, 0.3, "within"),
        ("double", 0.3, float(np.float32(0.3)), "differs"),  # a float32 on the way is no noise
        ("float", 1.0, 1.0000001, "within"),
        ("float", 1.0, 1.0000095, "within"),
        ("float", 1.0, 1.000011, "differs"),
        ("float", 0.0, 0.9e-6, "within"),
        ("float", 0.0, 1.1e-6, "differs"),
        ("float", math.inf, 3.4e38, "differs"),
    ],
)
def test_default_tolerance(kind: str, left: float, right: float, expected: str) -> None:
    arrow = FLOATS[kind][0]
    there, back = columns([left, right], [right, left], arrow, Tolerances())
    assert outcome(there) == outcome(back) == expected


@pytest.mark.parametrize(
    "values", [([1], [2]), ([2**53], [2**53 + 1])], ids=["small integers", "integers beyond the floats"]
)
def test_integers_have_no_tolerance(values: tuple[list[object], list[object]]) -> None:
    wide = Tolerances(Tolerance(1.0, 100.0), Tolerance(1.0, 100.0), {"p0": Tolerance(1.0, 100.0)})
    (found,) = columns(*values, pa.int64(), wide)
    assert (outcome(found), found.tolerance, found.max_abs) == ("differs", None, 1.0)


def test_the_relative_allowance_is_of_the_larger_value_whichever_side_it_is_on() -> None:
    allowed = Tolerances(double=Tolerance(rtol=0.5))
    found = columns([1.0, 2.0, 1.0, -2.0], [2.0, 1.0, 2.001, -1.0], pa.float64(), allowed)
    assert [outcome(column) for column in found] == ["within", "within", "differs", "within"]


def test_a_float_against_a_double_is_held_to_the_tolerance_of_floats() -> None:
    narrow, wide = (pa.table({"id": [1], "p": pa.array([0.1], kind)}) for kind in (pa.float32(), pa.float64()))
    for left, right in ((narrow, wide), (wide, narrow)):
        (found,) = compare(left, right, ["id"]).columns
        assert (outcome(found), found.tolerance, found.has_same_type) == ("within", Tolerances().single, False)


def test_a_column_of_its_own_tolerance_leaves_the_others_alone() -> None:
    allowed = Tolerances(double=EXACT, columns={"p1": Tolerance(atol=0.5)})
    first, second = columns([1.0, 1.0], [1.25, 1.25], pa.float64(), allowed)
    assert (outcome(first), outcome(second)) == ("differs", "within")
    assert (first.tolerance, second.tolerance) == (EXACT, Tolerance(atol=0.5))


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ([1.0, 2.0], [1.0, math.nextafter(2, 3)], "within"),
        ([1.0, 2.0], [1.0, 2.1], "differs"),
        ([1.0, 2.0], [1.0], "differs"),
        ([1.0, None], [math.nextafter(1, 2), None], "within"),
        ([1.0, math.nan], [math.nextafter(1, 2), None], "differs"),
        ([], [], "equal"),
    ],
)
def test_floats_in_lists_are_held_to_the_tolerance_one_by_one(
    left: list[object], right: list[object], expected: str
) -> None:
    (found,) = columns([left], [right], pa.list_(pa.float64()), Tolerances())
    assert outcome(found) == expected


def test_floats_deep_inside_are_held_to_the_tolerance_and_all_else_is_exact() -> None:
    kind = pa.list_(pa.struct([("n", pa.int64()), ("m", pa.map_(pa.float64(), pa.list_(pa.float32())))]))
    value, near, other_key, other_number = (
        [{"n": n, "m": [(key, [1.0, leaf])]}]
        for n, key, leaf in ((1, 1.0, 2.0), (1, 1.0, 2.00001), (1, math.nextafter(1, 2), 2.0), (2, 1.0, 2.0))
    )
    found = columns([value] * 4, [value, near, other_key, other_number], kind, Tolerances())
    assert [outcome(column) for column in found] == ["equal", "within", "differs", "differs"]
    assert found[1].max_abs == pytest.approx(1e-5, rel=0.1)
    assert found[1].max_ulps == round((float(np.float32(2.00001)) - 2) / 2.0**-22)


@pytest.mark.parametrize(("steps", "allowed", "expected"), [(3, 3, "within"), (4, 3, "differs"), (0, 0, "equal")])
def test_an_allowance_in_ulps_counts_representable_numbers(steps: int, allowed: int, expected: str) -> None:
    left = 1 - 2 * math.ulp(0.5)  # the spacing doubles at 1
    (found,) = columns([left], [stepped(left, steps)], pa.float64(), Tolerances(Tolerance(max_ulps=allowed)))
    assert outcome(found) == expected


def stepped(value: float, steps: int) -> float:
    for _ in range(steps):
        value = math.nextafter(value, math.inf)
    return value


def place(value: float, kind: str) -> int:
    """Where a float stands among all floats of its width; both zeros at 0."""
    _, floating, integer = FLOATS[kind]
    (bits,) = struct.unpack(f"<{integer}", struct.pack(f"<{floating}", value))
    return int(bits) if bits >= 0 else -(int(bits) & (2 ** (8 * struct.calcsize(integer) - 1) - 1))


EDGES = {
    "double": [(0.0, 5e-324), (-5e-324, 5e-324), (2.2250738585072014e-308, 2.225073858507201e-308), (-1.0, 1.0),
               (1.7976931348623157e308, -1.7976931348623157e308), (1.0, math.nextafter(1, 0)), (-0.0, 5e-324)],
    "float": [(0.0, 1.401298464324817e-45), (-1.401298464324817e-45, 1.401298464324817e-45), (-1.0, 1.0),
              (1.1754943508222875e-38, 1.1754942106924411e-38), (3.4028234663852886e38, -3.4028234663852886e38)],
}  # fmt: skip


@pytest.mark.parametrize("kind", FLOATS)
def test_ulps_are_right_where_sign_and_exponent_change(kind: str) -> None:
    left, right = ([pair[side] for pair in EDGES[kind]] for side in (0, 1))
    found = columns(left, right, FLOATS[kind][0], Tolerances.exact())
    assert [column.max_ulps for column in found] == [abs(place(a, kind) - place(b, kind)) for a, b in EDGES[kind]]


@pytest.mark.parametrize(("kind", "width"), [("double", 64), ("float", 32)])
@settings(max_examples=8)
@given(data=st.data())
def test_distances_of_any_two_floats_agree_with_their_bit_patterns(kind: str, width: int, data: st.DataObject) -> None:
    finite = st.floats(allow_nan=False, allow_infinity=False, width=64 if width == 64 else 32)
    pairs = data.draw(st.lists(st.tuples(finite, finite), min_size=1, max_size=30))
    left, right = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    found = columns([*left], [*right], FLOATS[kind][0], Tolerances.exact())
    expected = [(abs(place(a, kind) - place(b, kind)), abs(a - b)) if a != b else (None, None) for a, b in pairs]
    assert [(column.max_ulps, column.max_abs) for column in found] == expected


@pytest.mark.parametrize("arguments", [{"rtol": -1e-9}, {"atol": math.nan}, {"atol": math.inf}, {"max_ulps": -1}])
def test_allowances_that_make_no_sense_are_usage_errors(arguments: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="must be a finite number"):
        Tolerance(**arguments)  # type: ignore[arg-type]


def test_what_a_user_gives_replaces_the_defaults() -> None:
    assert Tolerances.given() == Tolerances()
    assert Tolerances.given(exact=True) == Tolerances.exact()
    assert Tolerances.given(rtol=0.1) == Tolerances(Tolerance(rtol=0.1), Tolerance(rtol=0.1))
    with pytest.raises(UsageError, match="one or the other"):
        Tolerances.given(atol=1.0, exact=True)

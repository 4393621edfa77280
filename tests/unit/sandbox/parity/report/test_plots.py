"""Where the marks of a plot lie."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyml_sandbox.compare.tolerance import DOUBLE_TOLERANCE, Tolerance
from pyml_sandbox.parity.report.diagram import diagrams
from pyml_sandbox.parity.report.document import Points
from pyml_sandbox.parity.report.plots import BOTTOM, LEFT, MAX_TICKS, RIGHT, TOP, ColumnPlots, Plot, column_plots
from pyml_sandbox.parity.verdict import Finding, Hop


def plots(
    *pairs: tuple[float | None, float | None], tolerance: Tolerance | None = None, floor: float | None = None
) -> ColumnPlots:
    points = Points("p", tuple(left for left, _ in pairs), tuple(right for _, right in pairs))
    return column_plots(points, tolerance, floor)


def drawn(found: ColumnPlots) -> tuple[Plot, Plot]:
    assert found.apart is not None
    assert found.both is not None
    return found.apart, found.both


def test_rows_that_agree_lie_on_the_diagonal_and_others_beside_it() -> None:
    _, both = drawn(plots((1.0, 1.0), (2.0, 2.0), (1.0, 2.0)))
    *on, beside = [(dot.x - LEFT) / (RIGHT - LEFT) - (BOTTOM - dot.y) / (BOTTOM - TOP) for dot in both.marks]
    assert on == pytest.approx([0, 0], abs=1e-3)
    assert beside < -0.5
    assert [dot.is_different for dot in both.marks] == [False, False, True]


def test_bars_stand_on_the_axis_and_are_stacked_where_both_kinds_fall_into_one() -> None:
    apart, _ = drawn(plots((0.0, 0.0101), (100.0, 100.0102), tolerance=Tolerance(rtol=1e-3)))
    within, differing = apart.marks
    assert (within.is_different, differing.is_different) == (False, True)
    assert within.y + within.height == pytest.approx(BOTTOM)
    assert differing.y + differing.height == pytest.approx(within.y)
    assert "1 row within tolerance" in within.label


def test_a_bar_lies_in_its_decade() -> None:
    apart, _ = drawn(plots((0.0, 1e-16), (0.0, 0.5)))
    places = {tick.label: tick.at for tick in apart.x_ticks}
    low, high = apart.marks
    assert low.x < places["1e-13"]
    assert places["1e-1"] < high.x
    assert high.x + high.width <= RIGHT


def test_the_noise_floor_lies_on_the_axis_of_differences() -> None:
    apart, _ = drawn(plots((0.0, 1e-3), floor=1e-15))
    assert apart.floor is not None
    assert LEFT <= apart.floor.at < min(mark.x for mark in apart.marks)
    assert drawn(plots((0.0, 1e-3)))[0].floor is drawn(plots((0.0, 1e-3), floor=0.0))[0].floor is None


@pytest.mark.parametrize(
    ("pairs", "note"),
    [
        ([(1.0, 1.0), (2.0, 2.0)], "2 rows, 2 of them equal to the bit"),
        ([(None, 1.0)], "no row has a finite number on both paths"),
        ([(1.0, 1.0), (None, None)], "1 row, 1 of them equal to the bit, 1 row without a finite number on both paths"),
        ([], "no row has a finite number on both paths"),
    ],
)
def test_nothing_is_drawn_where_nothing_is_apart(pairs: list[tuple[float | None, float | None]], note: str) -> None:
    assert plots(*pairs) == ColumnPlots("p", note)


@pytest.mark.parametrize(
    ("right", "tolerance", "is_different"),
    [
        (1.0 + 1e-10, DOUBLE_TOLERANCE, False),
        (1.0 + 1e-8, DOUBLE_TOLERANCE, True),
        (1.0 + 1e-8, Tolerance(atol=1e-7), False),
        (math.nextafter(1.0, 0), None, True),
        (math.nextafter(1.0, 2), Tolerance(max_ulps=1), False),
    ],
)
def test_a_row_differs_by_the_rule_of_the_comparison(
    right: float, tolerance: Tolerance | None, is_different: bool
) -> None:
    apart, _ = drawn(plots((1.0, right), (3.0, 3.0), tolerance=tolerance))
    assert [mark.is_different for mark in apart.marks] == [is_different]


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (0.0, 1.0, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        (-3.0, 7.0, ["-2", "0", "2", "4", "6"]),
        (1e6, 1e6 + 1, ["1000000.0", "1000000.2", "1000000.4", "1000000.6", "1000000.8", "1000001.0"]),
        (0.0, 2e9, ["0", "5e+08", "1.0e+09", "1.5e+09", "2.0e+09"]),
    ],
)
def test_axes_have_round_numbers(low: float, high: float, labels: list[str]) -> None:
    _, both = drawn(plots((low, high), (high, low)))
    assert [tick.label for tick in both.x_ticks] == labels


def marks_and_ticks(found: ColumnPlots) -> Iterator[tuple[float, float]]:
    for plot in filter(None, (found.apart, found.both)):
        yield from ((tick.at, TOP) for tick in plot.x_ticks)
        yield from ((LEFT, tick.at) for tick in plot.y_ticks)
        yield from ((mark.x, mark.y) for mark in plot.marks)
        yield from ((mark.x + mark.width, mark.y + mark.height) for mark in plot.marks)


@given(
    st.lists(st.tuples(*[st.none() | st.floats(allow_nan=False, allow_infinity=False)] * 2), max_size=8),
    st.none() | st.floats(0, 1e300),
)
def test_whatever_the_numbers_everything_lies_within_the_frame(
    pairs: list[tuple[float | None, float | None]], floor: float | None
) -> None:
    found = plots(*pairs, tolerance=DOUBLE_TOLERANCE, floor=floor)
    for x, y in marks_and_ticks(found):
        assert LEFT - 0.1 <= x <= RIGHT + 0.1
        assert TOP - 0.1 <= y <= BOTTOM + 0.1
    for plot in filter(None, (found.apart, found.both)):
        assert len(plot.x_ticks) <= MAX_TICKS + 1
        assert len(plot.y_ticks) <= MAX_TICKS + 1


@pytest.mark.parametrize("far", [sys.float_info.max, 5e-324])
def test_numbers_that_no_axis_can_span_have_no_scatter(far: float) -> None:
    found = plots((0.0, far), (-far, 0.0))
    assert found.apart is not None
    assert found.both is None


def test_each_hop_carries_the_numbers_of_its_findings() -> None:
    hops = [Hop.COMPUTE, None, Hop.STORAGE, Hop.COMPUTE, *[Hop.BOUNDARY] * 5]
    for diagram in diagrams([Finding("it differs", hop=hop) for hop in hops]):
        captions = {band.hop: band.caption for band in diagram.bands}
        assert captions == {Hop.BOUNDARY: "5 findings", Hop.COMPUTE: "findings 1, 4", Hop.STORAGE: "finding 3"}
        stations = {box.label for box in diagram.boxes}
        assert stations == {"client", "gateway", "socket", "answer", "Hive", "Spark", "Arrow batch", "table", "predict"}

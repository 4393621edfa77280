"""The geometry of two plots of a column: a histogram of the differences, and offline against online. Pure.

Coordinates are in units of the SVG; report.html.jinja draws it in the colours of the page, so that it follows a light
or dark scheme, which plotting libraries do not support without JavaScript.
"""

from __future__ import annotations

import math
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyml_sandbox.compare.rendering.formatting import counted, plain
from pyml_sandbox.compare.tolerance import EXACT, Tolerance
from pyml_sandbox.parity.report.document import Points

LEFT, RIGHT, TOP, BOTTOM = 62, 346, 14, 206
"""The frame of the axes inside the drawing."""

MAX_TICKS = 6
MIN_DECADES = 3
MAX_DIGITS = 4
SMALLEST_SPAN = 1e-300
SHORTEST_STEP, LONGEST_NUMBER = 1e-4, 1e7
"""Numbers on an axis outside of this range have an exponent."""


@dataclass(frozen=True)
class Tick:
    """A tick of an axis: its position and label."""

    at: float
    label: str


@dataclass(frozen=True)
class Mark:
    """A bar, with its upper left corner, or a dot, with its middle.

    Attributes:
        x, y: the position.
        is_different: whether its rows differ by more than the tolerance.
        label: what it stands for, as a tooltip.
        width, height: of a bar.
    """

    x: float
    y: float
    is_different: bool
    label: str
    width: float = 0.0
    height: float = 0.0


@dataclass(frozen=True)
class Plot:
    """One plot.

    Attributes:
        title: for screen readers.
        x_label, y_label: labels of the axes.
        x_ticks, y_ticks: ticks of the axes.
        marks: bars or dots; those that differ are last, on top.
        floor: position of the noise floor on the x axis; None if there is none.
    """

    title: str
    x_label: str
    y_label: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    marks: tuple[Mark, ...]
    floor: Tick | None = None


@dataclass(frozen=True)
class ColumnPlots:
    """The plots of one column.

    Attributes:
        column: its name.
        note: how many rows are drawn, and how many cannot be drawn.
        apart: histogram of the differences; None if there are none.
        both: offline against online; None if all rows are equal, or no row has two numbers.
    """

    column: str
    note: str
    apart: Plot | None = None
    both: Plot | None = None


@dataclass(frozen=True)
class _Pair:
    offline: float
    online: float
    is_different: bool

    @property
    def distance(self) -> float:
        return min(abs(self.online - self.offline), sys.float_info.max)


def column_plots(points: Points, tolerance: Tolerance | None, floor: float | None = None) -> ColumnPlots:
    """The plots of one column.

    Args:
        points: its values on both paths.
        tolerance: how far floats may differ; None if the comparison is exact.
        floor: the largest difference that is noise; None if it was not measured.
    """
    pairs = [
        _Pair(left, right, not _agree(left, right, tolerance or EXACT))
        for left, right in zip(points.offline, points.online, strict=True)
        if left is not None and right is not None
    ]
    hidden = len(points.offline) - len(pairs)
    apart = [pair for pair in pairs if pair.distance]
    name = plain(points.column)
    note = _note(len(pairs), len(apart), hidden)
    if not apart:
        return ColumnPlots(name, note)
    return ColumnPlots(name, note, _distances(name, apart, floor), _scatter(name, pairs))


def _agree(left: float, right: float, tolerance: Tolerance) -> bool:
    distance = abs(left - right)
    if distance <= tolerance.at(max(abs(left), abs(right))):
        return True
    return bool(tolerance.max_ulps) and distance <= tolerance.max_ulps * math.ulp(max(abs(left), abs(right)))


def _note(drawn: int, apart: int, hidden: int) -> str:
    if not drawn:
        return "no row has a finite number on both paths"
    unseen = f", {counted(hidden, 'row')} without a finite number on both paths" if hidden else ""
    return f"{counted(drawn, 'row')}, {drawn - apart:,} of them equal to the bit{unseen}"


# ---- how far apart


def _distances(name: str, pairs: Sequence[_Pair], floor: float | None) -> Plot:
    """A histogram of the differences on a logarithmic axis, since noise and faults differ by orders of magnitude."""
    logs = [math.log10(pair.distance) for pair in pairs]
    low, high = _decades([*logs, math.log10(floor)] if floor else logs)
    parts = 4 if high - low <= 4 else 2 if high - low <= 8 else 1
    bins = Counter(
        (min(int((log - low) * parts), (high - low) * parts - 1), pair.is_different)
        for log, pair in zip(logs, pairs, strict=True)
    )
    top = _round_top(max(bins[at, True] + bins[at, False] for at, _ in bins))
    marks = _bars(bins, low, (RIGHT - LEFT) / ((high - low) * parts), parts, (BOTTOM - TOP) / top)
    line = Tick(_coordinate(math.log10(floor), low, high), f"noise floor {floor:.1e}") if floor else None
    return Plot(
        f"Rows of {name} by how far offline and online are apart",
        f"|online - offline| of {name}, logarithmic",
        "rows",
        _decade_ticks(low, high),
        _linear_ticks(0, top, BOTTOM, TOP, whole=True),
        marks,
        line,
    )


def _decades(logs: Sequence[float]) -> tuple[int, int]:
    """The powers of ten around the values, at least a few."""
    low, high = math.floor(min(logs)), math.floor(max(logs)) + 1
    missing = max(0, MIN_DECADES - (high - low))
    return low - missing // 2 - missing % 2, high + missing // 2


def _bars(bins: Mapping[tuple[int, bool], int], low: int, width: float, parts: int, unit: float) -> tuple[Mark, ...]:
    """Bars, with the rows that differ stacked on those within tolerance."""
    found = []
    for (at, is_different), rows in sorted(bins.items()):
        below = bins.get((at, False), 0) if is_different else 0
        ends = (_power(low + at / parts), _power(low + (at + 1) / parts))
        what = "differ" if is_different else "within tolerance"
        label = f"{counted(rows, 'row')} {what}, {ends[0]:.1e} to {ends[1]:.1e} apart"
        y = BOTTOM - (below + rows) * unit
        found.append(Mark(LEFT + (at + 0.05) * width, y, is_different, label, 0.9 * width, rows * unit))
    return tuple(found)


def _power(exponent: float) -> float:
    return math.pow(10, min(exponent, sys.float_info.max_10_exp))


def _decade_ticks(low: int, high: int) -> tuple[Tick, ...]:
    step = math.ceil((high - low) / MAX_TICKS)
    return tuple(Tick(_coordinate(at, low, high), f"1e{at}") for at in range(low, high + 1, step))


# ---- offline against online


def _scatter(name: str, pairs: Sequence[_Pair]) -> Plot | None:
    """Offline against online on equal axes, so that equal rows are on the diagonal; None if floats cannot span them."""
    values = [value for pair in pairs for value in (pair.offline, pair.online)]
    low, high = min(values), max(values)
    if not SMALLEST_SPAN < high - low < sys.float_info.max / 2:
        return None
    margin = (high - low) * 0.04
    low, high = low - margin, high + margin
    dots = [
        Mark(
            _coordinate(pair.offline, low, high),
            _coordinate(pair.online, low, high, BOTTOM, TOP),
            pair.is_different,
            f"offline {pair.offline:.6g}, online {pair.online:.6g}",
        )
        for pair in pairs
    ]
    return Plot(
        f"{name} online against offline",
        f"{name} offline",
        f"{name} online",
        _linear_ticks(low, high, LEFT, RIGHT),
        _linear_ticks(low, high, BOTTOM, TOP),
        tuple(sorted(dots, key=lambda dot: dot.is_different)),
    )


# ---- axes


def _coordinate(value: float, low: float, high: float, start: float = LEFT, end: float = RIGHT) -> float:
    return round(start + (value - low) / (high - low) * (end - start), 2)


def _linear_ticks(low: float, high: float, start: float, end: float, *, whole: bool = False) -> tuple[Tick, ...]:
    """A few ticks at round numbers."""
    step = _step(low, high, whole)
    multiples = range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)
    return tuple(Tick(_coordinate(at * step, low, high, start, end), _number(at * step, step)) for at in multiples)


def _step(low: float, high: float, whole: bool) -> float:
    """1, 2 or 5 times a power of ten, so that at most six steps span the axis."""
    raw = (high - low) / MAX_TICKS
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * (1 - 1e-9))
    return max(step, 1.0) if whole else step


def _round_top(count: int) -> float:
    """The end of an axis that counts up to `count`."""
    step = _step(0, count, whole=True)
    return math.ceil(count / step) * step


def _number(value: float, step: float) -> str:
    """A number with as many digits as distinguish it from the next tick, if there is room."""
    if step >= SHORTEST_STEP and abs(value) < LONGEST_NUMBER:
        return f"{value:.{max(0, -math.floor(math.log10(step)))}f}"
    digits = math.floor(math.log10(abs(value))) - math.floor(math.log10(step)) if value else 0
    return f"{value:.{min(max(digits, 0), MAX_DIGITS)}e}"

"""Figures beside those of peers: medians with quartiles, and ratios taken inside each round."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

OURS = "ours "
"""How the names of our own targets begin."""


@dataclass(frozen=True)
class PeerFigures:
    """One target in one round.

    Attributes:
        one_row_p50_ms: median time of one row, in ms.
        requests_per_s: of one row, with 16 in flight.
        rows_per_s: with 1,000 rows in a request and 4 in flight.
        cpu_ms_per_request: CPU time of all processes of the server, in ms, with 16 in flight.
    """

    one_row_p50_ms: float
    requests_per_s: float
    rows_per_s: float
    cpu_ms_per_request: float


@dataclass(frozen=True)
class OfflineFigures:
    """One job in one round.

    Attributes:
        rows_per_s: from the session's begin to its end.
        cpu_s: CPU time of Spark and its Python workers, in s.
    """

    rows_per_s: float
    cpu_s: float


@dataclass(frozen=True)
class Measure:
    """A column of a table.

    Attributes:
        name: of the attribute of the figures.
        heading: of the column.
        form: how Python formats a value.
        better: less or more.
    """

    name: str
    heading: str
    form: str
    better: str


ONLINE = (
    Measure("one_row_p50_ms", "one row p50 ms", ".2f", "less"),
    Measure("requests_per_s", "req/s, 16 in flight", ",.0f", "more"),
    Measure("rows_per_s", "rows/s, 1,000 in a request, 4 in flight", ",.0f", "more"),
    Measure("cpu_ms_per_request", "CPU ms/request", ".2f", "less"),
)
OFFLINE = (Measure("rows_per_s", "rows/s", ",.0f", "more"), Measure("cpu_s", "Spark's CPU s", ".1f", "less"))
Round = Mapping[str, PeerFigures] | Mapping[str, OfflineFigures]
"""Figures by the name of the target."""


def quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    """Lower quartile, median and upper quartile; of one value, three times that value."""
    if len(values) == 1:
        return values[0], values[0], values[0]
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, middle, high


def ratio(rounds: Sequence[Round], ours: str, peer: str, measure: str) -> float:
    """Median over the rounds of what ours has in a round, divided by what the peer has in the same round."""
    return float(statistics.median(getattr(each[ours], measure) / getattr(each[peer], measure) for each in rounds))


def rotated(names: Sequence[str], by: int) -> list[str]:
    """The same names in the same circle, begun at a different one."""
    at = by % len(names) if names else 0
    return [*names[at:], *names[:at]]


def table(rounds: Sequence[Round], left_out: Mapping[str, str], measures: Sequence[Measure] = ONLINE) -> str:
    """Figures and ratios as two Markdown tables, and which peers are left out and why.

    Args:
        rounds: at least one; a target that is not in every round is not shown.
        left_out: reasons by the name of the peer.
        measures: the columns.
    """
    names = [name for name in rounds[0] if all(name in each for each in rounds)]
    ours = [name for name in names if name.startswith(OURS)]
    peers = [name for name in names if not name.startswith(OURS)]
    lines = [*_figures(rounds, names, measures)]
    if ours and peers:
        lines += [
            "",
            f"Ours / peer inside each round, median; {', '.join(ours)}:",
            "",
            *_ratios(rounds, ours, peers, measures),
        ]
    if left_out:
        lines += ["", *(f"Not measured: {name}: {reason}" for name, reason in left_out.items())]
    return "\n".join(lines)


def _figures(rounds: Sequence[Round], names: Sequence[str], measures: Sequence[Measure]) -> Iterator[str]:
    yield _row("", *(measure.heading for measure in measures))
    yield _rule(len(measures))
    for name in names:
        spreads = [
            (quartiles([getattr(each[name], column.name) for each in rounds]), column.form) for column in measures
        ]
        yield _row(name, *(f"{middle:{form}} ({low:{form}}-{high:{form}})" for (low, middle, high), form in spreads))


def _ratios(
    rounds: Sequence[Round], ours: Sequence[str], peers: Sequence[str], measures: Sequence[Measure]
) -> Iterator[str]:
    yield _row("", *(f"{measure.heading}; {measure.better} is better" for measure in measures))
    yield _rule(len(measures))
    for peer in peers:
        cells = (" / ".join(f"{ratio(rounds, own, peer, measure.name):.2f}" for own in ours) for measure in measures)
        yield _row(peer, *cells)


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |" if cells[0] else f"| | {' | '.join(cells[1:])} |"


def _rule(columns: int) -> str:
    return f"|---|{'--:|' * columns}"

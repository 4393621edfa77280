"""Ratios are taken inside a round, medians come with quartiles, and what was not measured is named."""

from __future__ import annotations

import pytest

from benchmarks.peer_figures import PeerFigures, quartiles, ratio, rotated, table


def figures(base: float) -> PeerFigures:
    return PeerFigures(
        one_row_p50_ms=base, requests_per_s=1000 / base, rows_per_s=1e6 / base, cpu_ms_per_request=base / 2
    )


ROUNDS: list[dict[str, PeerFigures]] = [
    {"ours gRPC": figures(1), "ours REST": figures(3), "peer": figures(2)},
    {"ours gRPC": figures(10), "ours REST": figures(30), "peer": figures(20)},
    {"ours gRPC": figures(4), "ours REST": figures(6), "peer": figures(16)},
]


def cells(text: str, name: str) -> list[list[str]]:
    """The cells of all rows of that name."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
    return [row[1:] for row in rows if row[0] == name]


@pytest.mark.parametrize(
    ("values", "expected"),
    [([7.0], (7, 7, 7)), ([1.0, 3.0], (1.5, 2, 2.5)), ([5.0, 1.0, 3.0, 2.0, 4.0], (2, 3, 4))],
)
def test_quartiles(values: list[float], expected: tuple[float, float, float]) -> None:
    assert quartiles(values) == expected


def test_a_round_in_which_the_whole_machine_was_slow_does_not_change_the_ratio() -> None:
    assert ratio(ROUNDS[:2], "ours gRPC", "peer", "one_row_p50_ms") == 0.5
    assert ratio(ROUNDS[:2], "ours gRPC", "peer", "requests_per_s") == 2


def test_the_ratio_is_the_median_over_the_rounds() -> None:
    assert ratio(ROUNDS, "ours REST", "peer", "one_row_p50_ms") == 1.5


@pytest.mark.parametrize(("by", "expected"), [(0, "abc"), (1, "bca"), (2, "cab"), (3, "abc")])
def test_each_target_comes_first_once(by: int, expected: str) -> None:
    assert rotated(list("abc"), by) == list(expected)


def test_nothing_is_rotated() -> None:
    assert rotated([], 3) == []


def test_the_table_has_medians_with_quartiles_and_then_ratios_of_each_of_ours() -> None:
    figures_of_peer, ratios_of_peer = cells(table(ROUNDS, {}), "peer")
    assert figures_of_peer[0] == "16.00 (9.00-18.00)"
    assert figures_of_peer[1] == "62 (56-281)"
    assert ratios_of_peer == ["0.50 / 1.50", "2.00 / 0.67", "2.00 / 0.67", "0.50 / 1.50"]


def test_ours_has_no_ratio_to_itself() -> None:
    assert len(cells(table(ROUNDS, {}), "ours gRPC")) == 1


def test_without_a_peer_there_are_no_ratios() -> None:
    text = table([{"ours gRPC": figures(1)}], {"mosec": "No space left on device"})
    assert "Ours / peer" not in text
    assert text.endswith("\n\nNot measured: mosec: No space left on device")


def test_a_target_that_failed_in_a_later_round_is_named_and_has_no_row() -> None:
    rounds = [ROUNDS[0], {name: each for name, each in ROUNDS[1].items() if name != "peer"}]
    text = table(rounds, {"peer": "it fails under load: status 500"})
    assert cells(text, "peer") == []
    assert "Not measured: peer: it fails under load: status 500" in text


def test_all_rows_of_a_table_have_as_many_cells() -> None:
    first, second = (
        {line.count("|") for line in part.splitlines()}
        for part in table(ROUNDS, {}).split("\n\n")
        if part.startswith("|")
    )
    assert first == second == {6}

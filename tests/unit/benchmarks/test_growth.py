"""Which growth of a service is beyond its bound, and where figures are written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.growth import Sample, growth, shown, table
from benchmarks.reliability_page import fill_in


def samples(
    memory_per_s: float = 0, threads_per_s: float = 0, minutes: float = 20, pid: int = 7, is_java: bool = False
) -> list[Sample]:
    """Of one service, every four seconds, at rest in the last twenty of every four minutes; at first it warms up."""
    return [
        Sample(
            "model-fare-1f", at, pid, is_java,
            {"memory": int(1e8 * (at >= 60) + memory_per_s * at), "threads": int(9 + threads_per_s * at), "files": 5, "sockets": 2},
            at % 240 >= 220,
        )
        for at in range(0, int(minutes * 60), 4)
    ]  # fmt: skip


HOUR = 3600
FOUND = [
    (samples(), []),
    (samples(memory_per_s=50e6 / HOUR), []),
    (samples(memory_per_s=100e6 / HOUR), ["memory"]),
    (samples(memory_per_s=100e6 / HOUR, minutes=8), []),
    (samples(memory_per_s=9e9 / HOUR, minutes=8), ["memory"]),
    (samples(memory_per_s=9e9 / HOUR, minutes=4), []),
    (samples(memory_per_s=1e9 / HOUR, is_java=True), []),
    (samples(memory_per_s=3e9 / HOUR, is_java=True), ["memory"]),
    (samples(threads_per_s=60 / HOUR), ["threads"]),
    (samples() + samples(pid=8), ["ended"]),
]


def test_what_comes_and_goes_is_no_growth() -> None:
    taken = samples(minutes=12)
    for at, sample in enumerate(taken):
        sample.taken["threads"] += 0 if sample.is_at_rest else at * at
    assert growth(taken)[0].problems == []


@pytest.mark.parametrize(("taken", "words"), FOUND)
def test_growth_beyond_a_bound_is_a_problem(taken: list[Sample], words: list[str]) -> None:
    (found,) = growth(taken)
    assert len(found.problems) == len(words)
    assert all(word in problem for word, problem in zip(words, found.problems, strict=True))
    assert "| model of `fare` |" in table([found])


@pytest.mark.parametrize(("name", "jobs", "problems"), [("spark", 60, 0), ("spark", 30, 1), ("metastore", 60, 1)])
def test_spark_alone_may_keep_a_thread_for_each_job(name: str, jobs: int, problems: int) -> None:
    taken = [replace(each, service=name) for each in samples(threads_per_s=180 / HOUR)]
    assert len(growth(taken, jobs)[0].problems) == problems


def test_a_service_without_a_model_keeps_its_name() -> None:
    assert [shown(name) for name in ("gateway", "spark-master", "spark-fare-1f")] == [
        "gateway",
        "spark-master",
        "spark of `fare`",
    ]


def test_figures_replace_those_of_an_earlier_run_and_nothing_else(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- fuzz -->\nold\n<!-- end -->\nb\n<!-- soak -->\n<!-- end -->\n")
    fill_in("fuzz", r"new \1", page)
    fill_in("soak", "s", page)
    assert page.read_text() == "a\n<!-- fuzz -->\nnew \\1\n<!-- end -->\nb\n<!-- soak -->\ns\n<!-- end -->\n"
    with pytest.raises(ValueError, match="no part"):
        fill_in("faults", "x", page)

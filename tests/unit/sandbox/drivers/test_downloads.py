"""Names and bytes of downloads, from the lines that uv and pip print."""

from __future__ import annotations

from functools import reduce

import pytest

from pyml_sandbox.drivers import downloads
from pyml_sandbox.drivers.downloads import Downloads, download_events, megabytes
from pyml_sandbox.workspace.events import Event
from support.waiting import wait_for

MIB = 2**20
OF_UV = [
    "Resolved 5 packages in 270ms",
    "Downloading pandas (11.5MiB)",
    "Downloading numpy (16.0MiB)",
    " Downloaded pandas",
]
OF_PIP = [
    "Collecting numpy",
    "  Downloading numpy-2.4.6-cp311-cp311-manylinux_2_27_x86_64.whl.metadata (6.6 kB)",
    "Downloading numpy-2.4.6-cp311-cp311-manylinux_2_27_x86_64.whl (16.9 MB)",
    "Downloading https://example.com/a/scikit_learn-1.8.0-cp311-cp311-linux_x86_64.whl (9.1 MB)",
]  # fmt: skip


def after(lines: list[str]) -> Downloads:
    return reduce(Downloads.after, lines, Downloads())


@pytest.mark.parametrize(
    ("lines", "running", "done"),
    [
        ([], {}, 0),
        (OF_UV[:3], {"pandas": int(11.5 * MIB), "numpy": 16 * MIB}, 0),
        (OF_UV, {"numpy": 16 * MIB}, int(11.5 * MIB)),
        ([*OF_UV, " Downloaded numpy", "Prepared 5 packages in 364ms"], {}, int(27.5 * MIB)),
        (OF_PIP[:3], {"numpy": 16_900_000}, 0),
        (OF_PIP, {"scikit_learn": 9_100_000}, 16_900_000),
        ([*OF_PIP, "Installing collected packages: numpy, scikit-learn"], {}, 26_000_000),
        (["   Building lib @ file:///lib"], {"lib": 0}, 0),
        (["Downloading a (512 bytes)", "Downloading b (3KiB)"], {"a": 512, "b": 3072}, 0),
    ],
)
def test_what_is_fetched_and_what_is_there(lines: list[str], running: dict[str, int], done: int) -> None:
    state = after(lines)
    assert (state.running, state.done) == (running, done)
    assert state.total == done + sum(running.values())


def test_the_largest_downloads_are_named() -> None:
    lines = [f"Downloading p{n} ({n}0.0MiB)" for n in range(1, 6)]
    assert after(lines).detail == "fetching p5 52 MB, p4 42 MB, p3 31 MB and 2 more"
    assert after(["Prepared 5 packages in 364ms"]).detail == "installing"


def test_each_change_is_one_event_in_bytes() -> None:
    events: list[Event] = []
    with download_events("environment", events.append) as hear:
        for line in OF_UV:
            hear(line)
    assert [(event.done, event.total, event.unit) for event in events] == [
        (0, int(11.5 * MIB), "bytes"),
        (0, int(27.5 * MIB), "bytes"),
        (int(11.5 * MIB), int(27.5 * MIB), "bytes"),
    ]


def test_a_long_download_is_told_again_while_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "INTERVAL_S", 0.01)
    events: list[Event] = []
    with download_events("environment", events.append) as hear:
        hear("Downloading torch (500.0MiB)")
        wait_for(lambda: len(events) > 2, "it is told again")
    assert "fetching torch 524 MB, 0 s so far" in [event.detail for event in events]


@pytest.mark.parametrize(("idle", "is_told"), [("installing 11 packages", True), ("", False)])
def test_an_installation_without_downloads_is_told_again_where_it_has_a_name(
    monkeypatch: pytest.MonkeyPatch, idle: str, is_told: bool
) -> None:
    monkeypatch.setattr(downloads, "INTERVAL_S", 0.01)
    events: list[Event] = []
    with download_events("environment", events.append, idle) as hear:
        if is_told:
            wait_for(lambda: len(events) > 1, "it is told again")
            assert events[-1].detail == "installing 11 packages, 0 s so far"
        hear("Resolved 5 packages in 270ms")
    assert bool(events) == is_told


@pytest.mark.parametrize(("size", "text"), [(1_240_000_000, "1,240 MB"), (35_349_300, "35 MB"), (92_853, "0.1 MB")])
def test_sizes_for_people(size: int, text: str) -> None:
    assert megabytes(size) == text

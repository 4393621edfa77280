"""Which versions predict the requests that wait together: those of which a check has shown that it changes no bit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pyml_sandbox.models.batching import Shown, batching_of, note_shown, place
from pyml_sandbox.models.registry import find_version
from pyml_sandbox.models.routes import Routes, routes_text
from pyml_sandbox.workspace.home import SandboxHome
from support.uploads import keep


@pytest.fixture
def home(tmp_path: Path) -> SandboxHome:
    found = SandboxHome(tmp_path)
    keep(found, "fare@1")
    return found


@pytest.mark.parametrize(
    ("shown", "together", "why"),
    [
        (Shown(place("process"), "P2", ()), True, "its last check has earned P2, and no bit depends on a batch's size"),
        (Shown(place("process"), "P5", ()), True, "P5"),
        (Shown(place("process"), "P1", ()), False, "its last check has earned P1, not P2"),
        (Shown(place("process"), "", ()), False, "its last check has earned no level, not P2"),
        (
            Shown(place("process"), "P3", ("score", "p")),
            False,
            "the last bits of score, p depend on the size of a batch",
        ),
        (Shown(place("container"), "P3", ()), False, "no check has earned P2 here (process driver, pyml "),
    ],
)
def test_what_the_last_check_has_shown_decides(home: SandboxHome, shown: Shown, together: bool, why: str) -> None:
    assert note_shown(find_version(home, "fare@1"), shown)
    found = batching_of(home, "process", "fare", "1")
    assert (found.together, why in found.why) == (together, True)


def test_a_version_that_was_never_checked_predicts_one_by_one(home: SandboxHome) -> None:
    assert batching_of(home, "process", "fare", "1").words == (
        f"requests that wait are predicted one by one: no check has earned P2 here ({place('process')})"
    )


def test_the_setting_never_wins_over_what_was_shown(home: SandboxHome) -> None:
    version = find_version(home, "fare@1")
    note_shown(version, Shown(place("process"), "P5", ()))
    (version.package / "pyml.toml").write_text('[serving]\nbatching = "never"\n')
    assert batching_of(home, "process", "fare", "1").why == 'batching = "never" in [serving] of pyml.toml'


def test_a_version_whose_upload_is_gone_predicts_one_by_one(home: SandboxHome) -> None:
    assert not batching_of(home, "process", "fare", "2").together


@pytest.mark.parametrize("damage", ["", "{", '{"where": "here"}', "[]"])
def test_a_damaged_note_is_none(home: SandboxHome, damage: str) -> None:
    version = find_version(home, "fare@1")
    note_shown(version, Shown(place("process"), "P2", ()))
    (version.folder / "batching.json").write_text(damage)
    assert not batching_of(home, "process", "fare", "1").together


def test_the_same_finding_is_nothing_new(home: SandboxHome) -> None:
    version = find_version(home, "fare@1")
    assert note_shown(version, Shown(place("process"), "P2", ["p"]))
    assert not note_shown(version, Shown(place("process"), "P2", ["p"]))
    assert note_shown(version, Shown(place("process"), "P1", ["p"]))


def test_the_gateway_is_told_of_it_in_its_routes(home: SandboxHome) -> None:
    note_shown(find_version(home, "fare@1"), Shown(place("process"), "P2", ()))
    text = routes_text(
        Routes().with_version("fare", "1"),
        lambda *_: [],
        lambda model, digits: batching_of(home, "process", model, digits),
    )
    entry = json.loads(text)["models"]["fare"]["versions"]["1"]
    assert (entry["together"], "P2" in entry["batching"]) == (True, True)

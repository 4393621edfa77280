"""What an open page is told: what differs from what it shows, and nothing else, whatever becomes of the sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pyml_sandbox.workspace.home import SandboxHome
from support.consoles import Console, console_of
from support.uploads import CONTRACT, keep

FIRST, SECOND = "fare@111111111111", "fare@222222222222"


@pytest.fixture
def home(tmp_path: Path) -> SandboxHome:
    home = SandboxHome(tmp_path / "home")
    home.create()
    keep(home, FIRST, contract=CONTRACT)
    return home


@pytest.fixture
def console(home: SandboxHome, tmp_path: Path) -> Iterator[Console]:
    with console_of(home, tmp_path) as found:
        yield found


def test_a_page_is_told_what_it_does_not_show(home: SandboxHome, console: Console) -> None:
    with console.changes("/models") as changes:
        keep(home, SECOND, uploaded_at=1.0)
        told = next(changes)
        assert told["name"] == "live_versions"
        assert told["html"].index(SECOND) < told["html"].index(FIRST)


def test_two_pages_of_one_console_are_told_the_same(home: SandboxHome, console: Console) -> None:
    with console.changes("/models") as changes, console.changes("/models") as same:
        keep(home, SECOND)
        assert next(changes) == next(same)


def test_a_page_about_a_version_that_is_deleted_says_so_and_hears_of_its_return(
    home: SandboxHome, console: Console
) -> None:
    with console.changes(f"/models/{FIRST}") as changes:
        (home.models / "fare").rename(home.root / "gone")  # in one step, as a version is deleted
        gone = next(changes)
        assert (gone["name"], FIRST in gone["html"]) == ("gone", True)
        keep(home, FIRST, contract=CONTRACT)
        assert next(changes) == {"name": "gone", "html": ""}


def test_a_sandbox_that_is_reset_under_an_open_page_leaves_a_console_that_answers(
    home: SandboxHome, console: Console
) -> None:
    with console.changes("/models") as changes:
        home.folder.rename(home.root / "gone")
        assert "No model is uploaded" in next(changes)["html"]
        assert console.ask("/sandbox").status == 200
        assert "There is no sandbox" in str(console.json("/sandbox")["error"])
        home.create()
        keep(home, SECOND)
        assert SECOND in next(changes)["html"]

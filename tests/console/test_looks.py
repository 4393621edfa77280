"""Every page as a person sees it: narrow and wide, light and dark, by keyboard and by a screen reader."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from console.conftest import Show
from pyml_cli.console.actions import ACTIONS
from pyml_cli.console.console_app import MODULES
from support.consoles import Console

PAGES = [
    page.path for module in MODULES for page in module.PAGES if "{" not in page.path and page.path != "/parity/compare"
]
FORMS = [f"/do/{name}" for name in ACTIONS]
SERIOUS = ("serious", "critical")


def findings(page: object) -> list[dict[str, Any]]:
    """What axe finds serious on a page: rule, and the elements."""
    found = Axe().run(page).response["violations"]
    return [
        {"rule": each["id"], "where": [node["html"][:200] for node in each["nodes"]]}
        for each in found
        if each["impact"] in SERIOUS
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_has_a_serious_finding_of_axe(show: Show, console: Console, scheme: str) -> None:
    shown = show(console, scheme=scheme)
    wrong: dict[str, list[dict[str, Any]]] = {}
    for path in (*PAGES, *FORMS):
        shown.open(path)
        wrong |= {path: found} if (found := findings(shown.page)) else {}
    assert wrong == {}


@pytest.mark.parametrize("width", [360, 1280, 3840])
def test_every_page_fits_its_window_complains_of_nothing_and_asks_nobody_else(
    show: Show, console: Console, width: int
) -> None:
    shown = show(console, width)
    wide = []
    for path in (*PAGES, *FORMS):
        shown.open(path)
        if shown.page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            wide.append(path)
    assert wide == []
    assert shown.complaints == []
    assert {url.startswith((console.address, "data:")) for url in shown.requests} == {True}


def test_the_keyboard_reaches_the_content_first(show: Show, console: Console) -> None:
    shown = show(console).open("/models")
    shown.page.keyboard.press("Tab")
    assert shown.page.evaluate("document.activeElement.textContent") == "Skip to the content"


HIDE = """() => {
  Object.defineProperty(document, 'hidden', { get: () => true })
  document.dispatchEvent(new Event('visibilitychange'))
}"""
"""A browser without a screen hides no page."""


def test_a_page_that_nobody_sees_keeps_no_connection(show: Show, console: Console) -> None:
    """A browser has six connections for all pages of a console: the seventh page opens too."""
    context = show(console).page.context
    for _ in range(8):
        page = context.new_page()
        page.goto(f"{console.address}/models")
        assert page.locator("h1").inner_text() == "Models"
        page.evaluate(HIDE)


def test_it_says_when_the_console_is_gone(show: Show, process_sandbox: Any, tmp_path: Path) -> None:
    from support.consoles import console_of

    with console_of(process_sandbox, tmp_path) as gone:
        shown = show(gone).open("/models")
    shown.page.locator("#lost").wait_for(state="visible")

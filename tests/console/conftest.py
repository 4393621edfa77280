"""A browser, and pages of a console with what they asked for and complained of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest
from playwright.sync_api import Browser, Page, TimeoutError

from pyml_sandbox.workspace.home import SandboxHome
from support.browser import browser
from support.consoles import Console, console_of
from support.needed import needed

WIDE = 1280


@pytest.fixture(scope="module")  # playwright keeps an event loop running, in which no other test may run its own
def chromium() -> Iterator[Browser]:
    with needed("PYML_REQUIRE_BROWSER"), browser() as found:
        yield found


@pytest.fixture(scope="module")
def console(process_sandbox: SandboxHome, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """The console of the shared sandbox of processes."""
    with console_of(process_sandbox, tmp_path_factory.mktemp("started-here")) as found:
        yield found


class Shown:
    """A page of a console, opened as a person does, by the address with the token."""

    def __init__(self, page: Page, console: Console) -> None:
        self.page, self.console = page, console
        self.complaints: list[str] = []
        self.requests: list[str] = []
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))
        page.goto(console.access.address)

    def open(self, path: str) -> Shown:
        """Go to a page of the console."""
        self.page.goto(f"{self.console.address}{path}")
        return self

    @property
    def text(self) -> str:
        return self.page.locator("main").inner_text()

    def see(self, text: str, timeout_s: float = 60) -> None:
        """Wait until a text is there."""
        self.page.locator("main").get_by_text(text).first.wait_for(timeout=timeout_s * 1000)

    def see_state(self, state: str, timeout_s: float = 120) -> None:
        """Wait until the badge of the page says so; a command that has ended in a different way is shown whole."""
        ended = self.page.locator(".badge:not(.running)").first
        try:
            ended.wait_for(timeout=timeout_s * 1000)
        except TimeoutError:
            raise AssertionError(f"not {state} within {timeout_s:.0f} s:\n{self.text}") from None
        assert ended.inner_text() == state, self.text


class Show(Protocol):
    """Opens a console in a browser of its own."""

    def __call__(self, console: Console, width: int = WIDE, scheme: str = "light") -> Shown: ...


@pytest.fixture
def show(chromium: Browser, tmp_path: Path) -> Iterator[Show]:
    opened = []

    def shown(console: Console, width: int = WIDE, scheme: str = "light") -> Shown:
        context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
        opened.append(context)
        return Shown(context.new_page(), console)

    yield shown
    for context in opened:
        context.close()

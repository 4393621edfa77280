"""What the pages of one console work with: the sandbox, the answers that they wait for, the commands that they run."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyml_cli.console.background.answers import Answers
from pyml_cli.console.background.request_rates import RequestRates
from pyml_cli.console.background.shared_facts import SharedFacts
from pyml_cli.console.background.tasks import Tasks

if TYPE_CHECKING:
    from pyml_sandbox.workspace.home import SandboxHome

MAX_RESULTS = 50


class Workbench:
    """One console at work.

    Args:
        home: the sandbox.
        folder: where the console was started; the commands run there.

    Attributes:
        answers: what pages ask.
        shared: what pages that are looked at show.
        tasks: the commands that were started.
        rates: requests per second of the deployed models.
        results: what forms gave, by a number that stands in the address.
        is_closing: set once the console ends.
    """

    def __init__(self, home: SandboxHome, folder: Path | None = None) -> None:
        self.home, self.folder = home, folder or Path.cwd()
        self.answers, self.tasks = Answers(), Tasks(home, self.folder)
        self.shared = SharedFacts()
        self.rates = RequestRates(home, self.answers)
        self.results: dict[str, Mapping[str, Any]] = {}
        self._kept = 0
        self.is_closing = asyncio.Event()

    def keep(self, facts: Mapping[str, Any]) -> str:
        """Keep what a form gave, for the page that shows it; returns its number. The oldest are forgotten."""
        self._kept += 1
        self.results[str(self._kept)] = facts
        for number in list(self.results)[:-MAX_RESULTS]:
            del self.results[number]
        return str(self._kept)

    async def pause(self, seconds: float) -> None:
        """Wait, but not beyond the end of the console."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.is_closing.wait(), seconds)

    async def close(self) -> None:
        """End the commands that run, and every open page."""
        self.is_closing.set()
        await self.tasks.close()
        self.answers.close()

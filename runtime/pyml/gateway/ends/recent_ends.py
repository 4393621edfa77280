"""Finds out how a server has just ended: who watches it, supervisord or the engine, knows a moment later."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from pyml.errors import PymlError
from pyml.gateway.ends.reasons import ends_in_journal

WAIT_S = 1.5
"""supervisord looks at its children once a second."""
POLL_EVERY_S = 0.05
BEFORE_S = 1.0
_TAIL_BYTES = 65_536


class FindEnd(Protocol):
    """Asks who watches the servers; blocks."""

    def __call__(self, service: str, since: float) -> str | None:
        """How a service ended since a time; None if it did not.

        Args:
            service: name of the service.
            since: seconds since 1970.
        """


class RecentEnds:
    """How servers have just ended; belongs to one event loop.

    Args:
        find: asks who watches them.
        wait_s: how long to wait until they have seen it.
        clock: seconds since 1970.
    """

    def __init__(self, find: FindEnd, wait_s: float = WAIT_S, clock: Callable[[], float] = time.time) -> None:
        self._find = find
        self._wait_s = wait_s
        self._clock = clock
        self._asking: dict[str, asyncio.Task[str | None]] = {}

    async def of(self, service: str) -> str | None:
        """How a service that has just gone away ended; None if nobody knows. Requests that ask at once ask together."""
        task = self._asking.get(service)
        if task is None:
            task = self._asking[service] = asyncio.get_running_loop().create_task(self._ask(service))
            task.add_done_callback(lambda _: self._asking.pop(service, None))
        return await asyncio.shield(task)

    async def _ask(self, service: str) -> str | None:
        begun = self._clock()
        while True:
            try:
                reason = await asyncio.to_thread(self._find, service, begun - BEFORE_S)
            except PymlError:
                return None  # the engine itself is down; the request's own failure is what matters
            if reason is not None or self._clock() - begun >= self._wait_s:
                return reason
            await asyncio.sleep(POLL_EVERY_S)


def in_journal(journal: Path) -> FindEnd:
    """Ends from the log of supervisord.

    Args:
        journal: path of the log.
    """

    def find(service: str, since: float) -> str | None:
        try:
            with journal.open("rb") as file:
                file.seek(max(0, journal.stat().st_size - _TAIL_BYTES))
                text = file.read().decode(errors="replace")
        except OSError:
            return None
        return next((end.reason for end in reversed(list(ends_in_journal(text, service))) if end.at >= since), None)

    return find

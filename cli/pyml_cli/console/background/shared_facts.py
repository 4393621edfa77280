"""The facts of pages that are looked at: however many look, they are asked once within a moment."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Hashable, Mapping

Facts = Mapping[str, object]

MAX_PAGES = 50


class SharedFacts:
    """What was asked last of each page; belongs to one event loop."""

    def __init__(self) -> None:
        self._asked: dict[Hashable, tuple[float, asyncio.Task[Facts]]] = {}

    async def of(self, page: Hashable, question: Callable[[], Facts], fresh_s: float = 0.0) -> Facts:
        """The facts of a page, asked in a thread.

        Args:
            page: names it.
            question: gives the facts; may block.
            fresh_s: how old, in seconds, facts may be that were asked for somebody else.

        Raises:
            PymlError: as the question.
        """
        now = time.monotonic()
        at, task = self._asked.pop(page, (0.0, None))
        if task is None or now - at > fresh_s:
            at, task = now, asyncio.create_task(asyncio.to_thread(question))
            task.add_done_callback(_heard)
        self._asked[page] = at, task  # the latest stand last
        for oldest in list(self._asked)[:-MAX_PAGES]:
            del self._asked[oldest]
        return await asyncio.shield(task)


def _heard(task: asyncio.Task[Facts]) -> None:
    """Look at an error that nobody waits for any more, which asyncio would else print."""
    if not task.cancelled():
        task.exception()

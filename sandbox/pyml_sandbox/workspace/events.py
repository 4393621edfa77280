"""What a long operation tells its caller while it runs: one event for each change of one subject."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

JSON = str | int | float | bool | None | list["JSON"] | Mapping[str, "JSON"]


class Progress(StrEnum):
    """How far a subject (a service, a step) is."""

    WAITING = "waiting"
    READY = "ready"
    FAILED = "failed"
    STOPPED = "stopped"
    NOTE = "note"


@dataclass(frozen=True)
class Event:
    """One change of one subject.

    Attributes:
        subject: the service or step, for instance "metastore" or "offline".
        progress: how far it is.
        detail: what it waits for, where it answers, or why it failed; one line.
        elapsed_s: seconds since the subject was started; None where nothing was timed.
        done, total: units of work for steps that can count them (rows, bytes); None otherwise.
        lines: further lines that belong under the event: last log lines, fixes.
    """

    subject: str
    progress: Progress
    detail: str = ""
    elapsed_s: float | None = None
    done: int | None = None
    total: int | None = None
    lines: tuple[str, ...] = ()

    @property
    def json(self) -> dict[str, JSON]:
        """The event as one JSON object; fields that say nothing are left out."""
        facts: dict[str, JSON] = {
            "event": str(self.progress),
            "subject": self.subject,
            "detail": self.detail,
            "elapsed_s": None if self.elapsed_s is None else round(self.elapsed_s, 3),
            "done": self.done,
            "total": self.total,
            "lines": list(self.lines),
        }
        return {name: value for name, value in facts.items() if value not in (None, "", [])}


OnEvent = Callable[[Event], None]


def ignore(event: Event) -> None:
    """A listener for callers that do not want to hear anything."""


@contextlib.contextmanager
def timed(subject: str, on_event: OnEvent, detail: str) -> Iterator[Callable[[str], None]]:
    """Tell that a step runs, and in the end how long it took.

    Args:
        subject: the step.
        on_event: the listener.
        detail: what it does, shown while it runs.

    Yields:
        A function that takes what to show once the step is done; called more than once, the last word counts.
    """
    start = time.perf_counter()
    words = [""]
    on_event(Event(subject, Progress.WAITING, detail))
    try:
        yield words.append
    except BaseException:
        on_event(Event(subject, Progress.FAILED, elapsed_s=time.perf_counter() - start))
        raise
    on_event(Event(subject, Progress.READY, words[-1], elapsed_s=time.perf_counter() - start))

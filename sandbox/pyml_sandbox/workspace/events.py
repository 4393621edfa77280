"""Events that a long operation reports to its caller: one for each change of one subject."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

BYTES = "bytes"
"""The unit of an event that counts bytes."""
JSON = str | int | float | bool | None | list["JSON"] | Mapping[str, "JSON"]


class Progress(StrEnum):
    """The state of a subject, which is a service or a step."""

    WAITING = "waiting"
    READY = "ready"
    FAILED = "failed"
    STOPPED = "stopped"
    NOTE = "note"


@dataclass(frozen=True)
class Event:
    """One change of one subject.

    Attributes:
        subject: name of the service or step, such as "metastore" or "offline".
        progress: its state.
        detail: what it waits for, its address, or why it failed; one line.
        elapsed_s: seconds since the subject was started; None if it is not timed.
        done, total: units of work (rows, bytes) of a step that counts them; None otherwise.
        lines: more lines to print under the event: last log lines, fixes.
        unit: what `done` and `total` count: "bytes", else empty.
    """

    subject: str
    progress: Progress
    detail: str = ""
    elapsed_s: float | None = None
    done: int | None = None
    total: int | None = None
    lines: tuple[str, ...] = ()
    unit: str = ""

    @property
    def json(self) -> dict[str, JSON]:
        """The event as one JSON object, without its empty fields."""
        facts: dict[str, JSON] = {
            "event": str(self.progress),
            "subject": self.subject,
            "detail": self.detail,
            "elapsed_s": None if self.elapsed_s is None else round(self.elapsed_s, 3),
            "done": self.done,
            "total": self.total,
            "unit": self.unit,
            "lines": list(self.lines),
        }
        return {name: value for name, value in facts.items() if value not in (None, "", [])}


OnEvent = Callable[[Event], None]


def ignore(event: Event) -> None:
    """A listener that ignores every event."""


@contextlib.contextmanager
def timed(subject: str, on_event: OnEvent, detail: str) -> Iterator[Callable[[str], None]]:
    """Report that a step runs, and at its end how long it took.

    Args:
        subject: name of the step.
        on_event: called at the start and at the end.
        detail: what the step does, for display while it runs.

    Yields:
        A function that takes the detail to report once the step is done; the last call counts.
    """
    start = time.perf_counter()
    details = [""]
    on_event(Event(subject, Progress.WAITING, detail))
    try:
        yield details.append
    except BaseException:
        on_event(Event(subject, Progress.FAILED, elapsed_s=time.perf_counter() - start))
        raise
    on_event(Event(subject, Progress.READY, details[-1], elapsed_s=time.perf_counter() - start))

"""The progress of an installer, uv or pip, from the lines that it prints: names and bytes of what it downloads."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from pyml_sandbox.workspace.events import BYTES, Event, OnEvent, Progress

INTERVAL_S = 10
"""Seconds after which a step that says nothing is reported again."""
SHOWN = 3
_LINE = re.compile(
    r"\s*(?P<step>Downloading|Downloaded|Building|Built) (?:\S*/)?(?P<name>[^\s/]+)"
    r"(?: \((?P<size>[\d.,]+) ?(?P<unit>[kKMG]?i?B|bytes)\))?"
)
_FILE = re.compile(r"-\d[^/]*\.(?:whl|tar\.gz|zip)$")
_END = re.compile(r"\s*(?:Prepared \d|Installing collected packages)")
_UNITS = {"": 1, "k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}


@dataclass(frozen=True)
class Downloads:
    """What an installer has said of its downloads so far.

    Attributes:
        running: bytes by name of what is being downloaded; 0 for what is being built.
        done: bytes that were downloaded.
        is_over: whether everything is there and is being installed.
    """

    running: Mapping[str, int] = field(default_factory=dict)
    done: int = 0
    is_over: bool = False

    def after(self, line: str) -> Downloads:
        """The state after one more line of uv or pip; the same state if the line says nothing of a download."""
        if _END.match(line):
            return Downloads({}, self.total, is_over=True)
        found = _LINE.match(line)
        if found is None or found["name"].endswith(".metadata"):
            return self
        name, is_file = _FILE.sub("", found["name"]), _FILE.search(found["name"]) is not None
        if found["step"] in ("Downloading", "Building"):
            # pip names files, and downloads one after the other.
            before = Downloads({}, self.total) if is_file else self
            return replace(before, running={**before.running, name: _bytes(found["size"], found["unit"])})
        rest = {other: size for other, size in self.running.items() if other != name}
        return replace(self, running=rest, done=self.done + self.running.get(name, 0))

    @property
    def total(self) -> int:
        """Bytes of everything that was named so far."""
        return self.done + sum(self.running.values())

    @property
    def detail(self) -> str:
        """For display: the largest of what is being downloaded; empty before the first download."""
        if self.is_over:
            return "installing"
        if not self.running:
            return ""
        largest = sorted(self.running.items(), key=lambda pair: -pair[1])
        more = f" and {len(largest) - SHOWN} more" if len(largest) > SHOWN else ""
        return f"fetching {', '.join(_named(name, size) for name, size in largest[:SHOWN])}{more}"


@contextmanager
def download_events(subject: str, on_event: OnEvent, idle: str = "") -> Iterator[Callable[[str], None]]:
    """Report the downloads of an installer as they change, and every `INTERVAL_S` while nothing changes.

    Args:
        subject: of the events.
        on_event: called with each event, also from a thread of its own.
        idle: what is done while nothing is downloaded; empty to report nothing then.

    Yields:
        A function that takes each line that the installer prints.
    """
    reporter = _Reporter(subject, on_event, idle)
    thread = threading.Thread(target=reporter.repeat, name="pyml-downloads", daemon=True)
    thread.start()
    try:
        yield reporter.hear
    finally:
        reporter.over.set()
        thread.join()


class _Reporter:
    def __init__(self, subject: str, on_event: OnEvent, idle: str) -> None:
        self._subject, self._on_event, self._idle = subject, on_event, idle
        self._downloads, self._started = Downloads(), time.monotonic()
        self._lock = threading.Lock()
        self.over = threading.Event()

    def hear(self, line: str) -> None:
        """Take one line."""
        with self._lock:
            before, self._downloads = self._downloads, self._downloads.after(line)
            if self._downloads != before:
                self._report("")

    def repeat(self) -> None:
        """Report every `INTERVAL_S` until it is over."""
        while not self.over.wait(INTERVAL_S):
            with self._lock:
                if self._downloads.detail or self._idle:
                    self._report(f", {time.monotonic() - self._started:.0f} s so far")

    def _report(self, so_far: str) -> None:
        state, elapsed = self._downloads, time.monotonic() - self._started
        event = Event(self._subject, Progress.WAITING, (state.detail or self._idle) + so_far, elapsed)
        if state.total:
            event = replace(event, done=state.done, total=state.total, unit=BYTES)
        self._on_event(event)


def megabytes(size_bytes: int) -> str:
    """A size for people: "1,240 MB"; with a decimal below 10 MB."""
    return f"{size_bytes / 1e6:,.0f} MB" if size_bytes >= 10**7 else f"{size_bytes / 1e6:.1f} MB"


def _named(name: str, size: int) -> str:
    return f"{name} {megabytes(size)}" if size else name


def _bytes(size: str | None, unit: str | None) -> int:
    prefix = (unit or "").removesuffix("bytes").removesuffix("B")
    return int(float((size or "0").replace(",", "")) * _UNITS[prefix])

"""How a process ended, in words that are the same wherever they are read: from an engine, or from supervisord's log."""

from __future__ import annotations

import contextlib
import re
import signal
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

OUT_OF_MEMORY = "it used more memory than its limit allows"
"""The reason after which the kernel ended a process for its memory."""

OUT_OF_PROCESSES = "it started more processes or threads than its limit allows"
"""The reason after which a library ended its own process, since no thread could be started."""

KILLED, ABORTED = "terminated by SIGKILL", "terminated by SIGABRT"
LOG_LINES = 40
"""Lines of a log in which the reason of an abort stands."""
_NO_THREAD = re.compile(
    rb"failed to start \w+ thread|can't start new thread|pthread_create|resource temporarily unavailable", re.IGNORECASE
)

EXITED = re.compile(
    r"^(?P<at>\S+ \S+) .*exited: (?P<name>\S+) \((?:exit status (?P<code>-?\d+)|(?P<signal>terminated by \w+))", re.M
)


@dataclass(frozen=True)
class Ended:
    """One end of a process in a log of supervisord.

    Attributes:
        at: when, in seconds since 1970.
        code: its exit code; None if a signal ended it.
        reason: "exit code 7" or "terminated by SIGKILL".
    """

    at: float
    code: int | None
    reason: str


def ends_in_journal(text: str, name: str) -> Iterator[Ended]:
    """The ends of a service, in order.

    Args:
        text: lines of supervisord's log, which has local times.
        name: of the service.
    """
    for found in EXITED.finditer(text):
        if found["name"] == name:
            at = datetime.strptime(found["at"], "%Y-%m-%d %H:%M:%S,%f").timestamp()
            code = None if found["code"] is None else int(found["code"])
            yield Ended(at, code, found["signal"] if code is None else f"exit code {code}")


def reason_of(code: int) -> str:
    """An exit code of Docker as a reason: it is 128 + N if signal N ended the process."""
    if code > 128:
        with contextlib.suppress(ValueError):
            return f"terminated by {signal.Signals(code - 128).name}"
    return f"exit code {code}"


def reason_in_log(log: bytes) -> str | None:
    """Why a process aborted, from the last lines of its log; None if they do not tell."""
    return OUT_OF_PROCESSES if _NO_THREAD.search(log) else None


def reason_in_events(events: Iterable[Mapping[str, Any]]) -> str | None:
    """How a container ended, from the engine's events `oom` and `die`; None if it did not."""
    found = list(events)
    codes = [int(event["Actor"]["Attributes"]["exitCode"]) for event in found if event["Action"] == "die"]
    if not codes:
        return None
    return OUT_OF_MEMORY if any(event["Action"] == "oom" for event in found) else reason_of(codes[-1])

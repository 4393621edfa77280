"""SIGTERM and SIGHUP interrupt a command as Ctrl-C does: it stops what it started, and ends with 128 + signal."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

CTRL_C = 128 + signal.SIGINT


@dataclass
class Interruption:
    """What interrupted the command.

    Attributes:
        exit_code: of the command if it is interrupted: 130 for Ctrl-C, 143 for SIGTERM, 129 for SIGHUP.
    """

    exit_code: int = CTRL_C


@contextmanager
def signals_interrupt() -> Iterator[Interruption]:
    """Raise KeyboardInterrupt in the main thread for SIGTERM and SIGHUP. A signal that is ignored (nohup) stays so."""
    interruption = Interruption()

    def interrupt(number: int, frame: FrameType | None) -> None:
        interruption.exit_code = 128 + number
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield interruption
        return
    before = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGHUP)}
    taken = [each for each, handler in before.items() if handler is signal.SIG_DFL]
    for each in taken:
        signal.signal(each, interrupt)
    try:
        yield interruption
    finally:
        for each in taken:
            signal.signal(each, before[each])

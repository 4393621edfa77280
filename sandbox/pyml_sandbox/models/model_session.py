"""Sessions with a program in a model's environment, which answers each line with a line."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Iterable
from typing import Protocol

from pyml.errors import PackageError, Problem

STDERR_MAX_CHARACTERS = 2000


class NoAnswerError(PackageError):
    """A program exited instead of responding, or is too slow: its response is not known."""


class Session(Protocol):
    """A session with a program: lines to it, and lines back."""

    def ask(self, line: str, timeout_s: float) -> str:
        """Send a line, and wait for the line that answers it. Blocks.

        Raises:
            NoAnswerError: the program exited, or did not respond in time; every later call raises it as well.
        """

    def receive(self, timeout_s: float) -> str:
        """Wait for a line that the program sends by itself. Blocks.

        Raises:
            NoAnswerError: the program exited, or sent nothing in time; every later call raises it as well.
        """

    def close(self) -> None:
        """End the program."""


class LineSession:
    """A `Session` over any two streams of lines: a thread reads, so that waiting can end.

    Args:
        write: sends a string to the program.
        lines: the lines that it prints; ends when the program exits.
        stderr: gives what it has written to stderr.
        end: ends the program and frees its resources.
    """

    def __init__(
        self, write: Callable[[str], None], lines: Iterable[str], stderr: Callable[[], str], end: Callable[[], None]
    ) -> None:
        self._write, self._stderr, self._end = write, stderr, end
        self._given_up: NoAnswerError | None = None
        self._received: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        threading.Thread(target=self._read, args=(lines,), name="pyml-session", daemon=True).start()

    def _read(self, lines: Iterable[str]) -> None:
        with contextlib.suppress(OSError, ValueError):  # closed while reading
            for line in lines:
                self._received.put(line)
        self._received.put(None)

    def ask(self, line: str, timeout_s: float) -> str:
        """See `Session.ask`."""
        if self._given_up is not None:  # a late response would be taken for the response to a later request
            raise self._given_up
        try:
            self._write(line + "\n")
        except OSError as error:
            raise self._ended() from error
        return self.receive(timeout_s)

    def receive(self, timeout_s: float) -> str:
        """See `Session.receive`."""
        try:
            line = self._received.get(timeout=timeout_s)
        except queue.Empty as error:
            self._given_up = NoAnswerError(f"the model gave no answer within {timeout_s:.0f} s", [])
            raise self._given_up from error
        if line is None:
            raise self._ended()
        return line

    def _ended(self) -> NoAnswerError:
        if self._given_up is None:
            stderr = self._stderr().strip()[-STDERR_MAX_CHARACTERS:]
            last = Problem(f"its last output:\n{stderr}" if stderr else "it wrote nothing to stderr")
            self._given_up = NoAnswerError("the model ended its Python process", [last])
        return self._given_up

    def close(self) -> None:
        """See `Session.close`."""
        self._end()

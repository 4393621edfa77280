"""Sessions with a program in a model's environment, which answers each line with a line."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from pyml.errors import PackageError, Problem
from pyml.inference.exit_codes import advice_on, named_exit
from pyml.inference.own_streams import record_in

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
        """End the program; nothing if it was ended so before."""


@dataclass(frozen=True)
class ProgramEnd:
    """How a program ended.

    Attributes:
        code: its exit code, as of `pyml.inference.exit_codes`; None if it has closed its stdout and still runs.
        stderr: the end of what it has written to stderr.
    """

    code: int | None
    stderr: str


class LineSession:
    """A `Session` over any two streams of lines: a thread reads, so that waiting can end.

    Args:
        write: sends a string to the program.
        lines: the lines that it prints, of which only records count (`pyml.inference.own_streams`); ends when the
            program exits.
        ended: gives how the program ended; may wait a few seconds for its end.
        end: ends the program and frees its resources.
    """

    def __init__(
        self,
        write: Callable[[str], None],
        lines: Iterable[str],
        ended: Callable[[], ProgramEnd],
        end: Callable[[], None],
    ) -> None:
        self._write, self._how_ended, self._end = write, ended, end
        self._given_up: NoAnswerError | None = None
        self._is_closed = False
        self._received: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        threading.Thread(target=self._read, args=(lines,), name="pyml-session", daemon=True).start()

    def _read(self, lines: Iterable[str]) -> None:
        with contextlib.suppress(OSError, ValueError):  # closed while reading
            for line in lines:
                if (record := record_in(line)) is not None:
                    self._received.put(record)
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
            found = self._how_ended()
            stderr = found.stderr.strip()[-STDERR_MAX_CHARACTERS:]
            last = f"its last output:\n{stderr}" if stderr else "it wrote nothing to stderr"
            code = found.code
            ended = "" if code is None else f" with {named_exit(code)}"
            advice = "" if code is None else advice_on(code)
            self._given_up = NoAnswerError(f"the model ended its Python process{ended}", [Problem(last, advice)])
        return self._given_up

    def close(self) -> None:
        """See `Session.close`."""
        if not self._is_closed:
            self._is_closed = True
            self._end()

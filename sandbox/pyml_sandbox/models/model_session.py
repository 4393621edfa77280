"""A program in a model's environment that answers lines with lines: as a process, or in a container."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Iterable
from typing import Protocol

from pyml.errors import PackageError, Problem

SAID_MAX_CHARACTERS = 2000


class NoAnswerError(PackageError):
    """A program ended instead of answering, or is too slow: what it would have said is not known."""


class Session(Protocol):
    """Lines to a program, and lines back."""

    def ask(self, line: str, timeout_s: float) -> str:
        """Say a line, and wait for the one that answers it; blocks.

        Raises:
            NoAnswerError: the program ended, or did not answer in time; so does every later question.
        """

    def receive(self, timeout_s: float) -> str:
        """Wait for a line that was not asked for; blocks.

        Raises:
            NoAnswerError: the program ended, or said nothing in time; so does every later question.
        """

    def close(self) -> None:
        """End the program."""


class Talk:
    """What both kinds share: a thread that reads, so that waiting can have an end.

    Args:
        write: sends text to the program.
        lines: what it prints; ends when the program does.
        said: the last of its stderr.
        end: ends the program and frees what it held.
    """

    def __init__(
        self, write: Callable[[str], None], lines: Iterable[str], said: Callable[[], str], end: Callable[[], None]
    ) -> None:
        self._write, self._said, self._end = write, said, end
        self._given_up: NoAnswerError | None = None
        self._heard: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        threading.Thread(target=self._read, args=(lines,), name="pyml-conversation", daemon=True).start()

    def _read(self, lines: Iterable[str]) -> None:
        with contextlib.suppress(OSError, ValueError):  # closed while reading
            for line in lines:
                self._heard.put(line)
        self._heard.put(None)

    def ask(self, line: str, timeout_s: float) -> str:
        """See `Session.ask`."""
        if self._given_up is not None:  # what is answered late would be taken for the answer to a later question
            raise self._given_up
        try:
            self._write(line + "\n")
        except OSError as error:
            raise self._ended() from error
        return self.receive(timeout_s)

    def receive(self, timeout_s: float) -> str:
        """See `Session.hear`."""
        try:
            line = self._heard.get(timeout=timeout_s)
        except queue.Empty as error:
            self._given_up = NoAnswerError(f"the model gave no answer within {timeout_s:.0f} s", [])
            raise self._given_up from error
        if line is None:
            raise self._ended()
        return line

    def _ended(self) -> NoAnswerError:
        if self._given_up is None:
            said = self._said().strip()[-SAID_MAX_CHARACTERS:]
            last = Problem(f"its last words:\n{said}" if said else "no words")
            self._given_up = NoAnswerError("the model ended its Python", [last])
        return self._given_up

    def close(self) -> None:
        """See `Session.close`."""
        self._end()

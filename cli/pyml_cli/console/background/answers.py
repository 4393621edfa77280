"""Answers that take longer than a page may: asked in the background, kept for a moment, shown once they are there."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

from pyml.errors import PymlError
from pyml_cli.bug_report import bug
from pyml_cli.console.background.module_loading import wait_until_loaded

Value = TypeVar("Value")

THREADS = 8
MAX_ANSWERS = 200


@dataclass(frozen=True)
class Answer(Generic[Value]):
    """What is known of a question.

    Attributes:
        value: the last answer; None before there is one, or if it failed.
        error: why the last try failed, as the command line says it; empty if it did not.
    """

    value: Value | None = None
    error: str = ""

    @property
    def is_pending(self) -> bool:
        """Whether nothing is known yet."""
        return self.value is None and not self.error


@dataclass
class _Entry:
    """What is known of one question.

    Attributes:
        answer: the last one.
        at: when it came, on the clock of `time.monotonic`; None before the first.
        coming: the answer that is asked for now; None if none is.
    """

    answer: Answer[object]
    at: float | None = None
    coming: Future[None] | None = None


class Answers:
    """The answers of one console: any page may ask, and what two pages ask is asked once."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="pyml-console")
        self._entries: dict[Hashable, _Entry] = {}
        self._lock = threading.Lock()

    def ask(
        self, key: Hashable, question: Callable[[], Value], fresh_s: float, *, is_awaited: bool = False
    ) -> Answer[Value]:
        """The last answer, at once; it is asked again in the background if it is older than `fresh_s` seconds.

        Args:
            key: names the question.
            question: gives the answer; may block.
            fresh_s: how long an answer counts as new.
            is_awaited: whether to wait for an answer that is new.
        """
        with self._lock:
            entry = self._entries.setdefault(key, _Entry(Answer()))
            if entry.coming is None and (entry.at is None or time.monotonic() - entry.at > fresh_s):
                entry.coming = self._pool.submit(self._answer, entry, question)
            coming = entry.coming
            self._forget()
        if is_awaited and coming is not None:
            coming.result()
        return entry.answer  # type: ignore[return-value]  # a key belongs to one question, and so to one type

    def drop(self, key: Hashable) -> None:
        """Forget an answer: what it was about has changed."""
        with self._lock:
            self._entries.pop(key, None)

    def close(self) -> None:
        """Wait for no answer any longer."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _answer(self, entry: _Entry, question: Callable[[], object]) -> None:
        entry.answer = answered(question)
        with self._lock:
            entry.at, entry.coming = time.monotonic(), None

    def _forget(self) -> None:
        while len(self._entries) > MAX_ANSWERS:
            del self._entries[min(self._entries, key=lambda key: self._entries[key].at or 0.0)]


def answered(question: Callable[[], Value]) -> Answer[Value]:
    """Ask now; an error is an answer, in the words of the command line."""
    wait_until_loaded()
    try:
        return Answer(question())
    except PymlError as error:
        return Answer(error=str(error))
    except Exception as error:  # noqa: BLE001 - a page says what is wrong; it does not vanish
        return Answer(error=str(bug(error, ["console"])))

"""The stdin and stdout of a program that loads a model, reserved for its own requests and responses.

Any other reader of stdin finds it empty, and any other writer to stdout, in Python or below, writes to stderr. Neither
stream reaches the children that a model forks: a child that stays would hold them open after this process has ended.
"""

from __future__ import annotations

import os
from typing import TextIO

RECORD = "\x1e"
"""Begins each line of a program for its caller, as in JSON text sequences (RFC 7464). A line without it is not for the
caller, such as what an installed package prints when Python starts."""


def own_stdin() -> TextIO:
    """Take over the real stdin of this process; from now on its stdin is empty."""
    requests = os.fdopen(os.dup(0), encoding="utf-8")
    empty_stdin()
    _keep_from_children(requests.fileno())
    return requests


def own_stdout() -> TextIO:
    """Take over the real stdout of this process; from now on its stdout is its stderr."""
    responses = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    _keep_from_children(responses.fileno())
    return responses


def empty_stdin() -> None:
    """Give this process an empty stdin."""
    replace_by_nothing(0)


def replace_by_nothing(number: int) -> None:
    """Let a file descriptor of this process read and write nothing, whatever it was."""
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, number, inheritable=number == 0)
    if nothing != number:
        os.close(nothing)


def write_record(stream: TextIO, line: str) -> None:
    """Write one line for the caller; what was written before it, without a line break, is not part of it."""
    stream.write(f"{RECORD}{line}\n")
    stream.flush()


def record_in(line: str) -> str | None:
    """The record that a line holds; None if it holds none."""
    _, mark, record = line.rpartition(RECORD)
    return record if mark else None


def _keep_from_children(number: int) -> None:
    os.register_at_fork(after_in_child=lambda: replace_by_nothing(number))

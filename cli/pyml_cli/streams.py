"""The standard streams of the command: always open, able to print every letter, and quiet once nobody reads them."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import select
import sys
from typing import TextIO


def prepare_streams() -> None:
    """Open streams that the shell closed (`>&-`) on nothing, and have letters that a stream lacks replaced."""
    for descriptor, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, _open_nowhere(descriptor, mode))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _open_nowhere(descriptor: int, mode: str) -> TextIO:
    """A stream without content. It takes the free descriptor: a file that is opened later would become stdout."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    if nowhere != descriptor and _is_free(descriptor):
        os.dup2(nowhere, descriptor)
        os.close(nowhere)
        nowhere = descriptor
    return io.TextIOWrapper(open(nowhere, f"{mode}b", closefd=False), encoding="utf-8")


def _is_free(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError as error:
        return error.errno == errno.EBADF
    return False


def is_unread() -> bool:
    """Whether the reader of stdout or stderr has ended, as in `pyml … | head -1`."""
    return any(map(_has_no_reader, (sys.stdout, sys.stderr)))


def _has_no_reader(stream: TextIO) -> bool:
    """A failed flush is no sign: Python drops what it could not write, and the next flush succeeds."""
    poll = select.poll()
    try:
        poll.register(stream.fileno(), 0)
    except (OSError, ValueError):  # it is no file, or closed
        return False
    return any(events & select.POLLERR for _, events in poll.poll(0))


def discard_unwritten() -> None:
    """Drop output that cannot be written: Python would try again when it ends, and print a traceback."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):  # ValueError: it is closed
            with contextlib.suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())

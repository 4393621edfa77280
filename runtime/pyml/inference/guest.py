"""Keeps the process of a program that runs a model's code as it was: one process, with its three standard streams."""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from collections.abc import Iterator

STANDARD_STREAMS = (0, 1, 2)


@contextlib.contextmanager
def guest() -> Iterator[None]:
    """Run code of a model in the block.

    Only the process that enters the block leaves it: a child that the model forks and that comes to its end ends there,
    as it would in a program of the model's own. It would go on as a second server, worker or harness.

    A standard stream that the model has closed is opened again, empty: else the next file or connection of this process
    takes its number, and what the model prints goes there.
    """
    parent = os.getpid()
    try:
        yield
    except BaseException as error:
        if os.getpid() != parent:
            _end(error)
        raise
    else:
        if os.getpid() != parent:
            _end(None)
    finally:
        _open_closed_streams()


def _end(error: BaseException | None) -> None:
    """End a forked child as Python would end it, but without the handlers at exit, which are its parent's."""
    code = _exit_code(error)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, OSError, ValueError):  # None, broken, or closed
            stream.flush()
    os._exit(code)


def _exit_code(error: BaseException | None) -> int:
    if error is None:
        return 0
    if isinstance(error, SystemExit) and (error.code is None or isinstance(error.code, int)):
        return (error.code or 0) & 0xFF
    with contextlib.suppress(AttributeError, OSError, ValueError):
        traceback.print_exception(error)
    return 1


def _open_closed_streams() -> None:
    for number in STANDARD_STREAMS:
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)

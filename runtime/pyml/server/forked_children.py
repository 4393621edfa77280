"""What the children that a model forks do not inherit from its server: signal handlers and sockets."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import stat
import threading
from collections.abc import Collection
from pathlib import Path

from pyml.inference.own_streams import replace_by_nothing

SIGNALS = (signal.SIGTERM, signal.SIGINT)


def release_children(*paths: Path) -> None:
    """From now on, give forked children Python's own signal handlers, and nothing in place of the server's sockets.

    A pool ends its children with SIGTERM; with our handler they would stop a server that is not theirs, and hang. A
    child that stays after its server has died would keep the connections open, so that callers wait for nothing.
    Signals are held back around a fork, so that none comes between the fork and the new handlers. One that was held
    back ends the child as a signal ends any program: the `KeyboardInterrupt` of Python's own handler would be lost
    here, since Python ignores what a function raises that runs at a fork.

    Args:
        paths: of the Unix sockets that the server listens on.
    """
    held = threading.local()

    def before() -> None:
        held.mask = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)

    def release() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, held.mask)

    def in_child() -> None:
        for number in SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        _let_go({os.fspath(path) for path in paths})
        release()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    os.register_at_fork(before=before, after_in_parent=release, after_in_child=in_child)


def _let_go(paths: Collection[str]) -> None:
    """Close the listening sockets and their connections, for this process alone.

    Their numbers stay in use: what is left of gRPC in a child must not write into a file that takes one.
    """
    for name in os.listdir("/dev/fd"):
        with contextlib.suppress(OSError):  # a socket without an address, or the list of the folder itself
            if _name_of(int(name)) in paths:
                replace_by_nothing(int(name))


def _name_of(number: int) -> object:
    """The address of a socket; None of a file."""
    if not stat.S_ISSOCK(os.fstat(number).st_mode):
        return None
    with socket.socket(fileno=os.dup(number)) as copy:
        return copy.getsockname()

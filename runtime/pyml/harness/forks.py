"""Forks of a harness: processes that have loaded a model and have never called it, without the seconds of loading.

A fork is given only where it is what a new process would be, as far as one can know: loading has left no thread, no
open file or connection, no child and no memory that processes share. What a model drew or read while it was loaded,
such as the time, is equal in all forks of one harness.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

import numpy as np

SELF = Path("/proc/self")
THREADS_THAT_MAY_FORK = {"jemalloc_bg_thd"}
"""Threads that their library starts anew in a fork: that of pyarrow's allocator, which Spark's daemon forks as well."""


class Forks:
    """Forks this process, if loading a model left it so that a fork is like a new process. Make it before loading."""

    def __init__(self) -> None:
        self._files, self._random, self._numbers = _open_files(), random.getstate(), _state_of_numbers()

    def are_new(self) -> bool:
        """Whether a fork would be what a new process is, after its model is loaded."""
        return (
            SELF.exists()
            and _other_threads() <= THREADS_THAT_MAY_FORK
            and signal.getsignal(signal.SIGCHLD) is signal.SIG_DFL
            and not (SELF / "task" / str(os.getpid()) / "children").read_text()
            and _open_files() <= self._files
            and not _shares_memory()
        )

    def fork(self, requests: TextIO, responses: TextIO, serve: Callable[[], None]) -> None:
        """Serve in a fork until its requests end; this process waits for it. Blocks.

        A fork that ends otherwise ends this process as well, in the same way.

        Args:
            requests: from the caller. Nothing of it may be read ahead.
            responses: to the caller.
            serve: answers requests of both streams, and returns.
        """
        streams = [(stream.fileno(), os.dup(stream.fileno())) for stream in (requests, responses)]
        kept = random.getstate()
        is_ended, says_so = os.pipe()
        pid = os.fork()
        if pid == 0:
            for number, copy in streams:  # what a model forks does not get them
                os.dup2(copy, number, inheritable=False)
            self._seed(kept)
            serve()
            os.write(says_so, b".")
            os._exit(0)
        for number in (says_so, *(copy for _, copy in streams)):
            os.close(number)
        _, status = os.waitpid(pid, 0)
        os.set_blocking(is_ended, False)  # a process that the model forked may hold the other end
        with os.fdopen(is_ended, "rb") as reader:
            if reader.read() != b".":
                _end_as(status)

    def _seed(self, kept: object) -> None:
        """Draw new seeds, as a new process does, unless loading has set or used a generator: then it is as it was."""
        if kept != self._random:
            random.setstate(kept)  # type: ignore[arg-type]  # Python itself seeds it anew in a fork
        if _state_of_numbers() == self._numbers:
            np.random.seed()


def _end_as(status: int) -> None:
    """End this process as a fork has ended."""
    if os.WIFSIGNALED(status):
        with contextlib.suppress(OSError):  # SIGKILL has no handler
            signal.signal(os.WTERMSIG(status), signal.SIG_DFL)
        os.kill(os.getpid(), os.WTERMSIG(status))
    os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def _other_threads() -> set[str]:
    threads = (each for each in (SELF / "task").iterdir() if each.name != str(os.getpid()))
    return {(each / "comm").read_text().strip() for each in threads}


def _open_files() -> set[str]:
    """What this process has open, without the listing itself."""
    found = set()
    for each in SELF.joinpath("fd").iterdir() if SELF.exists() else ():
        try:
            found.add(f"{each.name} {os.readlink(each)}")
        except FileNotFoundError:  # the listing
            continue
    return found


def _shares_memory() -> bool:
    """Whether it can write to memory that its forks would share."""
    lines = SELF.joinpath("maps").read_text(errors="replace").splitlines()
    return any(line.split(maxsplit=2)[1] == "rw-s" for line in lines)


def _state_of_numbers() -> tuple[object, ...]:
    kind, key, *rest = np.random.get_state()
    return (kind, np.asarray(key).tobytes(), *rest)

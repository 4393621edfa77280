"""One process at a time, where two would spoil each other's files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pyml_sandbox.workspace.events import OnEvent, ignore, timed


@contextmanager
def turn(lock_file: Path, other: str, on_event: OnEvent = ignore) -> Iterator[None]:
    """Hold a lock, which ends with this process. Blocks while a different process or thread holds it; it is reentrant.

    Args:
        lock_file: stands for what is held; it is made, with its folder, and stays.
        other: what to wait for, such as "check of fare".
        on_event: called if this process has to wait.
    """
    import filelock

    lock_file.parent.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(lock_file, is_singleton=True)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        with timed("turn", on_event, f"waiting for another {other}") as done:
            lock.acquire()
            done(f"the other {other} has ended")
    try:
        yield
    finally:
        lock.release()

"""Marks of the versions that are served only while a process needs them, and that nobody deployed.

A mark is a file that the process locks. The engine and supervisor know nothing of it: a process that was killed leaves
its mark behind without the lock, and whoever holds the sandbox next stops what it served.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from pyml_sandbox.workspace.home import SandboxHome


@contextmanager
def marked(home: SandboxHome, model_id: str) -> Iterator[None]:
    """Mark a version as served only while a block runs.

    If a different process has marked it already, the mark stays that process's.

    Args:
        home: the sandbox.
        model_id: name@version.
    """
    import filelock

    mark = _mark(home, model_id)
    mark.parent.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(mark)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        yield
        return
    try:
        yield
    finally:
        mark.unlink(missing_ok=True)
        lock.release()


def is_marked(home: SandboxHome, model_id: str) -> bool:
    """Whether a version is served only while a process needs it."""
    return _mark(home, model_id).exists()


def unmark(home: SandboxHome, model_id: str) -> None:
    """Remove the mark of a version: it has been deployed, or is no longer served."""
    _mark(home, model_id).unlink(missing_ok=True)


def interrupted(home: SandboxHome) -> Sequence[str]:
    """The ids of the versions whose process ended without stopping their servers."""
    import filelock

    found = []
    for mark in sorted(home.serving.glob("*@*")):
        with suppress(filelock.Timeout), filelock.FileLock(mark).acquire(timeout=0):
            found.append(mark.name)
    return found


def _mark(home: SandboxHome, model_id: str) -> Path:
    return home.serving / model_id

"""Whether a process that was noted earlier still lives: a pid alone may belong to a later process."""

from __future__ import annotations

import os

SAME_START_S = 5.0
"""How far two readings of one start may differ: the system derives it from the clock, which may be set."""


def start_of_this_process() -> float:
    """When this process began, in seconds since 1970."""
    import psutil

    return psutil.Process(os.getpid()).create_time()


def is_living(pid: int, started_at: float) -> bool:
    """Whether the process with a pid that began at a time lives; one that waits for its parent does not.

    Args:
        pid: of the process.
        started_at: seconds since 1970, from `start_of_this_process`.
    """
    import psutil

    try:
        process = psutil.Process(pid)
        return abs(process.create_time() - started_at) < SAME_START_S and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.NoSuchProcess, ValueError, OverflowError):
        return False
    except psutil.AccessDenied:  # it is there, and belongs to a different user
        return True

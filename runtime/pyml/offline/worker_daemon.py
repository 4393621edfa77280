"""Spark's daemon of Python workers, which ends once it has had no worker for a while.

Spark starts a daemon for each session and keeps it, with its 45 MB, until Spark itself ends. Where one has
ended, Spark starts a new one. What every worker imports is imported here, once: workers are forked.

python -m pyml.offline.worker_daemon pyspark.worker   (Spark's setting `spark.python.daemon.module`)
"""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import sys
from types import FrameType

from pyspark.daemon import manager

EACH_WORKER_IMPORTS = ("pyarrow", "pandas")
"""Libraries of which a worker needs no state of its own; 0.7 of the 1.2 s that a worker took to start."""
IDLE_S = 30.0
"""How often the daemon looks whether it has a worker. Spark ends a worker that has had no task for a minute."""


def main(idle_s: float = IDLE_S) -> None:
    """Start workers until Spark ends, or none has been there for a while.

    Args:
        idle_s: how often to look whether there is one.
    """
    for name in EACH_WORKER_IMPORTS:
        with contextlib.suppress(ImportError):  # the worker says so, if it needs it
            importlib.import_module(name)
    signal.signal(signal.SIGALRM, _end_if_idle)
    os.register_at_fork(after_in_child=_begin_afresh)
    signal.setitimer(signal.ITIMER_REAL, idle_s, idle_s)
    manager()


def _begin_afresh() -> None:
    """Make a worker what it would be if it had imported everything itself."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    numbers = sys.modules.get("numpy.random")
    if numbers is not None:
        numbers.seed()  # else all workers would draw the same; Python's own `random` does this itself


def _end_if_idle(_number: int, _frame: FrameType | None) -> None:
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:  # there is no worker; Spark's own handler of SIGTERM ends the daemon
        os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()

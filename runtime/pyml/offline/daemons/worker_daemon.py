"""Spark's daemon of Python workers, which ends once it has had no worker for a while.

Spark starts a daemon for each session, since it keys daemons by the session's id, and keeps it, with its 45 MB, until
Spark itself ends. Where one has ended, Spark starts a new one. The first of them that runs a model's Python becomes a
fork server (`fork_server.py`), from which the daemons of later sessions are forked: they import nothing.

Workers are not shared between sessions, and each job is a session of its own: a worker that has predicted for one job
never predicts for another, whose model would find the state that the first job left.

python -m pyml.offline.daemons.worker_daemon pyspark.worker   (Spark's setting `spark.python.daemon.module`)
"""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import sys
from types import FrameType

from pyml.offline.daemons import fork_server

EACH_WORKER_IMPORTS = ("pyarrow", "pandas", "pyspark.worker", "pyml.offline.batches", "pyml.inference.runner")
"""Modules of which a worker needs no state of its own."""
IDLE_S = 30.0
"""How often the daemon looks whether it has a worker. Spark ends a worker that has had no task for a minute."""
SERVED_S = 600.0
"""How long the fork server stays without a daemon: as long as somebody works with the model, it is there."""


def main(idle_s: float = IDLE_S, served_s: float = SERVED_S) -> None:
    """Start workers until Spark ends, or none has been there for a while; in this process, or in one forked for it.

    Args:
        idle_s: how often to look whether there is a worker.
        served_s: how long to fork daemons for later sessions while there is none.
    """
    if fork_server.has_forked_for_this_process():
        return
    listener = fork_server.listening()
    for name in EACH_WORKER_IMPORTS:
        with contextlib.suppress(ImportError):  # the worker says so, if it needs it
            importlib.import_module(name)
    os.register_at_fork(after_in_child=_begin_afresh)
    if listener is not None:
        fork_server.serve(listener, lambda: _start_workers(idle_s), served_s)
    else:
        _start_workers(idle_s)


def _start_workers(idle_s: float) -> None:
    from pyspark.daemon import manager

    signal.signal(signal.SIGALRM, _end_if_idle)
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

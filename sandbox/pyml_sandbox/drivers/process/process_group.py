"""Ends programs that were started in a session of their own, with all their descendants."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from typing import AnyStr


def end_group(process: subprocess.Popen[AnyStr]) -> None:
    """End a program and its descendants. Blocks until the program has ended.

    Args:
        process: started with `start_new_session`.
    """
    with contextlib.suppress(ProcessLookupError, PermissionError):  # none is left
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()

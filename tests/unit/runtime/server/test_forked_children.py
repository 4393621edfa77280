"""A forked child and the signals that were meant for it."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

SIGNALLED_AT_ITS_FORK = """
import os, signal, sys
from pathlib import Path
from pyml.server.forked_children import release_children

number = int(sys.argv[1])
signal.signal(number, lambda *_: os.write(1, b"the handler of the server "))
os.register_at_fork(after_in_child=lambda: os.kill(os.getpid(), number))
release_children(Path(sys.argv[2]))
child = os.fork()
if not child:
    os._exit(0)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_that_comes_during_the_fork_ends_the_child(number: signal.Signals, tmp_path: Path) -> None:
    command = [sys.executable, "-c", SIGNALLED_AT_ITS_FORK, str(int(number)), str(tmp_path / "model.sock")]
    ended = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    assert ended.stdout.split() == [str(-number)], ended.stderr

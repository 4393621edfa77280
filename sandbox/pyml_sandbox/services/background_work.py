"""Starts work that goes on after the command that began it has ended; `down` ends it, by its process tags."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping

from pyml_sandbox.workspace.home import SandboxHome
from pyml_sandbox.workspace.process_tags import process_tags

START_TIMEOUT_S = 10
DETACH = "import os, runpy, sys\nif os.fork(): os._exit(0)\nrunpy.run_module(sys.argv.pop(1), run_name='__main__')"
"""Forks before anything is imported: whoever started it has nothing to wait for, and nothing to reap."""


def start_in_background(
    home: SandboxHome, name: str, module: str, *arguments: str, environ: Mapping[str, str] | None = None
) -> None:
    """Run a module in a process of its own, and return without waiting for it. What it writes is lost.

    Args:
        home: the sandbox that it belongs to.
        name: of the work, as a process tag.
        module: has the work as its main program.
        arguments: of the program.
        environ: environment variables; None for those of this process.
    """
    subprocess.run(
        [sys.executable, "-P", "-c", DETACH, module, *arguments],
        env={**(os.environ if environ is None else environ), **process_tags(str(home.folder), name)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        timeout=START_TIMEOUT_S,
        check=False,  # the work only makes something faster
    )

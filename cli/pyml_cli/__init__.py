"""The `pyml` command."""

from __future__ import annotations


def main() -> None:
    """Run the command line and exit with its exit code."""
    import gc
    import os
    import signal
    import sys

    try:
        from pyml_cli.main import run

        code = run(sys.argv[1:])
    except KeyboardInterrupt:  # while Python imports, or a second Ctrl-C while an error is printed
        code = 128 + signal.SIGINT
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Python's own way of ending would print a traceback
    if code in (128 + signal.SIGINT, 128 + signal.SIGTERM, 128 + signal.SIGHUP):
        os._exit(code)  # Python would first wait for threads and calls that were interrupted, and may wait for ever
    gc.freeze()  # Python would look for garbage among all objects before it ends
    sys.exit(code)

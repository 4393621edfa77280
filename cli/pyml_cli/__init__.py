"""The `pyml` command."""

from __future__ import annotations


def main() -> None:
    """Run the command line and exit with its exit code."""
    import signal
    import sys

    try:
        from pyml_cli.main import run

        code = run(sys.argv[1:])
    except KeyboardInterrupt:  # while Python imports, or a second Ctrl-C while an error is printed
        code = 128 + signal.SIGINT
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Python's own way of ending would print a traceback
    sys.exit(code)

"""The `pyml` command."""

from __future__ import annotations


def main() -> None:
    """Run the command line and exit with its exit code."""
    import sys

    from pyml_cli.main import run

    sys.exit(run(sys.argv[1:]))

"""The `pyml` command."""


def main() -> None:
    """Run the command line."""

"""`pyml dev`: the sandbox's commands."""

from __future__ import annotations

import typer

app = typer.Typer(rich_markup_mode=None)


@app.callback()
def dev() -> None:
    """Bring the sandbox up and down, and look at it."""

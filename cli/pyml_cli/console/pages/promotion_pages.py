"""What is proven, and what was promoted where."""

from __future__ import annotations

from pyml_cli.console.background.shared_facts import Facts
from pyml_cli.console.page import Asked, Page


def promotion(asked: Asked) -> Facts:
    """Everything that became of each model, the latest first, and whether there is a key to sign with."""
    from pyml_sandbox.promotion.history import history
    from pyml_sandbox.workspace.state import load_state

    home = asked.bench.home
    state = load_state(home)
    return {
        "entries": [entry.json for entry in reversed(history(home))],
        "has_images": state is not None and state.driver == "container",
    }


PAGES = (Page("/promotion", "promotion.jinja", promotion),)

"""Requests per second of each deployed model, from the statistics that the gateway offers to everybody."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Mapping
from typing import TYPE_CHECKING

from pyml_sandbox.workspace.ports import HOST
from pyml_sandbox.workspace.state import load_state

if TYPE_CHECKING:
    from pyml_cli.console.background.answers import Answers
    from pyml_sandbox.workspace.events import JSON
    from pyml_sandbox.workspace.home import SandboxHome

FRESH_S = 1.0
TIMEOUT_S = 2.0


class RequestRates:
    """What the gateway has answered, seen twice.

    Args:
        home: the sandbox.
        answers: of the console.
    """

    def __init__(self, home: SandboxHome, answers: Answers) -> None:
        self._home, self._answers = home, answers
        self._before: tuple[float, Mapping[str, int]] | None = None

    def latest(self, *, is_awaited: bool = False) -> Mapping[str, JSON]:
        """Requests per second by model; empty if the gateway does not answer, or was asked but once."""
        return self._answers.ask("rates", self._measure, FRESH_S, is_awaited=is_awaited).value or {}

    def _measure(self) -> dict[str, JSON]:
        state = load_state(self._home)
        if state is None:
            return {}
        now, counts = time.monotonic(), _counts(state.ports.rest)
        before, self._before = self._before, (now, counts)
        if before is None:
            return {}
        seconds = now - before[0]
        return {name: round(max(0, count - before[1].get(name, 0)) / seconds, 1) for name, count in counts.items()}


def _counts(port: int) -> Mapping[str, int]:
    """How many requests each model has had; nothing if the gateway does not answer."""
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}/v2/models/stats", timeout=TIMEOUT_S) as answer:
            stats = json.load(answer)["model_stats"]
    except (OSError, ValueError, KeyError):
        return {}
    counts: dict[str, int] = {}
    for each in stats:
        found = each.get("inference_stats", {})
        total = sum(int(found.get(kind, {}).get("count", 0)) for kind in ("success", "fail"))
        counts[each["name"]] = counts.get(each["name"], 0) + total
    return counts

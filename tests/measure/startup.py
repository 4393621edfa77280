"""How long a command takes to start: the median of several runs, in turns, so that a busy moment meets all alike."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median

RUNS = 15


def medians(
    commands: Mapping[str, Sequence[str]], runs: int = RUNS, timed: Callable[[Sequence[str]], float] | None = None
) -> dict[str, float]:
    """Seconds that each command takes; each runs once before, to have its files in memory.

    Args:
        commands: by name.
        runs: that count, of each.
        timed: runs a command and says how many seconds it took.
    """
    run = timed or seconds
    for command in commands.values():
        run(command)
    turns = [{name: run(command) for name, command in commands.items()} for _ in range(runs)]
    return {name: median(turn[name] for turn in turns) for name in commands}


def seconds(command: Sequence[str]) -> float:
    """How long a command takes from start to end."""
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started

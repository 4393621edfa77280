"""One block of load of one kind against one server, and what it took."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from benchmarks.online import ROWS, p50_p99
from benchmarks.peer_environments import UnavailablePeerError, last_line
from benchmarks.peer_servers import Target

ONE_ROW_IN_FLIGHT = 16
MANY_ROWS_IN_FLIGHT = 4


@dataclass(frozen=True)
class Size:
    """How much load is in one block.

    Attributes:
        number: one-row requests, one after another.
        seconds: length of a block with requests in flight.
    """

    number: int
    seconds: float


def one_row(target: Target, size: Size) -> dict[str, float]:
    """The time of one row, one after another."""
    return {"one_row_p50_ms": p50_p99(_load(target, "latency", target.one_row, size.number))[0]}


def in_flight(target: Target, size: Size) -> dict[str, float]:
    """One-row requests in flight, and the server's CPU time for each."""
    before = cpu_seconds(target.pids)
    done = _load(target, "throughput", target.one_row, ONE_ROW_IN_FLIGHT, size.seconds)
    cpu_ms = (cpu_seconds(target.pids) - before) * 1e3
    return {"requests_per_s": done / size.seconds, "cpu_ms_per_request": cpu_ms / done}


def many_rows(target: Target, size: Size) -> dict[str, float]:
    """Requests of many rows in flight."""
    done = _load(target, "throughput", target.many_rows, MANY_ROWS_IN_FLIGHT, size.seconds)
    return {"rows_per_s": done * ROWS / size.seconds}


KINDS: Mapping[str, Callable[[Target, Size], dict[str, float]]] = {
    "one row": one_row,
    "in flight": in_flight,
    "many rows": many_rows,
}


def cpu_seconds(pids: tuple[int, ...]) -> float:
    """CPU time so far of processes and of all that they started and that still run."""
    parents = [psutil.Process(pid) for pid in pids]
    tree = {process.pid: process for parent in parents for process in (parent, *parent.children(recursive=True))}
    times = [process.cpu_times() for process in tree.values()]
    return float(sum(each.user + each.system for each in times))


def _load(target: Target, kind: str, request: Path, *numbers: float) -> Any:
    form = target.form
    program, more = ("http_load.py", [form.content_type]) if form.is_http else ("load.py", [])
    script = str(Path(__file__).with_name(program))
    command = [sys.executable, script, kind, target.address, str(request), *more, *map(str, numbers)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UnavailablePeerError(f"it fails under load: {last_line(done.stderr)}")
    return json.loads(done.stdout)

"""How much the services of a sandbox grow: samples of what they take, and a line through them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import psutil
from numpy.typing import NDArray

from pyml_sandbox.services.runner_contract import LiveService

PER_HOUR = 3600
BETWEEN_RESTS_S = 30.0
"""Samples at rest that are further apart are of two rests."""
RUNS_JOBS = ("spark", "worker")
"""How the names of the services begin in which Spark keeps a thread for each offline job: the monitor of its Python workers."""
Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Bound:
    """How much a service may grow.

    Attributes:
        unit: of what is measured, for people.
        scale: by how much to divide a sample for that unit.
        per_hour: accepted growth in an hour.
        in_all: accepted growth in the time of the run, whatever its rate: what a short run cannot tell from noise.
    """

    unit: str
    scale: float
    per_hour: float
    in_all: float


MEMORY = "memory"
BOUNDS = {
    MEMORY: Bound("MB", 1e6, 60, 15),
    "threads": Bound("threads", 1, 4, 3),
    "files": Bound("files", 1, 6, 5),
    "sockets": Bound("sockets", 1, 6, 5),
}
JAVA = Bound("MB", 1e6, 1500, 400)
"""Of memory for a service in Java, whose heap grows up to a limit of its own before anything is collected."""


@dataclass(frozen=True)
class Sample:
    """What one service took at one time.

    Attributes:
        service: its name.
        at_s: seconds since 1970.
        pid: of its first process.
        is_java: whether it runs in Java.
        taken: resident bytes, threads, open files and sockets of all its processes.
        is_at_rest: whether there was no load, and what comes and goes with it had gone.
    """

    service: str
    at_s: float
    pid: int
    is_java: bool
    taken: dict[str, int]
    is_at_rest: bool = False


@dataclass(frozen=True)
class Growth:
    """What one service took, and how much more of it in an hour.

    Attributes:
        service: its name.
        means: mean of each figure under load, in its unit.
        per_hour: growth of each figure from rest to rest, in an hour, in its unit.
        problems: what is beyond its bound.
    """

    service: str
    means: dict[str, float]
    per_hour: dict[str, float]
    problems: list[str] = field(default_factory=list)


def sampled(service: LiveService, at_s: float, *, is_at_rest: bool = False) -> Sample:
    """What a service and its children take now; processes that end meanwhile do not count."""
    taken: dict[str, int] = dict.fromkeys(BOUNDS, 0)
    is_java = False
    for process in _processes(service.pid or 0):
        try:
            with process.oneshot():
                is_java |= "java" in process.name()
                taken[MEMORY] += process.memory_info().rss
                taken["threads"] += process.num_threads()
                taken["files"] += process.num_fds()
                taken["sockets"] += len(process.net_connections("all"))
        except psutil.Error:
            continue
    return Sample(service.name, at_s, service.pid or 0, is_java, taken, is_at_rest)


def _processes(pid: int) -> Iterator[psutil.Process]:
    try:
        first = psutil.Process(pid)
        yield first
        yield from first.children(recursive=True)
    except psutil.Error:
        return


def growth(samples: Iterable[Sample], jobs: int = 0) -> list[Growth]:
    """The growth of each service, by name.

    Args:
        samples: of the whole run; the first rest comes after the warm-up, in which caches fill and Java compiles.
        jobs: how many offline jobs ran meanwhile.
    """
    by_service: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        by_service[sample.service].append(sample)
    return [_growth(name, of_service, jobs) for name, of_service in sorted(by_service.items())]


def _growth(name: str, samples: Sequence[Sample], jobs: int) -> Growth:
    times = np.array([sample.at_s for sample in samples])
    at_rest = np.array([sample.is_at_rest for sample in samples])
    rests = _rests(times, at_rest)
    duration_s = float(times[rests[-1]].mean() - times[rests[0]].mean()) if rests else 0.0
    means, per_hour, problems = {}, {}, []
    if len({sample.pid for sample in samples}) > 1:
        problems.append(f"{name} ended and was started again")
    for what, default in BOUNDS.items():
        bound = JAVA if what == MEMORY and samples[0].is_java else default
        if what == "threads" and name.startswith(RUNS_JOBS):
            rate = jobs / max(float(times[-1] - times[0]), 1.0)
            bound = replace(bound, per_hour=bound.per_hour + rate * PER_HOUR, in_all=bound.in_all + rate * duration_s)
        values = np.array([sample.taken[what] for sample in samples]) / bound.scale
        slope = _slope(times, values, rests)
        means[what], per_hour[what] = float(values[~at_rest].mean()), slope * PER_HOUR
        if slope * PER_HOUR > bound.per_hour and slope * duration_s > bound.in_all:
            problems.append(
                f"{name}: {what} grew by {slope * PER_HOUR:.1f} {bound.unit} an hour, more than {bound.per_hour:g}"
            )
    return Growth(name, means, per_hour, problems)


def _rests(times: Numbers, at_rest: NDArray[np.bool_]) -> list[NDArray[np.int_]]:
    """The positions of the samples of each rest."""
    positions = np.flatnonzero(at_rest)
    return (
        np.split(positions, np.flatnonzero(np.diff(times[positions]) > BETWEEN_RESTS_S) + 1) if len(positions) else []
    )


def _slope(times: Numbers, values: Numbers, rests: Sequence[NDArray[np.int_]]) -> float:
    """Growth in a second of the least value of each rest.

    Workers come and go with the load, heaps fill and are collected: what is never given back is there at rest as well.
    """
    if len(rests) < 2:
        return 0.0
    least = [values[rest].min() for rest in rests]
    return float(np.polyfit([times[rest].mean() for rest in rests], least, 1)[0])


def table(found: Sequence[Growth]) -> str:
    """The growth of all services as Markdown."""
    lines = ["| service | memory MB | + an hour | threads | + an hour | files | + an hour | sockets | + an hour |"]
    lines.append("|---|" + "--:|" * 8)
    for each in found:
        cells = (f"{each.means[what]:.0f} | {each.per_hour[what]:+.1f}" for what in BOUNDS)
        lines.append(f"| {shown(each.service)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def shown(service: str) -> str:
    """A service's name without the version of its model."""
    kind, _, rest = service.partition("-")
    name, _, _ = rest.rpartition("-")
    return f"{kind} of `{name}`" if name else service

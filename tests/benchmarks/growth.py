"""How much the services of a sandbox grow: samples of what they take, and a line through them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import psutil
from numpy.typing import NDArray

from pyml_sandbox.services.runner_contract import LiveService

WARM_UP_SHARE = 1 / 3
"""Of the time, that is not counted: caches fill, Java compiles."""
PER_HOUR = 3600
PART_S = 75.0
"""An idle Python worker of Spark ends after a minute."""
LEAST_PARTS = 5
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
    """

    service: str
    at_s: float
    pid: int
    is_java: bool
    taken: dict[str, int]


@dataclass(frozen=True)
class Growth:
    """What one service took, and how much more of it in an hour.

    Attributes:
        service: its name.
        means: mean of each figure after the warm-up, in its unit.
        per_hour: growth of each figure in an hour, in its unit.
        problems: what is beyond its bound.
    """

    service: str
    means: dict[str, float]
    per_hour: dict[str, float]
    problems: list[str] = field(default_factory=list)


def sampled(service: LiveService, at_s: float) -> Sample:
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
    return Sample(service.name, at_s, service.pid or 0, is_java, taken)


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
        samples: of the whole run.
        jobs: how many offline jobs ran meanwhile.
    """
    by_service: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        by_service[sample.service].append(sample)
    return [_growth(name, of_service, jobs) for name, of_service in sorted(by_service.items())]


def _growth(name: str, samples: Sequence[Sample], jobs: int) -> Growth:
    times = np.array([sample.at_s for sample in samples])
    is_warm = times >= times[0] + (times[-1] - times[0]) * WARM_UP_SHARE
    duration_s = float(times[is_warm][-1] - times[is_warm][0])
    means, per_hour, problems = {}, {}, []
    if len({sample.pid for sample in samples}) > 1:
        problems.append(f"{name} ended and was started again")
    for what, default in BOUNDS.items():
        bound = JAVA if what == MEMORY and samples[0].is_java else default
        if what == "threads" and name.startswith(RUNS_JOBS):
            rate = jobs / max(float(times[-1] - times[0]), 1.0)
            bound = replace(bound, per_hour=bound.per_hour + rate * PER_HOUR, in_all=bound.in_all + rate * duration_s)
        values = np.array([sample.taken[what] for sample in samples])[is_warm] / bound.scale
        slope = _slope(times[is_warm] - times[is_warm][0], values)
        means[what], per_hour[what] = float(values.mean()), slope * PER_HOUR
        if slope * PER_HOUR > bound.per_hour and slope * duration_s > bound.in_all:
            problems.append(
                f"{name}: {what} grew by {slope * PER_HOUR:.1f} {bound.unit} an hour, more than {bound.per_hour:g}"
            )
    return Growth(name, means, per_hour, problems)


def _slope(times: Numbers, values: Numbers) -> float:
    """Growth in a second of the least value of each part of the time.

    Workers come and go with the load, heaps fill and are collected: what is never given back raises the least value.
    """
    if len(times) < LEAST_PARTS:
        return 0.0
    count = max(LEAST_PARTS, int(times[-1] // PART_S))
    parts = np.minimum(times * count // times[-1], count - 1)
    least = [values[parts == part].min() for part in np.unique(parts)]
    return float(np.polyfit(np.unique(parts) * float(times[-1]) / count, least, 1)[0])


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

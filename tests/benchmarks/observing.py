"""What counting and naming requests costs the gateway: `python tests/benchmarks/observing.py`.

Measured in turns of a second or two, since a shared machine drifts by 10-30 %: each round asks every target once, in an order
that turns, and compares it with `before` or `uncounted` of the same round.

counted     the gateway as it is
uncounted   the same with --no-metrics: ids, and no figures
before      gateway and model server of a different checkout: --before FOLDER, such as a `git worktree` of the commit before

The model, the requests and the load are those of online.py: one row, 16 in flight. CPU is that of gateway and model server
together, for each request; where other programs use the machine it says more than the requests per second do.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.online import MODEL, cpu_seconds, load, request_of
from integration.serving import Serving, serving
from support.packages import write_package

IN_FLIGHT = 16


@dataclass(frozen=True)
class Target:
    """A gateway to ask, and the processes whose CPU it costs."""

    address: str
    processes: tuple[int, ...]

    def measure(self, request: Path, seconds: float) -> Turn:
        """One turn."""
        before = sum(map(cpu_seconds, self.processes))
        done = load("throughput", self.address, request, IN_FLIGHT, seconds)
        used = sum(map(cpu_seconds, self.processes)) - before
        return Turn(done / seconds, used * 1e3 / done)


@dataclass(frozen=True)
class Turn:
    """What one turn gave: requests a second, and milliseconds of CPU for each."""

    per_second: float
    cpu_ms: float


@contextmanager
def imported_from(folder: Path | None) -> Iterator[None]:
    """Processes that are started meanwhile import pyml from a different checkout."""
    if folder is None:
        yield
        return
    os.environ["PYTHONPATH"] = str(folder / "runtime")
    try:
        yield
    finally:
        del os.environ["PYTHONPATH"]


def started(place: Serving, package: Path, *options: Sequence[str]) -> list[Target]:
    """One model server, and a gateway in front of it for each set of options."""
    server: subprocess.Popen[str] = place.server(package, name="logistic")
    place.deploy(logistic=["1"])
    found = []
    for more in options:
        gateway, caller, _ = place.gateway(*more)
        found.append(Target(caller.address, (gateway.pid, server.pid)))
    return found


def run(rounds: int, seconds: float, before: Path | None) -> Mapping[str, list[Turn]]:
    """The turns of every target."""
    with ExitStack() as stack:
        place = stack.enter_context(serving())
        package = write_package(place.folder / "logistic", MODEL)
        request = place.folder / "one_row"
        request.write_bytes(request_of(1))
        targets = dict(zip(("counted", "uncounted"), started(place, package, (), ("--no-metrics",)), strict=True))
        if before is not None:
            with imported_from(before):
                (targets["before"],) = started(stack.enter_context(serving()), package, ())
        turns: dict[str, list[Turn]] = {name: [] for name in targets}
        names = list(targets)
        for at in range(rounds):
            for name in names[at % len(names) :] + names[: at % len(names)]:
                turns[name].append(targets[name].measure(request, seconds))
        return turns


def table(turns: Mapping[str, list[Turn]]) -> str:
    """The medians, and the median of the ratios within each round to each of the two that do less."""
    lines = ["| | req/s, 16 in flight | CPU, ms a request |", "|---|--:|--:|"]
    for name, found in turns.items():
        per_second, cpu = (
            statistics.median(column) for column in zip(*((t.per_second, t.cpu_ms) for t in found), strict=True)
        )
        lines.append(f"| {name} | {per_second:,.0f} | {cpu:.3f} |")
    for base in [name for name in turns if name != "counted"]:
        pairs = list(zip(turns["counted"], turns[base], strict=True))
        speed = statistics.median(one.per_second / other.per_second for one, other in pairs)
        cpu = statistics.median(one.cpu_ms / other.cpu_ms for one, other in pairs)
        lines.append(f"| counted beside {base} | {speed - 1:+.1%} | {cpu - 1:+.1%} |")
    return "\n".join(lines)


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=1.5, help="length of each turn")
    parser.add_argument("--before", type=Path, metavar="FOLDER", help="a different checkout")
    given = parser.parse_args()
    print(table(run(given.rounds, given.seconds, given.before)))


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()

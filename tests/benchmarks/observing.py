"""What counting and naming requests costs the gateway: `python tests/benchmarks/observing.py`.

Measured in turns of 32 requests, since a shared machine drifts by 10-30 %: each round asks every target once, in an order that
turns, and compares them within the round. Where other programs use the machine, the fastest tenth of the turns says more than
their median: short turns find moments in which both cores are free. CPU is that of a target's gateway and model server over
the whole run, for each request.

counted     the gateway as it is
uncounted   the same with --no-metrics: ids, and no figures
before      gateway and model server of a different checkout: --before FOLDER, such as a `git worktree` of the commit before

The model and the request are those of online.py: one row, 16 in flight.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import grpc

from benchmarks.load import METHOD, OPTIONS
from benchmarks.online import MODEL, cpu_seconds, request_of
from integration.serving import serving
from support.packages import write_package

IN_FLIGHT, BLOCK = 16, 32
WARM_UP = 20


@dataclass
class Target:
    """A gateway to ask, the processes whose CPU it costs, and how many seconds each of its turns took."""

    address: str
    processes: tuple[int, ...]
    turns: list[float] = field(default_factory=list)
    cpu_ms: float = 0

    @property
    def cpu_s(self) -> float:
        """The CPU time of its processes so far."""
        return sum(map(cpu_seconds, self.processes))


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


def started(stack: ExitStack, before: Path | None, *options: str) -> Target:
    """A model server and a gateway, which end with the stack."""
    place = stack.enter_context(serving())
    package = write_package(place.folder / "logistic", MODEL)
    with imported_from(before):
        server = place.server(package, name="logistic")
        place.deploy(logistic=["1"])
        gateway, caller, _ = place.gateway(*options)
    return Target(caller.address, (gateway.pid, server.pid))


async def block(infer: grpc.aio.UnaryUnaryMultiCallable, request: bytes) -> float:
    """One turn; how many seconds it took."""
    left = iter(range(BLOCK))

    async def loop() -> None:
        for _ in left:
            await infer(request)

    begun = time.perf_counter()
    await asyncio.gather(*(loop() for _ in range(IN_FLIGHT)))
    return time.perf_counter() - begun


async def ask_in_turns(targets: list[Target], rounds: int) -> None:
    """Ask each target once in each round."""
    request = request_of(1)
    async with AsyncExitStack() as stack:
        channels = [grpc.aio.insecure_channel(each.address, options=OPTIONS) for each in targets]
        infers = [(await stack.enter_async_context(channel)).unary_unary(METHOD) for channel in channels]
        for _ in range(WARM_UP):
            for infer in infers:
                await block(infer, request)
        before = [each.cpu_s for each in targets]
        for at in range(rounds):
            for step in range(len(targets)):
                which = (at + step) % len(targets)
                targets[which].turns.append(await block(infers[which], request))
        for each, then in zip(targets, before, strict=True):
            each.cpu_ms = (each.cpu_s - then) * 1e3 / (rounds * BLOCK)


def fastest_tenth(turns: Sequence[float]) -> float:
    """The time that a tenth of the turns took at most."""
    return statistics.quantiles(turns, n=10)[0]


def table(targets: Mapping[str, Target]) -> str:
    """The figures of each, and how much slower it is than each of the two that do less."""
    lines = ["| | req/s, fastest tenth | median | CPU, ms a request |", "|---|--:|--:|--:|"]
    for name, each in targets.items():
        speeds = (BLOCK / fastest_tenth(each.turns), BLOCK / statistics.median(each.turns))
        lines.append(f"| {name} | {speeds[0]:,.0f} | {speeds[1]:,.0f} | {each.cpu_ms:.3f} |")
    counted = targets["counted"]
    for name, base in targets.items():
        if name != "counted":
            fast = fastest_tenth(base.turns) / fastest_tenth(counted.turns)
            speed = statistics.median(b / c for b, c in zip(base.turns, counted.turns, strict=True))
            cpu = counted.cpu_ms / base.cpu_ms
            lines.append(f"| counted beside {name} | {fast - 1:+.1%} | {speed - 1:+.1%} | {cpu - 1:+.1%} |")
    return "\n".join(lines)


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=600)
    parser.add_argument("--before", type=Path, metavar="FOLDER", help="a different checkout")
    given = parser.parse_args()
    with ExitStack() as stack:
        targets = {"counted": started(stack, None), "uncounted": started(stack, None, "--no-metrics")}
        if given.before is not None:
            targets["before"] = started(stack, given.before)
        asyncio.run(ask_in_turns(list(targets.values()), given.rounds))
        print(table(targets))


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()

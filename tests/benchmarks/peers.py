"""Our two paths beside what else runs the same model, in one run: `python tests/benchmarks/peers.py`.

Online, servers:

ours gRPC, ours REST    the gateway and a model server, with Arrow and with JSON
ours together           the same over gRPC, where requests that wait are predicted together
mlserver                MLServer over gRPC and REST, with its pandas codec
mlflow                  `mlflow models serve`, a pyfunc
mosec                   mosec, with Arrow
fastapi                 FastAPI, orjson and uvicorn, tuned by hand
kserve                  KServe's Python server over gRPC and REST

The model is that of `online.py`: a logistic regression over ten columns, pandas in and pandas out, in one process with one
thread. Each peer gets an environment of its own, made by uv and kept in a cache folder. A peer that does not install, start or
give the same predictions is named with the reason. Blocks of load take turns, in an order that changes from round to round;
shown are medians with quartiles, and ratios taken inside each round.

Offline, jobs that write a Hive table of predictions from a Hive table of `--rows` rows, on the Spark of one sandbox:

ours offline            `Client.predict_offline`: with the checks of its query, the audit of rows and keys, and the swap
by hand, mapInArrow     a program for Spark Connect, in the environment of our model
MLflow spark_udf        the same with `mlflow.pyfunc.spark_udf`, in an environment of its own

Each job runs once before anything is measured. After each one, Spark holds its table against the model's formula.

The load comes from the same machine, by gRPC's client or aiohttp: what the client costs is in requests/s and rows/s, and not in
the CPU time of a request.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.peer_blocks import KINDS, Size
from benchmarks.peer_environments import UnavailablePeerError, default_cache
from benchmarks.peer_figures import OFFLINE, OfflineFigures, PeerFigures, rotated, table
from benchmarks.peer_jobs import JOBS, OfflineBench, offline_bench
from benchmarks.peer_servers import LAUNCHES, Target, our_targets, peer_targets
from benchmarks.reliability_page import fill_in

PAGE = Path(__file__).parents[2] / "docs" / "performance.md"
OURS = "ours"


@dataclass
class Comparison:
    """What is compared: the targets that answer so far, their figures, and why the others are left out."""

    targets: dict[str, Target] = field(default_factory=dict)
    rounds: list[dict[str, PeerFigures]] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)

    def add_round(self, size: Size) -> None:
        """Give each target a block of each kind, and leave out those that fail."""
        taken: dict[str, dict[str, float]] = {name: {} for name in self.targets}
        for run in KINDS.values():
            for name in rotated(list(self.targets), len(self.rounds)):
                try:
                    taken[name] |= run(self.targets[name], size)
                except UnavailablePeerError as error:
                    self.left_out[name] = str(error)
                    del self.targets[name]
        self.rounds.append({name: PeerFigures(**taken[name]) for name in self.targets})


def compare(peers: Sequence[str], rounds: int, size: Size, cache: Path) -> Comparison:
    """Start ours and the peers, and measure them in turns."""
    found = Comparison()
    with tempfile.TemporaryDirectory(prefix="pyml-peers-") as name, ExitStack() as stack:
        folder = Path(name)
        found.targets |= stack.enter_context(our_targets(folder))
        for peer in peers:
            progress(f"starting {peer}")
            try:
                found.targets |= stack.enter_context(peer_targets(peer, cache, folder / peer))
            except UnavailablePeerError as error:
                found.left_out[peer] = str(error)
        for number in range(rounds):
            progress(f"round {number + 1} of {rounds}: {', '.join(found.targets)}")
            found.add_round(size)
    return found


@dataclass
class OfflineComparison:
    """Offline jobs that succeed so far, their figures, and why the others are left out."""

    jobs: dict[str, Callable[[str], float]] = field(default_factory=dict)
    rounds: list[dict[str, OfflineFigures]] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)

    def round(self, bench: OfflineBench, number: int) -> dict[str, OfflineFigures]:
        """Run each job once, and leave out those that fail."""
        found = {}
        for name in rotated(list(self.jobs), number):
            table = f"peers.predicted_{list(JOBS).index(name)}"
            try:
                found[name] = bench.measure(self.jobs[name], table)
            except UnavailablePeerError as error:
                self.left_out[name] = str(error)
                del self.jobs[name]
                progress(f"{name}: {error}")
        return found


def compare_offline(rounds: int, rows: int, cache: Path) -> OfflineComparison:
    """Bring a sandbox up, and measure the offline jobs in turns."""
    found = OfflineComparison()
    with (
        tempfile.TemporaryDirectory(prefix="pyml-peers-", ignore_cleanup_errors=True) as folder,
        offline_bench(Path(folder), rows) as bench,
    ):
        for name, prepare in JOBS.items():
            try:
                found.jobs[name] = prepare(bench, cache)
            except UnavailablePeerError as error:
                found.left_out[name] = str(error)
        found.round(bench, 0)
        for number in range(rounds):
            progress(f"round {number + 1} of {rounds}: {', '.join(found.jobs)}")
            found.rounds.append(found.round(bench, number))
    return found


def progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def names(text: str) -> list[str]:
    """Peers of `--only`, without ours, which is always measured."""
    found = [name for name in text.split(",") if name != OURS]
    unknown = [name for name in found if name not in LAUNCHES]
    if unknown:
        raise argparse.ArgumentTypeError(f"no peer {', '.join(unknown)}; there are {', '.join([OURS, *LAUNCHES])}")
    return found


def main() -> None:
    """Run the benchmarks and print their tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--paths", choices=["online", "offline", "both"], default="both", help="what is compared")
    parser.add_argument("--rows", type=int, default=2_000_000, metavar="N", help="of an offline job")
    parser.add_argument("--rounds", type=int, default=5, metavar="N")
    parser.add_argument(
        "--only", type=names, default=list(LAUNCHES), metavar="NAME,...", help="servers; ours is always measured"
    )
    parser.add_argument("--number", type=int, default=200, help="one-row requests in a block, one after another")
    parser.add_argument("--seconds", type=float, default=2, help="length of a block with requests in flight")
    parser.add_argument("--cache", type=Path, default=default_cache(), help="where environments are kept")
    parser.add_argument("--write", action="store_true", help="write docs/performance.md")
    given = parser.parse_args()
    cache = given.cache.absolute()
    if given.paths != "offline":
        online = compare(given.only, given.rounds, Size(given.number, given.seconds), cache)
        show("peers", table(online.rounds, online.left_out), given.write)
    if given.paths != "online":
        offline = compare_offline(given.rounds, given.rows, cache)
        show("offline peers", table(offline.rounds, offline.left_out, OFFLINE), given.write)


def show(part: str, text: str, is_written: bool) -> None:
    """Print a part of the page, and write it if asked to."""
    print(text)
    if is_written:
        fill_in(part, text, PAGE)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()

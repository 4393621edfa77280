"""Mixed load on a sandbox of its own, with deploys and offline jobs in between: does any service grow?

    python tests/benchmarks/soak.py [--minutes 20] [--driver process] [--samples FILE] [--write]

Requests over gRPC and REST to two models; meanwhile versions of a third are deployed and undeployed, and jobs write a table.
Each few seconds memory, threads, open files and sockets of every service are taken down. After each third of the time the load
rests until what comes and goes with it has gone; growth is from rest to rest. Exit code 1 where a service grew beyond its
bound, ended by itself, or a request or command failed.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import pyarrow as pa

from benchmarks.growth import Growth, Sample, growth, sampled, table
from benchmarks.reliability_page import fill_in
from pyml.errors import PymlError
from pyml.package.model_package import ModelPackage
from pyml_sandbox.client import Client
from pyml_sandbox.lifecycle import up_and_down
from pyml_sandbox.workspace.home import SandboxHome
from support.free_ports import free_port_choices
from support.packages import ECHO, write_package

SAMPLE_EVERY_S = 4
RESTS = 3
REST_S = 120.0
"""A Python worker of Spark ends after an idle minute, its daemon half a minute later."""
AT_REST_S = 20.0
"""The end of a rest, in which samples are of services at rest."""
PAUSE_S = 0.02
BETWEEN_DEPLOYS_S = 5
SIZES = (1, 10, 1000, 20_000)
"""Rows of the requests, in turn."""
STEADY = ("first", "second")
"""Models that stay deployed; their servers are measured, and those of the third are not."""
QUERY = "SELECT id, CAST(id AS DOUBLE) AS a FROM range(20000)"


class Load:
    """Threads that each do one thing again and again, and count what was done and what failed."""

    def __init__(self) -> None:
        self.done: Counter[str] = Counter()
        self.failures: list[str] = []
        self._is_over = threading.Event()
        self._threads: list[threading.Thread] = []
        self._may_act = threading.Event()
        self._may_act.set()

    def start(self, name: str, act: Callable[[], object], pause_s: float) -> None:
        """Do one thing on a thread of its own until `stop`."""
        thread = threading.Thread(target=self._repeat, args=(name, act, pause_s), name=name)
        self._threads.append(thread)
        thread.start()

    @contextmanager
    def at_rest(self) -> Iterator[None]:
        """Begin nothing new in the block; what is under way goes on."""
        self._may_act.clear()
        try:
            yield
        finally:
            self._may_act.set()

    def stop(self) -> None:
        """Stop, and wait for what is under way."""
        self._is_over.set()
        self._may_act.set()
        for thread in self._threads:
            thread.join()

    def _repeat(self, name: str, act: Callable[[], object], pause_s: float) -> None:
        while not self._is_over.wait(pause_s):
            self._may_act.wait()
            try:
                act()
                self.done[name] += 1
            except (PymlError, OSError) as error:
                self.failures.append(f"{name}: {error}")


def main() -> None:
    """Load, measure, print the table, and write it down where asked to."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=20, help="how long (%(default)s)")
    parser.add_argument("--driver", choices=["process", "container"], default="process")
    parser.add_argument("--samples", type=Path, help="file for all samples, as JSON lines")
    parser.add_argument("--write", action="store_true", help="write the table to docs/reliability.md")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pyml-soak-") as folder, sandbox(given.driver, Path(folder)) as client:
        load = loaded(client, Path(folder))
        try:
            samples = measured_with_rests(client, load, given.minutes * 60)
        finally:
            load.stop()
    found = growth(samples, load.done.get("offline jobs", 0))
    if given.samples:
        given.samples.write_text("".join(f"{json.dumps(asdict(sample))}\n" for sample in samples), encoding="utf-8")
    done = ", ".join(f"{count:,} {name}" for name, count in sorted(load.done.items()))
    text = f"{given.minutes:g} minutes of load, driver {given.driver}: {done}; {len(load.failures)} failed.\n\n{table(found)}"
    print(text)
    if given.write:
        fill_in(f"soak {given.driver}", text)
    sys.exit(verdict(found, load.failures))


def verdict(found: list[Growth], failures: list[str]) -> int:
    """The exit code; says what is wrong."""
    problems = [*itertools.islice(failures, 10), *(problem for each in found for problem in each.problems)]
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


@contextmanager
def sandbox(driver: str, folder: Path) -> Iterator[Client]:
    """A sandbox with two models that stay, below a folder."""
    home = SandboxHome(folder, f"soak-{driver}")
    try:
        up_and_down.up(home, up_and_down.Options(driver, free_port_choices()))
        client = Client(home)
        for name in STEADY:
            client.deploy_model(uploaded(client, folder / name, name, ECHO))
        yield client
    finally:
        up_and_down.reset(home)


def uploaded(client: Client, folder: Path, name: str, model: str) -> str:
    """Upload a small model under a name."""
    return client.upload_model(ModelPackage(write_package(folder, model, toml=f'name = "{name}"\n')))


def loaded(client: Client, folder: Path) -> Load:
    """Start all load; packages are written below a folder."""
    load, sizes = Load(), itertools.cycle(SIZES)
    rest = f"http://127.0.0.1:{client.state.ports.rest}"
    guests = itertools.cycle(
        [uploaded(client, folder / f"guest-{at}", "guest", f"{ECHO}\nVERSION = {at}\n") for at in range(2)]
    )

    def deploy() -> None:
        client.deploy_model(next(guests))
        client.predict_online("guest", rows(5))
        client.undeploy_model("guest")

    def ask(model: str) -> None:
        client.predict_online(model, rows(next(sizes)))

    for name in STEADY:
        load.start("gRPC requests", partial(ask, name), PAUSE_S)
        load.start("REST requests", partial(ask_rest, rest, name), PAUSE_S)
    load.start("deploys and undeploys", deploy, BETWEEN_DEPLOYS_S)
    load.start("offline jobs", lambda: client.predict_offline("first", QUERY, "default.soak", ["id"]).wait(), 1)
    return load


def rows(count: int) -> pa.Table:
    """Rows of the models."""
    return pa.table({"a": pa.array(range(count), pa.float64())})


def ask_rest(address: str, model: str) -> None:
    """One good request in JSON, and one that is refused."""
    tensor = {"name": "a", "datatype": "FP64", "shape": [100], "data": [0.5] * 100}
    body = json.dumps({"inputs": [tensor]}).encode()
    with urllib.request.urlopen(f"{address}/v2/models/{model}/infer", body, timeout=60) as reply:
        json.load(reply)
    try:
        urllib.request.urlopen(f"{address}/v2/models/{model}/infer", b" " * 2**20, timeout=60).close()
    except urllib.error.HTTPError as error:
        error.close()
        if error.code != 400:
            raise


def measured_with_rests(client: Client, load: Load, load_s: float) -> list[Sample]:
    """The samples of every service that stays: under load for so long, and in a rest after each third of it."""
    samples: list[Sample] = []
    for _ in range(RESTS):
        samples += measured(client, load_s / RESTS)
        with load.at_rest():
            time.sleep(REST_S - AT_REST_S)
            samples += measured(client, AT_REST_S, is_at_rest=True)
    return samples


def measured(client: Client, duration_s: float, *, is_at_rest: bool = False) -> list[Sample]:
    """The samples of every service that stays, for so long."""
    end, samples = time.monotonic() + duration_s, list[Sample]()
    while time.monotonic() < end:
        begun = time.monotonic()
        samples += [
            sampled(service, time.time(), is_at_rest=is_at_rest)
            for service in client.driver.runner.live()
            if service.pid is not None and "guest" not in service.name
        ]
        time.sleep(max(0.0, begun + SAMPLE_EVERY_S - time.monotonic()))
    return samples


if __name__ == "__main__":
    main()

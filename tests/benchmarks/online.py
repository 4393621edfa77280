"""How fast the online path is, beside what limits it: `python tests/benchmarks/online.py`.

Measured in one run, taking turns, since a shared machine drifts by 10-30 %:

handler     the model server's own work on one request, in this process: decode, predict, encode
echo        a bare gRPC server on a Unix socket that gives back what it gets
server      a model server on its Unix socket
gateway     the gateway on TCP, and the model server behind it

The model is a logistic regression over ten columns, pandas in and pandas out. One closed loop on the same machine.
Shown is the median over the rounds. Load from elsewhere shows in `echo`: compare with it, not with another day.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import grpc
import numpy as np
import psutil
import pyarrow as pa

from integration.serving import CHANNEL_OPTIONS, Caller, Serving, serving
from pyml.inference.runner import Runner
from pyml.oip import codec
from pyml.oip import messages as oip
from support.packages import write_package

ROWS = 1000
COLUMNS = [f"x{at}" for at in range(10)]
MODEL = f"""
import numpy as np
import pandas as pd
from pyml import DataFrameModel, Schema

class Logistic(DataFrameModel):
    inputs = Schema("{", ".join(f"{name} DOUBLE NOT NULL" for name in COLUMNS)}")
    outputs = Schema("p DOUBLE NOT NULL")

    def __init__(self, parameters):
        self.weights = np.linspace(-1, 1, {len(COLUMNS)})

    def predict(self, frame):
        return pd.DataFrame({{"p": 1 / (1 + np.exp(-(frame.to_numpy() @ self.weights)))}})
"""


@dataclass(frozen=True)
class Figures:
    """One target in one round; latencies in ms, CPU of the process that was asked in ms for each request."""

    one_row_p50: float
    one_row_p99: float
    requests_per_s: float = 0
    rows_per_s: float = 0
    cpu_per_request: float = 0


def random_rows(number: int) -> pa.RecordBatch:
    """Rows of the model, the same in each run."""
    schema = pa.schema([pa.field(name, pa.float64(), False) for name in COLUMNS])
    random = np.random.default_rng(0)
    return pa.RecordBatch.from_arrays([pa.array(random.standard_normal(number)) for _ in COLUMNS], schema=schema)


def request_of(rows: int) -> bytes:
    """A request with random rows, as it goes over the wire."""
    return codec.arrow_request("logistic", "", random_rows(rows)).SerializeToString()


@dataclass(frozen=True)
class Requests:
    """Files that hold the two requests."""

    one_row: Path
    many_rows: Path

    @classmethod
    def write(cls, folder: Path) -> Requests:
        """Write both."""
        found = cls(folder / "one_row", folder / "many_rows")
        found.one_row.write_bytes(request_of(1))
        found.many_rows.write_bytes(request_of(ROWS))
        return found


def load(*arguments: object) -> Any:
    """What `load.py` measures."""
    command = [sys.executable, str(Path(__file__).with_name("load.py")), *map(str, arguments)]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)


def measure(address: str, pid: int, requests: Requests, number: int, seconds: float) -> Figures:
    """One round against one address."""
    one_row = p50_p99(load("latency", address, requests.one_row, number))
    before = cpu_seconds(pid)
    done = load("throughput", address, requests.one_row, 16, seconds)
    cpu_ms = (cpu_seconds(pid) - before) * 1e3 / done
    batches = load("throughput", address, requests.many_rows, 4, seconds)
    return Figures(*one_row, done / seconds, batches * ROWS / seconds, cpu_ms)


def measure_handler(runner: Runner, requests: Requests, number: int) -> Figures:
    """One round of the server's own work in this process."""

    def taken(path: Path) -> tuple[float, float]:
        request, times = path.read_bytes(), []
        for _ in range(number):
            start = time.perf_counter()
            codec.answer(oip.ModelInferRequest.FromString(request), runner).SerializeToString()
            times.append((time.perf_counter() - start) * 1e3)
        return p50_p99(times)

    one_row, many_rows = taken(requests.one_row), taken(requests.many_rows)
    return Figures(*one_row, 1e3 / one_row[0], ROWS * 1e3 / many_rows[0])


def p50_p99(times: list[float]) -> tuple[float, float]:
    taken = sorted(times)
    return taken[len(taken) // 2], taken[int(len(taken) * 0.99)]


def cpu_seconds(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def serve_echo(address: str) -> None:
    """Give back what comes; the limit of gRPC in Python."""

    class Echo(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc has no types
        def service(self, _details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
            return grpc.unary_unary_rpc_method_handler(lambda request, _context: request)

    server = grpc.server(ThreadPoolExecutor(4), handlers=[Echo()], options=CHANNEL_OPTIONS)
    server.add_insecure_port(address)
    server.start()
    server.wait_for_termination()


@contextmanager
def echo(place: Serving) -> Iterator[tuple[str, int]]:
    """An echo server in a process of its own: its address and process id."""
    address = f"unix:{place.folder}/echo"
    with subprocess.Popen([sys.executable, __file__, "--echo", address]) as process:
        Caller(address).call(oip.SERVER_LIVE)
        try:
            yield address, process.pid
        finally:
            process.kill()


def run(rounds: int, number: int, seconds: float) -> Mapping[str, Figures]:
    """Start everything, measure in turns, and take the median of each figure."""
    with serving() as place, echo(place) as (echo_address, echo_pid):
        package = write_package(place.folder / "logistic", MODEL)
        server = place.server(package, name="logistic")
        place.deploy(logistic=["1"])
        gateway, caller, _ = place.gateway()
        requests, runner = Requests.write(place.folder), Runner.load(package)
        gc.collect()
        gc.freeze()  # as the server does
        found: dict[str, list[Figures]] = {name: [] for name in ("handler", "echo", "server", "gateway")}
        for _ in range(rounds):
            found["handler"].append(measure_handler(runner, requests, number))
            found["echo"].append(measure(echo_address, echo_pid, requests, number, seconds))
            found["server"].append(measure(place.caller("logistic").address, server.pid, requests, number, seconds))
            found["gateway"].append(measure(caller.address, gateway.pid, requests, number, seconds))
        return {name: median(figures) for name, figures in found.items()}


def median(figures: list[Figures]) -> Figures:
    columns = zip(*(asdict(one).values() for one in figures), strict=True)
    return Figures(*(statistics.median(column) for column in columns))


def table(found: Mapping[str, Figures]) -> str:
    """The figures as a Markdown table, and the ratio that the aims speak of."""
    lines = [
        "| | one row p50 ms | p99 ms | req/s, 16 in flight | rows/s, 1,000 in a request, 4 in flight | CPU ms/request |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for name, one in found.items():
        cpu = f"{one.cpu_per_request:.2f}" if one.cpu_per_request else ""
        lines.append(
            f"| {name} | {one.one_row_p50:.2f} | {one.one_row_p99:.2f} | {one.requests_per_s:,.0f} "
            f"| {one.rows_per_s:,.0f} | {cpu} |"
        )
    limit = found["handler"].one_row_p50 + found["echo"].one_row_p50
    ratio = found["gateway"].one_row_p50 / limit
    return "\n".join([*lines, "", f"gateway / (handler + echo), one row p50: {ratio:.2f}"])


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--number", type=int, default=400, help="one-row requests in each round")
    parser.add_argument("--seconds", type=float, default=2, help="length of each throughput measurement")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--echo", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.echo:
        serve_echo(given.echo)
        return
    found = run(given.rounds, given.number, given.seconds)
    print(json.dumps({name: asdict(one) for name, one in found.items()}) if given.json else table(found))


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()

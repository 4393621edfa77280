"""Offline jobs of the same model over the same Hive table, on the Spark of one sandbox: ours, one by hand, and MLflow's."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import psutil

from benchmarks import peer_programs as programs
from benchmarks.online import COLUMNS, MODEL
from benchmarks.peer_environments import UnavailablePeerError, last_line, peer_python
from benchmarks.peer_figures import OfflineFigures
from pyml.package.model_package import ModelPackage
from pyml_sandbox.client import Client
from pyml_sandbox.lifecycle import up_and_down
from pyml_sandbox.models.registry import find_version
from pyml_sandbox.predict.spark_session import session
from pyml_sandbox.services import spark as spark_service
from pyml_sandbox.workspace.home import SandboxHome
from pyml_sandbox.workspace.runtime_source import runtime_folder
from support.free_ports import free_port_choices
from support.packages import write_package

OURS, BY_HAND, MLFLOW = "ours offline", "by hand, mapInArrow", "MLflow spark_udf"
ENVIRONMENT = "spark_udf"
SOURCE = "peers.rows"
TOLERANCE = 1e-12
LOOK_EVERY_S = 0.1
JOB_S = 1800


@dataclass(frozen=True)
class OfflineBench:
    """A sandbox with the rows and the model.

    Attributes:
        client: of the sandbox.
        rows: in the table.
        spark_pid: process of Spark, which starts the Python workers.
        folder: where programs are written.
    """

    client: Client
    rows: int
    spark_pid: int
    folder: Path

    def measure(self, job: Callable[[str], float], table: str) -> OfflineFigures:
        """One run of a job, whose answers are held against the model's formula afterwards.

        Args:
            job: writes the table that it is given the name of; gives its seconds.
            table: that name, which no other job has: one that fails may leave a folder behind.

        Raises:
            UnavailablePeerError: it fails, or its predictions are different.
        """
        with cpu_of(self.spark_pid) as cpu:
            seconds = job(table)
        self.check(table)
        return OfflineFigures(self.rows / seconds, cpu.seconds)

    def check(self, table: str) -> None:
        """Hold the predictions of a table against the model's formula."""
        weights = np.linspace(-1, 1, len(COLUMNS))
        total = " + ".join(f"{name} * {weight!r}D" for name, weight in zip(COLUMNS, weights.tolist(), strict=True))
        expected = f"1 / (1 + exp(-({total})))"
        query = (
            f"SELECT count(*), count_if(abs(p - {expected}) <= {TOLERANCE} * {expected}), count(DISTINCT id) "
            f"FROM {SOURCE} JOIN {table} USING (id)"
        )
        with session(self.client.home) as spark:
            found = tuple(spark.sql(query).collect()[0])
        if found != (self.rows,) * 3:
            raise UnavailablePeerError(f"of {self.rows} rows, {found} are there, are right, have an id of their own")


@contextmanager
def offline_bench(folder: Path, rows: int) -> Iterator[OfflineBench]:
    """A sandbox of its own, with a table of so many random rows."""
    home = SandboxHome(folder / "home", "peers")
    up_and_down.up(home, up_and_down.Options("process", free_port_choices()))
    try:
        client = Client(home)
        client.upload_model(ModelPackage(write_package(folder / "logistic", MODEL)))
        columns = ", ".join(f"randn({at}) AS {name}" for at, name in enumerate(COLUMNS))
        with session(home) as spark:
            spark.sql(f"CREATE DATABASE {SOURCE.partition('.')[0]}")
            spark.sql(f"CREATE TABLE {SOURCE} USING parquet AS SELECT id, {columns} FROM range(0, {rows}, 1, 4)")
        (pid,) = (each.pid for each in client.driver.runner.live() if each.name == spark_service.NAME)
        assert pid is not None
        yield OfflineBench(client, rows, pid, folder)
    finally:
        up_and_down.reset(home)


def our_job(bench: OfflineBench) -> Callable[[str], float]:
    """A job of `Client.predict_offline`, key and audit and swap included."""

    def run(table: str) -> float:
        started = time.perf_counter()
        bench.client.predict_offline("logistic", f"SELECT * FROM {SOURCE}", table, ["id"]).wait()
        return time.perf_counter() - started

    return run


def job_by_hand(bench: OfflineBench) -> Callable[[str], float]:
    """The same with `mapInArrow`, in the environment of the model."""
    version = find_version(bench.client.home, "logistic")
    workers = bench.client.offline(version).environment.python
    return partial(_program, bench, programs.HAND_JOB, Path(sys.executable), (), workers)


def mlflow_job(bench: OfflineBench, cache: Path) -> Callable[[str], float]:
    """The same with MLflow's `spark_udf`, in its own environment, where Spark finds the daemon of our workers, too.

    Raises:
        UnavailablePeerError: it does not install.
    """
    python = peer_python(ENVIRONMENT, cache)
    (packages,) = python.parent.parent.glob("lib/python*/site-packages")
    (packages / "pyml-runtime.pth").write_text(str(runtime_folder().parent))
    model, saved = bench.folder / "mlflow_model.py", bench.folder / "mlflow"
    model.write_text(programs.MLFLOW_MODEL)
    _output([str(python), "-c", programs.MLFLOW_SAVE, str(model), str(saved)])
    return partial(_program, bench, programs.UDF_JOB, python, (str(saved),), str(python))


def _program(bench: OfflineBench, program: str, python: Path, rest: tuple[str, ...], workers: str, table: str) -> float:
    """Run a program that writes the table; its own seconds."""
    script = bench.folder / "job.py"
    script.write_text(program)
    address = f"sc://127.0.0.1:{bench.client.state.ports.spark}"
    told = _output([str(python), str(script), address, workers, f"SELECT * FROM {SOURCE}", table, *rest])
    return float(json.loads(told.splitlines()[-1]))


def _output(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=JOB_S)
    if done.returncode:
        raise UnavailablePeerError(last_line(done.stderr.partition("JVM stacktrace")[0]))
    return done.stdout


JOBS: Mapping[str, Callable[[OfflineBench, Path], Callable[[str], float]]] = {
    OURS: lambda bench, _: our_job(bench),
    BY_HAND: lambda bench, _: job_by_hand(bench),
    MLFLOW: mlflow_job,
}


@dataclass
class Cpu:
    """CPU time, in s; complete at the end of `cpu_of`."""

    seconds: float = 0


@contextmanager
def cpu_of(pid: int) -> Iterator[Cpu]:
    """The CPU time of a process and of all that it starts meanwhile, also of those that end: each as it was seen last."""
    ended, found = threading.Event(), Cpu()
    before = _times(pid)
    last = dict(before)

    def look() -> None:
        while not ended.wait(LOOK_EVERY_S):
            last.update(_times(pid))

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        ended.set()
        thread.join()
        last.update(_times(pid))
        found.seconds = sum(time_s - before.get(process, 0) for process, time_s in last.items())


def _times(pid: int) -> dict[tuple[int, float], float]:
    """CPU time, in s, by number and begin of each process."""
    found = {}
    parent = psutil.Process(pid)
    for process in (parent, *parent.children(recursive=True)):
        try:
            times = process.cpu_times()
            found[process.pid, process.create_time()] = float(times.user + times.system)
        except psutil.NoSuchProcess:
            continue
    return found

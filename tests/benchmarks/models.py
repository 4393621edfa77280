"""What the model of each framework costs, and whether both paths agree on it, through the commands that a user types.

    python tests/benchmarks/models.py [--only GLOB] [--driver process] [--find-links DIR] [--results FILE] [--write]

It goes on where it was interrupted: what was measured of each model is a line of the results file. A model that was edited
since is measured anew, and with `--again` one whose command failed. Exit code 1 where a model does not pass.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.kept_outcomes import append, read_results
from benchmarks.models_page import ERROR, Measurement, page, table
from pyml.package.model_package import ModelPackage
from pyml_sandbox.client import Client
from pyml_sandbox.models.registry import find_version, prepare
from pyml_sandbox.models.template import FRAMEWORKS
from pyml_sandbox.predict.spark_session import session
from support.free_ports import free_ports

if TYPE_CHECKING:
    import pyarrow as pa

ROOT = Path(__file__).parents[2]
MODELS = ROOT / "fixtures" / "models"
PAGE = ROOT / "docs" / "models.md"
RESULTS = ROOT / ".pyml" / "models.jsonl"
MANY_ROWS = 1000
REPETITIONS = {1: 50, MANY_ROWS: 20}
"""Requests whose median is taken, by their rows."""
MB = 1e6


class CommandError(Exception):
    """A pyml command failed; the message is its last output."""


def main() -> None:
    """Measure what has not been measured, print the table, and write it down where asked to."""
    options = parsed()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the sandbox is taken down
    if options.find_links:
        take_wheels_from(options.find_links.resolve())
    known = read_results(options.results, Measurement.from_json)
    chosen = [name for name in FRAMEWORKS if fnmatch.fnmatch(name, options.only)]
    todo = [name for name in chosen if is_due(known.get(f"{options.driver}/{name}"), name, again=options.again)]
    if todo:
        with sandbox(options.driver):
            for measured in (measure(name, options.driver) for name in todo):
                known[measured.name] = measured
                append(options.results, measured)
                print(f"{measured.name}: {measured.verdict} {measured.level}{measured.message}", file=sys.stderr)
    measurements = [known[name] for name in (f"{options.driver}/{each}" for each in chosen) if name in known]
    print("\n".join(table(measurements)))
    if options.write:
        machine = (
            f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores"
        )
        PAGE.write_text(page(list(known.values()), FRAMEWORKS, machine), encoding="utf-8")
    sys.exit(any(measured.verdict != "PASS" for measured in measurements))


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default="*", metavar="GLOB", help="names of models")
    parser.add_argument("--driver", choices=["process", "container"], default="process")
    parser.add_argument(
        "--find-links",
        type=Path,
        metavar="DIR",
        help="wheels to install from, where the index of PyTorch cannot be reached; no index is asked: uv takes the rest "
        "from its cache, images need every wheel",
    )
    parser.add_argument("--results", type=Path, default=RESULTS, metavar="FILE", help="JSON lines, one for each model")
    parser.add_argument("--again", action="store_true", help="measure anew what ended in an error")
    parser.add_argument("--write", action="store_true", help="write docs/models.md")
    return parser.parse_args()


def take_wheels_from(folder: Path) -> None:
    """Let uv and image builds install from a folder, and ask no index; uv takes the rest from its cache."""
    os.environ.update(UV_FIND_LINKS=str(folder), UV_OFFLINE="1", PYML_WHEELS=str(folder))


def is_due(known: Measurement | None, name: str, *, again: bool) -> bool:
    """True where nothing is known of the model as it is now."""
    if known is None or known.version != ModelPackage(MODELS / name).version:
        return True
    return again and known.verdict == ERROR


@contextmanager
def sandbox(driver: str) -> Iterator[None]:
    """A home for sandboxes that is gone afterwards, and in it a sandbox that is up."""
    home = tempfile.mkdtemp(prefix="pyml-models-")
    os.environ.update(PYML_HOME=home, PYML_SANDBOX="models")
    services = ("gateway", "rest", "metastore", "spark")
    ports = [f"--{name}-port={port}" for name, port in zip(services, free_ports(len(services)), strict=True)]
    try:
        pyml("dev", "up", "--driver", driver, *ports)
        yield
    finally:
        pyml("dev", "reset", "--yes")
        shutil.rmtree(home, ignore_errors=True)


def measure(name: str, driver: str) -> Measurement:
    """Everything about one model; a model whose commands fail is an error with their last output."""
    start = Measurement(f"{driver}/{name}", ModelPackage(MODELS / name).version, ERROR)
    try:
        model_id = pyml("upload", str(MODELS / name)).strip()
        measured = with_server(replace(start, packages_mb=packages_bytes(model_id) / MB), model_id)
        pyml("undeploy", name)
        return with_check(measured, MODELS / name)
    except CommandError as error:
        return replace(start, message=without_paths(str(error).rpartition("error: ")[2])[:600])


def with_server(measured: Measurement, model_id: str) -> Measurement:
    """The measurement with start, latency, memory and threads of the model's server."""
    rows = first_rows(model_id)
    seconds = timed(lambda: pyml("deploy", model_id))
    one, many = (latency_ms(model_id, rows.slice(0, number), times) for number, times in REPETITIONS.items())
    server = server_of(measured.model)
    return replace(
        measured,
        start_s=seconds,
        one_row_ms=one,
        many_rows_ms=many,
        memory_mb=float(server["memory_bytes"]) / MB,
        threads=threads_of(int(server["pid"])),
    )


def with_check(measured: Measurement, folder: Path) -> Measurement:
    """The measurement with verdict, level and seconds of a parity check."""
    start = time.perf_counter()
    report = last_object(pyml("parity-check", str(folder), "--json", "--no-cache", accepted=(0, 1, 4)))
    return replace(
        measured,
        verdict=report["verdict"],
        level=report["level"] or "",
        check_s=time.perf_counter() - start,
    )


def first_rows(model_id: str) -> pa.Table:
    """Rows of the model's own query: as many as the larger request has, repeated where the query has less."""
    client = Client()
    version = find_version(client.home, model_id)
    query = ModelPackage(version.package).settings.parity.sql
    with session(client.home) as spark:
        return spark.sql(query).select(*version.signature.inputs.names).limit(MANY_ROWS).toArrow()


def latency_ms(model_id: str, rows: pa.Table, times: int) -> float:
    """Median latency of a request of the Python client through the gateway, after two that are not counted."""
    client = Client()
    version = find_version(client.home, model_id)
    (batch,) = rows.combine_chunks().to_batches()
    with client.online(version) as model:
        taken = [timed(lambda: list(model.predict([batch]))) for _ in range(times + 2)]
    return statistics.median(taken[2:]) * 1e3


def server_of(name: str) -> Mapping[str, Any]:
    """The service of a model, as `pyml dev status` has it."""
    services: list[Mapping[str, Any]] = last_object(pyml("dev", "status", "--json"))["services"]
    return next(service for service in services if service["name"].startswith(f"model-{name}"))


def threads_of(pid: int) -> int:
    """Threads of a process and its descendants."""
    process = psutil.Process(pid)
    return sum(each.num_threads() for each in [process, *process.children(recursive=True)])


def packages_bytes(model_id: str) -> int:
    """Size of the model's virtual environment or image."""
    client = Client()
    environment = prepare(find_version(client.home, model_id), client.driver.builder)
    if environment.image is None:
        files = (client.home.environments / environment.key).rglob("*")
        return sum(file.lstat().st_size for file in files if not file.is_dir())
    return int(run("docker", "image", "inspect", "--format", "{{.Size}}", environment.image))


def last_object(output: str) -> Mapping[str, Any]:
    """The last JSON object that a command printed."""
    value: Mapping[str, Any] = json.loads(output.splitlines()[-1])
    return value


def timed(job: Callable[[], object]) -> float:
    """Wall time of one run, in seconds."""
    start = time.perf_counter()
    job()
    return time.perf_counter() - start


def without_paths(message: str) -> str:
    """One line, without what is only true of this machine."""
    for folder in (str(ROOT), os.environ.get("PYML_HOME", ""), str(Path.home())):
        message = message.replace(folder, "…") if len(folder) > 1 else message
    return " ".join(message.split())


def pyml(*arguments: str, accepted: Sequence[int] = (0,)) -> str:
    """Run a pyml command of this environment; its stdout.

    Raises:
        CommandError: its exit code is not an accepted one.
    """
    return run(str(Path(sys.executable).parent / "pyml"), *arguments, accepted=accepted)


def run(*command: str, accepted: Sequence[int] = (0,)) -> str:
    """Run a command; its stdout.

    Raises:
        CommandError: its exit code is not an accepted one.
    """
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode not in accepted:
        raise CommandError(f"{' '.join(command[1:2])}: exit code {done.returncode}: {done.stderr or done.stdout}")
    return done.stdout


if __name__ == "__main__":
    main()

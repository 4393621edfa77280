"""Start-up, offline jobs and the parity check, measured on a sandbox of its own.

    python tests/benchmarks/sandbox.py [--driver container]       # prints a Markdown table; takes three to five minutes

Everything runs through the same commands that a user types. Figures drift with the machine: compare rows of one run.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODEL = ROOT / "fixtures" / "models" / "flight_delay"
KEY = ("--key", "time_hour", "--key", "carrier", "--key", "flight")


def main() -> None:
    """Measure, and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--driver", choices=["process", "container"], default="process")
    driver = parser.parse_args().driver
    if not (MODEL / "parameters" / "model.joblib").exists():
        run(sys.executable, str(MODEL / "train.py"))
    home = tempfile.mkdtemp(prefix="pyml-bench-")
    os.environ.update(PYML_HOME=home, PYML_SANDBOX="bench")
    try:
        print("| what | seconds |\n|---|--:|")
        for name, seconds in measurements(driver):
            print(f"| {name} | {seconds:.2f} |", flush=True)
        print("\n| service | memory MB |\n|---|--:|")
        for service in json.loads(pyml("dev", "status", "--json").splitlines()[-1])["services"]:
            print(f"| {service['name'].partition('-')[0]} | {service['memory_bytes'] / 1e6:.0f} |")
    finally:
        pyml("dev", "reset", "--yes")
        shutil.rmtree(home, ignore_errors=True)


def measurements(driver: str) -> Iterator[tuple[str, float]]:
    """Each figure with its name, in the order in which a user meets them."""
    yield "import pyml", best(lambda: run(sys.executable, "-c", "import pyml"))
    yield "pyml --help", best(lambda: pyml("--help"))
    ports = [
        word for name in ("gateway", "rest", "metastore", "spark") for word in (f"--{name}-port", str(free_port()))
    ]
    yield "dev up, first", timed(lambda: pyml("dev", "up", "--driver", driver, *ports))
    pyml("dev", "down")
    yield "dev up, warm", timed(lambda: pyml("dev", "up"))
    yield "dev up, second", best(lambda: pyml("dev", "up"))
    run(sys.executable, "-m", "tables.flights")
    yield "upload, first", timed(lambda: pyml("upload", str(MODEL)))
    yield "upload, nothing new", timed(lambda: pyml("upload", str(MODEL)))
    with tempfile.TemporaryDirectory() as folder:
        edited = Path(shutil.copytree(MODEL, Path(folder) / "edited"))
        append(edited / "model.py", f"\n# {time.time()}\n")
        yield "upload, after an edit of model.py", timed(lambda: pyml("upload", str(edited)))
        append(edited / "requirements.txt", "\nhumanize\n")
        yield "upload, after an edit of requirements.txt", timed(lambda: pyml("upload", str(edited)))
    pyml("upload", str(MODEL))
    yield "deploy to first answer", timed(lambda: pyml("deploy", version()))
    rows = str(ROOT / "fixtures" / "tables" / "three_flights.csv")
    yield (
        "predict online, a file of three rows",
        best(lambda: pyml("predict", "online", "flight_delay", "--rows", rows)),
    )
    small = "SELECT * FROM flights LIMIT 10000"
    yield "offline, 10,000 rows, first job", timed(lambda: offline(small))
    yield "offline, 10,000 rows, later", best(lambda: offline(small))
    yield "offline, 336,776 rows", best(lambda: offline("SELECT * FROM flights"), times=2)
    yield "parity-check, 10,000 rows", timed(lambda: pyml("parity-check", str(MODEL), "--sql", small, "--no-cache"))
    yield "parity-check, 336,776 rows", timed(lambda: pyml("parity-check", str(MODEL), "--no-cache"))


def append(file: Path, text: str) -> None:
    """Add to a file."""
    file.write_text(file.read_text(encoding="utf-8") + text, encoding="utf-8")


def version() -> str:
    """The id of the model as it lies in the repository."""
    return pyml("upload", str(MODEL)).strip()


def offline(query: str) -> None:
    """Predict a query into a table."""
    pyml("predict", "offline", "flight_delay", "--sql", query, "--table", "ml.bench", *KEY)


def best(job: Callable[[], object], times: int = 3) -> float:
    """The fastest of a few runs: what the machine can do when it does nothing else."""
    return min(timed(job) for _ in range(times))


def timed(job: Callable[[], object]) -> float:
    """Wall time of one run, in seconds."""
    start = time.perf_counter()
    job()
    return time.perf_counter() - start


def pyml(*arguments: str) -> str:
    """Run a pyml command of this environment."""
    return run(str(Path(sys.executable).parent / "pyml"), *arguments)


def run(*command: str) -> str:
    """Run a command; its output, or its error and an end."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


if __name__ == "__main__":
    main()

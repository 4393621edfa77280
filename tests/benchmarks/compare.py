"""Our comparator against a hand-written DuckDB join, and datacompy, over the same Parquet files, taking turns.

    python tests/benchmarks/compare.py                       # 5 million rows x 4 value columns
    python tests/benchmarks/compare.py --rows 10000000 --columns 20 --runs 1 --datacompy-rows 2500000

datacompy is asked where it is installed (`pip install -e '.[peers]'`), by its polars comparer; it holds both tables in
memory, so `--datacompy-rows` gives it the rows of the first keys only, out of the same files. Its verdict alone is
timed, not its report.

Every run is a process of its own, so that its peak memory is its own; so is the one that writes the tables, since a
process starts with the peak of the one that started it. Imports are not timed. The join counts the rows
whose values are distinct and nothing else; ours also tells null, NaN, infinity and tolerance apart, measures distances,
proves the keys unique and fetches the worst rows.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path

KINDS = ("DOUBLE", "FLOAT", "BIGINT", "VARCHAR")
CHANGES = ("same", "noise", "0.1 % differ", "all differ")
VALUES = {
    "DOUBLE": "random()",
    "FLOAT": "random()::FLOAT",
    "BIGINT": "(random() * 1e6)::BIGINT",
    "VARCHAR": "'label ' || (random() * 10)::INTEGER",
}
WAYS = ("ours", "by hand", "datacompy")


@dataclass(frozen=True)
class Run:
    """One comparison in a process of its own."""

    seconds: float
    cpu_seconds: float
    peak_mb: float


def main() -> None:
    options = parse()
    if options.write:
        write_tables(options.write, options.rows, options.columns)
        return
    if options.way:
        print(json.dumps(once(options)))
        return
    with tempfile.TemporaryDirectory(prefix="pyml-bench-", dir=options.folder) as folder:
        size = ["--rows", str(options.rows), "--columns", str(options.columns)]
        subprocess.run([sys.executable, __file__, "--write", folder, *size], check=True)
        print(f"{options.rows:,} rows x {options.columns} columns, median of {options.runs} runs taking turns")
        if "datacompy" in ways():
            print(f"datacompy: {min(options.datacompy_rows, options.rows):,} rows")
        print(f"{'right side':<14} {'way':<9} {'s':>7} {'CPU s':>7} {'peak MB':>8} {'ratio':>6} {'CPU ratio':>9}")
        for name in options.only or CHANGES:
            report(name, take_turns(Path(folder), name, options))


def ways() -> list[str]:
    """Those that can be asked here."""
    return [way for way in WAYS if way != "datacompy" or find_spec("datacompy")]


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--columns", type=int, default=4)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--memory", type=int, default=850, help="our memory limit in MB")
    parser.add_argument("--datacompy-rows", type=int, default=sys.maxsize, help="most rows that datacompy is given")
    parser.add_argument("--folder", type=Path, help="where the tables are written for the time of the run")
    parser.add_argument("--only", action="append", choices=CHANGES, help="this right side alone")
    parser.add_argument("--write", type=Path, help=argparse.SUPPRESS)
    for internal in ("--way", "--left", "--right"):
        parser.add_argument(internal, help=argparse.SUPPRESS)
    return parser.parse_args()


def write_tables(folder: Path, rows: int, columns: int) -> None:
    """The left side in random order, and a right side in key order for each kind of change."""
    import duckdb

    kinds = [KINDS[number % len(KINDS)] for number in range(columns)]
    values = ", ".join(f"{VALUES[kind]} AS v{number}" for number, kind in enumerate(kinds))
    with duckdb.connect(str(folder / "bench.duckdb")) as connection:
        connection.execute(f"CREATE TABLE rows AS SELECT i AS id, {values} FROM range({rows}) r(i)")
        connection.execute(f"COPY (SELECT * FROM rows ORDER BY hash(id)) TO '{folder}/left.parquet'")
        for name in CHANGES:
            changed = ", ".join(f"{changed_value(name, i, kind)} AS v{i}" for i, kind in enumerate(kinds))
            connection.execute(f"COPY (SELECT id, {changed} FROM rows) TO '{right_file(folder, name)}'")
    (folder / "bench.duckdb").unlink()


def right_file(folder: Path, name: str) -> Path:
    return folder / f"{name.replace(' ', '_').replace('%', 'percent')}.parquet"


def changed_value(change: str, number: int, kind: str) -> str:
    """A value of the right side: noise is a few ulps on 49 % of the DOUBLE values, as an honest model has it."""
    value = f"v{number}"
    other = f"{value} || 'x'" if kind == "VARCHAR" else f"{value} + 1"
    noise = f"CASE WHEN id % 100 < 49 THEN {value} + 1.1e-16 * (id % 7 - 3) ELSE {value} END"
    return {
        "same": value,
        "noise": noise if kind == "DOUBLE" else value,
        "0.1 % differ": f"CASE WHEN id % 1000 = 0 THEN {other} ELSE {value} END",
        "all differ": other,
    }[change]


def take_turns(folder: Path, name: str, options: argparse.Namespace) -> dict[str, list[Run]]:
    found: dict[str, list[Run]] = {way: [] for way in ways()}
    for _ in range(options.runs):
        for way in found:
            command = [sys.executable, __file__, "--way", way, "--left", str(folder / "left.parquet")]
            command += ["--right", str(right_file(folder, name))]
            command += ["--columns", str(options.columns), "--memory", str(options.memory)]
            command += ["--datacompy-rows", str(options.datacompy_rows)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            found[way].append(Run(*json.loads(done.stdout)))
    return found


def once(options: argparse.Namespace) -> list[float]:
    """Seconds, CPU seconds and peak memory in MB of one comparison in this process."""
    make = {"ours": ours, "by hand": by_hand, "datacompy": datacompy}[options.way]
    work = make(options)  # whatever it imports is loaded before the clock starts
    start, cpu = time.perf_counter(), time.process_time()
    work()
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu
    return [seconds, cpu_seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]


def ours(options: argparse.Namespace) -> Callable[[], object]:
    import duckdb  # noqa: F401
    import pyarrow.parquet  # noqa: F401

    from pyml_sandbox.compare import Limits, compare

    return partial(compare, options.left, options.right, ["id"], limits=Limits(options.memory))


def by_hand(options: argparse.Namespace) -> Callable[[], object]:
    import duckdb

    query = hand_written(options.left, options.right, options.columns)
    return lambda: duckdb.connect().execute(query).fetchall()


def datacompy(options: argparse.Namespace) -> Callable[[], object]:
    import polars as pl
    from datacompy import PolarsCompare

    def work() -> bool:
        first = pl.col("id") < options.datacompy_rows
        sides = [pl.scan_parquet(file).filter(first).collect() for file in (options.left, options.right)]
        return bool(PolarsCompare(*sides, join_columns=["id"]).matches())

    return work


def hand_written(left: str, right: str, columns: int) -> str:
    """What a careful person would write: missing, extra, and distinct values of each column."""
    distinct = ", ".join(f"count(*) FILTER (WHERE l.v{i} IS DISTINCT FROM r.v{i})" for i in range(columns))
    sides = "count(*) FILTER (WHERE r.id IS NULL), count(*) FILTER (WHERE l.id IS NULL)"
    return f"SELECT count(*), {sides}, {distinct} FROM '{left}' l FULL JOIN '{right}' r ON l.id = r.id"


def report(name: str, found: dict[str, list[Run]]) -> None:
    medians = {way: summary(runs) for way, runs in found.items()}
    hand = medians["by hand"]
    for way, run in medians.items():
        ratios = f"{run.seconds / hand.seconds:6.2f} {run.cpu_seconds / hand.cpu_seconds:9.2f}"
        print(f"{name:<14} {way:<9} {run.seconds:7.2f} {run.cpu_seconds:7.2f} {run.peak_mb:8.0f} {ratios}", flush=True)


def summary(runs: list[Run]) -> Run:
    def medians() -> Iterator[float]:
        yield statistics.median(run.seconds for run in runs)
        yield statistics.median(run.cpu_seconds for run in runs)
        yield max(run.peak_mb for run in runs)

    return Run(*medians())


if __name__ == "__main__":
    main()

"""What came of each fault: kept as JSON lines, and written as the table of docs/faults.md.

python -m faults.results   (with `tests` on the path: `make faults` does it)
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from faults.catalogue import FAULTS
from faults.fault import BOTH, Fault

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / ".pyml" / "faults.jsonl"
CANNOT_HAPPEN = "-"
PAGE = ROOT / "docs" / "faults.md"
INTRODUCTION = """# Faults on purpose

`make faults` strikes a sandbox of each driver with every fault of `tests/faults`, one after the other, and writes this page. After
each must hold: every command ended in time and said cause and fix, without a traceback; one command (`pyml dev up` where no
other is named) made every service ready; the table that jobs replace was the old one, whole, or the new one of a job that ended
well; no staging table, process or container was left over; a request was answered, and right.

The figures are seconds from the fault until all of that held, of which that command and the checks themselves take three to
twenty; `-` is a fault that the driver cannot have, "not yet" one that was not struck since it was written.
"""


@dataclass(frozen=True)
class Result:
    """What came of one fault.

    Attributes:
        driver: "process" or "container".
        fault: its name.
        holds: whether all that must hold did.
        seconds: from the strike until all was well again.
    """

    driver: str
    fault: str
    holds: bool = False
    seconds: float = 0


@contextmanager
def record(result: Result) -> Iterator[None]:
    """Keep what comes of a fault, whatever comes."""
    begun, holds = time.monotonic(), False
    try:
        yield
        holds = True
    finally:
        done = replace(result, holds=holds, seconds=round(time.monotonic() - begun, 1))
        RESULTS.parent.mkdir(exist_ok=True)
        with RESULTS.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(done)) + "\n")


def read_results() -> list[Result]:
    """The latest result of each fault with each driver."""
    found = [Result(**json.loads(line)) for line in RESULTS.read_text(encoding="utf-8").splitlines()]
    return list({(each.driver, each.fault): each for each in found}.values())


def table(results: list[Result], faults: Sequence[Fault]) -> list[str]:
    """A line for each fault: seconds until all was well again, with each driver."""
    found = {(each.fault, each.driver): each for each in results}
    lines = ["| fault | process s | container s |", "|---|--:|--:|"]
    for fault in faults:
        cells = [cell(found.get((fault.name, driver))) if driver in fault.drivers else CANNOT_HAPPEN for driver in BOTH]
        lines.append(f"| {fault.name} | {' | '.join(cells)} |")
    return lines


def cell(result: Result | None) -> str:
    """What came of a fault, in a word."""
    if result is None:
        return "not yet"
    return f"{result.seconds:.0f}" if result.holds else "**fails**"


def write_page() -> None:
    """Write docs/faults.md."""
    PAGE.write_text("\n".join([INTRODUCTION, *table(read_results(), FAULTS), ""]), encoding="utf-8")


if __name__ == "__main__":
    write_page()

"""Measure our code beside that of others, print the table and write docs/measures.md.

python tests/measure [--cache FOLDER]
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from rich.console import Console
from rich.table import Table

from measure.anchors import ANCHORS, Anchor, fetched
from measure.figures import Code, table
from measure.page import page
from measure.source import Source, lines, read
from measure.startup import medians

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "measures.md"
CACHE = Path.home() / ".cache" / "pyml-measure"
OURS = ("runtime/pyml", "sandbox/pyml_sandbox", "cli/pyml_cli", "fixtures/pyml_fixtures")
BY_HAND = ("benchmarks", "measure")
WIDTH = 170
"""Columns of the table."""
STARTS = {
    "python": [sys.executable, "-c", "pass"],
    "import pyml": [sys.executable, "-c", "import pyml"],
    "pyml --help": [str(Path(sys.executable).with_name("pyml")), "--help"],
}


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, default=CACHE, help="where the releases of others are kept")
    cache = parser.parse_args().cache
    whole, *rooms = ours(ROOT)
    rows = table([whole, *rooms, *(theirs(anchor, cache) for anchor in ANCHORS)])
    show(rows)
    machine = f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}"
    PAGE.write_text(page(rows, ANCHORS, whole.circles, medians(STARTS), machine), encoding="utf-8")


def ours(root: Path) -> list[Code]:
    """The whole, and each of its packages."""
    packages = {folder: read(root / folder, ["templates"]) for folder in OURS}
    tests = lines(read(root / "tests", BY_HAND))
    by_hand = lines(read(root / "tests")) - tests
    everything: list[Source] = [source for found in packages.values() for source in found]
    return [
        Code("whole", everything, tests, by_hand),
        *(Code(folder.partition("/")[0], found) for folder, found in packages.items()),
    ]


def theirs(anchor: Anchor, cache: Path) -> Code:
    """A release of others."""
    folder = fetched(anchor, cache)
    tests = None if anchor.tests is None else lines(read(folder / anchor.tests, anchor.leave_out))
    return Code(anchor.name, read(folder / anchor.source, anchor.leave_out), tests)


def show(rows: Sequence[Sequence[str]]) -> None:
    """Print the table."""
    head, *others = rows
    shown = Table(*head[:1])
    for name in head[1:]:
        shown.add_column(name, justify="right")
    for row in others:
        shown.add_row(*row)
    Console(width=max(Console().width, WIDTH)).print(shown)  # a terminal wraps better than columns of three letters


if __name__ == "__main__":
    main()

"""How fast the pages of the console are, with 50 models of 5 versions and 200 reports; and how soon they change.

Run: PYTHONPATH=tests python tests/benchmarks/console.py
It makes a sandbox's folder with these records, which starts no service, and opens its console in Chromium.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import psutil

from pyml_cli.console.console_app import MODULES
from pyml_sandbox.parity.report import report_history
from pyml_sandbox.workspace.home import SandboxHome
from support.browser import browser
from support.consoles import console_of
from support.reports import FAILING, PASSING

MODELS, VERSIONS, REPORTS = 50, 5, 200
ROUNDS = 15
PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"
PAGES = [
    page.path for module in MODULES for page in module.PAGES if "{" not in page.path and page.path != "/parity/compare"
]


def filled(root: Path) -> SandboxHome:
    """A sandbox with the records of many versions and reports."""
    home = SandboxHome(root)
    contract = {"kind": "frame", "inputs": "x DOUBLE", "outputs": "y DOUBLE"}
    ids = [(f"model_{model:02}", f"{model:06x}{number:06x}") for model in range(MODELS) for number in range(VERSIONS)]
    for at, (name, version) in enumerate(ids):
        folder = home.models / name / version
        (folder / "package").mkdir(parents=True)
        (folder / "package" / "model.py").write_text("x = 1\n")
        (folder / "requirements.lock").write_text("numpy==2\n")
        record = {"name": name, "version": version, "uploaded_at": 1.7e9 + at, "contract": contract, "pinned": None}
        (folder / "record.json").write_text(json.dumps(record))
    for at in range(REPORTS):
        report = replace(FAILING if at % 3 == 0 else PASSING, model="@".join(ids[at % len(ids)]))
        report_history.keep(home, report, 10.0 + at)
    return home


def main() -> None:
    """Print, for each page, the first paint of the browser, and the seconds until a new version is on the page."""
    with tempfile.TemporaryDirectory() as folder, console_of(filled(Path(folder)), Path(folder)) as console:
        with browser() as chromium:
            page = chromium.new_page()
            page.goto(console.access.address)
            page.wait_for_timeout(5000)  # what the console loads in the background is no part of a page
            for path in PAGES:
                paints = []
                for _ in range(ROUNDS):
                    page.goto(f"{console.address}{path}")
                    while (painted := page.evaluate(PAINT)) is None:
                        page.wait_for_timeout(20)
                    paints.append(float(painted))
                print(f"{path:<20} first paint p50 {statistics.median(paints):5.0f} ms, most {max(paints):5.0f} ms")
            page.goto(f"{console.address}/models")
            waits = []
            for number in range(ROUNDS):
                source = next(iter(SandboxHome(Path(folder)).models.glob("model_00/*")))
                record = json.loads((source / "record.json").read_text()) | {"name": "new", "version": f"{number:012}"}
                target = SandboxHome(Path(folder)).models / "new" / f"{number:012}"
                (target / "package").mkdir(parents=True)
                (target / "requirements.lock").write_text("")
                started = time.perf_counter()
                (target / "record.json").write_text(json.dumps(record))
                page.get_by_text(f"new@{number:012}").first.wait_for()
                waits.append(time.perf_counter() - started)
            print(
                f"a new version is on the page after p50 {statistics.median(waits):.2f} s, at most {max(waits):.2f} s"
            )
        print(f"memory of the console and this program: {psutil.Process().memory_info().rss / 1e6:.0f} MB")


if __name__ == "__main__":
    main()

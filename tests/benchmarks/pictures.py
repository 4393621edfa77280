"""Make docs/pictures again: the HTML report of a real check that fails, in light and dark.

Run by `make pictures`. It starts a sandbox of its own, and needs Chromium.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from support.browser import browser

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
FARE = 'return pd.DataFrame({"fare": self.rates["base"] + frame["distance"] * per_mile})'
BROKEN = """surcharge = 2.0 * (frame["distance"] > frame["distance"].mean())
        return pd.DataFrame({"fare": self.rates["base"] + frame["distance"] * per_mile + surcharge})"""
"""The fault of the tutorial: trips that are longer than the mean of their batch cost more."""
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
WIDTH, HEIGHT = 900, 1100


def _report(folder: Path) -> Path:
    """The HTML report of the tutorial's model with its fault."""
    environ = {**os.environ, "PYML_HOME": str(folder / "home")}
    _pyml("init", "fares", cwd=folder, environ=environ)
    model = folder / "fares" / "model.py"
    model.write_text(model.read_text(encoding="utf-8").replace(FARE, BROKEN), encoding="utf-8")
    _pyml("dev", "up", "--driver", "process", cwd=model.parent, environ=environ)
    try:
        _pyml("parity-check", "--html", "report.html", cwd=model.parent, environ=environ, expected=1)
    finally:
        _pyml("dev", "reset", "--yes", cwd=model.parent, environ=environ)
    return model.parent / "report.html"


def _pyml(*arguments: str, cwd: Path, environ: Mapping[str, str], expected: int = 0) -> None:
    command = [str(Path(sys.executable).parent / "pyml"), *arguments]
    done = subprocess.run(command, cwd=cwd, env=environ, check=False)
    if done.returncode != expected:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}, expected {expected}")


def _photograph(report: Path) -> None:
    with browser() as chromium:
        for scheme in SCHEMES:
            page = chromium.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme=scheme)
            page.goto(report.as_uri())
            page.screenshot(path=PICTURES / f"report-{scheme}.png")


if __name__ == "__main__":
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        _photograph(_report(Path(folder)))

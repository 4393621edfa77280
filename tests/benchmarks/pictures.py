"""Make docs/pictures again: the HTML report of a real check that fails, and the console of a real sandbox, light and dark.

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

from pyml_sandbox.workspace.home import SandboxHome
from support.browser import browser
from support.consoles import console_of

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
FARE = 'return pd.DataFrame({"fare": self.rates["base"] + frame["distance"] * per_mile})'
BROKEN = """surcharge = 2.0 * (frame["distance"] > frame["distance"].mean())
        return pd.DataFrame({"fare": self.rates["base"] + frame["distance"] * per_mile + surcharge})"""
"""The fault of the tutorial: trips that are longer than the mean of their batch cost more."""
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
WIDTH, HEIGHT = 900, 1100
WIDE, LOW = 1280, 760


def _photographs(folder: Path) -> None:
    """Bring a sandbox up, check the tutorial's model with its fault, and take the pictures."""
    environ = {**os.environ, "PYML_HOME": str(folder / "home")}
    _pyml("init", "fares", cwd=folder, environ=environ)
    model = folder / "fares" / "model.py"
    honest = model.read_text(encoding="utf-8")
    _pyml("dev", "up", "--driver", "process", cwd=model.parent, environ=environ)
    try:
        _pyml("upload", cwd=model.parent, environ=environ)
        _pyml("deploy", "fares", cwd=model.parent, environ=environ)
        _pyml("parity-check", cwd=model.parent, environ=environ)
        _photograph_console(SandboxHome(folder / "home"), folder)
        model.write_text(honest.replace(FARE, BROKEN), encoding="utf-8")
        _pyml("parity-check", "--html", "report.html", cwd=model.parent, environ=environ, expected=1)
    finally:
        _pyml("dev", "reset", "--yes", cwd=model.parent, environ=environ)
    _photograph(model.parent / "report.html")


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


def _photograph_console(home: SandboxHome, folder: Path) -> None:
    """The sandbox, and a model that was tried on both paths."""
    with console_of(home, folder) as console, browser() as chromium:
        for scheme in SCHEMES:
            page = chromium.new_page(viewport={"width": WIDE, "height": LOW}, color_scheme=scheme)
            page.goto(console.access.address)
            page.locator("#service-gateway .badge.ready").wait_for()
            page.screenshot(path=PICTURES / f"console-{scheme}.png")
            page.goto(f"{console.address}/try/fares")
            page.get_by_label("distance").fill("3.5")
            page.get_by_label("hour").fill("8")
            page.get_by_label("Predict the same rows offline").check()
            page.get_by_role("button", name="Predict", exact=True).click()
            page.get_by_text("exactly the same predictions").wait_for(timeout=120_000)
            page.screenshot(path=PICTURES / f"console-try-{scheme}.png")


if __name__ == "__main__":
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        _photographs(Path(folder))

"""A rehearsal starts services in order, asks each, and leaves none running."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import psutil
import pytest

from pyml.probes import NotReadyError
from pyml_sandbox.services.class_data import rehearsal
from pyml_sandbox.services.class_data.rehearsal import RehearsalError, Role, rehearse

SERVICE = """
import os, pathlib, signal, sys
name = sys.argv[1]
def end(*_):
    with open("ended", "a") as file: file.write(name + " ")
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
pathlib.Path(name).write_text(str(os.getpid()))
print("hello from", name, flush=True)
while True: signal.pause()
"""


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rehearsal, "PROBE_EVERY_S", 0.01)


def role(name: str, folder: Path, program: str = SERVICE, start_timeout_s: float = 60) -> Role:
    def ask(timeout_s: float) -> None:
        if not (folder / name).exists() or not (folder / name).read_text():
            raise NotReadyError(f"{name} is not there yet")

    return Role([sys.executable, "-c", program, name], os.environ, folder, [ask, ask], start_timeout_s)


def test_each_is_asked_before_the_next_starts_and_the_last_ends_first(tmp_path: Path) -> None:
    rehearse([role("metastore", tmp_path), role("spark", tmp_path)], tmp_path / "log")
    assert (tmp_path / "ended").read_text().split() == ["spark", "metastore"]
    assert (tmp_path / "log").read_text().splitlines() == ["hello from metastore", "hello from spark"]


@pytest.mark.parametrize(
    ("program", "start_timeout_s"), [("raise SystemExit('no class path')", 60), ("import time; time.sleep(600)", 0)]
)
def test_one_that_does_not_start_is_an_error_and_none_is_left(
    program: str, start_timeout_s: float, tmp_path: Path
) -> None:
    roles = [role("metastore", tmp_path), role("spark", tmp_path, program, start_timeout_s)]
    with pytest.raises(RehearsalError, match="spark is not there yet"):
        rehearse(roles, tmp_path / "log")
    assert not psutil.pid_exists(int((tmp_path / "metastore").read_text()))
    assert not (tmp_path / "ended").exists(), "killed: Java would write an archive that nobody wants"

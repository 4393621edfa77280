"""Every fault is struck, and what must hold afterwards holds. All of them where `PYML_FAULTS=all`, else the quick ones."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from faults.catalogue import FAULTS
from faults.fault import BOTH, PROCESS, Fault
from faults.promises import check_healed, check_whole, check_words
from faults.results import Result, record
from faults.scene import Scene
from pyml_sandbox.lifecycle import up_and_down
from pyml_sandbox.workspace.home import SandboxHome

ALL = os.environ.get("PYML_FAULTS") == "all"
STRUCK = [
    (driver, fault)
    for driver in BOTH
    for fault in FAULTS
    if driver in fault.drivers and (ALL or (fault.quick and driver == PROCESS))
]

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def scenes(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Scene]]:
    """The sandboxes by driver, each made when it is first struck."""
    made: dict[str, Scene] = {}
    yield made
    for scene in made.values():
        up_and_down.reset(scene.home)
        if scene.home.root.is_mount():
            subprocess.run(["umount", "--lazy", str(scene.home.root)], check=True)


def small_disk(folder: Path) -> Path:
    """A file system of its own for all faults, which can be filled; the folder itself where that is not allowed."""
    if ALL and os.geteuid() == 0:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3g", "tmpfs", str(folder)], check=False)
    return folder


@pytest.fixture
def scene(
    driver: str, scenes: dict[str, Scene], request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Scene:
    """The sandbox that is struck."""
    if driver not in scenes:
        if driver != PROCESS:
            request.getfixturevalue("base_image")
        home = SandboxHome(small_disk(tmp_path_factory.mktemp("faults")), driver)
        try:
            scenes[driver] = Scene.made(home, driver)
        except BaseException:
            up_and_down.reset(home)
            raise
    return scenes[driver]


@pytest.mark.parametrize(("driver", "fault"), STRUCK, ids=lambda each: each.name if isinstance(each, Fault) else each)
def test_what_must_hold_after_a_fault_holds(driver: str, fault: Fault, scene: Scene) -> None:
    if fault.needs_small_disk and not scene.home.root.is_mount():
        pytest.skip("only root can give the sandbox a disk of its own")
    before = scene.table()
    with record(Result(driver, fault.name)):
        done = fault.strike(scene)
        try:
            check_words(fault, done)
        finally:
            check_healed(fault, scene)
        check_whole(scene, before, done)


def test_names_of_faults_are_unique() -> None:
    names = [fault.name for fault in FAULTS]
    assert len(set(names)) == len(names)

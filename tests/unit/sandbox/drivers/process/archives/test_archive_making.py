"""Archives of Java classes are made beside what is used: whole or not at all, by one process, and where there is room."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace

import filelock
import psutil
import pytest

from pyml_sandbox.drivers.process.archives import archive_making
from pyml_sandbox.drivers.process.archives.archive_making import LOCK, SWITCH, JavaServices, make_missing, start_making
from pyml_sandbox.drivers.process.java import Java
from pyml_sandbox.services.class_data.class_archive import ClassArchive
from pyml_sandbox.services.class_data.rehearsal import RehearsalError, Role
from pyml_sandbox.services.spark_home import SparkHome
from pyml_sandbox.workspace.home import SandboxHome
from pyml_sandbox.workspace.process_tags import FOLDER, SERVICE

TAGS = {FOLDER: "/sandbox", SERVICE: "class-data"}


class Scene:
    """A machine on which no archive has been made, and a rehearsal that starts nothing."""

    def __init__(self, folder: Path) -> None:
        self.home = SandboxHome(folder)
        self.home.cache.mkdir()
        base = folder / "classes.jsa"
        base.write_bytes(b"Java's own classes")
        metastore, spark = (
            ClassArchive(str(base), str(self.home.cache / f"classes-{name}-key.jsa")) for name in ("metastore", "spark")
        )
        java = Java(folder / "java", 17, "test")
        self.services = JavaServices(SparkHome(folder / "spark", "4.9.0"), java, "/loopback.jar", metastore, spark)
        self.rehearsed: list[Sequence[Role]] = []
        self.started: list[str] = []
        self.fault: Exception | None = None

    def rehearse(self, roles: Sequence[Role], log: Path) -> None:
        """Write what Java would write as it ends."""
        self.rehearsed.append(roles)
        log.write_text("what the services said")
        if self.fault is not None:
            raise self.fault
        for role in roles:
            words = " ".join(role.command).split()
            (file,) = {word.partition("=")[2] for word in words if word.startswith("-XX:ArchiveClassesAtExit=")}
            Path(file).write_bytes(b"classes")

    @property
    def kept(self) -> list[str]:
        return sorted(path.name for path in self.home.cache.iterdir() if path.name != LOCK)


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    made = Scene(tmp_path)

    def start(home: SandboxHome, name: str, module: str, *arguments: str, environ: Mapping[str, str]) -> None:
        made.started.append(module)

    monkeypatch.setattr(JavaServices, "find", lambda home, environ: made.services)
    monkeypatch.setattr(archive_making, "rehearse", made.rehearse)
    monkeypatch.setattr(archive_making, "start_in_background", start)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=8e9))
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=8e9))
    return made


ALL = [f"classes-{name}-key.jsa{suffix}" for name in ("metastore", "spark") for suffix in ("", ".note")]


def test_what_is_missing_is_made_with_its_notes_and_nothing_else_is_left(scene: Scene) -> None:
    make_missing(scene.home, TAGS)
    assert scene.kept == ALL
    assert not scene.services.missing


def test_what_exists_is_not_made_again(scene: Scene) -> None:
    make_missing(scene.home, TAGS)
    make_missing(scene.home, TAGS)
    assert len(scene.rehearsed) == 1


def test_the_rehearsal_is_apart_from_the_sandbox_but_down_finds_it(scene: Scene) -> None:
    make_missing(scene.home, TAGS)
    for role in scene.rehearsed[0]:
        assert str(scene.home.folder) not in " ".join(role.command)
        assert role.environment.items() >= TAGS.items()


@pytest.mark.parametrize("fault", [RehearsalError("spark did not start"), OSError("no space left on device")])
def test_where_it_fails_there_is_no_archive_but_the_reason_and_the_log(fault: Exception, scene: Scene) -> None:
    scene.fault = fault
    make_missing(scene.home, TAGS)
    assert scene.kept == [f"classes-{name}-key.jsa.failed" for name in ("metastore", "spark")]
    said = (scene.home.cache / scene.kept[0]).read_text()
    assert said == f"{fault}\nwhat the services said"
    assert not scene.services.missing, "not tried again at every `up`"


def test_only_one_process_makes_them(scene: Scene) -> None:
    with filelock.FileLock(scene.home.cache / LOCK):
        make_missing(scene.home, TAGS)
    assert not scene.rehearsed


def test_what_a_killed_process_left_is_deleted(scene: Scene) -> None:
    left = scene.home.cache / ".class-data-x1"
    left.mkdir()
    (left / "spark.jsa").write_bytes(b"half")
    make_missing(scene.home, TAGS)
    assert scene.kept == ALL


def test_up_begins_it_once(scene: Scene) -> None:
    start_making(scene.home, scene.services, {})
    assert scene.started == [archive_making.__name__]
    make_missing(scene.home, TAGS)
    start_making(scene.home, scene.services, {})
    assert len(scene.started) == 1


@pytest.mark.parametrize("lack", ["memory", "disk", "permission", "cache", "wish"])
def test_where_there_is_no_room_up_goes_on_without(lack: str, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    if lack == "memory":
        monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=1e9))
    if lack == "disk":
        monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=1e9))
    if lack == "permission":
        monkeypatch.setattr(os, "access", lambda path, mode: False)
    if lack == "cache":
        scene.home.cache.rmdir()
    start_making(scene.home, scene.services, {SWITCH: "off"} if lack == "wish" else {})
    assert not scene.started

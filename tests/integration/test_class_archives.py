"""Archives of classes, written and read by a real Java: a start uses a sound one, and no other one stops it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from pyml_sandbox.drivers.process.archives.archive_making import JavaServices
from pyml_sandbox.drivers.process.archives.kept_archives import find_archive, put
from pyml_sandbox.drivers.process.java import Java, find_java
from pyml_sandbox.services.class_data.class_archive import ClassArchive
from pyml_sandbox.services.spark_home import SparkHome
from pyml_sandbox.workspace.home import SandboxHome

PROGRAM = "org.apache.hadoop.util.VersionInfo"


class Program:
    """A small program from Spark's jars, on a class path of a few."""

    def __init__(self, folder: Path) -> None:
        self.java: Java = find_java(SandboxHome(folder))
        self.jars, self.cache = folder / "jars", folder / "cache"
        for each in (self.jars, self.cache):
            each.mkdir()
        for jar in SparkHome.find().jars.glob("*.jar"):
            if jar.name.startswith(("hadoop-client", "slf4j-api", "commons-logging")):
                (self.jars / jar.name).symlink_to(jar)
        self.own = folder / "made.jsa"
        self.run(*ClassArchive(self.archive.base, str(self.own)).dump_options)
        put(self.own, Path(self.archive.file))

    @property
    def archive(self) -> ClassArchive:
        return find_archive("program", self.java, [self.jars], "", self.cache)

    def run(self, *options: str) -> str:
        """What it prints, with all that Java says."""
        command = [str(self.java.program), *options, "-cp", f"{self.jars}/*", PROGRAM]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "[warning]" not in done.stdout + done.stderr
        assert "[error]" not in done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Program:
    return Program(tmp_path_factory.mktemp("program"))


def classes_from_the_archive(program: Program, archive: ClassArchive) -> int:
    return program.run(*archive.options, "-Xlog:class+load").count("source: shared objects file (top)")


def changed(at: float) -> Callable[[bytes], bytes]:
    """Bytes of which some differ, from a share of their length on."""

    def change(archive: bytes) -> bytes:
        place = int(at * len(archive))
        return (
            archive[:place] + bytes(each ^ 0x5A for each in archive[place : place + 4_096]) + archive[place + 4_096 :]
        )

    return change


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda archive: b"",
    "a header and no more": lambda archive: archive[:100],
    "half": lambda archive: archive[: len(archive) // 2],
    "noise": lambda archive: os.urandom(len(archive)),
    **{f"changed at {at:.0%}": changed(at) for at in (0, 0.1, 0.3, 0.6, 0.9)},
}


def test_a_start_takes_its_classes_from_the_archive(program: Program) -> None:
    assert classes_from_the_archive(program, program.archive) > 50
    assert "[" not in program.run(*program.archive.options).splitlines()[0]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_archive_stops_nothing_and_is_silent(damage: str, program: Program) -> None:
    file = Path(program.archive.file)
    sound, note = file.read_bytes(), file.with_name(f"{file.name}.note").read_text()
    try:
        file.unlink()
        file.write_bytes(DAMAGES[damage](sound))
        assert "Hadoop" in program.run(*program.archive.options)
    finally:
        file.unlink(missing_ok=True)
        file.write_bytes(sound)
        file.with_name(f"{file.name}.note").write_text(note)


def test_an_archive_of_other_jars_stops_nothing_and_is_silent(program: Program) -> None:
    archive = program.archive
    extra = program.jars / "other.jar"
    extra.symlink_to(next(iter(SparkHome.find().jars.glob("guava-*.jar"))))
    try:
        assert "Hadoop" in program.run(*archive.options)
        assert program.archive != archive
    finally:
        extra.unlink()


def test_spark_and_metastore_have_a_class_path_that_java_can_archive(tmp_path: Path) -> None:
    """Java archives the classes of jars alone: a folder with a file in it, and there is no archive."""
    services = JavaServices.find(SandboxHome(tmp_path), os.environ)
    assert not list((services.spark_home.folder / "conf").iterdir())
    assert services.missing == [services.metastore, services.spark]

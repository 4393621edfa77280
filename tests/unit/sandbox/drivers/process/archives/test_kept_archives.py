"""Archives of Java classes: for which start each is, and what becomes of those that are damaged, failed or old."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pyml_sandbox.drivers.process.archives.kept_archives import FAILED, delete_old, find_archive, is_missing, put
from pyml_sandbox.drivers.process.java import Java
from pyml_sandbox.services.class_data.class_archive import ClassArchive


class Machine:
    """A Java, some jars, and a cache."""

    def __init__(self, folder: Path) -> None:
        self.java = Java(folder / "java", 17, "test")
        self.base = self.java.home / "lib" / "server" / "classes.jsa"
        self.base.parent.mkdir(parents=True)
        self.base.write_bytes(b"Java's own classes")
        (self.java.home / "release").write_text('JAVA_VERSION="17.0.15"')
        self.jars = folder / "jars"
        self.jars.mkdir()
        (self.jars / "a.jar").write_bytes(b"a")
        self.options = "-XX:+UseSerialGC"
        self.cache = folder / "cache"
        self.cache.mkdir()

    def archive(self, service: str = "spark") -> ClassArchive:
        return find_archive(service, self.java, [self.jars], self.options, self.cache)

    def make(self) -> Path:
        """Put an archive in its place."""
        file, made = Path(self.archive().file), self.cache / "made"
        made.write_bytes(b"a header" + 100_000 * b"x")
        put(made, file)
        return file


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_two_starts_of_the_same_have_the_same_archive_whether_or_not_it_exists(machine: Machine) -> None:
    before = machine.archive()
    assert is_missing(before)
    machine.make()
    assert machine.archive() == before
    assert not is_missing(before)
    assert before.base == str(machine.base)


CHANGES: dict[str, Callable[[Machine], object]] = {
    "a jar is replaced": lambda machine: (machine.jars / "a.jar").write_bytes(b"ab"),
    "a jar is touched": lambda machine: os.utime(machine.jars / "a.jar", (1, 1)),
    "a jar is added": lambda machine: (machine.jars / "b.jar").write_bytes(b"b"),
    "Java is updated": lambda machine: (machine.java.home / "release").write_text('JAVA_VERSION="17.0.16"'),
    "Java gets other options": lambda machine: setattr(machine, "options", "-XX:+UseG1GC"),
    "a folder on the class path vanishes": lambda machine: machine.jars.rename(machine.jars.with_name("gone")),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_an_archive_depends_on_gives_a_different_one(change: str, machine: Machine) -> None:
    before = machine.archive()
    CHANGES[change](machine)
    assert machine.archive().file != before.file


def test_each_service_has_its_own(machine: Machine) -> None:
    assert machine.archive("spark").file != machine.archive("metastore").file


def test_a_java_without_an_archive_of_its_own_gets_one_in_the_cache_by_what_it_wraps(machine: Machine) -> None:
    machine.base.unlink()
    wrapper = replace(machine.java, home=machine.cache / "wrapper", wrapped=machine.java.home)
    machine.java = wrapper
    before = machine.archive()
    assert Path(before.base).parent == machine.cache
    (wrapper.real / "release").write_text('JAVA_VERSION="17.0.16"')
    assert machine.archive().base != before.base


DAMAGES: dict[str, Callable[[Path], object]] = {
    "truncated": lambda file: file.write_bytes(file.read_bytes()[:-1]),
    "empty": lambda file: file.write_bytes(b""),
    "its beginning differs": lambda file: file.write_bytes(b"b header" + file.read_bytes()[8:]),
    "its note is gone": lambda file: file.with_name(f"{file.name}.note").unlink(),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_archive_is_deleted_and_made_anew(damage: str, machine: Machine) -> None:
    file = machine.make()
    file.chmod(0o600)
    DAMAGES[damage](file)
    assert is_missing(machine.archive())
    assert machine.archive().file == str(file)


def test_a_damaged_archive_that_cannot_be_deleted_is_not_used(machine: Machine) -> None:
    file = Path(machine.archive().file)
    file.mkdir()
    (file / "which cannot be unlinked").touch()
    assert not Path(machine.archive().file).exists()


def test_an_attempt_that_failed_is_made_again_a_day_later(machine: Machine) -> None:
    archive = machine.archive()
    failed = Path(archive.file + FAILED)
    failed.write_text("no memory")
    assert not is_missing(archive)
    os.utime(failed, (1, time.time() - 100_000))
    assert is_missing(archive)


def test_the_two_that_were_used_last_are_kept(machine: Machine) -> None:
    made = []
    for age_s, machine.options in ((3_000, "first"), (2_000, "second"), (1_000, "third")):
        made.append(machine.make())
        os.utime(made[-1], (1, time.time() - age_s))
    machine.options = "first"
    machine.archive()  # the oldest is used once more
    delete_old("spark", machine.cache)
    assert [file.exists() for file in made] == [True, False, True]
    assert len(list(machine.cache.iterdir())) == 4, "each with its note"

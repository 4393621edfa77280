"""requirements.txt in all the forms that uv takes: resolved, installed, and kept apart where their files differ."""

from __future__ import annotations

import hashlib
import subprocess
import zipfile
from pathlib import Path

import pytest

from containers.tiny_wheels import write_wheel
from pyml.errors import PackageError, SetupError
from pyml.package.model_package import ModelPackage
from pyml_sandbox.drivers.process import virtualenvs
from pyml_sandbox.drivers.process.environments import VirtualenvBuilder
from pyml_sandbox.drivers.process.virtualenvs import VirtualEnvironment, ensure, resolve
from pyml_sandbox.models.registry import check
from pyml_sandbox.workspace.home import SandboxHome
from support.packages import write_package

PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
name = "tinyproject"
version = "3"
"""
BACKEND = """
import os, zipfile

def build_wheel(folder, config_settings=None, metadata_directory=None):
    name, facts = "tinyproject-3-py3-none-any.whl", "tinyproject-3.dist-info"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as wheel:
        wheel.write("tinyproject.py")
        wheel.writestr(f"{facts}/METADATA", "Metadata-Version: 2.1\\nName: tinyproject\\nVersion: 3\\n")
        wheel.writestr(f"{facts}/WHEEL", "Wheel-Version: 1.0\\nGenerator: t\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(f"{facts}/RECORD", "")
    return name
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SandboxHome:
    """Environments that hold nothing but what a test asks for, from this machine alone."""
    monkeypatch.setattr(virtualenvs, "runtime_requirements", list)
    monkeypatch.setenv("UV_NO_INDEX", "1")
    return SandboxHome(tmp_path / "home")


@pytest.fixture
def package(tmp_path: Path) -> ModelPackage:
    folder = write_package(tmp_path / "fare")
    write_wheel(folder / "wheels", "tinyone", "1.0")
    write_wheel(folder / "wheels", "tinyone", "2.0")
    write_wheel(folder / "wheels", "tinytwo", "1.0", ["tinyone"])
    (folder / "reqs").mkdir()
    (folder / "lib").mkdir()
    for name, text in (("pyproject.toml", PROJECT), ("backend.py", BACKEND), ("tinyproject.py", "VERSION = '3'")):
        (folder / "lib" / name).write_text(text)
    return ModelPackage(folder)


def required(package: ModelPackage, text: str, **others: str) -> ModelPackage:
    (package.folder / "requirements.txt").write_text(text)
    for name, content in others.items():
        (package.folder / "reqs" / f"{name}.txt").write_text(content)
    return package


def hash_of(package: ModelPackage, wheel: str) -> str:
    content = (package.folder / "wheels" / f"{wheel}-py3-none-any.whl").read_bytes()
    return f"--hash=sha256:{hashlib.sha256(content).hexdigest()}"


def made(home: SandboxHome, package: ModelPackage) -> VirtualEnvironment:
    return ensure(home, resolve(home, package), package)


def version_in(environment: VirtualEnvironment, name: str) -> str:
    asked = [str(environment.python), "-c", f"import {name}; print({name}.VERSION)"]
    return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()


WHEEL = "wheels/tinyone-1.0-py3-none-any.whl"


@pytest.mark.parametrize(
    ("text", "others", "version"),
    [
        ("\ufeff--find-links wheels\ntinyone==1.0\t# a note", {}, "1.0"),
        (f"./{WHEEL}", {}, "1.0"),
        (f"tinyone @ file:./{WHEEL}", {}, "1.0"),
        ("-r reqs/base.txt", {"base": f"./{WHEEL}"}, "1.0"),
        ("-r reqs/base.txt", {"base": "--find-links ../wheels\ntinyone\n-c more.txt", "more": "tinyone<2"}, "1.0"),
        ("--find-links wheels\ntinytwo\n-c reqs/more.txt", {"more": "tinyone<2"}, "1.0"),
    ],
)
def test_every_form_that_uv_takes_is_installed(
    home: SandboxHome, package: ModelPackage, text: str, others: dict[str, str], version: str
) -> None:
    environment = made(home, required(package, text, **others))
    assert version_in(environment, "tinyone") == version


def test_hashes_over_several_lines_are_taken_and_held_to(home: SandboxHome, package: ModelPackage) -> None:
    right, wrong = hash_of(package, "tinyone-1.0"), hash_of(package, "tinyone-2.0")
    wanted = "--find-links wheels\ntinyone==1.0 \\\n    {} \\\n    {}\n"
    assert version_in(made(home, required(package, wanted.format(wrong, right))), "tinyone") == "1.0"
    with pytest.raises(SetupError, match="Hash mismatch"):
        made(home, required(package, wanted.format(wrong, wrong)))


def test_a_project_of_the_package_is_built(home: SandboxHome, package: ModelPackage) -> None:
    assert version_in(made(home, required(package, "./lib")), "tinyproject") == "3"


def test_equal_paths_with_other_content_are_another_environment(home: SandboxHome, package: ModelPackage) -> None:
    before = made(home, required(package, f"./{WHEEL}"))
    assert made(home, package).reused
    with zipfile.ZipFile(package.folder / WHEEL, "a") as wheel:
        wheel.writestr("another.py", "")
    assert made(home, package).key != before.key


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("foo>>1", 'no such comparison operator ">>"'),
        ("-r reqs/nowhere.txt", "reqs/nowhere.txt"),
        ("--no-such-option", "requirements.txt"),
    ],
)
def test_what_uv_cannot_read_is_told_in_its_words(
    home: SandboxHome, package: ModelPackage, text: str, words: str
) -> None:
    with pytest.raises(PackageError, match=r"requirements\.txt cannot be read") as caught:
        resolve(home, required(package, text))
    assert words in str(caught.value)


def test_without_a_network_a_package_is_checked_as_far_as_it_can_be(
    tmp_path: Path, package: ModelPackage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_NO_CACHE", "1")
    builder = VirtualenvBuilder(SandboxHome(tmp_path / "home"))
    with pytest.raises(SetupError, match="files are valid, but the model could not be loaded") as caught:
        check(package, builder)
    assert "connect to the package index once" in caught.value.hint
    with pytest.raises(PackageError, match="no such comparison operator"):
        check(required(package, "foo>>1"), builder)
    (package.folder / "model.py").write_text("def predict(")
    with pytest.raises(PackageError, match=r"model\.py cannot be read"):
        check(package, builder)


def test_text_that_is_not_utf_8_is_told_in_uvs_words(home: SandboxHome, package: ModelPackage) -> None:
    (package.folder / "requirements.txt").write_bytes(b"caf\xe9==1")
    with pytest.raises(PackageError, match=r"valid\s+UTF-8"):
        resolve(home, package)

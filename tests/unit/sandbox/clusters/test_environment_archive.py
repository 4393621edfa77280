"""An archive of an environment runs where its interpreter is not."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from pyml.errors import SetupError
from pyml_sandbox.clusters.environment_archive import LAUNCHER, environment_archive, package_archive
from pyml_sandbox.models.interpreter_files import FACTS, InterpreterFiles

TOLD = "import json, os, sys, only_there, pyml; print(json.dumps([sys.prefix, only_there.VALUE, pyml.__file__, os.getcwd(), os.environ['PYTHONHASHSEED'], sys.flags.safe_path]))"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> InterpreterFiles:
    """This Python, with one package."""
    packages = tmp_path_factory.mktemp("packages")
    (packages / "only_there.py").write_text("VALUE = 3\n")
    (packages / "pyspark").mkdir()
    printed = subprocess.run([sys.executable, "-c", FACTS], capture_output=True, text=True, check=True).stdout
    return replace(InterpreterFiles.printed(f"noise\n{printed}"), site_packages=str(packages))


@contextmanager
def given(files: InterpreterFiles) -> Iterator[InterpreterFiles]:
    yield files


@pytest.fixture(scope="module")
def archive(files: InterpreterFiles, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return environment_archive(given(files), tmp_path_factory.mktemp("archives") / "deep" / "environment.tgz")


def test_it_runs_wherever_it_is_unpacked(archive: Path, tmp_path: Path) -> None:
    package = tmp_path / "model"
    package.mkdir()
    (package / "model.py").write_text("")
    packed = package_archive(package, tmp_path / "package.tgz")
    node = tmp_path / "a node's folder"
    for name, file in (("environment", archive), ("package", packed)):
        with tarfile.open(file) as tar:
            tar.extractall(node / name, filter="data")
    done = subprocess.run([LAUNCHER, "-c", TOLD], cwd=node, env={}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    prefix, value, runtime, folder, seed, is_safe = json.loads(done.stdout)
    assert (prefix, value, folder, seed, is_safe) == (str(node / "environment"), 3, str(node / "package"), "0", True)
    assert runtime.startswith(f"{node}/environment/")


def test_it_holds_no_spark_and_no_tests(archive: Path) -> None:
    with tarfile.open(archive) as tar:
        names = tar.getnames()
    assert not [name for name in names if "/pyspark" in name or "/test/" in name]


def test_what_is_there_is_not_made_again(archive: Path, files: InterpreterFiles) -> None:
    @contextmanager
    def refused() -> Iterator[InterpreterFiles]:
        raise AssertionError("asked again")
        yield files

    assert environment_archive(refused(), archive) == archive


def test_half_an_archive_is_never_left(files: InterpreterFiles, tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="could not be packed"):
        environment_archive(given(replace(files, stdlib="/gone/python3.11")), tmp_path / "environment.tgz")
    assert list(tmp_path.iterdir()) == []


def test_an_archive_whose_writing_breaks_off_is_not_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (package := tmp_path / "model").mkdir()
    for name in ("a.py", "b.py"):
        (package / name).write_text("")
    add, kept = tarfile.TarFile.add, tmp_path / "kept"

    def breaks(tar: tarfile.TarFile, name: Path, arcname: str) -> None:
        if arcname == "b.py":
            raise KeyboardInterrupt
        add(tar, name, arcname)

    monkeypatch.setattr(tarfile.TarFile, "add", breaks)
    with pytest.raises(KeyboardInterrupt):
        package_archive(package, kept / "package.tgz")
    assert list(kept.iterdir()) == []


def test_a_package_below_one_that_is_left_out_stays(files: InterpreterFiles, tmp_path: Path) -> None:
    (packages := tmp_path / "packages").mkdir()
    for folder in ("mlflow/pyspark", "pyspark"):
        (packages / folder).mkdir(parents=True)
        (packages / folder / "__init__.py").write_text("")
    made = environment_archive(given(replace(files, site_packages=str(packages))), tmp_path / "environment.tgz")
    with tarfile.open(made) as tar:
        names = [name for name in tar.getnames() if name.endswith("pyspark")]
    assert [name.partition("site-packages/")[2] for name in names] == ["mlflow/pyspark"]

"""Which files of a package are uploaded, and what is said of the others."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from pyml.package.model_loading import load_model
from pyml.package.model_package import ModelPackage
from support.packages import ECHO, write_package


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_package(tmp_path / "fare")


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("VALUE = 1")


def uploaded(folder: Path) -> set[str]:
    return {path.as_posix() for path in ModelPackage(folder).files()} - {"model.py", "packages.txt", "requirements.txt"}


def notes(folder: Path) -> str:
    return "\n".join(ModelPackage(folder).contents.notes)


@pytest.mark.parametrize(
    ("files", "module"),
    [
        (["cityrates/__init__.py"], "cityrates"),
        (["cityrates.py"], "cityrates"),
        (["cityrates/rates.py"], "cityrates.rates"),
        (["citylib/cityrates/__init__.py", "citylib/cityrates/rates.py"], "citylib.cityrates.rates"),
        (["citylib/cityrates/rates.py"], "citylib.cityrates.rates"),
        (["citylib/__init__.py", "citylib/cityrates/rates.py"], "citylib.cityrates.rates"),
        (
            ["citylib/cityrates/deep/rates.py", "citylib/cityrates/deep/more/__init__.py"],
            "citylib.cityrates.deep.rates",
        ),
        (["größe/maß.py"], "größe.maß"),
    ],
)
def test_every_module_that_python_imports_from_the_folder_is_uploaded(
    folder: Path, files: list[str], module: str
) -> None:
    write(folder, *files)
    (folder / "model.py").write_text(f"from {module} import VALUE\n{ECHO}")
    assert uploaded(folder) == set(files)
    load_model(folder)


def test_data_of_a_package_is_uploaded_and_that_beside_loose_modules_is_named(folder: Path) -> None:
    write(folder, "whole/__init__.py", "whole/a/b.json", "loose/a.py", "loose/a.json", "loose/pack/__init__.py")
    write(folder, "loose/pack/data.csv", "data/large.bin", "my-notes/a.py", "env/pyvenv.cfg", "env/lib/a.py", "big.csv")
    write(folder, "whole/__pycache__/a.pyc", "native.so")
    assert uploaded(folder) == {
        *("whole/__init__.py", "whole/a/b.json", "loose/a.py", "loose/pack/__init__.py", "loose/pack/data.csv"),
        "native.so",
    }
    assert notes(folder) == (
        "not uploaded, no modules, in a folder without __init__.py (add one, or move them to parameters/): loose/a.json"
    )


@pytest.mark.parametrize("inside", [True, False], ids=["inside", "outside"])
def test_links_to_files_and_folders_are_followed(folder: Path, inside: bool) -> None:
    target = folder / "data" if inside else folder.parent / "outside"
    write(target, "x", "deep/y")
    (folder / "parameters" / "w").symlink_to(target)
    (folder / "parameters" / "z").symlink_to(target / "x")
    (folder / "parameters" / "w2").symlink_to("w")
    assert uploaded(folder) == {f"parameters/{name}" for name in ("w/x", "w/deep/y", "z", "w2/x", "w2/deep/y")}
    assert notes(folder) == ""


def test_parameters_may_be_a_link(folder: Path) -> None:
    write(folder.parent / "outside", "x")
    (folder / "parameters").rmdir()
    (folder / "parameters").symlink_to("../outside")
    assert uploaded(folder) == {"parameters/x"}


def test_links_in_a_circle_end(folder: Path) -> None:
    parameters = folder / "parameters"
    write(folder, "parameters/a/x", "parameters/b/y")
    (parameters / "here").symlink_to(".")
    (parameters / "a" / "to").symlink_to("../b")
    (parameters / "b" / "to").symlink_to("../a")
    (parameters / "up").symlink_to(folder.parent)
    ModelPackage(folder).files()
    assert "not uploaded, links to a folder that they lie in: parameters/a/to/to, parameters/b/to/to" in notes(folder)
    assert {"parameters/a/x", "parameters/a/to/y", "parameters/b/y"} <= uploaded(folder)


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as bound:
        before = Path.cwd()
        os.chdir(path.parent)  # a socket's path may have 107 characters
        bound.bind(path.name)
        os.chdir(before)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (_fifo, "pipes, sockets or devices"),
        (_socket, "pipes, sockets or devices"),
        (lambda path: path.symlink_to("/dev/null"), "pipes, sockets or devices"),
        (lambda path: path.symlink_to("nowhere"), "links to nothing"),
        (lambda path: path.symlink_to("p"), "links to nothing"),
        (lambda path: path.with_name(".vocab").write_text(""), "hidden"),
        (lambda path: path.with_name(".cache").mkdir(), "hidden"),
    ],
)
@pytest.mark.parametrize("below", ["parameters", "features"])
def test_what_is_left_out_is_named_with_its_reason(
    folder: Path, below: str, make: Callable[[Path], None], words: str
) -> None:
    write(folder, "features/__init__.py")
    make(folder / below / "p")
    assert uploaded(folder) == {"features/__init__.py"}
    assert f"not uploaded, {words}: {below}/" in notes(folder)
    assert ModelPackage(folder).upload_problems() == []


def test_many_files_of_a_kind_are_counted(folder: Path) -> None:
    write(folder, *(f"parameters/.{number}" for number in range(7)))
    assert notes(folder).endswith("parameters/.0, parameters/.1, parameters/.2, parameters/.3 and 3 more")


def test_a_name_that_is_not_utf_8_is_refused(folder: Path) -> None:
    Path(os.fsdecode(os.fsencode(folder / "parameters") + b"/caf\xe9")).touch()
    (problem,) = ModelPackage(folder).upload_problems()
    assert r"a name that is not UTF-8: parameters/caf\xe9" in problem.message
    assert "rename" in problem.hint


@pytest.mark.parametrize("name", ["parameters/weights", "features/__init__.py", "base.txt"])
def test_a_file_that_cannot_be_read_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    write(folder, "parameters/weights", "features/__init__.py")
    (folder / "base.txt").touch()
    (folder / "requirements.txt").write_text("-r base.txt")
    monkeypatch.setattr(os, "access", lambda path, mode: path != folder / name)  # root may read everything
    (problem,) = ModelPackage(folder).upload_problems()
    assert problem.message.endswith(name)
    assert "chmod" in problem.hint


def test_a_folder_that_cannot_be_read_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "parameters" / "w").mkdir()
    real = os.listdir

    def listdir(path: Path) -> list[str]:
        if path == folder / "parameters" / "w":
            raise PermissionError
        return real(path)

    monkeypatch.setattr(os, "listdir", listdir)
    (problem,) = ModelPackage(folder).upload_problems()
    assert problem.message.endswith("parameters/w")


def test_a_hidden_folder_that_requirements_name_is_refused(folder: Path) -> None:
    write(folder, ".wheels/a-1-py3-none-any.whl", "lib/pyproject.toml", "lib/.gitignore")
    (folder / "requirements.txt").write_text("./lib\n--find-links .wheels")
    (problem,) = ModelPackage(folder).upload_problems()
    assert problem.message.endswith(": .wheels/a-1-py3-none-any.whl")
    assert "requirements.txt" in problem.hint

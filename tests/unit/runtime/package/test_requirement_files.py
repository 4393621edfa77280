"""Which files of a package travel with it because requirements.txt names them."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyml.package.model_package import ModelPackage
from pyml.package.requirement_files import RequirementFiles
from support.packages import write_package

THERE = (
    "base.txt",
    "reqs/more.txt",
    "reqs/wheels/c-1-py3-none-any.whl",
    "wheels/a-1-py3-none-any.whl",
    "wheels/b-1.tar.gz",
    "wheels/notes.md",
    "wheels/with space-1.whl",
    "base file.txt",
    "lib/pyproject.toml",
    "lib/src/lib.py",
    "data/large.bin",
)
A = "wheels/a-1-py3-none-any.whl"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    package = write_package(tmp_path / "fare")
    for name in THERE:
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text("")
    (tmp_path / "shared.txt").write_text("")
    return package


def named(folder: Path, text: str) -> list[str]:
    (folder / "requirements.txt").write_text(text)
    return [path.as_posix() for path in RequirementFiles.of(folder).files]


@pytest.mark.parametrize(
    ("text", "files"),
    [
        ("", []),
        ("pandas>=2\nwheels==1\ndata\nlib", []),
        ("pandas  # see base.txt\n# -r base.txt", []),
        ("git+https://example.com/wheels/a.git\nx @ https://example.com/base.txt", []),
        ("-r base.txt", ["base.txt"]),
        ("-rbase.txt", ["base.txt"]),
        ("--requirement=base.txt", ["base.txt"]),
        ("--requirement base.txt\t# note", ["base.txt"]),
        ("\ufeff-c base.txt", ["base.txt"]),
        ("-r nowhere.txt", []),
        ("pandas\n-r base.txt", ["base.txt"]),
        ('-r "base file.txt"', ["base file.txt"]),
        ("-c 'base file.txt' # note", ["base file.txt"]),
        ("--requirement=base\\ file.txt", ["base file.txt"]),
        ("./wheels/with space-1.whl", ["wheels/with space-1.whl"]),
        ("a @ ./wheels/with space-1.whl ; python_version > '3'\npandas", ["wheels/with space-1.whl"]),
        ("wheels/with space-1.whl --hash=sha256:12", ["wheels/with space-1.whl"]),
        (f"./{A}", [A]),
        (A, [A]),
        (f"a @ file:{A}", [A]),
        (f"a@file:./{A} ; python_version > '3'", [A]),
        (f"a[extra] @ file:./{A}#sha256=12 \\\n    --hash=sha256:12", [A]),
        (f"./{A}[extra]", [A]),
        ("a @ file:./wheels/with%20space-1.whl", ["wheels/with space-1.whl"]),
        ("--find-links wheels", [A, "wheels/b-1.tar.gz", "wheels/with space-1.whl"]),
        ("-f ./wheels/", [A, "wheels/b-1.tar.gz", "wheels/with space-1.whl"]),
        ("./lib", ["lib/pyproject.toml", "lib/src/lib.py"]),
        (".", []),
    ],
)
def test_files_that_are_named_and_lie_in_the_package_travel(folder: Path, text: str, files: list[str]) -> None:
    assert named(folder, text) == files
    assert {path.as_posix() for path in ModelPackage(folder).files()} >= {*files, "requirements.txt"}


@pytest.mark.parametrize("text", ["a @ file://{}/" + A, "{}/" + A, "-f {}/wheels", "--find-links file://{}/wheels"])
def test_an_absolute_path_into_the_package_is_found_and_refused_for_a_version(folder: Path, text: str) -> None:
    assert A in named(folder, text.format(folder))
    (problem,) = ModelPackage(folder).upload_problems()
    assert problem.hint.startswith("write it as ./wheels")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_the_marks_of_utf_8_and_utf_16_are_understood(folder: Path, encoding: str) -> None:
    mark = "\ufeff" if encoding[-2:] in ("le", "be") else ""
    (folder / "requirements.txt").write_bytes(f"{mark}-r base.txt\r\npandas".encode(encoding))
    (folder / "packages.txt").write_bytes(f"{mark}libgomp1\r\n".encode(encoding))
    package = ModelPackage(folder)
    assert package.requirements == ["-r base.txt", "pandas"]
    assert package.requirement_files.files == (Path("base.txt"),)
    assert package.debian_packages == ["libgomp1"]
    assert package.upload_problems() == []


def test_requirement_files_that_name_others_are_followed_and_a_circle_ends(folder: Path) -> None:
    (folder / "base.txt").write_text("-r reqs/more.txt\n")
    (folder / "reqs/more.txt").write_text(f"-c ../base.txt\n./{A}\n--find-links wheels\n")
    assert named(folder, "-r base.txt") == ["base.txt", "reqs/more.txt", "reqs/wheels/c-1-py3-none-any.whl", A]
    assert RequirementFiles.of(folder).folders == (Path("reqs/wheels"),)


def test_what_lies_beside_the_package_is_named_with_what_to_do(folder: Path) -> None:
    assert named(folder, "-r ../shared.txt") == []
    (problem,) = ModelPackage(folder).problems()
    assert "../shared.txt, which is outside the package" in problem.message
    assert problem.hint


@pytest.mark.parametrize(
    "text", ["--find-links {}", "x @ file://{}/x-1-py3-none-any.whl", "-r {}/x-1-py3-none-any.whl"]
)
def test_a_place_of_this_machine_is_named_with_what_to_do(folder: Path, text: str) -> None:
    wheels = folder.parent / "wheels"
    wheels.mkdir()
    (wheels / "x-1-py3-none-any.whl").touch()
    assert named(folder, text.format(wheels)) == []
    package = ModelPackage(folder)
    (problem,) = package.upload_problems()
    assert str(wheels) in problem.message
    assert "PIP_FIND_LINKS" in problem.hint
    assert package.problems() == []  # a version that was uploaded before is still loaded


@pytest.mark.parametrize(
    ("text", "indexes"),
    [
        ("--index-url https://a/simple\npandas", ("--index-url https://a/simple",)),
        ("-i https://a  # ours", ("-i https://a",)),
        ("--extra-index-url=https://${TOKEN}@a/whl/cpu\n", ("--extra-index-url=https://${TOKEN}@a/whl/cpu",)),
        ("--find-links https://a\n--no-index", ("--find-links https://a", "--no-index")),
        ("--find-links wheels\n# --index-url https://a\npandas", ()),
        ("-r base.txt", ("--extra-index-url https://b",)),
    ],
)
def test_lines_about_indexes_are_kept_as_written(folder: Path, text: str, indexes: tuple[str, ...]) -> None:
    (folder / "base.txt").write_text("--extra-index-url https://b")
    (folder / "requirements.txt").write_text(text)
    assert RequirementFiles.of(folder).indexes == indexes


def test_an_editable_requirement_is_refused_with_what_to_write(folder: Path) -> None:
    assert named(folder, "-r base.txt\n-e ./lib") == ["base.txt"]
    (problem,) = ModelPackage(folder).problems()
    assert "never changes" in problem.message
    assert problem.hint == "write ./lib without -e"


def test_lists_are_told_from_what_they_name(folder: Path) -> None:
    (folder / "base.txt").write_text(f"./{A} --hash=sha256:12")
    named(folder, "-r base.txt")
    found = RequirementFiles.of(folder)
    assert found.lists == (Path("base.txt"), Path("requirements.txt"))
    assert found.has_hashes


def test_a_version_is_named_by_the_files_that_travel_as_well(folder: Path) -> None:
    named(folder, "-r base.txt")
    before = ModelPackage(folder).digest()
    (folder / "base.txt").write_text("pandas<3")
    assert ModelPackage(folder).digest() != before

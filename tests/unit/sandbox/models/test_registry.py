"""Versions in their folders: whole or not there, whoever reads meanwhile."""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from io import BufferedReader
from pathlib import Path

import pytest

from pyml.error_code import ErrorCode
from pyml.errors import PackageError, Problem, SetupError
from pyml.inference.describe import Signature
from pyml.package.model_package import ModelPackage
from pyml.types.schema import Schema
from pyml_sandbox.models import registry
from pyml_sandbox.models.environment import BuildResult, Environment
from pyml_sandbox.models.interpreter_files import InterpreterFiles
from pyml_sandbox.models.model_session import Session
from pyml_sandbox.models.version import ModelVersion
from pyml_sandbox.workspace.events import Event, OnEvent
from pyml_sandbox.workspace.home import SandboxHome
from support.packages import write_package

MADE = BuildResult(
    Environment("key", "python", "package", image="sha256:12"),
    "numpy==2.0\n",
    Signature("frame", Schema("a DOUBLE"), Schema("a DOUBLE")).to_json(),
)


class BuilderOfNothing:
    """Makes no environments."""

    def with_inputs(self, wheels: Path | None, ca_bundle: Path | None) -> BuilderOfNothing:
        return self

    def make(self, package: ModelPackage, folder: Path, on_event: OnEvent) -> BuildResult:
        return MADE

    def ensure(
        self, package: ModelPackage, folder: Path, lock: str, pinned: str | None, on_event: OnEvent
    ) -> Environment:
        return MADE.environment

    def import_image(self, reference: str, folder: Path, on_event: OnEvent) -> tuple[str, BuildResult]:
        write_package(folder / "package")
        return "echo", MADE

    def files(self, environment: Environment) -> AbstractContextManager[InterpreterFiles]:
        raise NotImplementedError

    def open_session(self, environment: Environment, arguments: Sequence[str]) -> Session:
        raise NotImplementedError


@pytest.fixture
def home(tmp_path: Path) -> SandboxHome:
    return SandboxHome(tmp_path / "home")


def test_a_version_that_is_adopted_again_is_whole_all_the_while(
    home: SandboxHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = registry.import_image(home, "image", BuilderOfNothing())
    kept = {path.relative_to(version.folder) for path in version.folder.rglob("*")}
    seen: list[set[Path]] = []
    for name in ("rmtree", "copytree", "copyfile", "copy2"):
        real = getattr(shutil, name)

        def watched(*arguments: object, real: object = real, **options: object) -> object:
            try:
                return real(*arguments, **options)  # type: ignore[operator]
            finally:
                seen.append({path.relative_to(version.folder) for path in version.folder.rglob("*")})

        monkeypatch.setattr(shutil, name, watched)
    assert registry.import_image(home, "image", BuilderOfNothing()).uploaded_at >= version.uploaded_at
    assert seen
    assert all(files in (kept, set()) for files in seen[:-1])
    assert seen[-1] == kept


def test_an_upload_replaces_a_pinned_version_and_leaves_nothing_else(home: SandboxHome, tmp_path: Path) -> None:
    pinned = registry.import_image(home, "image", BuilderOfNothing())
    package = ModelPackage(write_package(tmp_path / "echo"))
    version = registry.upload(home, package, BuilderOfNothing())
    assert version.model_id == pinned.model_id
    assert (pinned.pinned, version.pinned) == ("sha256:12", None)
    assert [path.name for path in home.models.glob("*/*")] == [version.version]
    assert [path.name for path in home.models.iterdir() if path.is_dir()] == ["echo"]


def test_an_upload_reads_each_file_once_to_name_the_version(
    home: SandboxHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = ModelPackage(write_package(tmp_path / "echo"))
    read: list[str] = []
    real = hashlib.file_digest

    def counted(file: BufferedReader, name: str) -> object:
        read.append(Path(file.name).name)
        return real(file, name)

    monkeypatch.setattr(hashlib, "file_digest", counted)
    registry.upload(home, package, BuilderOfNothing())
    assert sorted(read) == sorted(path.name for path in package.files())


def spoiled(version: ModelVersion, damage: str) -> None:
    """Damage what is stored of a version."""
    weights = version.package / "parameters" / "weights"
    if damage == "cut":
        weights.chmod(0o644)
        weights.write_text("1")
    elif damage == "gone":
        weights.unlink()
    elif damage == "folder gone":
        shutil.rmtree(version.package)
    elif damage == "another file":
        (weights.parent / "cache").touch()
    elif damage == "another module":
        (version.package / "helper.py").touch()
    elif damage == "code":
        (version.package / "model.py").chmod(0o644)
        (version.package / "model.py").write_text("")
    elif damage == "record":
        (version.folder / "record.json").write_text("{")
    elif damage == "lock gone":
        (version.folder / "requirements.lock").unlink()


@pytest.fixture
def weighted(tmp_path: Path) -> ModelPackage:
    folder = write_package(tmp_path / "echo")
    (folder / "parameters" / "weights").write_text("1234")
    return ModelPackage(folder)


DAMAGES = ("cut", "gone", "folder gone", "another file", "another module", "code", "record", "lock gone")


@pytest.mark.parametrize("damage", DAMAGES)
def test_an_upload_over_a_damaged_version_mends_it_and_says_so(
    home: SandboxHome, weighted: ModelPackage, damage: str
) -> None:
    version = registry.upload(home, weighted, BuilderOfNothing())
    spoiled(version, damage)
    events: list[Event] = []
    assert registry.upload(home, weighted, BuilderOfNothing(), events.append).model_id == version.model_id
    assert [event.detail for event in events if event.subject == version.model_id and "damaged" in event.detail]
    assert ModelPackage(version.package).digest() == weighted.digest()
    registry.prepare(registry.find_version(home, version.model_id), BuilderOfNothing())
    events.clear()
    registry.upload(home, weighted, BuilderOfNothing(), events.append)
    assert not [event for event in events if "damaged" in event.detail]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_version_is_not_run_and_the_command_that_mends_it_is_named(
    home: SandboxHome, weighted: ModelPackage, damage: str
) -> None:
    version = registry.upload(home, weighted, BuilderOfNothing())
    spoiled(version, damage)
    with pytest.raises(SetupError) as caught:
        registry.prepare(registry.find_version(home, version.model_id), BuilderOfNothing())
    assert "pyml upload FOLDER" in caught.value.hint
    assert caught.value.code is ErrorCode.UPLOAD_DAMAGED


class Writing(BuilderOfNothing):
    """Loads a model that changes its package."""

    def __init__(self, change: Callable[[Path], object]) -> None:
        self.change = change

    def make(self, package: ModelPackage, folder: Path, on_event: OnEvent) -> BuildResult:
        self.change(package.folder)
        return MADE


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (shutil.rmtree, "model.py, packages.txt, parameters/weights, requirements.txt"),
        (lambda folder: (folder / "parameters" / "cache").touch(), "parameters/cache"),
        (lambda folder: (folder / "parameters" / "weights").unlink(), "parameters/weights"),
        (lambda folder: os.replace(write(folder / "new"), folder / "parameters" / "weights"), "parameters/weights"),
        (lambda folder: (folder / "parameters").rename(folder / "moved"), "parameters/weights"),
        (lambda folder: (folder / "helper.py").touch(), "helper.py"),
    ],
)
def test_a_model_that_changes_its_package_while_it_is_loaded_is_refused(
    home: SandboxHome, weighted: ModelPackage, change: Callable[[Path], object], words: str
) -> None:
    with pytest.raises(PackageError, match=f"writes into its own package: {words}"):
        registry.check(weighted, Writing(change))
    with pytest.raises(PackageError, match=f"writes into its own package: {words}"):
        registry.upload(home, weighted, Writing(change))
    assert not list(home.models.glob("*/*"))
    assert (weighted.folder / "parameters" / "weights").read_text() == "1234"


def test_an_error_names_the_folder_of_the_author_and_not_its_copy(home: SandboxHome, weighted: ModelPackage) -> None:
    class Refusing(BuilderOfNothing):
        def make(self, package: ModelPackage, folder: Path, on_event: OnEvent) -> BuildResult:
            raise PackageError(
                f"invalid model package {package.folder}",
                [Problem(f"see {package.folder}/base.txt", code=ErrorCode.KEY)],
            )

    with pytest.raises(PackageError) as caught:
        registry.upload(home, weighted, Refusing())
    assert caught.value.summary == f"invalid model package {weighted.folder}"
    assert caught.value.problems == (Problem(f"see {weighted.folder}/base.txt", code=ErrorCode.KEY),)


@pytest.mark.parametrize("name", ["debug.log", "__pycache__/model.pyc", "parameters/.cache"])
def test_what_is_no_file_of_the_package_may_be_written(home: SandboxHome, weighted: ModelPackage, name: str) -> None:
    def change(folder: Path) -> None:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()

    version = registry.upload(home, weighted, Writing(change))
    registry.prepare(version, BuilderOfNothing())


def test_a_file_that_vanishes_while_it_is_copied_is_an_error_in_words(
    home: SandboxHome, weighted: ModelPackage, monkeypatch: pytest.MonkeyPatch
) -> None:
    weighted = weighted.afresh()
    real = shutil.copyfile

    def copyfile(source: Path, target: Path) -> object:
        (weighted.folder / "parameters" / "weights").unlink(missing_ok=True)
        return real(source, target)

    monkeypatch.setattr(shutil, "copyfile", copyfile)
    with pytest.raises(PackageError, match="parameters/weights cannot be read: No such file"):
        registry.upload(home, weighted, BuilderOfNothing())


def write(path: Path) -> Path:
    path.write_text("12345")
    return path


def test_a_package_that_was_edited_is_another_version(home: SandboxHome, tmp_path: Path) -> None:
    package = ModelPackage(write_package(tmp_path / "echo"))
    before = registry.upload(home, package, BuilderOfNothing())
    (package.folder / "parameters" / "weights").write_text("1")
    after = registry.upload(home, package, BuilderOfNothing())
    assert after.version != before.version
    assert (after.package / "parameters" / "weights").read_text() == "1"


def test_two_uploads_of_one_model_come_one_after_another(home: SandboxHome, tmp_path: Path) -> None:
    package = ModelPackage(write_package(tmp_path / "echo"))
    waits = threading.Event()

    class Slow(BuilderOfNothing):
        def make(self, package: ModelPackage, folder: Path, on_event: OnEvent) -> BuildResult:
            second.start()
            assert waits.wait(20)
            return MADE

    class Never(BuilderOfNothing):
        def make(self, package: ModelPackage, folder: Path, on_event: OnEvent) -> BuildResult:
            raise AssertionError("the first upload has stored it")

    second = threading.Thread(target=registry.upload, args=(home, package, Never(), lambda event: waits.set()))
    assert registry.upload(home, package, Slow()).version == package.version
    second.join(20)
    assert [path.name for path in home.models.glob("*/*")] == [package.version]


def test_what_a_killed_upload_has_left_is_deleted(home: SandboxHome, tmp_path: Path) -> None:
    package = ModelPackage(write_package(tmp_path / "echo"))
    (home.models / "echo" / ".x7f3" / "package").mkdir(parents=True)
    registry.upload(home, package, BuilderOfNothing())
    assert [path.name for path in home.models.glob("*/*")] == [package.version]

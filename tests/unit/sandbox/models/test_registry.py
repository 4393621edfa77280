"""Versions in their folders: whole or not there, whoever reads meanwhile."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from io import BufferedReader
from pathlib import Path

import pytest

from pyml.inference.describe import Signature
from pyml.package.model_package import ModelPackage
from pyml.types.schema import Schema
from pyml_sandbox.models import registry
from pyml_sandbox.models.environment import BuildResult, Environment
from pyml_sandbox.models.model_session import Session
from pyml_sandbox.workspace.events import OnEvent
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
    assert [path.name for path in home.models.iterdir()] == ["echo"]


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


def test_a_package_that_was_edited_is_another_version(home: SandboxHome, tmp_path: Path) -> None:
    package = ModelPackage(write_package(tmp_path / "echo"))
    before = registry.upload(home, package, BuilderOfNothing())
    (package.folder / "parameters" / "weights").write_text("1")
    after = registry.upload(home, package, BuilderOfNothing())
    assert after.version != before.version
    assert (after.package / "parameters" / "weights").read_text() == "1"


def test_what_another_process_stored_meanwhile_is_kept(
    home: SandboxHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = ModelPackage(write_package(tmp_path / "echo"))

    class Racing(BuilderOfNothing):
        def make(self, package: ModelPackage, folder: Path, on_event: OnEvent) -> BuildResult:
            registry.upload(home, ModelPackage(tmp_path / "echo"), BuilderOfNothing())
            return MADE

    assert registry.upload(home, package, Racing()).version == package.version
    assert [path.name for path in home.models.glob("*/*")] == [package.version]

"""Uploaded model versions: each is an immutable copy of its package, named by its content.

models/NAME/VERSION/
    package/            the four artifacts, as uploaded
    requirements.lock   the packages of its environment
    record.json         digest, time of the upload, and the declared inputs and outputs

The driver's environment builder makes the environment of a version; see `models/environment.py`.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pyml.command_line import command
from pyml.error_code import ErrorCode
from pyml.errors import PackageError, PymlError, SetupError, UsageError
from pyml.package.model_package import ModelPackage
from pyml_sandbox.models.environment import BuildResult, Environment, EnvironmentBuilder
from pyml_sandbox.models.first_call import predict_rows
from pyml_sandbox.models.routes import load_routes
from pyml_sandbox.models.stored_package import copy_package, is_intact, paths_of_author, unchanged
from pyml_sandbox.models.unreachable_index import with_index_line
from pyml_sandbox.models.version import ModelVersion
from pyml_sandbox.workspace.events import Event, OnEvent, Progress, ignore
from pyml_sandbox.workspace.files import write_atomically
from pyml_sandbox.workspace.home import SandboxHome
from pyml_sandbox.workspace.state import name_option
from pyml_sandbox.workspace.turns import turn

if TYPE_CHECKING:
    from pyml_sandbox.models.first_call import RowsFor


def upload(
    home: SandboxHome,
    package: ModelPackage,
    builder: EnvironmentBuilder,
    on_event: OnEvent = ignore,
    rows_for: RowsFor | None = None,
) -> ModelVersion:
    """Store a copy of a package, build its environment, and load the model once in it.

    Blocks; a second upload of the same content is quick. The sandbox need not be up. A failed upload leaves nothing.

    Args:
        home: the sandbox.
        package: folder with the four artifacts.
        builder: builds its environment.
        on_event: called with each step.
        rows_for: gives rows of the user for a signature, which the model must predict; None for none.

    Raises:
        PackageError: the package is invalid, its requirements cannot be resolved, or its code raised.
        PredictError: the model does not predict the user's rows.
        SetupError: the package index cannot be reached.
    """
    package = package.afresh()
    _refuse_problems(package, on_event)
    home.create()
    started = time.monotonic()
    target = home.models / package.name / package.version
    with _only_writer(target.parent, f"upload of {package.name}", on_event):
        built = None if _is_uploaded(target, on_event) else _store(package, target, builder, on_event)
        version = _read(target)
        environment = built or prepare(version, builder, on_event)
        if rows_for is not None:
            try:
                with unchanged(_package_of(version)):
                    predict_rows(builder, environment, rows_for(version.signature))
            except PymlError:
                if built:  # a failed upload leaves nothing
                    shutil.rmtree(target, ignore_errors=True)
                raise
    if rows_for is None and built and version.signature.refusal:
        said = f"predict refuses a row that is made up from the declared types: {version.signature.refusal}"
        on_event(Event("predict", Progress.NOTE, said))
    on_event(Event(version.model_id, Progress.READY, f"uploaded, {environment.summary}", time.monotonic() - started))
    return version


def check(
    package: ModelPackage,
    builder: EnvironmentBuilder,
    on_event: OnEvent = ignore,
    rows_for: RowsFor | None = None,
) -> BuildResult:
    """Check a package as `upload` does, up to loading the model in its own environment; nothing is stored.

    Args:
        package: folder with the four artifacts.
        builder: builds the environment, which is kept for reuse.
        on_event: called with each step.
        rows_for: as of `upload`.

    Returns:
        The model's signature and environment.

    Raises:
        PackageError, PredictError, SetupError: as `upload`.
    """
    _refuse_problems(package, on_event)
    with tempfile.TemporaryDirectory(prefix="pyml-check-") as beside:
        try:
            built = _make(package, Path(beside), Path(beside), builder, on_event)
        except SetupError as error:
            message = f"The package's files are valid, but the model could not be loaded.\n{error.message}"
            raise SetupError(message, error.hint) from error
        if rows_for is not None:
            predict_rows(builder, built.environment, rows_for(built.signature))
        return built


def import_image(
    home: SandboxHome, reference: str, builder: EnvironmentBuilder, on_event: OnEvent = ignore
) -> ModelVersion:
    """Import a model image as a version, which then runs in exactly that image.

    Args:
        home: the sandbox.
        reference: id or tag of the image.
        builder: of a driver that runs images.
        on_event: called with each step.

    Raises:
        UsageError: the image does not exist, or holds no model.
    """
    home.create()
    importing = _only_writer(home.models, "import of an image", on_event)
    with importing, tempfile.TemporaryDirectory(dir=home.models, prefix=".") as folder:
        beside = Path(folder) / "version"
        beside.mkdir()
        name, built = builder.import_image(reference, beside, on_event)
        package = ModelPackage(beside / "package", name)
        _write_record(package, beside, built, pinned=built.environment.image)
        target = home.models / name / package.version
        with _only_writer(target.parent, f"upload of {name}", on_event):
            _put(beside, target)
    return _read(target)


def resolve(home: SandboxHome, reference: str, builder: EnvironmentBuilder, on_event: OnEvent = ignore) -> ModelVersion:
    """The version that a reference names; a package is uploaded first, and an image is imported first.

    Args:
        home: the sandbox.
        reference: folder of a model package, `name@version`, `name`, or id or tag of an image.
        builder: builds its environment.
        on_event: called with each step.

    Raises:
        UsageError: the reference is none of these.
        PackageError, SetupError: as `upload`.
    """
    if Path(reference).is_dir():
        return upload(home, ModelPackage(reference), builder, on_event)
    name, is_version, digits = reference.partition("@")
    if (is_version and ":" not in digits) or _folders(home, name):
        return find_version(home, reference)
    return import_image(home, reference, builder, on_event)


def prepare(version: ModelVersion, builder: EnvironmentBuilder, on_event: OnEvent = ignore) -> Environment:
    """The environment of a version, built again if it is gone. Blocks.

    Args:
        version: an uploaded version.
        builder: of the sandbox's driver.
        on_event: called with each step.

    Raises:
        SetupError: the version's files are damaged; or the environment had to be built again, and the build failed.
    """
    package = _package_of(version)
    if not is_intact(package, version.digest):
        raise _damaged(version.folder, "its files are not those that were uploaded")
    try:
        return builder.ensure(package, version.folder, version.lock, version.pinned, on_event)
    except SetupError as error:
        raise with_index_line(error, package) from error


def versions(home: SandboxHome) -> list[ModelVersion]:
    """All uploaded versions, the latest upload first.

    Raises:
        SetupError: a version is damaged; names it.
    """
    return _latest_first(_folders(home))


def stored_ids(home: SandboxHome) -> list[str]:
    """The ids of all uploaded versions, sorted; nothing is read, and damaged ones are among them."""
    return sorted(f"{folder.parent.name}@{folder.name}" for folder in _folders(home))


def stored_versions(home: SandboxHome, name: str | None = None) -> Iterator[tuple[ModelVersion, str]]:
    """All uploaded versions, each with why its files cannot be used: empty if they can.

    Of a damaged version little more than its name is known; it counts as uploaded when its folder was last changed.

    Args:
        home: the sandbox.
        name: only the versions of this model; None for all.
    """
    for folder in _folders(home, name):
        with contextlib.suppress(FileNotFoundError):  # it is deleted at this moment
            yield _as_stored(folder)


def named_versions(home: SandboxHome, reference: str) -> list[ModelVersion]:
    """The versions that a reference names, the latest upload first; damaged ones are among them.

    Args:
        home: the sandbox.
        reference: `name@version`, whose first digits are enough; or `name` for all versions of the model.

    Raises:
        UsageError: it names none, or the digits match several.
    """
    name, has_version, _ = reference.partition("@")
    folders = _folders(home, name)
    if has_version or not folders:
        folders = [_the_one(reference, folders, f"pyml models{name_option(home)}")]
    found = [_as_stored(folder)[0] for folder in folders]
    return sorted(found, key=lambda version: version.uploaded_at, reverse=True)


def _as_stored(folder: Path) -> tuple[ModelVersion, str]:
    """The version in a folder, and why its files cannot be used.

    Raises:
        FileNotFoundError: the folder is gone.
    """
    try:
        return _read(folder), ""
    except SetupError as error:
        return ModelVersion(folder.parent.name, folder.name, folder, folder.stat().st_mtime, {}), error.message


def remove_version(home: SandboxHome, name: str, version: str, on_event: OnEvent = ignore) -> None:
    """Delete the files of an uploaded version; its environment stays for reuse. Does nothing if there are none.

    Blocks while the model is uploaded by a different process.

    Args:
        home: the sandbox.
        name: of the model.
        version: of the model, without its name.
        on_event: called if this process has to wait.
    """
    folder = home.models / name / version
    with _only_writer(folder.parent, f"upload of {name}", on_event):
        if folder in _folders(home, name):
            with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".", ignore_cleanup_errors=True) as beside:
                folder.rename(Path(beside) / "version")  # a reader finds the whole version or none
        with contextlib.suppress(OSError):  # a different version is there
            folder.parent.rmdir()


def pinned_images(root: Path) -> set[str]:
    """The ids of images that versions of any sandbox of a root were imported from, which cannot be built again.

    Raises:
        SetupError: a version is damaged, so the image that it was imported from is not known.
    """
    homes = [SandboxHome(root, folder.name) for folder in (root / "sandboxes").glob("*")]
    return {version.pinned for home in homes for version in versions(home) if version.pinned is not None}


def find_version(home: SandboxHome, model_id: str) -> ModelVersion:
    """The version that a model id names; for a name alone the deployed default, else the latest upload.

    Args:
        home: the sandbox.
        model_id: `name@version` or `name`; the version may be abbreviated to its first digits, if they are unique.

    Raises:
        UsageError: no version matches, or several do; lists the versions.
        SetupError: the version is damaged; or, for a name alone, any version of the model is.
    """
    name, _, digits = model_id.partition("@")
    deployment = load_routes(home).models.get(name)
    folders = _folders(home, name)
    if digits:
        return _read(_the_one(model_id, folders))
    if deployment is None:
        return _latest_first(folders or [_the_one(model_id, folders)])[0]
    deployed = [folder for folder in folders if folder.name == deployment.default]
    if not deployed:
        message = f"{name}@{deployment.default} is deployed, but its upload is gone."
        hint = f"pyml upload FOLDER   to restore it; or   {command('pyml undeploy', name)}"
        raise UsageError(message, hint, ErrorCode.UPLOAD_GONE)
    return _read(deployed[0])


def _the_one(model_id: str, folders: Sequence[Path], hint: str = "pyml upload FOLDER") -> Path:
    """Choose, from the folders of one model's versions, the one that a model id names.

    Args:
        model_id: `name@version`, whose first digits are enough.
        folders: of all versions of the model.
        hint: what to do where there is none.

    Raises:
        UsageError: no folder matches, or several do.
    """
    name, _, digits = model_id.partition("@")
    found = [folder for folder in folders if folder.name == digits] or [
        folder for folder in folders if digits and folder.name.startswith(digits)
    ]
    if len(found) == 1:
        return found[0]
    listed = ", ".join(sorted(f"{name}@{folder.name}" for folder in found or folders))
    if found:
        message = f"{model_id!r} matches several versions: {listed}."
        raise UsageError(message, "give more digits of the version", ErrorCode.VERSION_AMBIGUOUS)
    message = f"There is no model {model_id!r}; uploaded: {listed or 'no version of it'}."
    raise UsageError(message, hint, ErrorCode.MODEL_UNKNOWN)


def _folders(home: SandboxHome, name: str | None = None) -> list[Path]:
    """The folders of all uploaded versions, or of one model's; none of them is read, since any may be damaged."""
    folders = [record.parent for record in home.models.glob("*/*/record.json")]
    stored = [folder for folder in folders if not folder.name.startswith(".")]  # those are being written
    return [folder for folder in stored if name in (None, folder.parent.name)]


def _latest_first(folders: Sequence[Path]) -> list[ModelVersion]:
    return sorted(map(_read, folders), key=lambda version: version.uploaded_at, reverse=True)


@contextlib.contextmanager
def _only_writer(folder: Path, what: str, on_event: OnEvent) -> Iterator[None]:
    """Write beside the versions in a folder, one process at a time; what a killed one has left there is deleted."""
    with turn(folder.with_name(f".{folder.name}.lock"), what, on_event):
        folder.mkdir(exist_ok=True)
        for left in folder.glob(".*/"):
            shutil.rmtree(left, ignore_errors=True)
        yield


def _store(package: ModelPackage, target: Path, builder: EnvironmentBuilder, on_event: OnEvent) -> Environment:
    """Copy, build and describe in a folder beside the target, and rename it at the end."""
    beside = Path(tempfile.mkdtemp(dir=target.parent, prefix="."))
    try:
        built = _make(package, beside, target, builder, on_event)
        _write_record(package, beside, built)
        _put(beside, target)
        return built.environment
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _put(beside: Path, target: Path) -> None:
    """Move a version to its folder by renames alone: a reader finds the whole version or none."""
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".") as before:
        with contextlib.suppress(FileNotFoundError):
            target.rename(Path(before) / "version")
        beside.rename(target)


def _make(
    package: ModelPackage, beside: Path, target: Path, builder: EnvironmentBuilder, on_event: OnEvent
) -> BuildResult:
    copy = copy_package(package, beside / "package")
    with paths_of_author(package, copy), unchanged(copy):
        try:
            return builder.make(copy, target, on_event)
        except SetupError as error:
            raise with_index_line(error, copy) from error


def _refuse_problems(package: ModelPackage, on_event: OnEvent) -> None:
    """Refuse a package with problems, and say what is left out of the version."""
    problems = package.upload_problems()
    if problems:
        raise PackageError(f"invalid model package {package.folder}", problems)
    for note in package.contents.notes:
        on_event(Event("files", Progress.NOTE, note))


def _write_record(package: ModelPackage, folder: Path, built: BuildResult, pinned: str | None = None) -> None:
    record = {
        "name": package.name,
        "version": package.version,
        "digest": package.digest(),
        "uploaded_at": time.time(),
        "contract": built.declared,
        "environment": built.environment.size.json if built.environment.size else None,
        "pinned": pinned,
    }
    (folder / "requirements.lock").write_text(built.lock, encoding="utf-8")
    write_atomically(folder / "record.json", json.dumps(record, indent=2) + "\n")


def _is_uploaded(folder: Path, on_event: OnEvent) -> bool:
    """Whether a folder holds an undamaged upload; a damaged version, or an imported image, is replaced."""
    try:
        version = _read(folder)
        is_whole = is_intact(_package_of(version), version.digest)
    except SetupError:
        is_whole = False
    if not is_whole and folder.exists():
        name = f"{folder.parent.name}@{folder.name}"
        on_event(Event(name, Progress.NOTE, "what was stored of this version is damaged, and is stored anew"))
    return is_whole and version.pinned is None


def _package_of(version: ModelVersion) -> ModelPackage:
    return ModelPackage(version.package, version.name)


def _read(folder: Path) -> ModelVersion:
    """The version in a folder.

    Raises:
        SetupError: a part is missing, or the record is invalid.
    """
    try:
        (folder / "requirements.lock").stat()
        (folder / "package").stat()
        record = json.loads((folder / "record.json").read_text(encoding="utf-8"))
        facts = (
            float(record["uploaded_at"]),
            dict(record["contract"]),
            record.get("pinned"),
            record.get("environment"),
            str(record.get("digest", "")),
        )
        return ModelVersion(record["name"], record["version"], folder, *facts)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _damaged(folder, str(error)) from error


def _damaged(folder: Path, why: str) -> SetupError:
    return SetupError(
        f"{folder} does not hold a valid model version ({why}).",
        f"pyml upload FOLDER   to restore it; or   {command('rm -r', str(folder))}",
        ErrorCode.UPLOAD_DAMAGED,
    )

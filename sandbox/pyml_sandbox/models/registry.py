"""Uploaded model versions: each a copy of its package that never changes, named by its content.

models/NAME/VERSION/
    package/            the four artifacts, as uploaded
    requirements.lock   what is installed for them
    record.json         digest, time, and the declared inputs and outputs

What a version runs in is made by the driver's workshop, see `models/environment.py`.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pyml.command_line import command
from pyml.error_code import ErrorCode
from pyml.errors import PackageError, SetupError, UsageError
from pyml.package.model_package import ModelPackage
from pyml_sandbox.models.environment import BuildResult, Environment, EnvironmentBuilder
from pyml_sandbox.models.routes import load_routes
from pyml_sandbox.models.version import ModelVersion
from pyml_sandbox.workspace.events import Event, OnEvent, Progress, ignore
from pyml_sandbox.workspace.files import write_atomically
from pyml_sandbox.workspace.home import SandboxHome

if TYPE_CHECKING:
    from pyml.inference.describe import Signature


def upload(
    home: SandboxHome, package: ModelPackage, builder: EnvironmentBuilder, on_event: OnEvent = ignore
) -> ModelVersion:
    """Keep a copy of a package, with its environment made and the model loaded once in it.

    Blocks; a second upload of the same content is quick. The sandbox need not be up. When it fails, nothing is kept.

    Args:
        home: the sandbox.
        package: the four artifacts.
        workshop: makes its environment.
        on_event: told what is being done.

    Raises:
        PackageError: the package is not right, its requirements cannot be resolved, or its code raised.
        SetupError: the package index cannot be reached.
    """
    package = package.afresh()
    _refuse_problems(package)
    home.create()
    started = time.monotonic()
    target = home.models / package.name / package.version
    made = None if _is_uploaded(target) else _store(package, target, builder, on_event)
    version = _read(target)
    environment = made or prepare(version, builder, on_event)
    on_event(Event(version.model_id, Progress.READY, f"uploaded, {environment.note}", time.monotonic() - started))
    return version


def check(package: ModelPackage, builder: EnvironmentBuilder, on_event: OnEvent = ignore) -> Signature:
    """Do what `upload` does up to loading the model in its own environment, and keep nothing of it.

    Raises:
        PackageError, SetupError: as `upload`.
    """
    from pyml.inference.describe import Signature

    _refuse_problems(package)
    with tempfile.TemporaryDirectory(prefix="pyml-check-") as beside:
        try:
            made = _make(package, Path(beside), Path(beside), builder, on_event)
        except SetupError as error:
            message = f"The package's files are right as far as can be seen without loading the model.\n{error.message}"
            raise SetupError(message, error.hint) from error
    return Signature.from_json(dict(made.declared))


def import_image(
    home: SandboxHome, reference: str, builder: EnvironmentBuilder, on_event: OnEvent = ignore
) -> ModelVersion:
    """Take a model image as a version, which then runs in that very image.

    Args:
        home: the sandbox.
        reference: id or tag of the image.
        workshop: knows images.
        on_event: told what is being done.

    Raises:
        UsageError: there is no such image, or it holds no model.
    """
    home.create()
    with tempfile.TemporaryDirectory(dir=home.models, prefix=".") as folder:
        beside = Path(folder) / "version"
        beside.mkdir()
        name, made = builder.import_image(reference, beside, on_event)
        package = ModelPackage(beside / "package", name)
        _write_record(package, beside, made, pinned=made.environment.image)
        target = home.models / name / package.version
        target.parent.mkdir(parents=True, exist_ok=True)
        _put(beside, target)
    return _read(target)


def resolve(home: SandboxHome, reference: str, builder: EnvironmentBuilder, on_event: OnEvent = ignore) -> ModelVersion:
    """The version that a user means: a model package, which is uploaded; name@version or name; or an image.

    Raises:
        UsageError: it is none of them.
        PackageError, SetupError: as `upload`.
    """
    if Path(reference).is_dir():
        return upload(home, ModelPackage(reference), builder, on_event)
    name, is_version, digits = reference.partition("@")
    if (is_version and ":" not in digits) or _folders(home, name):
        return find_version(home, reference)
    return import_image(home, reference, builder, on_event)


def prepare(version: ModelVersion, builder: EnvironmentBuilder, on_event: OnEvent = ignore) -> Environment:
    """Make sure that a version can run, and say in what.

    Raises:
        SetupError: the environment had to be made anew and could not be.
    """
    package = ModelPackage(version.package, version.name)
    return builder.ensure(package, version.folder, version.lock, version.pinned, on_event)


def versions(home: SandboxHome) -> list[ModelVersion]:
    """Every uploaded version, the latest upload first.

    Raises:
        SetupError: one of them is damaged; names it.
    """
    return _latest_first(_folders(home))


def pinned_images(root: Path) -> set[str]:
    """The images that versions of any sandbox below a root were adopted from: nothing can build them again.

    Raises:
        SetupError: a version is damaged, so that it is not known from which image it was adopted.
    """
    homes = [SandboxHome(root, folder.name) for folder in (root / "sandboxes").glob("*")]
    return {version.pinned for home in homes for version in versions(home) if version.pinned is not None}


def find_version(home: SandboxHome, model_id: str) -> ModelVersion:
    """The version that "name@version" names; for "name" alone the deployed default, else the latest upload.

    Args:
        home: the sandbox.
        model_id: a version may be cut to its first digits, as long as no second version begins with them.

    Raises:
        UsageError: there is none, or there are several; says what there is.
        SetupError: it is damaged, or, for a name alone, the latest upload may be one that is.
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
        hint = f"pyml upload FOLDER   to have it back; or   {command('pyml undeploy', name)}"
        raise UsageError(message, hint, ErrorCode.UPLOAD_GONE)
    return _read(deployed[0])


def _the_one(model_id: str, folders: Sequence[Path]) -> Path:
    """Of the folders of one model's versions, the one that a model id names.

    Raises:
        UsageError: there is none, or there are several.
    """
    name, _, digits = model_id.partition("@")
    found = [folder for folder in folders if folder.name == digits] or [
        folder for folder in folders if folder.name.startswith(digits)
    ]
    if len(found) == 1:
        return found[0]
    listed = ", ".join(sorted(f"{name}@{folder.name}" for folder in found or folders))
    if found:
        message = f"{model_id!r} names several versions: {listed}."
        raise UsageError(message, "give more digits of the version", ErrorCode.VERSION_AMBIGUOUS)
    message = f"There is no model {model_id!r}; uploaded: {listed or 'no version of it'}."
    raise UsageError(message, "pyml upload FOLDER", ErrorCode.MODEL_UNKNOWN)


def _folders(home: SandboxHome, name: str | None = None) -> list[Path]:
    """The folders of the uploaded versions of one model, or of all; nothing is read, since any may be damaged."""
    folders = [record.parent for record in home.models.glob("*/*/record.json")]
    stored = [folder for folder in folders if not folder.name.startswith(".")]  # those are being written
    return [folder for folder in stored if name in (None, folder.parent.name)]


def _latest_first(folders: Sequence[Path]) -> list[ModelVersion]:
    return sorted(map(_read, folders), key=lambda version: version.uploaded_at, reverse=True)


def _store(package: ModelPackage, target: Path, builder: EnvironmentBuilder, on_event: OnEvent) -> Environment:
    """Copy, make and describe beside the place; rename into it once all went well."""
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(dir=target.parent, prefix="."))
    try:
        made = _make(package, beside, target, builder, on_event)
        _write_record(package, beside, made)
        _put(beside, target)
        return made.environment
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _put(beside: Path, target: Path) -> None:
    """Move a version into its place, by renames alone: whoever reads meanwhile finds it whole, or not at all."""
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".") as before:
        with contextlib.suppress(FileNotFoundError):
            target.rename(Path(before) / "version")
        try:
            beside.rename(target)
        except OSError:
            if not (target / "record.json").exists():  # else another process stored the same content meanwhile
                raise


def _make(
    package: ModelPackage, beside: Path, target: Path, builder: EnvironmentBuilder, on_event: OnEvent
) -> BuildResult:
    _copy(package, beside / "package")
    return builder.make(ModelPackage(beside / "package", package.name), target, on_event)


def _refuse_problems(package: ModelPackage) -> None:
    problems = package.problems()
    if problems:
        raise PackageError(f"the model package {package.folder} is not right", problems)


def _copy(package: ModelPackage, target: Path) -> None:
    (target / "parameters").mkdir(parents=True)
    for path in package.files():
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(package.folder / path, target / path)
        (target / path).chmod(0o444)  # its name is its content


def _write_record(package: ModelPackage, folder: Path, made: BuildResult, pinned: str | None = None) -> None:
    record = {
        "name": package.name,
        "version": package.version,
        "digest": package.digest(),
        "uploaded_at": time.time(),
        "contract": made.declared,
        "pinned": pinned,
    }
    (folder / "requirements.lock").write_text(made.lock, encoding="utf-8")
    write_atomically(folder / "record.json", json.dumps(record, indent=2) + "\n")


def _is_uploaded(folder: Path) -> bool:
    """Whether a version lies there whole, and was not adopted from an image: else the package is stored anew."""
    try:
        return _read(folder).pinned is None
    except SetupError:
        return False


def _read(folder: Path) -> ModelVersion:
    """The version in a folder.

    Raises:
        SetupError: it is damaged: a part is missing, or the record cannot be read as one.
    """
    try:
        (folder / "requirements.lock").stat()
        (folder / "package").stat()
        record = json.loads((folder / "record.json").read_text(encoding="utf-8"))
        facts = (float(record["uploaded_at"]), dict(record["contract"]), record.get("pinned"))
        return ModelVersion(record["name"], record["version"], folder, *facts)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SetupError(
            f"{folder} holds no uploaded model ({error}).",
            f"pyml upload FOLDER   to have it back; or   {command('rm -r', str(folder))}",
            ErrorCode.UPLOAD_DAMAGED,
        ) from error

"""Uploaded model versions: each a copy of its package that never changes, named by its content.

models/NAME/VERSION/
    package/            the four artifacts, as uploaded
    requirements.lock   what they were resolved to
    record.json         digest, time, and the declared inputs and outputs
    python              starts the model's Python in the pinned environment; both paths use it
"""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pyml.environment import launcher_script
from pyml.errors import PackageError, Problem, SetupError, UsageError
from pyml.package import ModelPackage
from pyml_sandbox.environments import Environment, debian_warning, ensure, resolve
from pyml_sandbox.events import JSON, Event, OnEvent, Progress, ignore, timed
from pyml_sandbox.files import write_atomically
from pyml_sandbox.home import SandboxHome
from pyml_sandbox.routes import load_routes

if TYPE_CHECKING:
    from pyml.describe import Contract

VERSION_DIGITS = 12
DESCRIBE_TIMEOUT_S = 300


@dataclass(frozen=True)
class ModelVersion:
    """One uploaded version of a model.

    Attributes:
        name: of the model.
        version: first digits of its content's digest.
        folder: where it is kept.
        uploaded_at: seconds since 1970.
        declared: its kind, inputs and outputs, see `contract`.
    """

    name: str
    version: str
    folder: Path
    uploaded_at: float
    declared: Mapping[str, object]

    @property
    def model_id(self) -> str:
        """How it is asked for: "name@version"."""
        return f"{self.name}@{self.version}"

    @property
    def package(self) -> Path:
        """The folder of its package."""
        return self.folder / "package"

    @property
    def python(self) -> Path:
        """The script that starts its Python, made by `prepare`."""
        return self.folder / "python"

    @property
    def contract(self) -> Contract:
        """Its declared inputs and outputs."""
        from pyml.describe import Contract

        return Contract.from_json(dict(self.declared))

    @property
    def json(self) -> dict[str, JSON]:
        """The version as a JSON object."""
        declared: JSON = json.loads(json.dumps(self.declared))
        return {"model_id": self.model_id, "uploaded_at": self.uploaded_at, "contract": declared}


def upload(home: SandboxHome, package: ModelPackage, on_event: OnEvent = ignore) -> ModelVersion:
    """Keep a copy of a package, with its environment made and the model loaded once in it.

    Blocks; a second upload of the same content is quick. The sandbox need not be up. When it fails, nothing is kept.

    Raises:
        PackageError: the package is not right, its requirements cannot be resolved, or its code raised.
        SetupError: the package index cannot be reached.
    """
    _refuse_problems(package)
    home.create()
    started = time.monotonic()
    target = home.models / package.name / package.digest()[:VERSION_DIGITS]
    made = None if (target / "record.json").exists() else _store(home, package, target, on_event)
    version = _read(target)
    environment = made or prepare(home, version, on_event)
    warning = debian_warning(package.debian_packages)
    if warning is not None:
        on_event(Event("packages.txt", Progress.NOTE, warning))
    on_event(Event(version.model_id, Progress.READY, f"uploaded, {environment.note}", time.monotonic() - started))
    return version


def check(home: SandboxHome, package: ModelPackage, on_event: OnEvent = ignore) -> Contract:
    """Do what `upload` does up to loading the model in its own environment, and keep nothing of it.

    Raises:
        PackageError, SetupError: as `upload`.
    """
    from pyml.describe import Contract

    _refuse_problems(package)
    with tempfile.TemporaryDirectory(prefix="pyml-check-") as beside:
        _, declared = _stage(home, package, Path(beside), on_event)
    return Contract.from_json(dict(declared))


def prepare(home: SandboxHome, version: ModelVersion, on_event: OnEvent = ignore) -> Environment:
    """Make sure that a version can run: its environment is there, and `version.python` starts it.

    Raises:
        SetupError: the environment had to be made anew and could not be.
    """
    environment = ensure(home, (version.folder / "requirements.lock").read_text(encoding="utf-8"), on_event)
    _write_launcher(version.python, environment, version.package)
    return environment


def versions(home: SandboxHome) -> list[ModelVersion]:
    """Every uploaded version, the latest upload first."""
    folders = [record.parent for record in home.models.glob("*/*/record.json")]
    found = [_read(folder) for folder in folders if not folder.name.startswith(".")]  # those are being written
    return sorted(found, key=lambda version: version.uploaded_at, reverse=True)


def find_version(home: SandboxHome, model_id: str) -> ModelVersion:
    """The version that "name@version" names; for "name" alone the deployed default, else the latest upload.

    Raises:
        UsageError: there is none; says what there is.
    """
    name, _, wanted = model_id.partition("@")
    found = [version for version in versions(home) if version.name == name]
    deployment = load_routes(home).models.get(name)
    if not wanted and deployment is not None:
        wanted = deployment.default
    chosen = next((version for version in found if version.version.startswith(wanted)), None)
    if chosen is None:
        known = ", ".join(version.model_id for version in found) or "no version of it"
        raise UsageError(f"There is no model {model_id!r}; uploaded: {known}.", "pyml upload FOLDER")
    return chosen


def _store(home: SandboxHome, package: ModelPackage, target: Path, on_event: OnEvent) -> Environment:
    """Copy, resolve and describe beside the place; rename into it once all went well."""
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(dir=target.parent, prefix="."))
    try:
        environment, declared = _stage(home, package, beside, on_event)
        _write_record(package, beside, declared)
        shutil.rmtree(target, ignore_errors=True)
        _write_launcher(beside / "python", environment, target / "package")
        with contextlib.suppress(OSError):  # another process stored the same content meanwhile
            beside.rename(target)
        return environment
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _stage(
    home: SandboxHome, package: ModelPackage, beside: Path, on_event: OnEvent
) -> tuple[Environment, Mapping[str, object]]:
    """Copy the package, make its environment, and load the model once in it."""
    _copy(package, beside / "package")
    lock = resolve(home, package, on_event)
    (beside / "requirements.lock").write_text(lock, encoding="utf-8")
    environment = ensure(home, lock, on_event)
    with timed("model", on_event, "loading it once, in its own environment"):
        return environment, _describe(environment, beside / "package")


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


def _describe(environment: Environment, package: Path) -> Mapping[str, object]:
    """Load the model in its own environment, and give back what it declares."""
    from pyml.describe import contract_of

    launcher = package.parent / "python"
    _write_launcher(launcher, environment, package)
    command = [str(launcher), "-m", "pyml.describe", str(package)]
    try:
        done = subprocess.run(command, capture_output=True, timeout=DESCRIBE_TIMEOUT_S, check=True)
    except subprocess.TimeoutExpired as error:
        raise PackageError(f"loading the model took longer than {DESCRIBE_TIMEOUT_S} s", []) from error
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors="replace").strip()[-2000:]
        ended = f"loading it ended Python with exit code {error.returncode}"
        problem = Problem(f"{ended}, saying:\n{said}" if said else ended, "do not call sys.exit while loading")
        raise PackageError("the model cannot be loaded", [problem]) from error
    return contract_of(done.stdout.decode().splitlines()[-1], package).to_json()


def _write_launcher(path: Path, environment: Environment, package: Path) -> None:
    text = launcher_script(environment.python, package)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        write_atomically(path, text, mode=0o755)


def _write_record(package: ModelPackage, folder: Path, declared: Mapping[str, object]) -> None:
    digest = package.digest()
    record = {
        "name": package.name,
        "version": digest[:VERSION_DIGITS],
        "digest": digest,
        "uploaded_at": time.time(),
        "contract": declared,
    }
    write_atomically(folder / "record.json", json.dumps(record, indent=2) + "\n")


def _read(folder: Path) -> ModelVersion:
    try:
        record = json.loads((folder / "record.json").read_text(encoding="utf-8"))
        return ModelVersion(record["name"], record["version"], folder, record["uploaded_at"], record["contract"])
    except (OSError, ValueError, KeyError) as error:
        raise SetupError(f"{folder} holds no uploaded model ({error}).", f"rm -r {folder}") from error

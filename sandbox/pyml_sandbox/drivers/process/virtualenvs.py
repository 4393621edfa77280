"""Virtual environments of models: uv makes one for each resolved set of requirements.

`requirements.txt` and the requirements of pyml's runtime are resolved together into a lock. Lock, Python and the
runtime's code give a key; `$PYML_HOME/envs/<key>` is made once, under a temporary name that is then changed. Locks are
kept, so that a second upload of the same requirements needs no network.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from pyml.errors import PackageError, Problem, SetupError
from pyml.package.model_package import ModelPackage
from pyml.package.requirement_files import REQUIREMENTS
from pyml_sandbox.drivers.downloads import download_events
from pyml_sandbox.drivers.pip_settings import (
    left_out_for_uv,
    list_pip_config,
    settings_of_files,
    settings_of_variables,
    uv_variables,
)
from pyml_sandbox.drivers.requirements import count_packages, runtime_requirements
from pyml_sandbox.drivers.resolution import SUBJECT, resolve_requirements, warn_of_cuda
from pyml_sandbox.drivers.unmet import heading
from pyml_sandbox.drivers.uv_program import UV_TIMEOUT_S, UvError, run_uv, uv_environment
from pyml_sandbox.models.environment import EnvironmentSize
from pyml_sandbox.workspace.events import Event, OnEvent, Progress, ignore, timed
from pyml_sandbox.workspace.files import size_bytes, write_atomically
from pyml_sandbox.workspace.home import SandboxHome
from pyml_sandbox.workspace.runtime_source import digest, runtime_digest, runtime_folder

RECORD = "pyml-environment.json"
OFFLINE_WORDS = ("are you offline", "failed to fetch", "error sending request", "dns error", "network was disabled")
UNREADABLE = re.compile(
    "couldn't parse|error parsing|failed to decode|failed to read from file|unexpected '", re.IGNORECASE
)


@dataclass(frozen=True)
class VirtualEnvironment:
    """A virtual environment in which models with equal locks run.

    Attributes:
        folder: of the environment.
        key: identifies it: a digest of lock, Python and runtime.
        reused: whether it already existed.
        size: how large it is; None if an earlier version of pyml made it.
    """

    folder: Path
    key: str
    reused: bool
    size: EnvironmentSize | None = None

    @property
    def python(self) -> Path:
        """The path of its interpreter."""
        return self.folder / "bin" / "python"

    @property
    def note(self) -> str:
        """For summaries: "env 7c1e2b (reused)"."""
        return f"env {self.key[:6]} ({'reused' if self.reused else 'new'})"


def resolve(home: SandboxHome, package: ModelPackage, on_event: OnEvent = ignore) -> str:
    """The lock of a package: exact versions of all packages that it and pyml's runtime need, one on each line.

    Equal requirements are resolved once; later the lock comes from `$PYML_HOME/cache`, without a network. If
    `requirements.txt` names files of the package or demands hashes, a comment in the lock holds a digest of them all.

    Args:
        home: has the cache.
        package: has `requirements.txt`.
        on_event: called with each step.

    Raises:
        PackageError: the requirements cannot be read, or they conflict; with the resolver's message.
        SetupError: the package index cannot be reached.
    """
    base, named = runtime_requirements(), _digest_of_files(package)
    file = home.cache / "locks" / f"{digest(named, *base, python_name())}.txt"
    if not file.exists():
        with timed(SUBJECT, on_event, "resolving requirements.txt") as done:
            try:
                lock = resolve_requirements(package, base, _environ(on_event))
            except UvError as error:
                raise resolution_error(error.output) from error
            if package.requirement_files.files or package.requirement_files.has_hashes:
                lock += f"# requirements.txt and the files that it names: {named}\n"
            write_atomically(file, lock)
            done(f"resolved to {count_packages(lock)} packages")
    return file.read_text(encoding="utf-8")


def _digest_of_files(package: ModelPackage) -> str:
    """A digest of `requirements.txt` and of the files that it names."""
    files = (Path(REQUIREMENTS), *package.requirement_files.files)
    contents = (hashlib.sha256((package.folder / path).read_bytes()).hexdigest() for path in files)
    return digest(*(part for pair in zip(map(str, files), contents, strict=True) for part in pair))


def ensure(home: SandboxHome, lock: str, package: ModelPackage, on_event: OnEvent = ignore) -> VirtualEnvironment:
    """The environment of a lock, made if it does not exist. Blocks; several processes may ask for it at once.

    Args:
        home: where environments are kept.
        lock: of the package, from `resolve`.
        package: has the files that the lock names.
        on_event: called with each step.

    Raises:
        SetupError: a package could not be fetched or installed; with the installer's message.
    """
    import filelock

    key = environment_key(lock)
    folder = home.environments / key
    if is_complete(folder):
        return VirtualEnvironment(folder, key, reused=True, size=_recorded_size(folder))
    home.environments.mkdir(parents=True, exist_ok=True, mode=0o700)
    with filelock.FileLock(home.environments / f".{key}.lock"):
        if is_complete(folder):
            return VirtualEnvironment(folder, key, reused=True, size=_recorded_size(folder))
        size = _installed(folder, lock, package, on_event)
    return VirtualEnvironment(folder, key, reused=False, size=size)


def _installed(folder: Path, lock: str, package: ModelPackage, on_event: OnEvent) -> EnvironmentSize:
    environ, started = _environ(on_event), time.monotonic()
    warn_of_cuda(lock, package, environ, on_event)
    doing = f"installing {count_packages(lock)} packages"
    with timed(SUBJECT, on_event, doing) as done, download_events(SUBJECT, on_event, doing) as on_line:
        size = _build(folder, lock, package, partial(run_uv, environ=environ, on_line=on_line), started)
        done(size.text)
    return size


def environment_key(lock: str) -> str:
    """The key of the environment of a lock: environments with equal keys are equal."""
    return digest(lock, python_name(), runtime_digest())[:16]


def is_complete(folder: Path) -> bool:
    """Whether an environment is complete, and its Python is still installed."""
    return (folder / RECORD).exists() and (folder / "bin" / "python").exists()


def python_name() -> str:
    """The Python that environments are made from, which is the sandbox's own: version and folder."""
    return f"{sys.version_info.major}.{sys.version_info.minor}.{sys.version_info.micro} {sys.base_prefix}"


def resolution_error(output: str) -> PackageError | SetupError:
    """The error for requirements that could not be resolved: no index is reachable, or the requirements conflict.

    Args:
        output: what uv wrote to stderr.
    """
    if any(offline in output.lower() for offline in OFFLINE_WORDS):
        return SetupError(
            f"requirements.txt could not be resolved, since the package index cannot be reached:\n{output}",
            "connect to the package index once; equal requirements need no network afterwards",
        )
    if UNREADABLE.search(output):
        return PackageError("requirements.txt cannot be read", [Problem(output, "mend requirements.txt")])
    return PackageError(heading("requirements.txt", output), [Problem(output, "change requirements.txt")])


def _environ(on_event: OnEvent) -> dict[str, str]:
    """The variables for uv: the user's, and pip's settings where uv has none of its own."""
    settings = {**settings_of_files(list_pip_config(os.environ)), **settings_of_variables(os.environ)}
    left_out = left_out_for_uv(settings)
    if left_out:
        message = f"pip's {', '.join(left_out)} is not used: uv, which makes environments, has no such setting"
        on_event(Event(SUBJECT, Progress.NOTE, message))
    return uv_environment(os.environ) | uv_variables(settings, os.environ)


def _recorded_size(folder: Path) -> EnvironmentSize | None:
    record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    return EnvironmentSize(**record["size"]) if "size" in record else None


class _RunUv(Protocol):
    """`run_uv` with the environment of this machine."""

    def __call__(self, *arguments: str, cwd: Path | None = None, given: str = "") -> str:
        """Run uv, and return its stdout."""


def _build(folder: Path, lock: str, package: ModelPackage, uv: _RunUv, started: float) -> EnvironmentSize:
    """Make the environment under a temporary name, and rename it once it is complete."""
    beside = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        python = beside / "bin" / "python"
        made = ("venv", "--quiet", "--allow-existing", "--relocatable", "--python", sys.executable, str(beside))
        uv(*made)
        (beside / "requirements.lock").write_text(lock, encoding="utf-8")
        _install(python, lock, package, uv)
        _copy_runtime(beside, python)
        size = EnvironmentSize(size_bytes(beside), count_packages(lock), time.monotonic() - started)
        record = {"python": python_name(), "runtime": runtime_digest(), "size": asdict(size)}
        (beside / RECORD).write_text(json.dumps(record))
        shutil.rmtree(folder, ignore_errors=True)
        beside.rename(folder)
        return size
    except UvError as error:
        raise SetupError(f"The model's environment could not be made:\n{error.output}", _install_hint(error)) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _install(python: Path, lock: str, package: ModelPackage, uv: _RunUv) -> None:
    """Install a lock; from the package's folder, since its paths are relative to that."""
    named = package.requirement_files
    # Compiled now: a model's Python writes no bytecode, and would compile pandas anew at every start.
    options = ["--no-deps", "--compile-bytecode", "--python", str(python)]
    options += [part for wheels in named.folders for part in ("--find-links", str(wheels))]
    options += ["-r", REQUIREMENTS] if named.has_hashes else []  # uv's locks drop the author's hashes
    uv("pip", "install", *options, "-r", "-", cwd=package.folder, given=lock)


def _copy_runtime(environment: Path, python: Path) -> None:
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    target = environment / "lib" / version / "site-packages" / "pyml"
    shutil.copytree(runtime_folder(), target, ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run(
        [python, "-I", "-m", "compileall", "-q", target], check=True, capture_output=True, timeout=UV_TIMEOUT_S
    )


def _install_hint(error: UvError) -> str:
    offline = any(words in error.output.lower() for words in OFFLINE_WORDS)
    return (
        "connect to the package index once; the environment is kept afterwards"
        if offline
        else "change requirements.txt"
    )

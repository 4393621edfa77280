"""The process driver's environment builder: a virtual environment for each lock, and a script to start it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pyml.errors import SandboxError, UsageError
from pyml.package.model_package import ModelPackage
from pyml.pinned_environment import launcher_script
from pyml_sandbox.drivers.debian_packages import debian_warning
from pyml_sandbox.drivers.process.model_load import load_on_trial
from pyml_sandbox.drivers.process.service_runner import inherited
from pyml_sandbox.drivers.process.session import session_with_process
from pyml_sandbox.drivers.process.virtualenvs import VirtualEnvironment, ensure, resolve
from pyml_sandbox.models.environment import BuildResult, Environment, EnvironmentBuilder
from pyml_sandbox.models.interpreter_files import FACTS, InterpreterFiles
from pyml_sandbox.models.model_session import Session
from pyml_sandbox.workspace.events import Event, OnEvent, Progress, timed
from pyml_sandbox.workspace.files import write_atomically
from pyml_sandbox.workspace.home import SandboxHome

LAUNCHER = "python"
"""Name of the script beside a version's package that starts its Python."""


class VirtualenvBuilder:
    """Builds virtual environments below `home.environments`. See `EnvironmentBuilder`."""

    def __init__(self, home: SandboxHome) -> None:
        self._home = home

    def with_inputs(self, wheels: Path | None, ca_bundle: Path | None) -> EnvironmentBuilder:
        """See `EnvironmentBuilder.with_inputs`. Refuses both: uv has settings of its own for them."""
        if wheels is not None or ca_bundle is not None:
            raise UsageError(
                "--wheels and --ca-bundle are for images, and this sandbox runs processes.",
                "use the settings of pip or uv: PIP_NO_INDEX=1 PIP_FIND_LINKS=DIR, and PIP_CERT",
            )
        return self

    def make(self, package: ModelPackage, folder: Path, on_event: OnEvent) -> BuildResult:
        """See `EnvironmentBuilder.make`."""
        lock = resolve(self._home, package, on_event)
        made = ensure(self._home, lock, package, on_event)
        launcher = package.folder.parent / LAUNCHER
        _write_launcher(launcher, made, package.folder)
        with timed("model", on_event, "loading it once, in its own environment"):
            declared = load_on_trial(launcher, package.folder)
        warning = debian_warning(package.debian_packages)
        if warning is not None:
            on_event(Event("packages.txt", Progress.NOTE, warning))
        _write_launcher(launcher, made, folder / "package")
        return BuildResult(_environment(made, folder), lock, declared)

    def ensure(
        self, package: ModelPackage, folder: Path, lock: str, pinned: str | None, on_event: OnEvent
    ) -> Environment:
        """See `EnvironmentBuilder.ensure`."""
        made = ensure(self._home, lock, package, on_event)
        _write_launcher(folder / LAUNCHER, made, package.folder)
        return _environment(made, folder)

    def import_image(self, reference: str, folder: Path, on_event: OnEvent) -> tuple[str, BuildResult]:
        """See `EnvironmentBuilder.import_image`. Refuses every image: processes run in none."""
        raise UsageError(
            f"{reference!r} is neither a folder nor a version, and this sandbox runs no images.",
            "give a model package, or name@version; pyml dev up --driver container runs images",
        )

    def open_session(self, environment: Environment, arguments: Sequence[str]) -> Session:
        """See `EnvironmentBuilder.open_session`."""
        return session_with_process([environment.python, *arguments], inherited(os.environ))

    @contextmanager
    def files(self, environment: Environment) -> Iterator[InterpreterFiles]:
        """See `EnvironmentBuilder.files`. They are there already."""
        command = [environment.python, "-c", FACTS]
        done = subprocess.run(command, env=inherited(os.environ), capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SandboxError(f"{environment.python} does not run: {done.stderr.strip()}", "pyml upload, again")
        yield InterpreterFiles.printed(done.stdout)


def _environment(made: VirtualEnvironment, folder: Path) -> Environment:
    return Environment(made.key, str(folder / LAUNCHER), str(folder / "package"), made.note, size=made.size)


def _write_launcher(path: Path, made: VirtualEnvironment, package: Path) -> None:
    text = launcher_script(made.python, package)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        write_atomically(path, text, mode=0o755)

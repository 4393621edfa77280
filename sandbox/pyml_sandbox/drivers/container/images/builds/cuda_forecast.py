"""A warning about packages for graphics cards before a build downloads them: uv resolves what pip will install.

pip resolves in the build and may choose a version otherwise, so that this is a forecast. It is kept for each
`requirements.txt`, since a build whose layers exist takes less time than it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from pyml.package.model_package import ModelPackage
from pyml.package.requirement_files import REQUIREMENTS
from pyml_sandbox.drivers.container.engine.docker_engine import Engine
from pyml_sandbox.drivers.container.images.builds.build_inputs import BuildInputs
from pyml_sandbox.drivers.pip_settings import uv_variables
from pyml_sandbox.drivers.requirements import runtime_requirements
from pyml_sandbox.drivers.resolution import resolve_requirements, warn_of_cuda
from pyml_sandbox.drivers.uv_program import UvError, uv_environment
from pyml_sandbox.workspace.events import OnEvent
from pyml_sandbox.workspace.files import write_atomically
from pyml_sandbox.workspace.home import SandboxHome


def warn_before_build(
    engine: Engine, package: ModelPackage, lock: str | None, inputs: BuildInputs, on_event: OnEvent
) -> None:
    """Report packages for graphics cards that a build will download, if it will; see `warn_of_cuda`.

    Args:
        engine: builds the image; its environment names the home of the sandboxes.
        package: has `requirements.txt`.
        lock: of an earlier build of this version; None if requirements.txt has to be resolved.
        inputs: network settings of the build.
        on_event: called if there are such packages.

    Raises:
        SetupError: uv cannot be run.
    """
    environ = _environ(engine.environ, inputs)
    expected = lock or _forecast(SandboxHome.find(environ=engine.environ).cache / "forecasts", package, environ)
    warn_of_cuda(expected, package, environ, on_event)


def _environ(environ: Mapping[str, str], inputs: BuildInputs) -> dict[str, str]:
    """The variables with which uv asks the indexes that the build asks."""
    own = {name: value for name, value in environ.items() if not name.startswith("UV_") or name == "UV_CACHE_DIR"}
    certificates = {"SSL_CERT_FILE": str(inputs.ca_bundle)} if inputs.ca_bundle else {}
    return uv_environment(own) | uv_variables(inputs.pip, own) | certificates


def _forecast(folder: Path, package: ModelPackage, environ: Mapping[str, str]) -> str:
    """The lock that uv makes of the requirements; empty if it cannot: the build itself says why."""
    if not package.requirements:
        return ""
    named = (Path(REQUIREMENTS), *package.requirement_files.files)
    content = b"".join((package.folder / path).read_bytes() for path in named)
    file = folder / f"{hashlib.sha256(content).hexdigest()[:16]}.txt"
    if not file.exists():
        try:
            lock = resolve_requirements(package, runtime_requirements(), environ)
        except UvError:
            return ""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_atomically(file, lock)
    return file.read_text(encoding="utf-8")

"""The first time that a model is loaded in its own image: what it declares, and what is installed beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pyml.errors import PackageError, Problem, SandboxError
from pyml_sandbox.containers import paths
from pyml_sandbox.containers.engine import Engine, translated
from pyml_sandbox.images.archive import read_file

if TYPE_CHECKING:
    from docker.models.containers import Container

TIMEOUT_S = 300
SAID_MAX_CHARACTERS = 2000
COMMAND = (paths.MODEL_PYTHON, "-m", "pyml.describe", paths.MODEL_PACKAGE)


@dataclass(frozen=True)
class Trial:
    """What came of it.

    Attributes:
        contract: the model's kind, inputs and outputs, as `pyml.describe.Contract` writes them.
        lock: everything that is installed in the image.
    """

    contract: Mapping[str, object]
    lock: str


def try_model(engine: Engine, image_id: str, package: Path) -> Trial:
    """Load a model once in its image, as it will be served: no network, nothing to write to. Blocks.

    Args:
        package: where the package lies on this machine, for messages.

    Raises:
        PackageError: it cannot be loaded, or takes too long.
        SandboxError: the engine refused.
    """
    from pyml.describe import contract_of

    with _container(engine, image_id) as container:
        lock = read_file(container, paths.LOCK)
        answer = _run(container)
        return Trial(contract_of(answer.splitlines()[-1], package).to_json(), lock)


@contextmanager
def _container(engine: Engine, image_id: str) -> Iterator[Container]:
    with translated("make a container to load the model in"):
        container = engine.client.containers.create(
            image_id,
            list(COMMAND),
            network_disabled=True,
            read_only=True,
            tmpfs={"/tmp": "mode=1777"},  # noqa: S108 - the container's own
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
        )
    try:
        yield container
    finally:
        with translated("remove a container"):
            container.remove(force=True)


def _run(container: Container) -> str:
    """Run it to its end; returns what it printed."""
    import requests.exceptions

    try:
        with translated("load the model"):
            container.start()
            code = int(container.wait(timeout=TIMEOUT_S)["StatusCode"])
            printed = container.logs(stdout=True, stderr=False).decode()
            said = container.logs(stdout=False, stderr=True).decode(errors="replace").strip()
    except SandboxError as error:
        if not isinstance(error.__cause__, requests.exceptions.ConnectionError | requests.exceptions.Timeout):
            raise
        raise PackageError(f"loading the model took longer than {TIMEOUT_S} s", []) from error
    if code != 0 or not printed.strip():
        raise _ended(code, said[-SAID_MAX_CHARACTERS:])
    return printed


def _ended(code: int, said: str) -> PackageError:
    ended = f"loading it ended Python with exit code {code}"
    problem = Problem(f"{ended}, saying:\n{said}" if said else ended, "do not call sys.exit while loading")
    return PackageError("the model cannot be loaded", [problem])

"""The first time that a model is loaded in its own image: what it declares, and what is installed beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pyml.errors import PackageError
from pyml_sandbox.drivers.container import inside_paths
from pyml_sandbox.drivers.container.engine.archive import read_file
from pyml_sandbox.drivers.container.engine.docker_engine import Engine
from pyml_sandbox.drivers.container.engine.temporary_container import Program, run_to_its_end, temporary_container

TIMEOUT_S = 300
PROGRAM = Program(
    (inside_paths.MODEL_PYTHON, "-m", "pyml.inference.describe", inside_paths.MODEL_PACKAGE),
    {"/tmp": "mode=1777"},  # noqa: S108
)


@dataclass(frozen=True)
class LoadResult:
    """What came of it.

    Attributes:
        contract: the model's kind, inputs and outputs, as `pyml.inference.describe.Signature` writes them.
        lock: everything that is installed in the image.
    """

    signature: Mapping[str, object]
    lock: str


def load_on_trial(engine: Engine, image_id: str, package: Path) -> LoadResult:
    """Load a model once in its image, as it will be served: no network, nothing to write to. Blocks.

    Args:
        package: where the package lies on this machine, for messages.

    Raises:
        PackageError: it cannot be loaded, or takes too long.
        SandboxError: the engine refused.
    """
    from pyml.inference.describe import signature_of

    with temporary_container(engine, image_id, PROGRAM) as container:
        lock = read_file(container, inside_paths.LOCK)
        try:
            answer = run_to_its_end(container, TIMEOUT_S)
        except TimeoutError as error:
            raise PackageError(f"loading the model took longer than {TIMEOUT_S} s", []) from error
    signature = signature_of(answer.code, answer.printed, answer.said, package)
    return LoadResult(signature.to_json(), lock)

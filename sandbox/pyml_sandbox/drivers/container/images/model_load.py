"""The trial load of a new model in its own image, which gives its signature and its lock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pyml_sandbox.drivers.container import inside_paths
from pyml_sandbox.drivers.container.engine.archive import read_file
from pyml_sandbox.drivers.container.engine.docker_engine import Engine
from pyml_sandbox.drivers.container.engine.temporary_container import Program, run_to_its_end, temporary_container
from pyml_sandbox.models.load_time import TRIAL_TIMEOUT_S, too_slow

PROGRAM = Program(
    (inside_paths.MODEL_PYTHON, "-m", "pyml.inference.describe", inside_paths.MODEL_PACKAGE),
    {"/tmp": "mode=1777"},  # noqa: S108
)


@dataclass(frozen=True)
class LoadResult:
    """The result of a trial load.

    Attributes:
        signature: of the model, as `pyml.inference.describe.Signature` writes it.
        lock: all packages of the image, see `image_lock.py`.
    """

    signature: Mapping[str, object]
    lock: str


def load_on_trial(engine: Engine, image_id: str, package: Path) -> LoadResult:
    """Load a model once in its image, as a model server runs: no network, and only /tmp to write to. Blocks.

    Args:
        engine: runs the container.
        image_id: of the model's image.
        package: folder of the package on this machine, for messages.

    Raises:
        PackageError: the model cannot be loaded, or takes too long.
        SandboxError: the engine refused a request, or does not answer.
    """
    from pyml.inference.describe import signature_of

    with temporary_container(engine, image_id, PROGRAM) as container:
        lock = read_file(container, inside_paths.LOCK)
        try:
            output = run_to_its_end(container, TRIAL_TIMEOUT_S)
        except TimeoutError as error:
            raise too_slow(TRIAL_TIMEOUT_S) from error
    signature = signature_of(output.code, output.stdout, output.stderr, package)
    return LoadResult(signature.to_json(), lock)

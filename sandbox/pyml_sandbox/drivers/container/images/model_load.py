"""The trial load of a new model in its own image, which gives its signature and its lock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pyml.error_code import ErrorCode
from pyml.errors import PackageError, Problem
from pyml.package.settings import MIB, Settings
from pyml_sandbox.drivers.container.engine.archive import read_file
from pyml_sandbox.drivers.container.engine.docker_engine import Engine
from pyml_sandbox.drivers.container.engine.temporary_container import Program, run_to_its_end, temporary_container
from pyml_sandbox.models.load_time import TRIAL_TIMEOUT_S, too_slow
from pyml_sandbox.services import inside_paths


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
    """Load a model once in its image, as a server runs: no network, its memory, and only /tmp to write to. Blocks.

    Args:
        engine: runs the container.
        image_id: of the model's image.
        package: folder of the package on this machine, for messages.

    Raises:
        PackageError: the model cannot be loaded, or takes too long or too much memory.
        SandboxError: the engine refused a request, or does not answer.
    """
    from pyml.inference.describe import signature_of

    memory_mb = Settings.load(package).serving.memory_mb
    program = Program(
        (inside_paths.MODEL_PYTHON, "-m", "pyml.inference.describe", inside_paths.MODEL_PACKAGE),
        {"/tmp": "mode=1777"},  # noqa: S108
        memory_bytes=memory_mb * MIB,
    )
    with temporary_container(engine, image_id, program) as container:
        lock = read_file(container, inside_paths.LOCK)
        try:
            output = run_to_its_end(container, TRIAL_TIMEOUT_S)
        except TimeoutError as error:
            raise too_slow(TRIAL_TIMEOUT_S) from error
    if output.out_of_memory:
        raise _too_large(memory_mb)
    signature = signature_of(output.code, output.stdout, output.stderr, package)
    return LoadResult(signature.to_json(), lock)


def _too_large(memory_mb: int) -> PackageError:
    message = f"it takes more memory than the {memory_mb:,} MiB that its server may have"
    hint = "give it more in pyml.toml: [serving] memory_mb"
    return PackageError("the model cannot be loaded", [Problem(message, hint, ErrorCode.PACKAGE)])

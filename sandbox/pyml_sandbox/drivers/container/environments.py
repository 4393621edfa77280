"""The container driver's environment builder: one image for each model version."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from pyml.errors import SandboxError
from pyml.package.model_package import ModelPackage
from pyml_sandbox.drivers.container.engine import archive
from pyml_sandbox.drivers.container.engine.docker_engine import Engine
from pyml_sandbox.drivers.container.engine.temporary_container import Program, run_to_its_end, temporary_container
from pyml_sandbox.drivers.container.images.base_image import ensure_base
from pyml_sandbox.drivers.container.images.builds.build_options import BuildOptions
from pyml_sandbox.drivers.container.images.model_image import ModelImage, build_model, extract_package, find_model_image
from pyml_sandbox.drivers.container.session import session_with_container
from pyml_sandbox.models.environment import BuildResult, Environment
from pyml_sandbox.models.interpreter_files import FACTS, InterpreterFiles
from pyml_sandbox.models.load_time import START_TIMEOUT_S
from pyml_sandbox.models.model_session import Session
from pyml_sandbox.services.inside_paths import MODEL_PACKAGE, MODEL_PYTHON
from pyml_sandbox.workspace.events import OnEvent


class ImageBuilder:
    """Builds images in an engine. See `EnvironmentBuilder`."""

    def __init__(self, engine: Engine, options: BuildOptions) -> None:
        self._engine = engine
        self._options = options

    def with_inputs(self, wheels: Path | None, ca_bundle: Path | None) -> ImageBuilder:
        """See `EnvironmentBuilder.with_inputs`."""
        return ImageBuilder(self._engine, replace(self._options, wheels=wheels, ca_bundle=ca_bundle))

    def make(self, package: ModelPackage, folder: Path, on_event: OnEvent) -> BuildResult:
        """See `EnvironmentBuilder.make`."""
        return _built(self._build(package, None, on_event))

    def ensure(
        self, package: ModelPackage, folder: Path, lock: str, pinned: str | None, on_event: OnEvent
    ) -> Environment:
        """See `EnvironmentBuilder.ensure`."""
        if pinned is not None:
            return _environment(find_model_image(self._engine, pinned))
        return _environment(self._build(package, lock, on_event))

    def import_image(self, reference: str, folder: Path, on_event: OnEvent) -> tuple[str, BuildResult]:
        """See `EnvironmentBuilder.import_image`."""
        image = find_model_image(self._engine, reference)
        extract_package(self._engine, image.id, folder / "package")
        return image.name, _built(image)

    def open_session(self, environment: Environment, arguments: Sequence[str]) -> Session:
        """See `EnvironmentBuilder.open_session`."""
        if environment.image is None:
            raise SandboxError("this environment is not an image", "run pyml upload in this sandbox")
        return session_with_container(self._engine, environment.image, [environment.python, *arguments])

    @contextmanager
    def files(self, environment: Environment) -> Iterator[InterpreterFiles]:
        """See `EnvironmentBuilder.files`. They are copied out of the image."""
        if environment.image is None:
            raise SandboxError("this environment is not an image", "run pyml upload in this sandbox")
        program = Program([environment.python, "-c", FACTS])
        with (
            tempfile.TemporaryDirectory(prefix="pyml-environment-") as folder,
            temporary_container(self._engine, environment.image, program) as container,
        ):
            asked = run_to_its_end(container, START_TIMEOUT_S)
            if asked.code != 0:
                raise SandboxError(f"the Python of {environment.image} does not run: {asked.stderr.strip()}")
            found = InterpreterFiles.printed(asked.stdout, Path(folder))
            for path in found.paths:
                archive.copy_out(container, path, found.here(path))
            yield found

    def _build(self, package: ModelPackage, lock: str | None, on_event: OnEvent) -> ModelImage:
        base = ensure_base(self._engine, self._options, on_event)
        return build_model(self._engine, base, package, package.version, lock, self._options, on_event)


def _built(image: ModelImage) -> BuildResult:
    return BuildResult(_environment(image), image.lock, image.signature)


def _environment(image: ModelImage) -> Environment:
    short = image.id.removeprefix("sha256:")[:12]
    note = f"image {short} ({'reused' if image.reused else 'new'})"
    return Environment(image.id, MODEL_PYTHON, MODEL_PACKAGE, note, image.id, image.size)

"""The image of one model version: the base image, with the model's packages, parameters and code."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pyml.errors import UsageError
from pyml.package.model_package import ModelPackage
from pyml.pinned_environment import launcher_script
from pyml_sandbox.drivers.container.engine import archive, labels
from pyml_sandbox.drivers.container.engine.docker_engine import Engine, translated
from pyml_sandbox.drivers.container.engine.temporary_container import temporary_container
from pyml_sandbox.drivers.container.images import inventory
from pyml_sandbox.drivers.container.images.base_image import BaseImage, spark_requirements
from pyml_sandbox.drivers.container.images.builds.build_options import BuildOptions
from pyml_sandbox.drivers.container.images.builds.build_refusal import refusal
from pyml_sandbox.drivers.container.images.builds.build_requirements import write_requirements
from pyml_sandbox.drivers.container.images.builds.cuda_forecast import warn_before_build
from pyml_sandbox.drivers.container.images.builds.dockerfiles import recipe
from pyml_sandbox.drivers.container.images.builds.image_build import (
    BuildError,
    ImageBuild,
    build_context,
    build_inputs,
    one_at_a_time,
    run_build,
)
from pyml_sandbox.drivers.container.images.builds.image_lock import constraints, differences
from pyml_sandbox.drivers.container.images.model_load import LoadResult, load_on_trial
from pyml_sandbox.drivers.requirements import count_packages, runtime_requirements
from pyml_sandbox.models.environment import EnvironmentSize
from pyml_sandbox.services import inside_paths
from pyml_sandbox.services.spark_home import SparkHome
from pyml_sandbox.workspace.events import Event, OnEvent, Progress, ignore, timed
from pyml_sandbox.workspace.runtime_source import digest

if TYPE_CHECKING:
    from docker.models.images import Image

DOCKERFILE = "model.Dockerfile"
LABELLED = "labelled.Dockerfile"
REPOSITORY = "pyml-model"
UNFINISHED = "pyml-build"
KIND = "model"
SUBJECT = "model image"


@dataclass(frozen=True)
class ModelImage:
    """The image of one model version.

    Attributes:
        id: of the image.
        tag: its name, "pyml-model/NAME:VERSION".
        name: of the model.
        version: of the model.
        lock: all packages, see `image_lock.py`.
        signature: of the model, as `pyml.inference.describe.Signature` writes it.
        reused: whether it already existed.
        size: of the image with all its layers, and the seconds that this build took; equal images may differ in it.
    """

    id: str
    tag: str
    name: str
    version: str
    lock: str
    signature: Mapping[str, object]
    reused: bool
    size: EnvironmentSize = field(compare=False)


def build_model(
    engine: Engine,
    base: BaseImage,
    package: ModelPackage,
    version: str,
    lock: str | None = None,
    options: BuildOptions | None = None,
    on_event: OnEvent = ignore,
) -> ModelImage:
    """The image of a package, built if the engine does not have it; the model is loaded once in it. Blocks.

    Args:
        engine: builds it.
        base: the base image.
        package: the model package.
        version: of the model; part of the image's name.
        lock: of an earlier build of this version; None to resolve requirements.txt.
        options: the user's choices for the build; None for the defaults.
        on_event: called with each step.

    Raises:
        PackageError: the requirements conflict, a Debian package does not exist, or the model's code raised.
        SetupError: a package index or mirror cannot be reached.
        BuildError: the build failed for a different reason.
    """
    wanted = _Wanted(package, version, base)
    found = _find(engine, wanted, lock)
    if found is not None:
        return found
    with one_at_a_time(engine, wanted.key(lock or "")):
        built = _find(engine, wanted, lock) or _build(engine, wanted, lock, options or BuildOptions(), on_event)
    for sentence in differences(lock or built.lock, built.lock):
        on_event(Event("lock", Progress.NOTE, sentence))
    return built


def find_model_image(engine: Engine, reference: str) -> ModelImage:
    """The model image with this id or name.

    Raises:
        UsageError: the image does not exist, or is not a model image.
    """
    import docker.errors

    with translated(f"look for {reference}"):
        try:
            image = engine.client.images.get(reference)
        except docker.errors.ImageNotFound as error:
            raise UsageError(f"There is no image {reference}.", "pyml image list") from error
    if image.labels.get(labels.KIND) != KIND:
        raise UsageError(f"{reference} is not a model image.", "pyml image list")
    return _described(image, _lock_in(engine, image))


def extract_package(engine: Engine, image_id: str, target: Path) -> None:
    """Copy the model package out of a model image.

    Args:
        engine: has the image.
        image_id: of the image.
        target: folder for the package.

    Raises:
        SandboxError: the image does not exist, or holds no model.
    """
    with temporary_container(engine, image_id) as container:
        archive.extract(container, inside_paths.MODEL_PACKAGE, target)


def repository(name: str) -> str:
    """The repository of a model's images: its name in lower case, with single separators."""
    return f"{REPOSITORY}/{re.sub('[^a-z0-9]*-[^a-z0-9]*|_{3,}', '-', name.lower().strip('-_'))}"


@dataclass(frozen=True)
class _Wanted:
    """One model version on one base image."""

    package: ModelPackage
    version: str
    base: BaseImage

    @property
    def tag(self) -> str:
        return f"{repository(self.package.name)}:{self.version.lower()}"

    @property
    def known_labels(self) -> dict[str, str]:
        """The labels that are known before the build, and that find its images."""
        return {
            labels.KIND: KIND,
            labels.MODEL: self.package.name,
            labels.VERSION: self.version,
            labels.CONTENT: self.package.digest(),
            labels.BASE: self.base.id,
        }

    def labels(self, trial: LoadResult, lock: str | None) -> dict[str, str]:
        """All labels of the image, known after the trial load."""
        key = self.key(lock or trial.lock)
        return {**self.known_labels, labels.KEY: key, labels.CONTRACT: json.dumps(trial.signature)}

    def key(self, lock: str) -> str:
        """The key of its image with a lock: a digest of all inputs of the build."""
        return digest(self.package.digest(), self.base.id, lock, *recipe(DOCKERFILE))


def _find(engine: Engine, wanted: _Wanted, lock: str | None) -> ModelImage | None:
    """The image that was built for a lock; without a lock, one for which requirements.txt was resolved."""
    filters = {"label": [f"{name}={value}" for name, value in wanted.known_labels.items()]}
    with translated("list images"):
        images = [image for image in engine.client.images.list(filters=filters) if wanted.tag in image.tags]
    for image in images:
        known = _lock_in(engine, image) if lock is None else lock
        if image.labels.get(labels.KEY) == wanted.key(known):
            return _described(image, known)
    return None


def _lock_in(engine: Engine, image: Image) -> str:
    with temporary_container(engine, str(image.id)) as container:
        return archive.read_file(container, inside_paths.LOCK)


def _described(image: Image, lock: str) -> ModelImage:
    facts = image.labels
    return ModelImage(
        id=str(image.id),
        tag=next(iter(image.tags), str(image.id)),
        name=facts[labels.MODEL],
        version=facts[labels.VERSION],
        lock=lock,
        signature=json.loads(facts[labels.CONTRACT]),
        reused=True,
        size=EnvironmentSize(int(image.attrs["Size"]), count_packages(lock)),
    )


def _build(engine: Engine, wanted: _Wanted, lock: str | None, options: BuildOptions, on_event: OnEvent) -> ModelImage:
    """Build, load the model, and build again with its signature as a label, which adds no layer."""
    inputs, unfinished = build_inputs(engine, options, on_event), f"{UNFINISHED}:{wanted.key(lock or '')[:12]}"
    started = time.monotonic()
    if inputs.wheels is None:
        warn_before_build(engine, wanted.package, lock, inputs, on_event)
    with timed(SUBJECT, on_event, f"building {wanted.tag}") as done, build_context(inputs) as context:
        _fill(context, wanted.package, constraints(lock or "") + inputs.constraints)
        build = ImageBuild(
            DOCKERFILE,
            context,
            unfinished,
            inputs,
            {labels.KIND: inventory.UNFINISHED},
            {"BASE_IMAGE": wanted.base.tag},
        )
        unlabelled = _run(engine, build, lock, on_event)
        try:
            on_event(Event(SUBJECT, Progress.WAITING, "loading the model once, in its own image"))
            trial = load_on_trial(engine, unlabelled, wanted.package.folder)
            labelled = replace(build, dockerfile=LABELLED, tag=wanted.tag, args={"IMAGE": unfinished})
            image_id = run_build(engine, replace(labelled, labels=wanted.labels(trial, lock)), SUBJECT, on_event)
        finally:
            with translated("remove an unfinished image"):
                engine.client.images.remove(unfinished, force=True)
        size = _size(engine, image_id, trial.lock, time.monotonic() - started)
        done(f"{wanted.tag}, {size.text}")
    name, version = wanted.package.name, wanted.version
    return ModelImage(image_id, wanted.tag, name, version, trial.lock, trial.signature, reused=False, size=size)


def _size(engine: Engine, image_id: str, lock: str, seconds: float) -> EnvironmentSize:
    with translated("inspect an image"):
        return EnvironmentSize(int(engine.client.images.get(image_id).attrs["Size"]), count_packages(lock), seconds)


def _run(engine: Engine, build: ImageBuild, lock: str | None, on_event: OnEvent) -> str:
    try:
        return run_build(engine, build, SUBJECT, on_event)
    except BuildError as error:
        raise refusal(error, with_lock=lock is not None) from error


def _fill(context: Path, package: ModelPackage, constraints_text: str) -> None:
    """Write the files that the Dockerfile copies and mounts into the context."""
    launcher = launcher_script(Path(inside_paths.BASE_PYTHON), Path(inside_paths.MODEL_PACKAGE))
    (context / "python").write_text(launcher, encoding="utf-8")
    (context / "packages.txt").write_text(_lines(package.debian_packages), encoding="utf-8")
    write_requirements(context / "requirements", package, _beside_the_model(), constraints_text)
    (context / "parameters").mkdir()
    for path, target in _targets(package):
        (context / target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(package.folder / path, context / target)
        (context / target).chmod(0o444)  # its name is its content
    for folder in (context / "code", *context.glob("code/**/"), *context.glob("parameters/**/")):
        folder.chmod(0o755)  # whatever this user's umask is, since a different user reads it


def _beside_the_model() -> Iterator[str]:
    """The requirements that are resolved together with the model's."""
    yield from runtime_requirements()
    yield from spark_requirements()
    yield f"pyspark=={SparkHome.find().version}"


def _targets(package: ModelPackage) -> Iterator[tuple[Path, Path]]:
    """Each file of the package with its path in the context: parameters and code are separate layers."""
    for path in package.files():
        yield path, path if path.parts[0] == "parameters" else Path("code") / path


def _lines(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)

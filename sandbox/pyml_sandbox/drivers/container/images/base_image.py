"""The base image, which runs all services of the sandbox itself, and on which model images are built."""

from __future__ import annotations

import importlib.metadata
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pyml_sandbox.drivers.container.engine import labels
from pyml_sandbox.drivers.container.engine.docker_engine import Engine, translated
from pyml_sandbox.drivers.container.images.builds.build_options import BuildOptions
from pyml_sandbox.drivers.container.images.builds.dockerfiles import recipe
from pyml_sandbox.drivers.container.images.builds.image_build import (
    ImageBuild,
    build_context,
    build_inputs,
    link_or_copy,
    one_at_a_time,
    run_build,
)
from pyml_sandbox.drivers.container.images.class_plan import rehearsal_files
from pyml_sandbox.drivers.container.images.python_image import (
    PythonImage,
    ensure_python_image,
    find_python_image,
    python_version,
)
from pyml_sandbox.drivers.container.images.unused_jars import is_unused
from pyml_sandbox.drivers.requirements import DISTRIBUTION, runtime_requirements
from pyml_sandbox.services.spark_home import SparkHome
from pyml_sandbox.workspace.events import OnEvent, ignore, timed
from pyml_sandbox.workspace.runtime_source import digest, runtime_digest, runtime_folder

if TYPE_CHECKING:
    from docker.models.images import Image

DOCKERFILE = "base.Dockerfile"
REPOSITORY = "pyml-base"
KIND = "base"
SUBJECT = "base image"
KEY_DIGITS = 12
LEFT_OUT = ("__pycache__", "examples", "data", "pyspark.zip")
"""Parts of PySpark that are left out: samples, and a zip of its code, which workers would compile at each start."""


@dataclass(frozen=True)
class BaseImage:
    """A base image in the engine.

    Attributes:
        id: of the image.
        tag: its name for later builds: "pyml-base:KEY".
        python_version: of its Python, such as "3.11.2".
        reused: whether it already existed.
    """

    id: str
    tag: str
    python_version: str
    reused: bool


def find_base(engine: Engine, options: BuildOptions | None = None) -> BaseImage | None:
    """The base image of this installation; None if the engine does not have it. Builds and pulls nothing.

    Raises:
        SandboxError: the engine does not answer.
    """
    python = find_python_image(engine, (options or BuildOptions()).python_image)
    return None if python is None else _find(engine, base_key(python.id))


def ensure_base(engine: Engine, options: BuildOptions | None = None, on_event: OnEvent = ignore) -> BaseImage:
    """The base image of this installation, built if the engine does not have it. Blocks; a build takes a minute.

    Args:
        engine: builds it.
        options: the user's choices for the build; None for the defaults.
        on_event: called with each step.

    Raises:
        SetupError: there is no Python image, or Compose is not installed.
        BuildError: a step of the build failed; has the output of that step.
    """
    options = options or BuildOptions()
    found = find_base(engine, options)
    if found is not None:
        _name_latest(engine, found.id)
        return found
    python = ensure_python_image(engine, options.python_image, on_event)
    with one_at_a_time(engine, base_key(python.id)):
        return _find(engine, base_key(python.id)) or _build(engine, python, options, on_event)


def base_key(python_image_id: str) -> str:
    """The key of a base image: a digest of all inputs of its build."""
    spark, parts = SparkHome.find(), recipe(DOCKERFILE)
    left_out = (*LEFT_OUT, *(jar.name for jar in sorted(spark.jars.iterdir()) if is_unused(jar.name)))
    rehearsal = (f"{path}\0{text}" for path, text in rehearsal_files().items())
    return digest(python_image_id, *parts, runtime_digest(), spark.version, *base_requirements(), *left_out, *rehearsal)


def base_requirements() -> list[str]:
    """The requirements of the image: those of the runtime, of the gateway, and of PySpark itself."""
    lines = [*_extra("gateway"), *(line for line in _extra("sandbox") if line.startswith("docker"))]
    return sorted({*runtime_requirements(), *lines, *spark_requirements()})


def spark_requirements() -> list[str]:
    """The requirements of PySpark itself: py4j."""
    return sorted(line for line in importlib.metadata.requires("pyspark") or () if "extra ==" not in line)


def _extra(name: str) -> list[str]:
    """The requirements that an extra of this distribution adds."""
    declared = importlib.metadata.requires(DISTRIBUTION) or ()
    return [line.partition(";")[0].strip() for line in declared if f"extra == '{name}'" in line.replace('"', "'")]


def _find(engine: Engine, key: str) -> BaseImage | None:
    with translated("list images"):
        images = engine.client.images.list(filters={"label": [f"{labels.KIND}={KIND}", f"{labels.KEY}={key}"]})
    tag = f"{REPOSITORY}:{key[:KEY_DIGITS]}"
    return next((_described(image, tag) for image in images if tag in image.tags), None)


def _described(image: Image, tag: str) -> BaseImage:
    return BaseImage(str(image.id), tag, str(image.labels.get(labels.PYTHON_VERSION, "")), reused=True)


def _build(engine: Engine, python: PythonImage, options: BuildOptions, on_event: OnEvent) -> BaseImage:
    key, version = base_key(python.id), python_version(engine, python)
    tag, inputs = f"{REPOSITORY}:{key[:KEY_DIGITS]}", build_inputs(engine, options, on_event)
    own_labels = {labels.KIND: KIND, labels.KEY: key, labels.PYTHON_VERSION: version}
    with timed(SUBJECT, on_event, f"building on {python.reference}") as done, build_context(inputs) as context:
        _fill(context)
        build = ImageBuild(DOCKERFILE, context, tag, inputs, own_labels, {"PYTHON_IMAGE": python.reference})
        image_id = run_build(engine, build, SUBJECT, on_event)
        done(f"{tag}, Python {version}")
    _name_latest(engine, image_id)
    return BaseImage(image_id, tag, version, reused=False)


def _name_latest(engine: Engine, image_id: str) -> None:
    """Tag an image as the latest, which compose/compose.yaml uses when it is started by hand."""
    with translated("tag the base image"):
        engine.client.images.get(image_id).tag(REPOSITORY, "latest")


def _fill(context: Path) -> None:
    """Write the files that the Dockerfile copies into the context: requirements, PySpark and the runtime's code."""
    spark = SparkHome.find()
    (context / "requirements.txt").write_text("".join(f"{line}\n" for line in base_requirements()), encoding="utf-8")
    shutil.copytree(spark.folder, context / "pyspark", ignore=_left_out_of_spark, copy_function=link_or_copy)
    facts = context / "dist-info" / f"pyspark-{spark.version}.dist-info"
    facts.mkdir(parents=True)
    metadata = importlib.metadata.distribution("pyspark").read_text("METADATA") or ""
    (facts / "METADATA").write_text(metadata, encoding="utf-8")
    shutil.copytree(runtime_folder(), context / "runtime" / "pyml", ignore=shutil.ignore_patterns("__pycache__"))
    for path, text in rehearsal_files().items():
        file = context / "rehearsal" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


def _left_out_of_spark(folder: str, names: list[str]) -> set[str]:
    is_jars = Path(folder).name == "jars"
    return {name for name in names if name in LEFT_OUT or (is_jars and is_unused(name))}

"""The Python image, which base images are built on: the default one, a chosen one, or a bootstrapped one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyml.command_line import command
from pyml.errors import SandboxError, SetupError, UsageError
from pyml_sandbox.drivers.container.engine import labels
from pyml_sandbox.drivers.container.engine.docker_engine import Engine, translated
from pyml_sandbox.drivers.container.engine.temporary_container import Program, run_to_its_end, temporary_container
from pyml_sandbox.workspace.events import Event, OnEvent, Progress

if TYPE_CHECKING:
    from docker.models.images import Image

DEFAULT = "python:3.11-slim-bookworm"
OLDEST = (3, 11)
TIMEOUT_S = 60
KIND = "python"
SUBJECT = "python image"
WAYS_OUT = (
    "pyml image bootstrap   (makes one from a Debian mirror), or --python-image IMAGE, or pyml dev up --driver process"
)
ASK = "command -v apt-get && python3 -c 'import ensurepip, sys; print(\"%d.%d.%d\" % sys.version_info[:3])'"


@dataclass(frozen=True)
class PythonImage:
    """An image of Debian with a Python.

    Attributes:
        id: of the image.
        reference: a name of it that a Dockerfile can use.
    """

    id: str
    reference: str


def find_python_image(engine: Engine, chosen: str | None = None) -> PythonImage | None:
    """The Python image in the engine: the chosen one, else the default, else a bootstrapped one; None without."""
    if chosen is not None:
        return _local(engine, chosen)
    return _local(engine, DEFAULT) or bootstrapped(engine)


def ensure_python_image(engine: Engine, chosen: str | None, on_event: OnEvent) -> PythonImage:
    """The Python image, pulled if it is not in the engine; if the default cannot be pulled, a bootstrapped one.

    Args:
        engine: pulls it.
        chosen: name or id of the user's choice; None for the default.
        on_event: called with each step.

    Raises:
        SetupError: the image cannot be pulled; the hint names other ways to get one.
    """
    wanted = chosen or DEFAULT
    found = _local(engine, wanted)
    if found is not None:
        return found
    try:
        on_event(Event(SUBJECT, Progress.WAITING, f"pulling {wanted}"))
        pulled = _pull(engine, wanted)
    except SandboxError as error:
        return _instead(engine, wanted, chosen is None, error, on_event)
    on_event(Event(SUBJECT, Progress.READY, f"pulled {wanted}"))
    return pulled


def _instead(engine: Engine, wanted: str, may_differ: bool, error: SandboxError, on_event: OnEvent) -> PythonImage:
    """The replacement for an image that cannot be pulled."""
    instead = bootstrapped(engine) if may_differ else None
    if instead is None:
        raise SetupError(f"The image {wanted} cannot be pulled: {error.message}", WAYS_OUT) from error
    on_event(Event(SUBJECT, Progress.READY, f"{instead.reference} ({wanted} cannot be pulled)"))
    return instead


def python_version(engine: Engine, image: PythonImage) -> str:
    """The version of an image's Python, which is run in a container.

    Raises:
        SetupError: the image is not a Debian with a Python that is new enough.
    """
    with temporary_container(engine, image.id, Program(("/bin/sh", "-c", ASK))) as container:
        try:
            output = run_to_its_end(container, TIMEOUT_S)
        except SandboxError as error:
            raise _unfit(image, "it has no shell") from error
    if output.code != 0:
        raise _unfit(image, "it does not have both apt-get and a python3 with venv")
    version = output.stdout.split()[-1]
    if tuple(map(int, version.split(".")[:2])) < OLDEST:
        raise _unfit(image, f"its Python is {version}")
    return version


def bootstrapped(engine: Engine) -> PythonImage | None:
    """The newest image that `pyml image bootstrap` made; None if there is none."""
    with translated("list images"):
        images = engine.client.images.list(filters={"label": f"{labels.KIND}={KIND}"})
    newest = max((image for image in images if image.tags), key=lambda image: image.attrs["Created"], default=None)
    return None if newest is None else _described(newest, newest.tags[0])


def _local(engine: Engine, reference: str) -> PythonImage | None:
    import docker.errors

    with translated(f"look for {reference}"):
        try:
            return _described(engine.client.images.get(reference), reference)
        except docker.errors.ImageNotFound:
            return None


def _pull(engine: Engine, reference: str) -> PythonImage:
    with translated(f"pull {reference}"):
        return _described(engine.client.images.pull(reference), reference)


def _described(image: Image, reference: str) -> PythonImage:
    """An image under the name that was given; under a tag if that was an id, which a Dockerfile cannot use."""
    is_id = str(image.id).removeprefix("sha256:").startswith(reference.removeprefix("sha256:"))
    if is_id and not image.tags:
        raise UsageError(
            f"The image {reference} has no name, so no image can be built on it.",
            f"{command('docker tag', reference)} NAME",
        )
    return PythonImage(str(image.id), image.tags[0] if is_id else reference)


def _unfit(image: PythonImage, why: str) -> SetupError:
    wanted = ".".join(map(str, OLDEST))
    return SetupError(
        f"{image.reference} cannot be the Python image: {why}; expected Debian with Python {wanted} or newer.",
        f"--python-image {DEFAULT}, or pyml image bootstrap",
    )

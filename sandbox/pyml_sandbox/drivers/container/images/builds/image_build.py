"""One image build: a Dockerfile of compose/ with its context, run by Compose's own builder."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pyml.errors import SandboxError
from pyml_sandbox.drivers.container.compose.compose_program import ComposeError, find_compose
from pyml_sandbox.drivers.container.engine.docker_engine import Engine, translated
from pyml_sandbox.drivers.container.images.builds.build_inputs import BuildInputs
from pyml_sandbox.drivers.container.images.builds.build_options import BuildOptions
from pyml_sandbox.drivers.container.images.builds.dockerfiles import SCRIPTS, compose_folder
from pyml_sandbox.drivers.downloads import download_events
from pyml_sandbox.drivers.pip_settings import list_pip_config
from pyml_sandbox.workspace.addresses import without_users
from pyml_sandbox.workspace.events import Event, OnEvent, Progress
from pyml_sandbox.workspace.home import SandboxHome

TIMEOUT_S = 3600
SERVICE = "image"
OUTPUT = re.compile(r"#(?P<step>\d+) \d+\.\d+ ?(?P<text>.*)")
FAILURE = re.compile(r"#(?P<step>\d+) ERROR")
NAME = re.compile(r"#\d+ \[(?:\S+ )?(?P<stage>\S+ \d+/\d+)\] (?P<instruction>.*)")


class BuildError(SandboxError):
    """A step of a build failed; `output` is what that step printed."""

    def __init__(self, subject: str, output: str) -> None:
        super().__init__(f"The {subject} could not be built:\n{output}", "pyml dev doctor")
        self.output = output


@dataclass(frozen=True)
class ImageBuild:
    """An image to build.

    Attributes:
        dockerfile: a file of compose/.
        context: folder of the files that the Dockerfile copies and mounts.
        tag: name of the new image.
        inputs: network settings of the build.
        labels: of the new image.
        args: build arguments of the Dockerfile.
    """

    dockerfile: str
    context: Path
    tag: str
    inputs: BuildInputs
    labels: Mapping[str, str]
    args: Mapping[str, str] = field(default_factory=dict)

    @property
    def compose_file(self) -> str:
        """The build as a Compose file; its secrets are in the folder beside the context."""
        secrets = {name: {"file": str(self.secrets / name)} for name in ("ca", "pip")}
        build = {
            "context": str(self.context),
            "dockerfile": str(compose_folder() / self.dockerfile),
            "args": {**self.inputs.proxies, **self.args},
            "labels": dict(self.labels),
            "secrets": list(secrets),
        }
        document = {
            "name": "pyml-build",
            "services": {SERVICE: {"image": self.tag, "build": build}},
            "secrets": secrets,
        }
        return json.dumps(document).replace("$", "$$")  # Compose would replace variables

    @property
    def secrets(self) -> Path:
        """The folder of the build's secrets."""
        return self.context.parent / "secrets"


def build_inputs(engine: Engine, options: BuildOptions, on_event: OnEvent) -> BuildInputs:
    """The inputs of a build on this machine; settings that a build cannot use are reported.

    Args:
        engine: builds the image.
        options: the user's choices.
        on_event: called if there are such settings.

    Raises:
        UsageError, SetupError: see `BuildInputs.from_environ`.
    """
    inputs = BuildInputs.from_environ(engine.environ, options, list_pip_config(engine.environ))
    if inputs.left_out:
        on_event(
            Event("build", Progress.NOTE, f"not used, since a build has no local files: {', '.join(inputs.left_out)}")
        )
    return inputs


@contextmanager
def build_context(inputs: BuildInputs) -> Iterator[Path]:
    """A new folder for the context of a build, with scripts and wheels in it; deleted at the end."""
    with tempfile.TemporaryDirectory(prefix="pyml-build-") as beside:
        context, secrets = Path(beside) / "context", Path(beside) / "secrets"
        (context / "wheels").mkdir(parents=True)
        secrets.mkdir(mode=0o700)
        for script in SCRIPTS:
            shutil.copy(compose_folder() / script, context)
        for wheel in inputs.wheels.glob("*.whl") if inputs.wheels else ():
            link_or_copy(wheel, context / "wheels" / wheel.name)
        (secrets / "pip").write_text(inputs.pip_script, encoding="utf-8")
        (secrets / "ca").write_bytes(inputs.ca_bundle.read_bytes() if inputs.ca_bundle else b"")
        yield context


@contextmanager
def one_at_a_time(engine: Engine, key: str) -> Iterator[None]:
    """Hold a lock while an image with a key is built; the next process then finds the image."""
    import filelock

    folder = SandboxHome.find(environ=engine.environ).cache / "builds"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with filelock.FileLock(folder / f"{key}.lock"):
        yield


def link_or_copy(source: Path | str, target: Path | str) -> None:
    """Copy a file, as a hard link if the file system allows it."""
    try:
        Path(target).hardlink_to(source)
    except OSError:
        shutil.copy2(source, target)


def run_build(engine: Engine, build: ImageBuild, subject: str, on_event: OnEvent) -> str:
    """Build an image, and give its id. Blocks.

    Args:
        engine: builds it.
        build: the image to build.
        subject: kind of the image, for messages, such as "base image".
        on_event: called with each step.

    Raises:
        BuildError: a step failed.
        SetupError: Compose is not installed.
    """
    output: list[str] = []
    compose = find_compose(engine)
    arguments = ("--file", "-", "build", "--builder", "default", SERVICE)
    try:
        with download_events(subject, on_event) as on_output:
            on_line = _listener(output, subject, on_event, on_output)
            compose.run(*arguments, timeout_s=TIMEOUT_S, on_line=on_line, stdin=build.compose_file)
    except ComposeError as error:
        said = "\n".join(output_of_failed_step(output)) or error.output
        raise BuildError(subject, without_users(said)) from error
    with translated(f"find the {subject}"):
        return str(engine.client.images.get(build.tag).id)


def _listener(
    output: list[str], subject: str, on_event: OnEvent, on_output: Callable[[str], None]
) -> Callable[[str], None]:
    def listen(line: str) -> None:
        output.append(line)
        printed = OUTPUT.fullmatch(line)
        if printed is not None:
            on_output(printed["text"])
        named = NAME.fullmatch(line)
        if named is not None and not named["instruction"].startswith("FROM"):
            on_event(Event(subject, Progress.WAITING, f"{named['stage']}: {named['instruction'].split(' ')[0]}"))

    return listen


def output_of_failed_step(lines: Sequence[str]) -> list[str]:
    """The output of the failed step, from BuildKit's plain progress: lines of `#7 1.234 text` and `#7 ERROR: …`."""
    failed = next((match["step"] for line in lines if (match := FAILURE.match(line))), None)
    outputs = (match for line in lines if (match := OUTPUT.fullmatch(line)))
    return [match["text"] for match in outputs if match["step"] == failed]

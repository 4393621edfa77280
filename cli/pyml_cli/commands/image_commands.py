"""`pyml image`: the images of the container driver."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from pyml.errors import UsageError
from pyml_cli.options import CaBundle, Wheels
from pyml_cli.output import AsJson, Output, choose_output

if TYPE_CHECKING:
    from pyml_sandbox.drivers.container.images.base_image import BaseImage
    from pyml_sandbox.drivers.container.images.bootstrap import BootstrappedImage
    from pyml_sandbox.drivers.container.images.inventory import ImageInfo, Removal
    from pyml_sandbox.workspace.events import JSON

app = typer.Typer(rich_markup_mode=None)


@app.callback()
def image() -> None:
    """Build, list and remove the images of the container driver."""


@app.command()
def bootstrap(
    mirror: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Debian archive (default: this machine's, else deb.debian.org)."),
    ] = None,
    suite: Annotated[
        str | None, typer.Option(metavar="NAME", help="Debian release (default: bookworm, which has Python 3.11).")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Build it again even if it exists.")] = False,
    json: AsJson = False,
) -> None:
    """Build a Python image from a Debian mirror, without an image registry. Needs root and debootstrap."""
    from pyml_sandbox.drivers.container.engine.docker_engine import find_engine
    from pyml_sandbox.drivers.container.images import bootstrap as images

    output = choose_output(json)
    options = images.BootstrapOptions(mirror, suite or images.SUITE, force)
    with output.steps() as on_event:
        made = images.bootstrap(find_engine(), options, on_event)
    output.result(BootstrapView(made))


@app.command()
def build(
    python_image: Annotated[
        str | None, typer.Option(metavar="IMAGE", help="Image to start from: Debian with Python 3.11 or newer.")
    ] = None,
    ca_bundle: CaBundle = None,
    wheels: Wheels = None,
    json: AsJson = False,
) -> None:
    """Build the base image of all services and models (Java, Spark, the runtime) unless it exists."""
    from pyml_sandbox.drivers.container.engine.docker_engine import find_engine
    from pyml_sandbox.drivers.container.images.base_image import ensure_base
    from pyml_sandbox.drivers.container.images.builds.build_options import BuildOptions

    output = choose_output(json)
    with output.steps() as on_event:
        base = ensure_base(find_engine(), BuildOptions(python_image, ca_bundle, wheels), on_event)
    output.result(BaseView(base))


@app.command("list")
def list_(json: AsJson = False) -> None:
    """List the images that pyml built, newest first."""
    from pyml_sandbox.drivers.container.engine.docker_engine import find_engine
    from pyml_sandbox.drivers.container.images.inventory import list_images

    choose_output(json).result(ImagesView(list_images(find_engine())))


@app.command()
def prune(
    everything: Annotated[bool, typer.Option("--all", help="Keep only images that containers use.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: AsJson = False,
) -> None:
    """Remove unused images: older base images, and model versions without a container. Asks first."""
    from pyml_sandbox.drivers.container.engine.docker_engine import find_engine
    from pyml_sandbox.drivers.container.images.inventory import list_images, remove, superfluous
    from pyml_sandbox.models.registry import pinned_images
    from pyml_sandbox.workspace.home import SandboxHome

    output, engine = choose_output(json), find_engine()
    doomed = superfluous(list_images(engine), everything, pinned_images(SandboxHome.find().root))
    _list_what_is_removed(doomed, output)
    if doomed and not yes and not output.confirm(f"Remove these {len(doomed)} images?"):
        raise UsageError("Nothing was removed.", "pyml image prune --yes")
    with output.steps() as on_event:
        removal = remove(engine, doomed, on_event)
    output.result(PruneView(removal))


def _list_what_is_removed(doomed: Sequence[ImageInfo], output: Output) -> None:
    from rich.filesize import decimal

    from pyml_sandbox.workspace.events import Event, Progress

    with output.steps() as on_event:
        for each in doomed:
            on_event(Event("removes", Progress.NOTE, f"{each.label}, {decimal(each.own_bytes)} of its own"))


@dataclass(frozen=True)
class BootstrapView:
    """The Python image that was built."""

    made: BootstrappedImage

    @property
    def json(self) -> Mapping[str, JSON]:
        """The id, name, Python version and size of the image."""
        return asdict(self.made)

    @property
    def text(self) -> str:
        """The name of the image, and the next command."""
        return f" Built {self.made.tag} ({_size(self.made.size_bytes)}). Build the base image on it:  pyml image build"


@dataclass(frozen=True)
class BaseView:
    """The base image."""

    base: BaseImage

    @property
    def json(self) -> Mapping[str, JSON]:
        """The id, name and Python version of the image."""
        return asdict(self.base)

    @property
    def text(self) -> str:
        """One line."""
        return f" {self.base.tag}, Python {self.base.python_version}"


@dataclass(frozen=True)
class ImagesView:
    """Images, one per line."""

    images: Sequence[ImageInfo]

    @property
    def json(self) -> Mapping[str, JSON]:
        """The facts of every image."""
        return {"images": [image.json for image in self.images]}

    @property
    def text(self) -> str:
        """Name, kind, sizes and creation time of each image, and whether a container uses it."""
        if not self.images:
            return " There are no images yet:  pyml image build"
        width = max(len(image.label) for image in self.images)
        head = f" {'image':<{width}}  kind    {'size':>9} {'its own':>9}  created"
        return "\n".join([head, *(_line(image, width) for image in self.images)])


@dataclass(frozen=True)
class PruneView:
    """The result of `prune`."""

    removal: Removal

    @property
    def json(self) -> Mapping[str, JSON]:
        """The removed images, and the disk space that this freed, in bytes."""
        names: list[JSON] = [image.label for image in self.removal.images]
        return {"removed": names, "freed_bytes": self.removal.freed_bytes}

    @property
    def text(self) -> str:
        """One line, and the command that clears the builder's cache."""
        if not self.removal.images:
            return " Every image is needed; nothing was removed."
        number = len(self.removal.images)
        freed = f" Removed {number} image{'' if number == 1 else 's'}, {_size(self.removal.freed_bytes)}."
        return f"{freed} To clear the builder's cache too:  docker builder prune"


def _line(image: ImageInfo, width: int) -> str:
    made = datetime.fromtimestamp(image.created_at).strftime("%Y-%m-%d %H:%M")
    sizes = f"{_size(image.size_bytes):>9} {_size(image.own_bytes):>9}"
    return f" {image.label:<{width}}  {image.kind:<6}  {sizes}  {made}{'  in use' if image.in_use else ''}"


def _size(number_bytes: int) -> str:
    from rich.filesize import decimal

    return decimal(number_bytes)

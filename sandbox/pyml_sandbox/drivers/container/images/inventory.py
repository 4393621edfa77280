"""Lists and removes the images that pyml made in an engine. Other images are never touched."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyml.errors import SandboxError
from pyml_sandbox.drivers.container.engine import labels
from pyml_sandbox.drivers.container.engine.docker_engine import Engine, translated
from pyml_sandbox.workspace.events import JSON, Event, OnEvent, Progress, ignore

OURS = ("pyml-python:", "pyml-base:", "pyml-model/", "pyml-build:")
UNFINISHED = "unfinished"
"""Kind of an image that is being built; such an image remains if the build is interrupted."""


@dataclass(frozen=True)
class ImageInfo:
    """One image.

    Attributes:
        id: of the image.
        tags: its names; empty if a newer image took its name.
        kind: "python", "base" or "model".
        size_bytes: its size.
        own_bytes: the part that no other image shares, which the removal of this image would free.
        created_at: seconds since 1970.
        in_use: whether a container, running or not, was made from it.
        name: of the model; empty for other kinds.
        version: of the model, or of Python.
        base_id: id of a model image's base image; empty for other kinds.
    """

    id: str
    tags: tuple[str, ...]
    kind: str
    size_bytes: int
    own_bytes: int
    created_at: float
    in_use: bool
    name: str = ""
    version: str = ""
    base_id: str = ""

    @property
    def label(self) -> str:
        """Its name, else the first digits of its id."""
        return next(iter(self.tags), self.id.removeprefix("sha256:")[:12])

    @property
    def json(self) -> dict[str, JSON]:
        """The image as a JSON object."""
        return {
            "id": self.id,
            "tags": list(self.tags),
            "kind": self.kind,
            "size_bytes": self.size_bytes,
            "own_bytes": self.own_bytes,
            "created_at": self.created_at,
            "in_use": self.in_use,
            "name": self.name,
            "version": self.version,
        }


def list_images(engine: Engine) -> list[ImageInfo]:
    """All images that pyml made, the newest first.

    Raises:
        SandboxError: the engine does not answer.
    """
    with translated("list images"):
        facts = engine.client.df()["Images"] or ()
        used = {str(container["ImageID"]) for container in engine.client.api.containers(all=True)}
    infos = [_info(each, used) for each in facts if labels.KIND in (each["Labels"] or {}) and _is_ours(each)]
    return sorted(infos, key=lambda info: info.created_at, reverse=True)


def _is_ours(facts: Mapping[str, Any]) -> bool:
    """Whether pyml gave all of an image's names: an image that others build on ours inherits its labels."""
    return all(tag.startswith(OURS) for tag in facts["RepoTags"] or () if "<none>" not in tag)


def _info(facts: Mapping[str, Any], used: Collection[str]) -> ImageInfo:
    """An image, from its entry in `GET /system/df`."""
    own: Mapping[str, str] = facts["Labels"]
    return ImageInfo(
        id=str(facts["Id"]),
        tags=tuple(tag for tag in facts["RepoTags"] or () if "<none>" not in tag),
        kind=str(own[labels.KIND]),
        size_bytes=int(facts["Size"]),
        own_bytes=max(0, int(facts["Size"]) - int(facts["SharedSize"])),
        created_at=float(facts["Created"]),
        in_use=facts["Id"] in used,
        name=str(own.get(labels.MODEL, "")),
        version=str(own.get(labels.VERSION) or own.get(labels.PYTHON_VERSION, "")),
        base_id=str(own.get(labels.BASE, "")),
    )


def superfluous(images: Sequence[ImageInfo], everything: bool = False, pinned: Collection[str] = ()) -> list[ImageInfo]:
    """The images that are not needed any more.

    Needed are images of containers, images that cannot be built again, the newest Python and base image, the newest
    version of each model, and the base images of needed model images.

    Args:
        images: all images.
        everything: whether only images of containers, and pinned images, are needed.
        pinned: ids of images that versions were imported from.
    """
    needed = {image.id for image in images if image.in_use or image.id in pinned}
    if not everything:
        needed |= set(_newest(images))
    needed |= {image.base_id for image in images if image.id in needed}
    return [image for image in images if image.id not in needed]


def _newest(images: Iterable[ImageInfo]) -> Iterator[str]:
    """The newest of each kind, and of each model."""
    seen: set[tuple[str, str]] = set()
    for image in sorted(images, key=lambda image: image.created_at, reverse=True):
        if image.tags and image.kind != UNFINISHED and (image.kind, image.name) not in seen:
            seen.add((image.kind, image.name))
            yield image.id


@dataclass(frozen=True)
class Removal:
    """The result of a removal.

    Attributes:
        images: the images that were removed.
        freed_bytes: by how much the engine's images got smaller.
    """

    images: tuple[ImageInfo, ...]
    freed_bytes: int


def remove(engine: Engine, images: Sequence[ImageInfo], on_event: OnEvent = ignore) -> Removal:
    """Remove images. Blocks. An image that is in use meanwhile is kept.

    Args:
        engine: has the images.
        images: the images to remove.
        on_event: called for each image that was removed or kept.
    """
    before = _layers_bytes(engine)
    removed = tuple(image for image in images if _is_removed(engine, image, on_event))
    return Removal(removed, max(0, before - _layers_bytes(engine)))


def _is_removed(engine: Engine, image: ImageInfo, on_event: OnEvent) -> bool:
    try:
        with translated(f"remove {image.label}"):
            for name in image.tags or (image.id,):
                engine.client.images.remove(name)
    except SandboxError as error:
        on_event(Event("image", Progress.NOTE, f"kept {image.label}: {error.message}"))
        return False
    on_event(Event("image", Progress.STOPPED, f"removed {image.label}"))
    return True


def _layers_bytes(engine: Engine) -> int:
    with translated("measure images"):
        return int(engine.client.df()["LayersSize"])

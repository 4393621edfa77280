"""Push an image of this engine to a registry, with progress."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from pyml.errors import RegistryError
from pyml_sandbox.drivers.container.engine.docker_engine import translated
from pyml_sandbox.workspace.events import Event, OnEvent, Progress, ignore

if TYPE_CHECKING:
    from pyml_sandbox.drivers.container.engine.docker_engine import Engine

Credentials = tuple[str, str]


def push_image(
    engine: Engine,
    image: str,
    repository: str,
    tag: str,
    credentials: Credentials | None = None,
    on_event: OnEvent = ignore,
) -> None:
    """Push an image under a tag. Blocks; what the registry has already is not sent.

    Args:
        engine: has the image.
        image: its id.
        repository: host and path.
        tag: in that repository.
        credentials: user and password; None for what Docker's configuration says.
        on_event: called with the bytes that were sent.

    Raises:
        RegistryError: the registry refuses, or does not answer.
        SandboxError: the engine does not answer, or does not have the image.
    """
    auth = None if credentials is None else {"username": credentials[0], "password": credentials[1]}
    with translated():
        engine.client.images.get(image).tag(repository, tag)
        try:
            lines = engine.client.api.push(repository, tag, stream=True, decode=True, auth_config=auth)
            _follow(lines, f"{repository}:{tag}", on_event)
        finally:
            with contextlib.suppress(Exception):
                engine.client.images.remove(f"{repository}:{tag}", noprune=True)


def _follow(lines: Iterable[Mapping[str, Any]], name: str, on_event: OnEvent) -> None:
    """Report the progress of every layer as one; the engine says of an error in a line, and goes on."""
    sent: dict[str, tuple[int, int]] = {}
    for line in lines:
        if error := line.get("error"):
            host = name.partition("/")[0]
            raise RegistryError(f"the engine could not push {name}: {error}", f"docker login {host}")
        detail = line.get("progressDetail") or {}
        if line.get("status") == "Pushing" and detail.get("total"):
            sent[str(line["id"])] = (min(detail["current"], detail["total"]), detail["total"])
            done, total = (sum(each[part] for each in sent.values()) for part in (0, 1))
            on_event(Event("push", Progress.WAITING, name, done=done, total=total, unit="bytes"))

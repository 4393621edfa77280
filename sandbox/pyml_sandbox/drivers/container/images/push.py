"""Push an image of this engine to a registry, with progress."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from pyml.errors import RegistryError
from pyml_sandbox.workspace.events import Event, OnEvent, Progress, ignore

if TYPE_CHECKING:
    from pyml_sandbox.drivers.container.engine.docker_engine import Engine

Credentials = tuple[str, str]
TIMEOUT_S = 1800
"""How long the engine may say nothing: a registry writes a large layer in one piece."""


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
    import docker.errors

    auth = None if credentials is None else {"username": credentials[0], "password": credentials[1]}
    images, name = engine.client.images, f"{repository}:{tag}"
    with engine.within(TIMEOUT_S, f"push {name}"):
        try:
            before = images.get(name).id
        except docker.errors.ImageNotFound:
            before = None
        images.get(image).tag(repository, tag)
        try:
            _follow(engine.client.api.push(repository, tag, stream=True, decode=True, auth_config=auth), name, on_event)
        finally:
            with contextlib.suppress(docker.errors.APIError):  # a name too many harms nobody
                if before is None:
                    images.remove(name, noprune=True)
                elif before != image:
                    images.get(before).tag(repository, tag)


def _follow(lines: Iterable[Mapping[str, Any]], name: str, on_event: OnEvent) -> None:
    """Report the progress of every layer as one; the engine says of an error in a line, and goes on."""
    sent: dict[str, tuple[int, int]] = {}
    for line in lines:
        if error := line.get("error"):
            raise RegistryError(f"the engine could not push {name}: {error}", _hint(str(error), name.partition("/")[0]))
        detail = line.get("progressDetail") or {}
        if line.get("status") == "Pushing" and detail.get("total"):
            sent[str(line["id"])] = (min(detail.get("current", 0), detail["total"]), detail["total"])
            done, total = (sum(each[part] for each in sent.values()) for part in (0, 1))
            on_event(Event("push", Progress.WAITING, name, done=done, total=total, unit="bytes"))


def _hint(error: str, host: str) -> str:
    words = error.lower()
    if any(word in words for word in ("denied", "unauthorized", "authentication", "authorization", "no basic auth")):
        return f"docker login {host}"
    if any(word in words for word in ("x509", "certificate", "http response to https")):
        return f"let the engine trust {host}: /etc/docker/certs.d/{host}/ca.crt"
    return f"curl -sI https://{host}/v2/"

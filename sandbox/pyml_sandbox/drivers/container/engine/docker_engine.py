"""The Docker engine: found as the `docker` command finds it, and used through the docker SDK.

Nothing above this package sees an exception of the SDK: `translated` turns each into one of ours.
"""

from __future__ import annotations

import contextlib
import math
import os
import socket
import weakref
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pyml.error_code import ErrorCode
from pyml.errors import SandboxError, SetupError
from pyml.gateway.scaling.docker_errors import docker_errors
from pyml_sandbox.workspace.addresses import without_users
from pyml_sandbox.workspace.ports import HOST, LOOPBACK

if TYPE_CHECKING:
    import docker

TIMEOUT_S = 120
FIND_TIMEOUT_S = 5
INSTALL_HINT = "start Docker (Desktop, colima, podman or dockerd), or   pyml dev up --driver process"


@dataclass(frozen=True)
class EngineFacts:
    """What an engine reports about itself.

    Attributes:
        name: of the product, such as "Docker Engine", "Docker Desktop", "Podman Engine".
        version: of the product.
        api_version: newest version of the API that it supports.
        architecture: of its machine, such as "x86_64".
        cpus: cores it may use.
        memory_bytes: memory it may use.
        root: folder of its images and volumes, on its own machine.
        is_rootless: whether it runs as an ordinary user.
        ids_are_manifests: whether it keeps images in containerd's store, where the id of an image is the digest of a
            manifest, and not that of its configuration.
    """

    name: str
    version: str
    api_version: str
    architecture: str
    cpus: int
    memory_bytes: int
    root: str
    is_rootless: bool
    ids_are_manifests: bool = False


@dataclass(frozen=True)
class Engine:
    """An engine that answered.

    Attributes:
        endpoint: where it listens, such as "unix:///var/run/docker.sock".
        environ: environment variables with which the programs `docker` and Compose reach the same engine.
    """

    endpoint: str
    environ: Mapping[str, str] = field(repr=False)

    @cached_property
    def client(self) -> docker.DockerClient:
        """The SDK's client, closed with the last reference to this engine. Use it inside `translated()`."""
        client = _client(self.endpoint, self.environ, TIMEOUT_S, version="auto")
        weakref.finalize(self, client.close)
        return client

    @cached_property
    def facts(self) -> EngineFacts:
        """What it reports about itself.

        Raises:
            SandboxError: the engine no longer answers.
        """
        with translated():
            info, version = self.client.info(), self.client.version()
        platform = str((version.get("Platform") or {}).get("Name") or "").partition(" - ")[0]
        names = [str(part.get("Name", "")) for part in version.get("Components") or ()]
        is_podman = any("podman" in name.lower() for name in names)
        system = str(info.get("OperatingSystem", ""))
        name = "Podman Engine" if is_podman else system if system == "Docker Desktop" else platform or "Docker Engine"
        return EngineFacts(
            name=name,
            version=str(version["Version"]),
            api_version=str(version["ApiVersion"]),
            architecture=str(info.get("Architecture", "")),
            cpus=int(info.get("NCPU") or 1),
            memory_bytes=int(info.get("MemTotal") or 0),
            root=str(info.get("DockerRootDir", "")),
            is_rootless=any("rootless" in str(option) for option in info.get("SecurityOptions") or ()),
            ids_are_manifests=any("io.containerd.snapshotter" in str(pair) for pair in info.get("DriverStatus") or ()),
        )

    @contextlib.contextmanager
    def within(self, timeout_s: float, what: str = "") -> Iterator[None]:
        """Give requests of the block, and those that other threads begin meanwhile, this time for an answer.

        Args:
            timeout_s: seconds for each request.
            what: what is being done, see `translated`.

        Raises:
            SandboxError: the engine does not answer in time, or refuses.
        """
        api = self.client.api
        before, api.timeout = api.timeout, math.ceil(timeout_s)
        try:
            with translated(what):
                yield
        finally:
            api.timeout = before

    @property
    def socket(self) -> Path | None:
        """The engine's Unix socket on this machine; None if it is reached by other means."""
        return Path(self.endpoint.removeprefix("unix://")) if self.endpoint.startswith("unix://") else None


def find_engine(environ: Mapping[str, str] | None = None) -> Engine:
    """The engine of this machine: `$DOCKER_HOST`, else Docker's current context, else a rootless or podman socket.

    Raises:
        SetupError: no engine answers, with the endpoints that were tried; the context that was asked for is missing; or
            the engine that was asked for is one of a different machine.
    """
    environ = dict(os.environ if environ is None else environ)
    tried: list[str] = []
    for endpoint in _endpoints(environ):
        _refuse_elsewhere(endpoint)
        reason = _why_not(endpoint, environ)
        if reason is None:
            is_chosen_by_user = bool(environ.get("DOCKER_HOST") or environ.get("DOCKER_CONTEXT"))
            return Engine(endpoint, environ if is_chosen_by_user else {**environ, "DOCKER_HOST": endpoint})
        tried.append(f"{endpoint} ({reason})")
    raise SetupError(f"No Docker engine answers: {'; '.join(tried)}.", INSTALL_HINT)


def _refuse_elsewhere(endpoint: str) -> None:
    """Refuse an engine of a different machine: a sandbox is reached at 127.0.0.1."""
    parts = urlsplit(endpoint if "://" in endpoint else f"tcp://{endpoint}")
    is_file = parts.scheme in ("unix", "npipe")
    is_here = is_file or (parts.scheme != "ssh" and (parts.hostname or HOST) in LOOPBACK)
    if not is_here:
        raise SetupError(
            f"The Docker engine {without_users(endpoint)} runs on a different machine, which has the ports.",
            "unset DOCKER_HOST and choose an engine of this machine: docker context use default; or   "
            "pyml dev up --driver process",
            ErrorCode.ENGINE,
        )


def _endpoints(environ: Mapping[str, str]) -> list[str]:
    """Endpoints at which an engine may listen, in the order to try them; only one if the user named it."""
    if environ.get("DOCKER_HOST"):
        return [environ["DOCKER_HOST"]]
    from docker.context import ContextAPI

    if ContextAPI.get_context(environ.get("DOCKER_CONTEXT")) is None:
        name = environ.get("DOCKER_CONTEXT") or "that Docker's config.json names"
        raise SetupError(f"There is no Docker context {name}.", "docker context ls, then DOCKER_CONTEXT=NAME or none")
    with translated():
        host = ContextAPI.kwargs_from_context(environment=environ).get("base_url")
    current = str(host or "unix:///var/run/docker.sock").replace("http+unix://", "unix://")
    if environ.get("DOCKER_CONTEXT"):
        return [current]
    session = environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}"
    others = [f"{session}/docker.sock", f"{session}/podman/podman.sock", "/run/podman/podman.sock"]
    return list(dict.fromkeys([current, *(f"unix://{path}" for path in others if Path(path).exists())]))


def _client(
    endpoint: str, environ: Mapping[str, str], timeout_s: int, version: str | None = None
) -> docker.DockerClient:
    """A client of the SDK; sends no request yet, unless its version is "auto"."""
    import docker

    with translated():
        if endpoint.startswith("unix://"):
            return docker.DockerClient(base_url=endpoint, timeout=timeout_s, version=version)
        # An engine at a port may need the certificates that its context or the environment names.
        return docker.from_env(environment=dict(environ), timeout=timeout_s, version=version)


def _why_not(endpoint: str, environ: Mapping[str, str]) -> str | None:
    """Why an engine cannot be used; None if it answers."""
    if endpoint.startswith("unix://"):
        refused = _why_refused(endpoint.removeprefix("unix://"))
        if refused is not None:
            return refused
    try:
        with contextlib.closing(_client(endpoint, environ, FIND_TIMEOUT_S)) as client, translated():
            client.ping()
    except SandboxError as error:
        return error.message
    return None


def _why_refused(path: str) -> str | None:
    """Why a Unix socket accepts no connection; None if it does."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(path)
        except FileNotFoundError:
            return "there is no such socket"
        except OSError as error:
            return (error.strerror or type(error).__name__).lower()
    return None


@contextlib.contextmanager
def translated(what: str = "") -> Iterator[None]:
    """Turn the docker SDK's errors into ours, with the original as cause.

    Args:
        what: the action, for the message, such as "start the gateway".

    Raises:
        SandboxError: the engine refused a request, or does not answer.
    """
    doing = f"The Docker engine could not {what}: " if what else ""
    with docker_errors(
        refused=lambda message: SandboxError(f"{doing}{message}", hint_for(message)),
        no_answer=lambda reason: SandboxError(f"{doing}{reason}", INSTALL_HINT),
    ):
        yield


@contextlib.contextmanager
def gone_is_fine() -> Iterator[None]:
    """Ignore that something is gone already: another command, or the engine itself, may have removed it."""
    import docker.errors

    with contextlib.suppress(docker.errors.NotFound):
        yield


def hint_for(message: str) -> str:
    """What mends a complaint of an engine, or of a program that asked it."""
    if "no space left on device" in message.lower():
        return "free some disk space: pyml image prune, docker system prune"
    if "cannot connect to the docker daemon" in message.lower():
        return INSTALL_HINT
    return "pyml dev doctor"

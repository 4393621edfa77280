"""One repository of a registry, over python-dxf: manifests and blobs by digest, repeated where that is safe."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from pyml.errors import ProofError, RegistryError
from pyml_sandbox.promotion.oci.image_reference import Reference
from pyml_sandbox.proof.proof_store import digest_of

if TYPE_CHECKING:
    import requests
    from dxf import DXF, DXFBase

T = TypeVar("T")

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
ACCEPTED = (
    MANIFEST,
    INDEX,
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
DOCKER_HUB_API = "registry-1.docker.io"
"""Where the registry is that images name `docker.io`."""
TIMEOUT_S = 30.0
PAUSES_S = (0.1, 0.3, 1.0, 2.0)
"""How long to wait before each repetition, in seconds."""
REPEATED = frozenset({400, 429, 500, 502, 503, 504})
"""A registry that gets one blob from two callers at once answers 400 or 500 to one of them."""
MOST_BYTES = 16 << 20
"""Manifests, configurations and proofs are small; more is not read into memory."""
MOST_PAGES = 20
SHOWN_BYTES = 300
DELETE_SOME = "delete attachments of this image that nobody needs"

Credentials = Callable[[str], tuple[str, str] | None]
"""User and password for a host; None if there are none."""


@dataclass(frozen=True)
class Manifest:
    """A manifest as its registry has it.

    Attributes:
        content: its bytes.
        media_type: as the registry says.
    """

    content: bytes
    media_type: str

    @property
    def digest(self) -> str:
        """`sha256:…`, the name of these bytes."""
        return digest_of(self.content)


class Repository:
    """One repository. Use it as a context manager: its connections are kept open until the end of the block.

    Args:
        reference: names it.
        credentials: for its host.
        ca_file: PEM file with the certificates to trust; None for those of requests.
        plain_http: whether to speak HTTP without TLS; for this machine alone.
    """

    def __init__(
        self,
        reference: Reference,
        credentials: Credentials = lambda _: None,
        *,
        ca_file: Path | None = None,
        plain_http: bool = False,
    ) -> None:
        from dxf import DXF

        self.reference = reference

        def authenticate(base: DXFBase, response: requests.Response) -> None:
            user, password = credentials(reference.host) or (None, None)
            base.authenticate(user, password, response=response)

        self._dxf: DXF = DXF(
            DOCKER_HUB_API if reference.host == "docker.io" else reference.host,
            reference.repository,
            authenticate,
            insecure=plain_http,
            tlsverify=str(ca_file) if ca_file else True,
            timeout=TIMEOUT_S,
        )

    def __enter__(self) -> Repository:
        self._dxf.__enter__()
        # Else requests would put the password of a ~/.netrc over the credentials of Docker.
        session: requests.Session = self._dxf._sessions[0]  # type: ignore[assignment]
        session.auth = lambda request: request
        return self

    def __exit__(self, *error: object) -> None:
        self._dxf.__exit__(*error)  # type: ignore[no-untyped-call]

    def manifest(self, name: str) -> Manifest | None:
        """The manifest with a tag or digest; None if there is none.

        Raises:
            RegistryError: the registry does not answer, or refuses.
            ProofError: it answers with bytes of a different digest.
        """
        answer = self._found(f"manifests/{name}", ", ".join(ACCEPTED))
        if answer is None:
            return None
        found = Manifest(answer.content, answer.media_type)
        if name.startswith("sha256:"):
            self._refuse_different(name, found.content)
        return found

    def put_manifest(self, name: str, content: bytes, media_type: str) -> bool:
        """Store a manifest under a tag or its digest; whether the registry lists it at its subject, if it has one.

        Raises:
            RegistryError: the registry does not answer, or refuses.
        """
        headers = {"Content-Type": media_type}
        return "OCI-Subject" in self._asked("put", f"manifests/{name}", data=content, headers=headers).headers

    def put_blob(self, content: bytes) -> str:
        """Store some bytes, unless they are there; returns their digest.

        Raises:
            RegistryError: the registry does not answer, or refuses.
        """
        digest = digest_of(content)
        self._again(lambda: self._dxf.push_blob(data=iter([content]), digest=digest))
        return digest

    def blob(self, digest: str) -> bytes | None:
        """The bytes with a digest; None if there are none.

        Raises:
            RegistryError: the registry does not answer, or refuses.
            ProofError: it answers with bytes of a different digest, or too many.
        """
        answer = self._found(f"blobs/{digest}", "*/*")
        if answer is None:
            return None
        self._refuse_different(digest, answer.content)
        return answer.content

    def referrers(self, digest: str) -> list[bytes] | None:
        """The pages of the list of what refers to a manifest; None if the registry has no such list.

        Raises:
            RegistryError: the registry does not answer, or refuses.
            ProofError: the list has too many pages.
        """
        pages: list[bytes] = []
        path = f"referrers/{digest}"
        while path:
            answer = self._found(path, INDEX)
            if answer is None:
                return pages or None
            pages.append(answer.content)
            path = answer.next_path
            if len(pages) > MOST_PAGES:
                raise ProofError(f"{self.reference.host} lists more than {MOST_PAGES} pages of referrers", DELETE_SOME)
        return pages

    # ---- how it is asked

    def _refuse_different(self, digest: str, content: bytes) -> None:
        if digest_of(content) != digest:
            message = f"{self.reference.host} answered {digest} with bytes of {digest_of(content)}"
            raise ProofError(message, "do not trust this registry, or what stands between")

    def _found(self, path: str, accepted: str) -> _Answer | None:
        """The answer; None if there is nothing under this path."""
        try:
            return self._asked("get", path, headers={"Accept": accepted})
        except _NothingThereError:
            return None

    def _asked(self, verb: str, path: str, **options: object) -> _Answer:
        def ask() -> _Answer:
            response: requests.Response = self._dxf._request(verb, path, stream=True, **options)  # type: ignore[no-untyped-call]
            with response:
                return _Answer(self._whole(response), response.headers, response.links.get("next", {}).get("url", ""))

        return self._again(ask)

    def _whole(self, response: requests.Response) -> bytes:
        content = bytearray()
        for part in response.iter_content(1 << 16):
            content += part
            if len(content) > MOST_BYTES:
                message = f"{self.reference.host} answered with more than {MOST_BYTES >> 20} MB"
                raise ProofError(message, DELETE_SOME)
        return bytes(content)

    def _again(self, ask: Callable[[], T]) -> T:
        """Ask until there is an answer: what is stored is named by its digest, so that a repetition does no harm."""
        for pause in (*PAUSES_S, None):
            try:
                with _translated(self.reference):
                    return ask()
            except _BusyError:
                if pause is None:
                    raise
                time.sleep(pause)
        raise AssertionError("the last try returns or raises")


@dataclass(frozen=True)
class _Answer:
    """What a registry answered, whole.

    Attributes:
        content: the body.
        headers: of the answer.
        next_url: of the next page of a list; empty if there is none.
    """

    content: bytes
    headers: Mapping[str, str]
    next_url: str = ""

    @property
    def media_type(self) -> str:
        return self.headers.get("Content-Type", "").partition(";")[0]

    @property
    def next_path(self) -> str:
        """The path of the next page, on the same host whatever the registry says."""
        url = urlsplit(self.next_url)
        return f"{url.path}?{url.query}" if self.next_url else ""


class _BusyError(RegistryError):
    """It may answer if it is asked again."""


class _NothingThereError(RegistryError):
    """There is nothing under this name."""


@contextmanager
def _translated(reference: Reference) -> Iterator[None]:
    """The errors of requests and of python-dxf as ours.

    Raises:
        RegistryError: what the registry answered, and what to do.
    """
    import requests
    from dxf.exceptions import DXFError

    host = reference.host
    try:
        yield
    except requests.exceptions.SSLError as error:
        hint = "--ca-file FILE with the certificate of its authority"
        raise RegistryError(
            f"the certificate of {host} is of no authority that is trusted: {_reason(error)}", hint
        ) from error
    except requests.exceptions.HTTPError as error:
        raise _of_status(reference, error) from error
    except requests.exceptions.RequestException as error:
        message = f"the registry {host} does not answer: {_reason(error)}"
        raise _BusyError(message, f"curl -sI https://{host}/v2/") from error
    except DXFError as error:
        raise RegistryError(_of_login(host, error), f"docker login {host}") from error
    except (KeyError, TypeError, ValueError) as error:  # python-dxf reads what a registry answers as it should be
        message = f"the registry {host} answered what is none of a registry: {type(error).__name__}: {error}"
        raise RegistryError(message, f"curl -sI https://{host}/v2/") from error


def _reason(error: BaseException) -> str:
    """What happened in the end, without the layers of urllib3 around it."""
    inner: object = error
    while isinstance(inner, BaseException):
        text, reason = str(inner), getattr(inner, "reason", None)
        inner = reason if isinstance(reason, BaseException) else next(iter(inner.args), None)
    return re.sub(r"^\w+\(.*?\): ", "", text)


def _of_login(host: str, error: Exception) -> str:
    from dxf.exceptions import DXFAuthInsecureError

    if isinstance(error, DXFAuthInsecureError):
        return f"the registry {host} asks for a password over plain HTTP, where everybody can read it"
    return f"the registry {host} refuses the credentials: {error}"


def _of_status(reference: Reference, error: requests.exceptions.HTTPError) -> RegistryError:
    response = error.response
    status = response.status_code
    said = " ".join(next(response.iter_content(SHOWN_BYTES), b"").decode(errors="replace").split())
    message = f"the registry {reference.host} answered {status} for {reference.repository}: {said or response.reason}"
    if status == HTTPStatus.NOT_FOUND and f"{reference.repository}/" in response.url:
        return _NothingThereError(message)
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return RegistryError(message, f"docker login {reference.host} as somebody who may write {reference.repository}")
    return (_BusyError if status in REPEATED else RegistryError)(message, f"look into the log of {reference.host}")

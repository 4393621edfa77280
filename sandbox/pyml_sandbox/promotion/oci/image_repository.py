"""One repository of a registry, over python-dxf: manifests and blobs by digest, repeated where that is safe."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

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
TIMEOUT_S = 30.0
PAUSES_S = (0.1, 0.3, 1.0, 2.0)
"""How long to wait before each repetition, in seconds."""
REPEATED = frozenset({400, 429, 500, 502, 503, 504})
"""A registry that gets one blob from two callers at once answers 400 or 500 to one of them."""
MOST_BYTES = 16 << 20
"""Manifests, configurations and proofs are small; more is not read into memory."""

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
            reference.host,
            reference.repository,
            authenticate,
            insecure=plain_http,
            tlsverify=str(ca_file) if ca_file else True,
            timeout=TIMEOUT_S,
        )

    def __enter__(self) -> Repository:
        self._dxf.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._dxf.__exit__(*error)  # type: ignore[no-untyped-call]

    def manifest(self, name: str) -> Manifest | None:
        """The manifest with a tag or digest; None if there is none.

        Raises:
            RegistryError: the registry does not answer, or refuses.
            ProofError: it answers with bytes of a different digest.
        """
        response = self._found("get", f"manifests/{name}", headers={"Accept": ", ".join(ACCEPTED)})
        if response is None:
            return None
        media_type = response.headers.get("Content-Type", "").partition(";")[0]
        found = Manifest(self._whole(response), media_type)
        if name.startswith("sha256:") and found.digest != name:
            raise ProofError(f"{self.reference.host} answered {name} with bytes of {found.digest}")
        return found

    def put_manifest(self, name: str, content: bytes, media_type: str) -> requests.Response:
        """Store a manifest under a tag or its digest.

        Raises:
            RegistryError: the registry does not answer, or refuses.
        """
        headers = {"Content-Type": media_type}
        return self._asked("put", f"manifests/{name}", data=content, headers=headers)

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
        response = self._found("get", f"blobs/{digest}", stream=True)
        if response is None:
            return None
        content = self._whole(response)
        if digest_of(content) != digest:
            raise ProofError(f"{self.reference.host} answered {digest} with bytes of {digest_of(content)}")
        return content

    def referrers(self, digest: str) -> bytes | None:
        """The index of what refers to a manifest; None if the registry has no such list.

        Raises:
            RegistryError: the registry does not answer, or refuses.
        """
        response = self._found("get", f"referrers/{digest}", headers={"Accept": INDEX})
        return None if response is None else self._whole(response)

    # ---- how it is asked

    def _whole(self, response: requests.Response) -> bytes:
        content = bytearray()
        for part in response.iter_content(1 << 16):
            content += part
            if len(content) > MOST_BYTES:
                raise ProofError(f"{self.reference.host} answered with more than {MOST_BYTES >> 20} MB")
        return bytes(content)

    def _found(self, verb: str, path: str, **options: object) -> requests.Response | None:
        """The answer; None if there is nothing under this path."""
        try:
            return self._asked(verb, path, **options)
        except _NothingThereError:
            return None

    def _asked(self, verb: str, path: str, **options: object) -> requests.Response:
        def ask() -> requests.Response:
            answer: requests.Response = self._dxf._request(verb, path, **options)  # type: ignore[no-untyped-call]
            return answer

        return self._again(ask)

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
        raise RegistryError(f"the certificate of {host} is of no authority that is trusted: {error}", hint) from error
    except (requests.exceptions.ConnectionError, requests.exceptions.Timeout) as error:
        raise _BusyError(f"the registry {host} does not answer: {error}", f"curl -sI https://{host}/v2/") from error
    except requests.exceptions.HTTPError as error:
        raise _of_status(reference, error) from error
    except DXFError as error:
        raise RegistryError(_of_login(host, error), f"docker login {host}") from error


def _of_login(host: str, error: Exception) -> str:
    from dxf.exceptions import DXFAuthInsecureError

    if isinstance(error, DXFAuthInsecureError):
        return f"the registry {host} asks for a password over plain HTTP, where everybody can read it"
    return f"the registry {host} refuses the credentials: {error}"


def _of_status(reference: Reference, error: requests.exceptions.HTTPError) -> RegistryError:
    response = error.response
    status = response.status_code
    said = " ".join(response.text[:300].split())
    message = f"the registry {reference.host} answered {status} for {reference.repository}: {said or response.reason}"
    if status == HTTPStatus.NOT_FOUND:
        return _NothingThereError(message)
    if status == HTTPStatus.FORBIDDEN:
        return RegistryError(message, f"docker login {reference.host} as somebody who may write {reference.repository}")
    return _BusyError(message, "try again") if status in REPEATED else RegistryError(message)

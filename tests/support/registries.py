"""Registries: Debian's docker-registry as a process of its own, and one with the list of referrers, which that lacks."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

from pyml.errors import SetupError
from pyml_sandbox.promotion.oci.image_repository import INDEX
from pyml_sandbox.proof.proof_store import digest_of
from support.free_ports import free_ports
from support.needed import needed
from support.waiting import wait_for

PAGE = 5
"""Entries of a list of referrers that come at once."""
TOOLS = os.environ.get("PYML_REGISTRY_TOOLS", "/opt/pyml-registry/bin")
REQUIRED = "PYML_REQUIRE_REGISTRY"


def tool(name: str) -> str:
    """The path of a program that `.ci/registry` fetches; the test is skipped without it, unless nothing may be lacking."""
    found = shutil.which(name, path=os.pathsep.join([TOOLS, os.environ["PATH"]]))
    with needed(REQUIRED):
        if found is None:
            raise SetupError(f"{name} is missing", ".ci/registry fetches it")
    return str(found)


@dataclass
class RegistryProcess:
    """A docker-registry.

    Attributes:
        host: its address and port.
        folder: of its data and configuration.
    """

    host: str
    folder: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        with (self.folder / "log").open("ab") as log:
            command = [tool("docker-registry"), "serve", str(self.folder / "config.yml")]
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        wait_for(self._answers, "docker-registry takes connections")

    def kill(self) -> None:
        """End it at once, whatever it does."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def _answers(self) -> bool:
        address, _, port = self.host.partition(":")
        try:
            socket.create_connection((address, int(port)), timeout=1).close()
        except OSError:
            return False
        return True


@contextmanager
def docker_registry(folder: Path, **http: Any) -> Iterator[RegistryProcess]:
    """A docker-registry with its data in a folder.

    Args:
        folder: of data, configuration and log.
        http: further settings: `tls` and `auth` of its configuration.
    """
    (port,) = free_ports(1)
    host = f"127.0.0.1:{port}"
    settings = {
        "version": 0.1,
        "log": {"level": "warn"},
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}, "delete": {"enabled": True}},
        "http": {"addr": host, **({"tls": http["tls"]} if "tls" in http else {})},
        **({"auth": http["auth"]} if "auth" in http else {}),
    }
    (folder / "config.yml").write_text(json.dumps(settings))  # JSON is YAML
    registry = RegistryProcess(host, folder)
    registry.start()
    try:
        yield registry
    finally:
        registry.kill()


# ---- one with the list of referrers


@dataclass
class Stored:
    """What a registry holds, in memory: blobs by digest, manifests by digest, digests by tag."""

    blobs: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    def referrers(self, digest: str, start: int) -> tuple[bytes, bool]:
        """A page of the index of the manifests whose subject is this digest, and whether there is one more."""
        entries: list[dict[str, Any]] = []
        for own, (content, media_type) in self.manifests.items():
            document = json.loads(content)
            if (document.get("subject") or {}).get("digest") == digest:
                entry = {"mediaType": media_type, "digest": own, "size": len(content)}
                entries.append(
                    entry | {name: document[name] for name in ("artifactType", "annotations") if name in document}
                )
        page = entries[start : start + PAGE]
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": page}
        return json.dumps(index).encode(), len(entries) > start + PAGE


class _Handler(BaseHTTPRequestHandler):
    """As much of the OCI distribution specification, version 1.1, as a push, a pull and a list of referrers need."""

    protocol_version = "HTTP/1.1"
    repositories: dict[str, Stored]

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path == "/v2/":
            return self._answer(200, b"{}")
        stored, kind, name = self._parts(path)
        if kind == "referrers":
            start = int(parse_qs(urlsplit(self.path).query).get("start", ["0"])[0])
            index, has_more = stored.referrers(name, start)
            link = {"Link": f'<{path}?start={start + PAGE}>; rel="next"'} if has_more else {}
            return self._answer(200, index, {"Content-Type": INDEX, **link})
        if kind == "blobs" and name in stored.blobs:
            return self._answer(200, stored.blobs[name], {"Docker-Content-Digest": name})
        digest = stored.tags.get(name, name)
        if kind == "manifests" and digest in stored.manifests:
            content, media_type = stored.manifests[digest]
            return self._answer(200, content, {"Content-Type": media_type, "Docker-Content-Digest": digest})
        return self._answer(404, b'{"errors": []}')

    def do_DELETE(self) -> None:
        stored, _, name = self._parts(urlsplit(self.path).path)
        known = stored.manifests.pop(name, None)
        self._answer(404 if known is None else 202, b"{}")

    def do_POST(self) -> None:
        self._body()
        place = f"http://{self.headers['Host']}{urlsplit(self.path).path}{uuid.uuid4().hex}"
        self._answer(202, b"", {"Location": place})

    def do_PATCH(self) -> None:
        path = urlsplit(self.path).path
        stored, _, name = self._parts(path)
        stored.blobs[name] = stored.blobs.get(name, b"") + self._body()
        self._answer(202, b"", {"Location": path, "Range": f"0-{len(stored.blobs[name])}"})

    def do_PUT(self) -> None:
        url, body = urlsplit(self.path), self._body()
        stored, kind, name = self._parts(url.path)
        if kind == "blobs/uploads":
            content = stored.blobs.pop(name, b"") + body
            digest = parse_qs(url.query)["digest"][0]
            if digest_of(content) != digest:
                return self._answer(400, b'{"errors": [{"code": "DIGEST_INVALID"}]}')
            stored.blobs[digest] = content
            return self._answer(201, b"", {"Docker-Content-Digest": digest, "Location": url.path})
        digest = digest_of(body)
        stored.manifests[digest] = (body, self.headers["Content-Type"])
        if not name.startswith("sha256:"):
            stored.tags[name] = digest
        subject = (json.loads(body).get("subject") or {}).get("digest")
        extra = {"OCI-Subject": subject} if subject else {}
        return self._answer(201, b"", {"Docker-Content-Digest": digest, "Location": url.path, **extra})

    def _parts(self, path: str) -> tuple[Stored, str, str]:
        found = re.fullmatch(r"/v2/(.+?)/(blobs/uploads|blobs|manifests|referrers)/([^/]*)", path)
        repository, kind, name = found.groups() if found else ("", "", "")
        return self.repositories.setdefault(repository, Stored()), kind, name

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _answer(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {
            "Content-Type": "application/json",
            **(headers or {}),
            "Content-Length": str(len(body)),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing: tests print what matters."""


@contextmanager
def registry_with_referrers() -> Iterator[str]:
    """The host of a registry that lists referrers."""
    handler = type("_Registry", (_Handler,), {"repositories": {}})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()

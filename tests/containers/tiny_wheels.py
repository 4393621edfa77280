"""Wheels of a few lines, and an index that asks for a password, for builds that reach nothing else."""

from __future__ import annotations

import io
import tarfile
import uuid
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pyml_sandbox.drivers.container.engine.docker_engine import Engine
from support.waiting import wait_for

PORT = 8000
SERVER = """
import base64, functools, http.server, sys
expected = "Basic " + base64.b64encode(sys.argv[1].encode()).decode()

class Index(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        if self.headers.get("Authorization") == expected:
            return super().do_GET()
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="index"')
        self.end_headers()

handler = functools.partial(Index, directory="/srv")
http.server.ThreadingHTTPServer(("", int(sys.argv[2])), handler).serve_forever()
"""


def write_wheel(folder: Path, name: str, version: str, requires: Sequence[str] = ()) -> Path:
    """Write a wheel whose module says its version."""
    folder.mkdir(parents=True, exist_ok=True)
    path, facts = folder / f"{name}-{version}-py3-none-any.whl", f"{name}-{version}.dist-info"
    needs = "".join(f"Requires-Dist: {line}\n" for line in requires)
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"{name}.py", f"VERSION = {version!r}\n")
        wheel.writestr(f"{facts}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}")
        wheel.writestr(
            f"{facts}/WHEEL", "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{facts}/RECORD", f"{name}.py,,\n{facts}/METADATA,,\n{facts}/WHEEL,,\n{facts}/RECORD,,\n")
    return path


@contextmanager
def served_index(engine: Engine, image: str, wheels: Sequence[Path], login: str) -> Iterator[str]:
    """A package index in a container, for builds on the same network; its host and port."""
    command = ["python3", "-c", SERVER, login, str(PORT)]
    name = f"pyml-test-index-{uuid.uuid4().hex[:8]}"
    container = engine.client.containers.create(image, command, name=name)
    try:
        container.put_archive("/srv", _packed(wheels))
        container.start()
        wait_for(lambda: _listens(engine, name), "the index listens")
        container.reload()
        networks = container.attrs["NetworkSettings"]["Networks"]
        yield f"{next(iter(networks.values()))['IPAddress']}:{PORT}"
    finally:
        container.remove(force=True)


def _listens(engine: Engine, name: str) -> bool:
    ask = ["python3", "-c", f"import socket; socket.create_connection(('127.0.0.1', {PORT}), 1)"]
    return bool(engine.client.containers.get(name).exec_run(ask).exit_code == 0)


def _packed(wheels: Sequence[Path]) -> bytes:
    """The wheels in the folders of a simple index."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for wheel in wheels:
            tar.add(wheel, f"simple/{wheel.name.partition('-')[0]}/{wheel.name}")
    return packed.getvalue()

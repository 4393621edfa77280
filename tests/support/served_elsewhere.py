"""A gateway and a model server outside any sandbox: what a pod runs, as processes."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from pyml.probes.gateway_probe import ModelProbe
from pyml_sandbox.client import Client
from pyml_sandbox.models.registry import find_version, prepare
from support.free_ports import free_ports
from support.waiting import answers, wait_for

HOST = "127.0.0.1"


@contextmanager
def served_elsewhere(client: Client, model_id: str, environ: Mapping[str, str] | None = None) -> Iterator[str]:
    """Serve a version while a block runs; yields host:port of the gateway.

    Args:
        client: of the sandbox that has the version.
        model_id: the version.
        environ: more environment variables of the model server.
    """
    version = find_version(client.home, model_id)
    environment = prepare(version, client.driver.builder)
    (port,) = free_ports(1)
    with tempfile.TemporaryDirectory(prefix="pyml-") as sockets:
        server = [environment.python, "-m", "pyml.server", "--package", environment.package, "--name", version.name]
        server += ["--version", version.version, "--socket-dir", sockets, "--service", "model"]
        route = f"{version.model_id}={sockets}/model"
        gateway = [sys.executable, "-m", "pyml.gateway", "--route", route, "--grpc", f"{HOST}:{port}"]
        started = [subprocess.Popen(each, env={**os.environ, **(environ or {})}) for each in (server, gateway)]
        probe = ModelProbe(version.name, version.version, HOST, port)

        try:
            wait_for(lambda: answers(probe), f"{model_id} is served elsewhere")
            yield f"{HOST}:{port}"
        finally:
            for process in started:
                process.terminate()
            for process in started:
                process.wait(20)

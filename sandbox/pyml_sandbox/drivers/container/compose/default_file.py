"""Renders compose/compose.yaml, the Compose file of a sandbox with default settings.

`python -m pyml_sandbox.drivers.container.compose.default_file` prints it.

It works with a bare `docker compose up`, once `pyml image build` has made the base image.
"""

from __future__ import annotations

import sys

from pyml.probes import NotReadyError
from pyml_sandbox.drivers.container import service_specs
from pyml_sandbox.drivers.container.compose.compose_file import document
from pyml_sandbox.workspace.ports import Ports
from pyml_sandbox.workspace.yaml_text import yaml_text

HEAD = """\
# What `pyml dev up` runs in containers, rendered from the same specifications:
#     python -m pyml_sandbox.drivers.container.compose.default_file > compose/compose.yaml
# It also works by hand, once `pyml image build` has made the image:
#     DOCKER_GID=$(stat -c %g /var/run/docker.sock) docker compose --file compose/compose.yaml up
# The gateway alone gets the engine's socket; docs/explanation/security.md says what that means, and how to go without.
"""
SETTINGS = service_specs.ContainerSettings("pyml", Ports(), cores=2, socket_group="${DOCKER_GID:-0}")
IMAGE = "pyml-base:latest"


def default_file() -> str:
    """The content of the file."""
    specs = [
        service_specs.metastore_container(SETTINGS, IMAGE),
        service_specs.master_container(SETTINGS, IMAGE, _not_asked),
        service_specs.sql_container(SETTINGS, IMAGE),
        service_specs.gateway_container(SETTINGS, IMAGE),
    ]
    return HEAD + yaml_text(document(SETTINGS.project, specs))


def _not_asked(timeout_s: float) -> None:
    raise NotReadyError("services of a file are not probed")


if __name__ == "__main__":
    sys.stdout.write(default_file())

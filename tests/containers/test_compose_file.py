"""The committed Compose file by hand, and the base image by itself: short-lived containers, without pyml's own driver."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer

from pyml.probes.gateway_probe import GatewayProbe
from pyml.probes.metastore_probe import MetastoreProbe
from pyml.probes.spark_probe import SparkProbe
from pyml_sandbox.drivers.container import service_specs
from pyml_sandbox.drivers.container.compose.compose_program import Compose, find_compose
from pyml_sandbox.drivers.container.engine.docker_engine import Engine
from pyml_sandbox.drivers.container.images.base_image import BaseImage
from pyml_sandbox.workspace.ports import HOST, Ports
from support.free_ports import free_ports
from support.waiting import wait_for

FILE = Path(__file__).parents[2] / "compose" / "compose.yaml"
PROJECT = "pyml-by-hand"


def on_free_ports(text: str, ports: Ports) -> str:
    """The file with other ports on this machine, and the names of a test's own."""
    for name, usual in Ports().by_service.items():
        text = text.replace(f"{HOST}:{usual}:{usual}", f"{HOST}:{ports.by_service[name]}:{usual}")
    return re.sub(r"\bio\.pyml\.sandbox: pyml$", f"io.pyml.sandbox: {PROJECT}", text, flags=re.MULTILINE)


@pytest.fixture
def compose(engine: Engine, base_image: BaseImage) -> Iterator[Compose]:
    assert engine.socket is not None
    found = find_compose(engine)
    by_hand = Compose(found.program, found.version, {**os.environ, "DOCKER_GID": str(engine.socket.stat().st_gid)})
    yield by_hand
    by_hand.run("--project-name", PROJECT, "down", "--volumes")


def test_the_committed_file_comes_up_by_hand_and_every_health_check_passes(compose: Compose, tmp_path: Path) -> None:
    ports = Ports(*free_ports(4))
    file = tmp_path / "compose.yaml"
    file.write_text(on_free_ports(FILE.read_text(encoding="utf-8"), ports))
    compose.run("--project-name", PROJECT, "--file", str(file), "up", "--detach", "--wait", "--wait-timeout", "150")
    for probe in (
        MetastoreProbe(HOST, ports.metastore),
        SparkProbe(HOST, ports.spark),
        GatewayProbe(HOST, ports.gateway),
    ):
        probe(10)


@pytest.fixture
def alone(engine: Engine, base_image: BaseImage, monkeypatch: pytest.MonkeyPatch) -> Iterator[DockerContainer]:
    """The metastore's container by itself, with nothing but its command."""
    monkeypatch.setattr(testcontainers_config, "ryuk_disabled", True)  # its image cannot be pulled everywhere
    spec = service_specs.metastore_container(service_specs.ContainerSettings("alone", Ports(), cores=2), base_image.id)
    container = DockerContainer(base_image.id).with_command(list(spec.command)).with_env("TZ", "UTC")
    container.ports["9083/tcp"] = (HOST, None)  # type: ignore[assignment]  # as the SDK takes it: on this machine alone
    with container:
        yield container


@pytest.mark.slow
def test_a_health_check_says_what_is_missing_until_it_passes_and_so_does_the_probe_from_outside(
    alone: DockerContainer,
) -> None:
    nothing = alone.exec(list(service_specs.health("gateway", 8470)))
    assert (nothing.exit_code, nothing.output) == (1, b"not listening yet on 127.0.0.1:8470\n")
    wait_for(lambda: alone.exec(list(service_specs.health("metastore", 9083))).exit_code == 0, "it is healthy")
    MetastoreProbe(HOST, int(alone.get_exposed_port(9083)))(5)

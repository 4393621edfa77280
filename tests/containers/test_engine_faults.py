"""What a sandbox says and keeps when its engine is restarted, goes away, or has no room left."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from containers.container_bench import ContainerScene
from containers.own_engine import OwnEngine, copy_image
from contract.benches import Kind
from pyml.errors import SandboxError, SetupError
from pyml_sandbox.drivers.container.engine.docker_engine import Engine
from pyml_sandbox.services.runner_contract import LiveService, ServiceState
from support.needed import needed
from support.waiting import wait_for

SLEEPER = Kind("sleeper", lines=("hello",))
DISK_MIB = 400


@pytest.fixture
def own_engine(tmp_path: Path) -> Iterator[OwnEngine]:
    """An engine on a small disk of its own."""
    with tempfile.TemporaryDirectory(prefix="pyml-", dir="/tmp") as folder:  # short: a socket lies in it
        disk = Path(folder) / "disk"
        disk.mkdir()
        own = OwnEngine(disk, Path(folder))
        with needed():
            if os.getuid() != 0:
                raise SetupError("A second engine on a disk of its own needs root.", "run the tests as root")
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "tmpfs", str(disk)], check=True)
            try:
                own.start()
                yield own
            finally:
                own.stop()
                own.clean_up()


@pytest.fixture
def context(own_engine: OwnEngine, engine: Engine, python_image: str, tmp_path: Path) -> ContainerScene:
    image = copy_image(engine, python_image, own_engine.engine())
    return ContainerScene(tmp_path, own_engine.engine(), image)


def find(context: ContainerScene, name: str) -> LiveService:
    (found,) = (service for service in context.runner().live() if service.name == name)
    return found


def volumes(context: ContainerScene) -> list[str]:
    return [str(volume.name) for volume in context.engine.client.volumes.list()]


def fill(file: Path) -> None:
    """Take what room there is on a disk."""
    with contextlib.suppress(OSError), file.open("wb", buffering=0) as ballast:
        while True:
            ballast.write(b"\0" * 1_000_000)


def test_after_a_restart_of_the_engine_what_ran_runs_again_and_what_was_stopped_stays_so(
    context: ContainerScene, own_engine: OwnEngine
) -> None:
    spec = context.spec(SLEEPER)
    assert spec.container is not None
    spec = replace(spec, container=replace(spec.container, volumes={"kept": "/var/kept"}))
    context.runner().start(spec, context.spec(Kind("second")))
    wait_for(lambda: context.processes() == 2, "both run")
    context.runner().stop("second")
    own_engine.stop()
    own_engine.start()
    wait_for(lambda: context.processes("one", "sleeper") == 1, "it runs again")
    assert find(context, "second").state is ServiceState.STOPPED
    context.runner().start(spec)
    assert find(context, "sleeper").digest == spec.digest
    context.runner().shut_down()
    assert context.runner().live() == ()
    assert volumes(context) == [f"{context.home('one').project}_kept"]


def test_an_engine_that_goes_away_is_said_in_those_words_and_found_again(
    context: ContainerScene, own_engine: OwnEngine
) -> None:
    driver = context.runner()
    driver.start(context.spec(SLEEPER))
    own_engine.stop()
    for operation in (
        lambda: driver.live(),
        lambda: driver.logs("sleeper", 5),
        lambda: driver.stop("sleeper"),
        lambda: driver.start(context.spec(Kind("other"))),
        lambda: driver.shut_down(),
    ):
        with pytest.raises(SandboxError) as caught:
            operation()
        assert "start Docker" in caught.value.hint
    own_engine.start()
    assert driver.live()
    driver.shut_down()
    assert context.runner().live() == ()


def test_a_full_disk_is_said_and_what_ran_goes_on(context: ContainerScene, own_engine: OwnEngine) -> None:
    context.runner().start(context.spec(SLEEPER))
    wait_for(lambda: context.processes() == 1, "it runs")
    ballast = own_engine.root / "ballast"
    fill(ballast)
    with pytest.raises(SandboxError) as caught:
        context.runner().start(context.spec(Kind("second")))
    assert "no space left on device" in caught.value.message.lower()
    assert "pyml image prune" in caught.value.hint
    assert find(context, "sleeper").state is ServiceState.RUNNING
    ballast.unlink()
    context.runner().start(context.spec(Kind("second")))
    wait_for(lambda: find(context, "second").state is ServiceState.RUNNING, "there is room again")
    context.runner().shut_down()
    assert context.runner().live() == ()

"""The container driver passes the contract of every driver, on a real engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import contract.test_driver_contract as every_driver
from containers.container_bench import ContainerScene
from pyml_sandbox.drivers.container.engine.docker_engine import Engine


@pytest.fixture
def context(engine: Engine, python_image: str, tmp_path: Path) -> Iterator[ContainerScene]:
    context = ContainerScene(tmp_path, engine, python_image)
    yield context
    for sandbox in ("one", "two"):
        context.runner(sandbox).shut_down()


class TestContainerDriver(every_driver.TestDriver):
    """See `every_driver.TestDriver`."""

"""What tests share: real sandboxes, on free ports and away from the user's own, and the Docker engine of this machine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pyml.errors import SetupError
from pyml_sandbox import bringup
from pyml_sandbox.containers.engine import Engine, find_engine
from pyml_sandbox.events import ignore
from pyml_sandbox.home import SandboxHome
from pyml_sandbox.images.base import BaseImage, ensure_base
from pyml_sandbox.images.bootstrap import bootstrap
from pyml_sandbox.images.python_image import ensure_python_image
from support.free_ports import free_port_choices
from support.needed import needed

pytest_plugins = ["pytester"]


@pytest.fixture(scope="session", params=["process", "container"])
def sandbox(request: pytest.FixtureRequest) -> SandboxHome:
    """A sandbox that is up, once with each driver. Shared, so leave it as you found it."""
    home: SandboxHome = request.getfixturevalue(f"{request.param}_sandbox")
    return home


@pytest.fixture(scope="session")
def process_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxHome]:
    """A sandbox of processes: metastore, Spark and gateway."""
    yield from _up(SandboxHome(tmp_path_factory.mktemp("pyml-home"), "tests"), "process")


@pytest.fixture(scope="session")
def container_sandbox(tmp_path_factory: pytest.TempPathFactory, base_image: BaseImage) -> Iterator[SandboxHome]:
    """A sandbox of containers: the same, and a Spark master."""
    yield from _up(SandboxHome(tmp_path_factory.mktemp("pyml-home"), "tests"), "container")


def _up(home: SandboxHome, driver: str) -> Iterator[SandboxHome]:
    try:
        bringup.up(home, bringup.Options(driver, free_port_choices()))
        yield home
    finally:
        bringup.reset(home)


@pytest.fixture(scope="session")
def engine() -> Engine:
    """The engine of this machine."""
    with needed():
        return find_engine()


@pytest.fixture(scope="session")
def python_image(engine: Engine) -> str:
    """Id of an image with Debian and Python: the default one, else one made from a Debian mirror."""
    with needed():
        try:
            return ensure_python_image(engine, None, ignore).id
        except SetupError:
            return bootstrap(engine).id


@pytest.fixture(scope="session")
def base_image(engine: Engine, python_image: str) -> BaseImage:
    """The base image of this checkout."""
    return ensure_base(engine)

"""What tests share: real sandboxes, on free ports and away from the user's own, the Docker engine of this machine, and
one DuckDB for many comparisons."""

from __future__ import annotations

import os
from collections.abc import Iterator

import duckdb
import pytest
from hypothesis import HealthCheck, settings

from pyml.errors import SetupError
from pyml_sandbox.drivers.container.engine.docker_engine import Engine, find_engine
from pyml_sandbox.drivers.container.images.base_image import BaseImage, ensure_base
from pyml_sandbox.drivers.container.images.bootstrap import bootstrap
from pyml_sandbox.drivers.container.images.python_image import ensure_python_image
from pyml_sandbox.lifecycle import up_and_down
from pyml_sandbox.workspace.events import ignore
from pyml_sandbox.workspace.home import SandboxHome
from support.free_ports import free_port_choices
from support.needed import needed

pytest_plugins = ["pytester"]

_OF_CONTAINERS = frozenset({"engine", "python_image", "base_image", "container_sandbox"})

# What takes long is no fault of a test: the first to import pandas does, and every one on a busy machine.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


# Each of the many sandboxes of the tests has an empty cache, and would make archives that no later start uses.
os.environ.setdefault("PYML_CLASS_ARCHIVES", "off")


@pytest.hookimpl(tryfirst=True)  # `-m` chooses in the same hook
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what needs a Docker engine: `make test` runs these tests beside the rest.

    `make test` leaves out what is marked `slow`, and a test of the shared sandbox runs with containers as well only if it
    is marked `each_driver`: what it shows depends on the driver. `make every-test` leaves out nothing.
    """
    if os.environ.get("PYML_TESTS") != "all":
        left_out = {item for item in items if item.get_closest_marker("slow") or _is_repeated(item)}
        config.hook.pytest_deselected(items=list(left_out))
        items[:] = [item for item in items if item not in left_out]
    for item in filter(_needs_containers, items):
        item.add_marker(pytest.mark.containers)


def _is_repeated(item: pytest.Item) -> bool:
    """Whether a test only repeats with containers what it shows with processes."""
    parameters = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    return parameters.get("sandbox") == "container" and item.get_closest_marker("each_driver") is None


def _needs_containers(item: pytest.Item) -> bool:
    if not isinstance(item, pytest.Function):
        return False
    parameters = item.callspec.params.values() if hasattr(item, "callspec") else ()
    return not _OF_CONTAINERS.isdisjoint(item.fixturenames) or "container" in map(str, parameters)


@pytest.fixture(scope="module")
def one_database() -> Iterator[None]:
    """Every comparison of a module runs in one DuckDB: opening one takes longer than comparing two small tables."""
    with duckdb.connect(config={"threads": 1}) as database, pytest.MonkeyPatch.context() as patch:
        patch.setattr(duckdb, "connect", database.cursor)
        yield


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
        up_and_down.up(home, up_and_down.Options(driver, free_port_choices()))
        yield home
    finally:
        up_and_down.reset(home)


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

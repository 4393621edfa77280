"""One real sandbox for the whole run, on free ports, away from the user's own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pyml_sandbox import bringup
from pyml_sandbox.home import SandboxHome
from support.free_ports import free_port_choices

pytest_plugins = ["pytester"]


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxHome]:
    """A sandbox of processes that is up: metastore, Spark and gateway. Shared, so leave it as you found it."""
    home = SandboxHome(tmp_path_factory.mktemp("pyml-home"), "tests")
    try:
        bringup.up(home, bringup.Options("process", free_port_choices()))
        yield home
    finally:
        bringup.down(home)

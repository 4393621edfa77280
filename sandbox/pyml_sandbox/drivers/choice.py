"""Which driver a sandbox has: chosen once at `up`, recorded, and followed by every later command."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from pyml.errors import SandboxError, SetupError, UsageError
from pyml_sandbox.drivers.contract import Driver
from pyml_sandbox.models.environment import EnvironmentBuilder
from pyml_sandbox.workspace.home import SandboxHome
from pyml_sandbox.workspace.ports import ports_of_running_sandboxes
from pyml_sandbox.workspace.state import SandboxState, load_state, name_option

DRIVERS = ("process", "container")


def choose_driver(recorded: str | None, asked: str | None, has_engine: Callable[[], bool], option: str = "") -> str:
    """The recorded driver, which a sandbox keeps; else the one asked for; else containers where an engine answers.

    Args:
        recorded: what the sandbox was made with; None for a new one.
        asked: by the user.
        has_engine: whether a Docker engine answers; only called where that decides.
        option: " --sandbox NAME" for hints.

    Raises:
        UsageError: there is no such driver.
        SetupError: the sandbox was made with another one.
    """
    if asked is not None and asked not in DRIVERS:
        raise UsageError(f"There is no driver {asked!r}; there are {', '.join(DRIVERS)}.", "pyml dev up --help")
    if asked is not None and recorded is not None and asked != recorded:
        raise SetupError(
            f"This sandbox was made with the {recorded} driver.", f"pyml dev reset{option}   to choose another"
        )
    return recorded or asked or ("container" if has_engine() else "process")


def an_engine_answers(environ: Mapping[str, str]) -> bool:
    """Whether there is a Docker engine, and Compose for it."""
    return not why_no_containers(environ)


def why_no_containers(environ: Mapping[str, str]) -> str:
    """What keeps the container driver from working here, in brackets; empty where nothing does."""
    from pyml_sandbox.drivers.container.compose.compose_program import find_compose
    from pyml_sandbox.drivers.container.engine.docker_engine import find_engine

    try:
        find_compose(find_engine(environ))
    except (SetupError, SandboxError) as error:
        return f" (containers are out of reach: {error.message})"
    return ""


def ports_in_use(environ: Mapping[str, str]) -> set[int]:
    """The ports of every sandbox that runs on this machine, as processes or as containers, of whatever home."""
    from pyml_sandbox.drivers.container.engine.docker_engine import find_engine
    from pyml_sandbox.drivers.container.engine.published_ports import ports_of_sandboxes

    try:
        of_containers = ports_of_sandboxes(find_engine(environ))
    except (SetupError, SandboxError):
        of_containers = set()
    return of_containers | ports_of_running_sandboxes()


def driver_for(home: SandboxHome, state: SandboxState, environ: Mapping[str, str] | None = None) -> Driver:
    """The driver of a sandbox, by the name in its state.

    Raises:
        SetupError: there is no such driver, or no Docker engine for it.
    """
    environ = os.environ if environ is None else environ
    if state.driver == "process":
        from pyml_sandbox.drivers.process.driver import ProcessDriver

        return ProcessDriver(home, state, environ)
    if state.driver == "container":
        from pyml_sandbox.drivers.container.driver import ContainerDriver

        return ContainerDriver(home, state, environ)
    raise SetupError(f"This release has no {state.driver} driver.", f"pyml dev reset{name_option(home)}")


def builder_for(home: SandboxHome) -> EnvironmentBuilder:
    """The workshop of a sandbox; of one that was never up, the one that costs nothing to have: virtual environments."""
    state = load_state(home)
    if state is not None:
        return driver_for(home, state).builder
    from pyml_sandbox.drivers.process.environments import VirtualenvBuilder

    return VirtualenvBuilder(home)

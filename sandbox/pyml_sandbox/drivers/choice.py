"""Chooses a sandbox's driver: once, at its first `up`; it is recorded, and every later command uses it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from pyml.errors import SandboxError, SetupError, UsageError
from pyml_sandbox.drivers.contract import Driver
from pyml_sandbox.models.environment import EnvironmentBuilder
from pyml_sandbox.workspace.home import SandboxHome
from pyml_sandbox.workspace.ports import ports_of_running_sandboxes
from pyml_sandbox.workspace.state import DRIVERS, SandboxState, load_state, name_option


def choose_driver(recorded: str | None, asked: str | None, has_engine: Callable[[], bool], option: str = "") -> str:
    """The driver of a sandbox: the recorded one, else the user's choice, else containers if an engine answers.

    Args:
        recorded: the driver that the sandbox was made with; None for a new sandbox.
        asked: the driver that the user chose; None for no choice.
        has_engine: tells whether a Docker engine answers; called only if that decides.
        option: " --sandbox NAME" for hints.

    Raises:
        UsageError: the driver does not exist.
        SetupError: the sandbox was made with a different driver.
    """
    if asked is not None and asked not in DRIVERS:
        raise UsageError(f"There is no driver {asked!r}; there are {', '.join(DRIVERS)}.", "pyml dev up --help")
    if asked is not None and recorded is not None and asked != recorded:
        raise SetupError(
            f"This sandbox was made with the {recorded} driver.", f"pyml dev reset{option}   to choose a different one"
        )
    return recorded or asked or ("container" if has_engine() else "process")


def an_engine_answers(environ: Mapping[str, str]) -> bool:
    """Whether a Docker engine answers, and Compose is installed."""
    return not why_no_containers(environ)


def why_no_containers(environ: Mapping[str, str]) -> str:
    """Why the container driver does not work here, in brackets; empty if it does."""
    from pyml_sandbox.drivers.container.compose.compose_program import find_compose
    from pyml_sandbox.drivers.container.engine.docker_engine import find_engine

    try:
        find_compose(find_engine(environ))
    except (SetupError, SandboxError) as error:
        return f" (containers cannot be used: {error.message})"
    return ""


def ports_in_use(environ: Mapping[str, str]) -> set[int]:
    """The ports of all sandboxes that run on this machine, as processes or containers, whatever their home."""
    from pyml_sandbox.drivers.container.engine.docker_engine import find_engine
    from pyml_sandbox.drivers.container.engine.published_ports import ports_of_sandboxes

    try:
        of_containers = ports_of_sandboxes(find_engine(environ))
    except (SetupError, SandboxError):
        of_containers = set()
    return of_containers | ports_of_running_sandboxes()


def driver_for(home: SandboxHome, state: SandboxState, environ: Mapping[str, str] | None = None) -> Driver:
    """The driver of a sandbox.

    Args:
        home: the sandbox.
        state: its state, which names the driver.
        environ: environment variables; None for those of this process.

    Raises:
        SetupError: this release lacks the driver, or the driver needs a Docker engine and none answers.
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
    """The environment builder of a sandbox; virtual environments if the sandbox has never been up."""
    state = load_state(home)
    if state is not None:
        return driver_for(home, state).builder
    from pyml_sandbox.drivers.process.environments import VirtualenvBuilder

    return VirtualenvBuilder(home)

"""Which driver a sandbox has: chosen once at `up`, recorded, and followed by every later command."""

from __future__ import annotations

from pyml.errors import SetupError, UsageError
from pyml_sandbox.drivers.base import Driver
from pyml_sandbox.home import SandboxHome
from pyml_sandbox.state import SandboxState, name_option

DRIVERS = ("process", "container")


def choose_driver(recorded: str | None, asked: str | None) -> str:
    """The recorded driver, which a sandbox keeps; else the one asked for; else the process driver.

    Raises:
        UsageError: there is no such driver.
        SetupError: the container driver, which is not in this release, or another than the recorded one.
    """
    if asked is not None and asked not in DRIVERS:
        raise UsageError(f"There is no driver {asked!r}; there are {', '.join(DRIVERS)}.", "pyml dev up --help")
    if asked == "container":
        raise SetupError("The container driver is not in this release.", "pyml dev up --driver process")
    if asked is not None and recorded is not None and asked != recorded:
        raise SetupError(f"This sandbox was made with the {recorded} driver.", "pyml dev reset   to choose another")
    return recorded or asked or "process"


def driver_for(home: SandboxHome, state: SandboxState) -> Driver:
    """The driver that the state names."""
    if state.driver != "process":
        raise SetupError(f"This release has no {state.driver} driver.", f"pyml dev reset{name_option(home)}")
    return process_driver(home)


def process_driver(home: SandboxHome) -> Driver:
    """The process driver of this sandbox."""
    from pyml_sandbox.drivers.process import ProcessDriver

    return ProcessDriver(home)

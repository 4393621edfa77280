"""A fault: what is struck, and what must hold afterwards beside what holds after every fault (`promises.py`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from faults.scene import Done, Scene

PROCESS, CONTAINER = "process", "container"
BOTH = (PROCESS, CONTAINER)


@dataclass(frozen=True)
class Fault:
    """One fault.

    Attributes:
        name: what happens, in words that make an id: "metastore killed in a job".
        strike: makes it happen in a sandbox that is whole, and gives back what the commands said that met it.
        drivers: the drivers that it can happen with.
        says: what the commands say between them: causes and fixes. A word of several alternatives is cut by `|`.
        never: what no command may say, such as a wrong verdict.
        codes: the exit codes that a command may end with.
        mend: the one command after which all is well again.
        needs_small_disk: whether the sandbox must lie on a file system of its own, which root alone can make.
        quick: whether it is struck in `make test`, too; a few seconds, process driver.
    """

    name: str
    strike: Callable[[Scene], Sequence[Done]]
    drivers: tuple[str, ...] = BOTH
    says: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    codes: tuple[int, ...] = (0, 1, 3)
    mend: tuple[str, ...] = ("dev", "up")
    quick: bool = False
    needs_small_disk: bool = False

"""Names of a package's own modules that Python, or an installed package, has already.

Whoever imports such a name gets whichever of the two was found first, and that differs between the paths.
"""

from __future__ import annotations

import pkgutil
import sys
import sysconfig
from collections.abc import Iterator
from importlib.machinery import PathFinder
from pathlib import Path

from pyml.errors import Problem

_RUNTIME = ("pyml", "pyspark", "py4j")
"""Modules of the programs that load a model, wherever they are installed."""
_MODEL = "model"
"""The module of `model.py`, which is loaded by its path."""


def names_of_python(folder: Path) -> Iterator[Problem]:
    """A problem for each module beside `model.py` with the name of a module of Python or pyml."""
    for name in _own_modules(folder):
        if name in sys.stdlib_module_names:
            yield _taken(folder, name, "a module of Python's standard library")
        elif name in _RUNTIME:
            yield _taken(folder, name, "a module that pyml needs")


def names_of_installed(folder: Path) -> Iterator[Problem]:
    """A problem for each module beside `model.py` with the name of one that is installed in this environment."""
    site_packages = list(dict.fromkeys(sysconfig.get_path(name) for name in ("purelib", "platlib")))
    for name in _own_modules(folder):
        spec = PathFinder.find_spec(name, site_packages) if name != _MODEL else None
        if spec is not None and spec.loader is not None:  # a namespace has no loader, and hides nothing
            yield _taken(folder, name, f"an installed package ({spec.origin})")


def _own_modules(folder: Path) -> list[str]:
    return sorted({module.name for module in pkgutil.iter_modules([str(folder)])})


def _taken(folder: Path, name: str, other: str) -> Problem:
    own = f"{name}/" if (folder / name).is_dir() else f"{name}.py"
    return Problem(f"{own} has the name of {other}, and one hides the other", f"rename it, for instance to own_{own}")

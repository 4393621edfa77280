"""The files of a model package: what is uploaded, what is left out and why, and what prevents an upload.

Uploaded are `requirements.txt`, `packages.txt`, `pyml.toml`, `parameters/`, the modules beside `model.py`, the files in
the folder that `requirements.txt` names, and every subfolder from which Python imports modules. Of a subfolder without
an `__init__` module, a namespace package, these are the modules and the packages below. Links are followed.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib.machinery import all_suffixes
from pathlib import Path

from pyml.errors import Problem
from pyml.package.requirement_files import REQUIREMENTS
from pyml.package.settings import FILE_NAME

DEBIAN_PACKAGES = "packages.txt"
PARAMETERS = "parameters"
SHOWN = 4
"""Names of files in one note or problem, at most."""
_SINGLE_FILES = (REQUIREMENTS, DEBIAN_PACKAGES, FILE_NAME)
_VIRTUAL_ENVIRONMENT = ("pyvenv.cfg", "conda-meta")
_CACHE = "__pycache__"


class Reason(StrEnum):
    """Why files are not uploaded, as messages say it."""

    HIDDEN = "hidden"
    DANGLING = "links to nothing"
    CYCLIC = "links to a folder that they lie in"
    SPECIAL = "pipes, sockets or devices"
    NO_MODULE = "no modules, in a folder without __init__.py (add one, or move them to parameters/)"
    UNREADABLE = "which this user may not read"
    NOT_UTF_8 = "a name that is not UTF-8"
    HIDDEN_REQUIREMENT = "hidden files, which are not uploaded"


_FIXES = {
    Reason.UNREADABLE: "chmod -R u+rX FOLDER, or remove them",
    Reason.NOT_UTF_8: "rename the file; a version has the same names everywhere",
    Reason.HIDDEN_REQUIREMENT: "give the file or its folder a name without a leading dot, here and in requirements.txt",
}
"""The reasons that prevent an upload. All others leave files out, and a note says so."""


@dataclass(frozen=True)
class PackageFiles:
    """The files of a package.

    Attributes:
        files: what is uploaded, relative to the package's folder, sorted.
        others: what lies among them and cannot be uploaded, by reason.
    """

    files: tuple[Path, ...]
    others: Mapping[Reason, tuple[Path, ...]]

    @classmethod
    def of(cls, folder: Path, named: Iterable[Path]) -> PackageFiles:
        """Search a package.

        Args:
            folder: of the package.
            named: files that `requirements.txt` names, relative to the folder.
        """
        found = {**dict(_package(folder)), **{path: _of_named(path) for path in named}}
        reasons = {path: reason or _refusal(folder, path) for path, reason in found.items()}
        by_reason = {reason: tuple(sorted(p for p, why in reasons.items() if why is reason)) for reason in Reason}
        files = tuple(sorted(path for path, reason in reasons.items() if reason is None))
        return cls(files, {reason: paths for reason, paths in by_reason.items() if paths})

    @property
    def notes(self) -> tuple[str, ...]:
        """A sentence about each kind of files that are left out."""
        left_out = {reason: paths for reason, paths in self.others.items() if reason not in _FIXES}
        return tuple(f"not uploaded, {reason}: {_listed(paths)}" for reason, paths in left_out.items())

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What prevents an upload."""
        refused = {reason: paths for reason, paths in self.others.items() if reason in _FIXES}
        return tuple(
            Problem(f"the package has {reason}: {_listed(paths)}", _FIXES[reason]) for reason, paths in refused.items()
        )


_Found = Iterator[tuple[Path, Reason | None]]
"""Paths relative to the package's folder; the reason why one is not uploaded, or None."""


def _package(folder: Path) -> _Found:
    for path, reason in _children(folder, Path()):
        if path.name == PARAMETERS:
            yield from _tree(folder, path)
        elif (folder / path).is_dir():
            is_package = path.name.isidentifier() or (folder / path / "__init__.py").exists()
            yield from _code(folder, path) if is_package else ()
        elif path.name in _SINGLE_FILES or _is_module(path):
            yield path, reason


def _code(folder: Path, path: Path) -> _Found:
    """The files of a subfolder that holds modules; none if it holds none, or is a virtual environment."""
    if any((folder / path / name).exists() for name in _VIRTUAL_ENVIRONMENT):
        return
    tree = dict(_tree(folder, path))
    packages = {each.parent for each in tree if _is_module(each) and each.stem.partition(".")[0] == "__init__"}
    if not any(map(_is_module, tree)):
        return
    for each, reason in tree.items():
        is_code = _is_module(each) or any(parent in packages for parent in each.parents)
        yield each, reason if is_code or reason else Reason.NO_MODULE


def _tree(folder: Path, path: Path, above: tuple[Path, ...] = ()) -> _Found:
    """Everything below a path of the package, without Python's caches."""
    above = (*above, (folder / path).resolve())
    for each, reason in _children(folder, path):
        if reason is None and (folder / each).is_dir():
            is_cyclic = (folder / each).resolve() in above
            yield from [(each, Reason.CYCLIC)] if is_cyclic else _tree(folder, each, above)
        else:
            yield each, reason


def _children(folder: Path, path: Path) -> _Found:
    try:
        names = sorted(os.listdir(folder / path))
    except PermissionError:
        yield path, Reason.UNREADABLE
        return
    except (NotADirectoryError, FileNotFoundError):
        return
    for name in names:
        if name != _CACHE:
            yield path / name, Reason.HIDDEN if name.startswith(".") else _kind(folder / path / name)


def _kind(path: Path) -> Reason | None:
    """Why a file or folder is not uploaded, whatever it is called."""
    try:
        mode = path.stat().st_mode
    except PermissionError:
        return Reason.UNREADABLE
    except OSError:  # there is nothing, or a link to itself
        return Reason.DANGLING
    return None if stat.S_ISDIR(mode) or stat.S_ISREG(mode) else Reason.SPECIAL


def _of_named(path: Path) -> Reason | None:
    return Reason.HIDDEN_REQUIREMENT if any(part.startswith(".") for part in path.parts) else None


def _refusal(folder: Path, path: Path) -> Reason | None:
    """Why a file that would be uploaded cannot be."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return Reason.NOT_UTF_8
    return None if os.access(folder / path, os.R_OK) else Reason.UNREADABLE


def _is_module(path: Path) -> bool:
    return path.name.endswith(tuple(all_suffixes()))


def _listed(paths: tuple[Path, ...]) -> str:
    """The first of some paths; bytes of a name that are not UTF-8 as `\\xe9`."""
    shown = [os.fsencode(path).decode(errors="backslashreplace") for path in paths[:SHOWN]]
    more = f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else ""
    return f"{', '.join(shown)}{more}"

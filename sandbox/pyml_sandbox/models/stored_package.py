"""The copy of a package that a version keeps: nothing that loads it may change it, and damage is noticed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from pyml.errors import PackageError, Problem
from pyml.package.model_package import ModelPackage

SHOWN = 4
"""Names of files in one message, at most."""


def copy_package(package: ModelPackage, target: Path) -> ModelPackage:
    """Copy the files of a package into a new folder.

    Args:
        package: as its author has it.
        target: the folder of the copy.

    Raises:
        PackageError: a file vanished meanwhile, or cannot be read.
    """
    (target / "parameters").mkdir(parents=True)
    for path in package.files():
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copyfile(package.folder / path, target / path)
        except (FileNotFoundError, PermissionError) as error:
            problem = Problem(f"{path} cannot be read: {error.strerror}", "write the files first, then upload them")
            raise PackageError("the package changed while it was copied", [problem]) from error
        (target / path).chmod(0o444)  # its name is its content
    return ModelPackage(target, package.name)


@contextmanager
def unchanged(copy: ModelPackage) -> Iterator[None]:
    """A block in which the model of a copy is loaded.

    Raises:
        PackageError: its files differ afterwards; names them.
    """
    before = _stamps(copy)
    yield
    after = _stamps(copy.afresh())
    changed = sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))
    if changed:
        more = f" and {len(changed) - SHOWN} more" if len(changed) > SHOWN else ""
        message = f"the model writes into its own package: {', '.join(changed[:SHOWN])}{more}"
        hint = "a version never changes, and in a container it cannot: write to tempfile.mkdtemp() instead"
        raise PackageError(f"invalid model package {copy.folder}", [Problem(message, hint)])


@contextmanager
def paths_of_author(package: ModelPackage, copy: ModelPackage) -> Iterator[None]:
    """A block whose errors name the folder of the package, and not that of its copy, which vanishes with them."""

    def renamed(text: str) -> str:
        return text.replace(str(copy.folder), str(package.folder))

    try:
        yield
    except PackageError as error:
        problems = [replace(each, message=renamed(each.message), hint=renamed(each.hint)) for each in error.problems]
        raise PackageError(renamed(error.summary), problems) from error


def _stamps(copy: ModelPackage) -> Mapping[str, tuple[int, ...]]:
    """What changes with a file's content, by name; reading parameters twice would take long."""
    stats = {path.as_posix(): (copy.folder / path).stat() for path in copy.files()}
    return {name: (stat.st_ino, stat.st_size, stat.st_mtime_ns) for name, stat in stats.items()}


def is_intact(copy: ModelPackage, digest: str) -> bool:
    """Whether a copy has the content of a digest; True if no digest was recorded. Reads every file."""
    try:
        return not digest or copy.digest() == digest
    except OSError:
        return False

"""Requirement files for the build of a model image: the model's own, and ours beside them.

requirements.txt, …   as the package has them, with every file that they name, but without hashes
.pyml/runtime.txt     requirements that are resolved together with them
.pyml/constraints.txt the versions of an earlier build
.pyml/hashed/         if the model demands hashes: its requirement files unchanged

pip wants hashes for all requirements or for none, and ours have none. So requirements with hashes are installed first,
and checked; then all are resolved together, which keeps what is installed if it fits.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from pyml.package.model_package import ModelPackage
from pyml.package.requirement_files import REQUIREMENTS, read_text

OURS = ".pyml"
"""Hidden files of a package are left out, so no file of a package can have this name."""
_HASH = re.compile(r"(?:\s|\\\r?\n)+--hash[=\s]\S+")


def write_requirements(folder: Path, package: ModelPackage, beside: Iterable[str], constraints: str) -> None:
    """Write the requirement files into a new folder.

    Args:
        folder: part of the build's context.
        package: the model package.
        beside: our own requirements, one on each line.
        constraints: versions of an earlier build, one on each line.
    """
    named, ours = package.requirement_files, folder / OURS
    _copy(package, folder)
    if named.has_hashes:
        _copy(package, ours / "hashed")
        for path in named.lists:
            (folder / path).write_text(_HASH.sub("", read_text(folder / path)), encoding="utf-8", newline="")
    ours.mkdir(exist_ok=True)
    (ours / "runtime.txt").write_text("".join(f"{line}\n" for line in beside), encoding="utf-8")
    (ours / "constraints.txt").write_text(constraints, encoding="utf-8")


def _copy(package: ModelPackage, target: Path) -> None:
    for path in (Path(REQUIREMENTS), *package.requirement_files.files):
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(package.folder / path, target / path)

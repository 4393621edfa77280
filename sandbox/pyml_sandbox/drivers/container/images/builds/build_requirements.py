"""What pip reads in the build of a model image: the model's own requirement files, and beside them ours.

requirements.txt, …   as the package has them, with every file that they name, but without hashes
.pyml/runtime.txt     what has to be met together with them
.pyml/constraints.txt the versions of an earlier build
.pyml/hashed/         where the model demands hashes: its requirement files as they are

pip takes hashes for everything or for nothing, and ours have none. So what has hashes is installed by itself first, and
held to them; then everything is resolved together, which leaves what is there alone where it fits.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from pyml.package.model_package import ModelPackage
from pyml.package.requirement_files import REQUIREMENTS

OURS = ".pyml"
"""Hidden files of a package stay behind, so none of it can have this name."""
_HASH = re.compile(rb"(?:\s|\\\r?\n)+--hash[=\s]\S+")


def write_requirements(folder: Path, package: ModelPackage, beside: Iterable[str], constraints: str) -> None:
    """Write them into a new folder.

    Args:
        folder: in the build's context.
        package: the model's.
        beside: requirements of ours, one a line.
        constraints: one version a line.
    """
    named, ours = package.requirement_files, folder / OURS
    _copy(package, folder)
    if named.has_hashes:
        _copy(package, ours / "hashed")
        for path in named.lists:
            (folder / path).write_bytes(_HASH.sub(b"", (folder / path).read_bytes()))
    ours.mkdir(exist_ok=True)
    (ours / "runtime.txt").write_text("".join(f"{line}\n" for line in beside), encoding="utf-8")
    (ours / "constraints.txt").write_text(constraints, encoding="utf-8")


def _copy(package: ModelPackage, target: Path) -> None:
    for path in (Path(REQUIREMENTS), *package.requirement_files.files):
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(package.folder / path, target / path)

"""Which version of scikit-learn wrote a file of parameters."""

from __future__ import annotations

import mmap
import re
from pathlib import Path

WRITTEN_BY = re.compile(rb"_sklearn_version.{1,10}?(\d+\.\d+(?:(?:\.|rc|\.dev|\.post)\d+)*)", re.DOTALL)
"""What scikit-learn writes into each of its pickles (`BaseEstimator.__getstate__`), with opcodes in between."""


def sklearn_versions_in(file: Path) -> list[str]:
    """The versions of scikit-learn that pickled the estimators in a file, sorted.

    The file is mapped, not read: parameters may be larger than the memory of this machine.
    """
    if not file.stat().st_size:  # an empty file cannot be mapped
        return []
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return sorted({found.group(1).decode() for found in WRITTEN_BY.finditer(content)})

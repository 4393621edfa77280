"""Tells requirements that nobody offers from requirements that contradict one another, in what pip and uv say."""

from __future__ import annotations

import re

_NOT_OFFERED = re.compile(
    r"no matching distribution found|was not found in the package registry|there (is|are) no versions? of"
    r"|not found in the provided package locations|unable to locate package",
    re.IGNORECASE,
)
_CONFLICT = re.compile(r"conflicting dependencies|are incompatible|depends on", re.IGNORECASE)


def heading(file: str, output: str, *, beside_ours: bool = True) -> str:
    """Why the requirements of a file cannot be met, as the heading of an installer's own words.

    Args:
        file: name of the file.
        output: of pip, uv or apt.
        beside_ours: whether pyml's own requirements are installed with them.
    """
    if _NOT_OFFERED.search(output) and not _CONFLICT.search(output):
        return f"{file} names what no index offers, or not in this version"
    return f"{file} cannot be installed{' together with what pyml needs' if beside_ours else ''}"

"""Python files, read and parsed."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path


@dataclass(frozen=True)
class Source:
    """One file.

    Attributes:
        name: of its module, as imports name it; of an `__init__.py` that of its folder.
        text: what it holds.
        is_face: it is the `__init__.py` of a folder.
    """

    name: str
    text: str
    is_face: bool = False

    @cached_property
    def tree(self) -> ast.Module:
        """Its syntax."""
        return ast.parse(self.text)

    @property
    def lines(self) -> int:
        """How many lines it has, empty ones included."""
        return len(self.text.splitlines())


def read(package: Path, leave_out: Sequence[str] = ()) -> list[Source]:
    """Every file of a package.

    Args:
        package: its folder, named as it is imported.
        leave_out: names of folders and files in it that do not count, as `_sync`.
    """
    inside = {path: path.relative_to(package) for path in sorted(package.rglob("*.py"))}
    return [
        _read(path, (package.name, *below.with_suffix("").parts))
        for path, below in inside.items()
        if not set(below.parts) & set(leave_out)
    ]


def _read(path: Path, parts: tuple[str, ...]) -> Source:
    is_face = parts[-1] == "__init__"
    return Source(".".join(parts[:-1] if is_face else parts), path.read_text(encoding="utf-8"), is_face)


def lines(sources: Iterable[Source]) -> int:
    """How many lines they have together."""
    return sum(source.lines for source in sources)

"""Cyclomatic complexity, as radon counts it, and the limit that `make lint` sets to it.

    python tests/measure/complexity.py FOLDER...

Ruff has this as C901, but counts no boolean operators and no comprehensions, in which decisions hide here: what is 42 to
radon is 15 to it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from radon.complexity import cc_visit
from radon.visitors import Function

LIMIT = 15
LEFT_OUT = "templates"
"""What `pyml init` writes is a user's code."""


def complexities(text: str) -> Iterator[tuple[str, int, int]]:
    """Name, line and complexity of each function and method; of a method the name has its class in front."""
    for block in cc_visit(text):
        if isinstance(block, Function):
            yield block.fullname, block.lineno, block.complexity


def too_complex(text: str, limit: int = LIMIT) -> list[tuple[str, int, int]]:
    """Those above the limit."""
    return [found for found in complexities(text) if found[2] > limit]


def main(folders: Sequence[str]) -> int:
    """Print each function that is too complex; 1 where there is one."""
    files = sorted(path for folder in folders for path in Path(folder).rglob("*.py") if LEFT_OUT not in path.parts)
    wrong = [(path, *found) for path in files for found in too_complex(path.read_text(encoding="utf-8"))]
    for path, name, line, complexity in wrong:
        print(f"{path}:{line}: {name} has a complexity of {complexity}, {LIMIT} at most: split it")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The requirements of pyml's runtime in a model's environment, the same for every driver."""

from __future__ import annotations

import importlib.metadata

DISTRIBUTION = "pyml-sandbox"


def runtime_requirements() -> list[str]:
    """The requirements of pyml's runtime: the dependencies of its distribution, without extras."""
    declared = importlib.metadata.requires(DISTRIBUTION) or []
    return sorted(line for line in declared if "extra ==" not in line)


def count_packages(lock: str) -> int:
    """The number of packages in a lock."""
    return sum(bool(line) and not line.startswith(("#", "-", " ")) for line in lock.splitlines())

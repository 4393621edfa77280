"""What a model's environment must hold, whichever driver makes it."""

from __future__ import annotations

import importlib.metadata

DISTRIBUTION = "pyml-sandbox"


def runtime_requirements() -> list[str]:
    """What pyml's runtime needs in a model's environment: the distribution's dependencies without extras."""
    declared = importlib.metadata.requires(DISTRIBUTION) or []
    return sorted(line for line in declared if "extra ==" not in line)


def count_packages(lock: str) -> int:
    """How many packages a lock names."""
    return sum(bool(line) and not line.startswith(("#", "-", " ")) for line in lock.splitlines())

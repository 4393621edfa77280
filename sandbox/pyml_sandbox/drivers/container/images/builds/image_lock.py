"""The lock of an image: all its packages, one name and version on each line; Debian packages are comments."""

from __future__ import annotations

OF_THE_BASE = ("pyspark", "py4j")
"""Packages of Spark, whose version the base image determines."""


def constraints(lock: str) -> str:
    """Constraints with which pip installs the versions of a lock again.

    Debian packages are left out: a mirror has one version of each, so they are only recorded.
    """
    return "".join(f"{line}\n" for line in _python_lines(lock) if line.partition("==")[0] not in OF_THE_BASE)


def differences(wanted: str, found: str) -> list[str]:
    """Differences between two locks, one sentence for each package.

    Args:
        wanted: the lock that was asked for.
        found: the lock of the new image.
    """
    before, after = _versions(wanted), _versions(found)
    return [
        f"{name} is {after.get(name, 'missing')}, was {before.get(name, 'missing')}"
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]


def _python_lines(lock: str) -> list[str]:
    return [line for line in lock.splitlines() if "==" in line and not line.startswith("#")]


def _versions(lock: str) -> dict[str, str]:
    """Version by package. Names of Debian packages keep their prefix, since Python may use the same name."""
    lines = [line.removeprefix("# ") for line in lock.splitlines() if "=" in line]
    pairs = (line.replace("==", "=").partition("=") for line in lines)
    return {name: version for name, _, version in pairs}

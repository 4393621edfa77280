"""The lock of an image: all that is installed in it, one name and version a line, Debian packages as comments."""

from __future__ import annotations

from pyml_sandbox.drivers.requirements import count_packages

OF_THE_BASE = ("pyspark", "py4j")
"""Packages whose version the base image decides: they are Spark's."""


def constraints(lock: str) -> str:
    """What pip is told so that it installs the versions of a lock again.

    Debian's packages are no part of it: a mirror keeps one version of each, so they are recorded, not asked for.
    """
    return "".join(f"{line}\n" for line in _python_lines(lock) if line.partition("==")[0] not in OF_THE_BASE)


def differences(wanted: str, found: str) -> list[str]:
    """What a lock asked for and did not get, one sentence for each package."""
    before, after = _versions(wanted), _versions(found)
    return [
        f"{name} is {after.get(name, 'missing')}, was {before.get(name, 'missing')}"
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]


def size(lock: str) -> str:
    """How much a lock names, in words."""
    return f"{count_packages(lock)} Python packages"


def _python_lines(lock: str) -> list[str]:
    return [line for line in lock.splitlines() if "==" in line and not line.startswith("#")]


def _versions(lock: str) -> dict[str, str]:
    """Version by package; Debian's keep their mark, since one name may be in both."""
    lines = [line.removeprefix("# ") for line in lock.splitlines() if "=" in line]
    pairs = (line.replace("==", "=").partition("=") for line in lines)
    return {name: version for name, _, version in pairs}

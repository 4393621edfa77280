"""The Debian packages that a model names and this machine lacks: processes run with what is installed."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from fnmatch import fnmatchcase

_FORMAT = "${Package} ${Architecture} ${db:Status-Status} ${Version}\\n"
_TIMEOUT_S = 30


def missing_debian_packages(wanted: Sequence[str]) -> tuple[str, ...] | None:
    """The Debian packages that are not installed here; None if this system has no dpkg.

    Args:
        wanted: lines of `packages.txt`: names, perhaps with an architecture (`:amd64`), a version (`=1.2*`) or a
            release (`/bookworm`, which is not compared).
    """
    if not wanted:
        return ()
    names = [_parts(line)[0] for line in wanted]
    query = ["dpkg-query", "--show", f"--showformat={_FORMAT}", "--", *names]
    try:
        done = subprocess.run(query, capture_output=True, text=True, check=False, timeout=_TIMEOUT_S)
    except (OSError, subprocess.SubprocessError):
        return None
    found = [line.split() for line in done.stdout.splitlines()]
    return tuple(line for line in wanted if not any(_is(each, line) for each in found))


def _is(found: Sequence[str], line: str) -> bool:
    """Whether a line of `packages.txt` is met by a package: its name, architecture, status and version."""
    name, architecture, version = _parts(line)
    has_architecture = not architecture or found[1] in (architecture, "all")
    has_version = not version or fnmatchcase(" ".join(found[3:]), version)
    return found[0] == name and found[2] == "installed" and has_architecture and has_version


def _parts(line: str) -> tuple[str, str, str]:
    """Name, architecture and version; those that a line does not give are empty."""
    package, _, version = line.partition("=")
    name, _, architecture = package.partition("/")[0].partition(":")
    return name, architecture, version


def debian_warning(names: Sequence[str]) -> str | None:
    """A warning about packages of `packages.txt` that this machine lacks; None if it lacks none."""
    missing = missing_debian_packages(names)
    if missing is None:
        return f"packages.txt names {', '.join(names)}; with no dpkg here it is not known whether they are installed"
    if missing:
        return f"not installed here: {', '.join(missing)}; the process driver does not install Debian packages"
    return None

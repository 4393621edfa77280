"""Which Debian archive a bootstrapped image comes from: by default the one that this machine itself uses."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

MIRROR = "http://deb.debian.org/debian"
SECURITY = "http://deb.debian.org/debian-security"
_FIELDS = "$(REPO_URI) $(RELEASE) $(COMPONENT)"


@dataclass(frozen=True)
class Archive:
    """A Debian archive, and all that an image installs from.

    Attributes:
        mirror: address from which debootstrap takes the packages.
        sources: the image's `sources.list`.
    """

    mirror: str
    sources: str


def find_archive(suite: str, mirror: str | None, own: Sequence[str]) -> Archive:
    """The archive of a release.

    Args:
        suite: the release of Debian.
        mirror: address that the user gave, which is then the only source; None for this machine's own archive, else
            Debian's.
        own: this machine's sources, as `own_sources` gives them.
    """
    if mirror is not None:
        return _archive([(mirror, suite)])
    main = [line.split() for line in own if line.endswith(" main")]
    found = [(uri, release) for uri, release, _ in main if release in (suite, f"{suite}-updates", f"{suite}-security")]
    # The release itself comes first: debootstrap needs it, and the updates alone make no system.
    found.sort(key=lambda source: source[1])
    if not found or found[0][1] != suite:
        found = [(MIRROR, suite), (MIRROR, f"{suite}-updates"), (SECURITY, f"{suite}-security")]
    return _archive(found)


def own_sources() -> list[str]:
    """The sources of this machine, as apt itself reads them: "URI RELEASE COMPONENT"; none where there is no apt."""
    command = ["apt-get", "indextargets", "Created-By: Packages", "--format", _FIELDS]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return []
    return [line for line in done.stdout.splitlines() if len(line.split()) == 3 and line.startswith("http")]


def _archive(sources: Sequence[tuple[str, str]]) -> Archive:
    mirror = sources[0][0].rstrip("/")
    return Archive(mirror, "".join(f"deb {uri.rstrip('/')} {release} main\n" for uri, release in sources))

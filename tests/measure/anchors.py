"""The code that ours is held against: four packages from PyPI, as their authors released them."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Anchor:
    """A package, in one version.

    Attributes:
        name: of the package on PyPI and of its folder.
        version: that is measured.
        source: where its folder lies in the release.
        tests: where its tests lie there; None where the release has none.
        leave_out: folders that a program writes.
    """

    name: str
    version: str
    source: str
    tests: str | None = "tests"
    leave_out: tuple[str, ...] = ()


ANCHORS = (
    Anchor("httpcore", "1.0.9", "httpcore", leave_out=("_sync",)),
    Anchor("procrastinate", "3.10.0", "procrastinate", tests=None),
    Anchor("structlog", "26.1.0", "src/structlog"),
    Anchor("nox", "2026.10.20", "nox"),
)


def fetched(anchor: Anchor, cache: Path) -> Path:
    """The folder of a release; downloaded by pip, once."""
    folder = cache / f"{anchor.name}-{anchor.version}"
    if not folder.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
        subprocess.run([*command, "--dest", str(cache), f"{anchor.name}=={anchor.version}"], check=True)
        with tarfile.open(next(cache.glob(f"{folder.name}.tar.*"))) as release:
            release.extractall(cache, filter="data")
    return folder

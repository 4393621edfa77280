"""A Python image from a Debian mirror: what is chosen, refused and left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyml.errors import SetupError, UsageError
from pyml_sandbox.drivers.container.engine.docker_engine import Engine
from pyml_sandbox.drivers.container.images.bootstrap import (
    BootstrapOptions,
    bootstrap,
    find_debootstrap,
    packages,
    slim,
)
from pyml_sandbox.drivers.container.images.debian_archive import MIRROR, find_archive, own_sources

OWN = [
    "http://mirror.example/debian/ bookworm-updates main",
    "http://mirror.example/debian/ bookworm contrib",
    "http://mirror.example/debian/ bookworm main",
    "https://security.example/debian-security/ bookworm-security main",
    "https://deb.nodesource.example/node_20.x/ nodistro main",
]
"""Sources of a machine, as apt gives them."""


def test_the_archive_of_this_machine_is_the_default_with_its_updates() -> None:
    found = find_archive("bookworm", None, OWN)
    assert found.mirror == "http://mirror.example/debian"
    assert found.sources.splitlines() == [
        "deb http://mirror.example/debian bookworm main",
        "deb https://security.example/debian-security bookworm-security main",
        "deb http://mirror.example/debian bookworm-updates main",
    ]
    assert "ca-certificates" in packages(found)


@pytest.mark.parametrize(
    "own", [[], OWN, ["http://archive.ubuntu.example/ubuntu/ noble main"], ["http://m.example/ trixie-updates main"]]
)
def test_a_machine_without_that_release_takes_debian_s_own_with_its_updates(own: list[str]) -> None:
    found = find_archive("trixie", None, own)
    assert found.mirror == MIRROR
    assert found.sources.splitlines() == [
        f"deb {MIRROR} trixie main",
        f"deb {MIRROR} trixie-updates main",
        "deb http://deb.debian.org/debian-security trixie-security main",
    ]
    assert "ca-certificates" not in packages(found)


def test_another_mirror_is_the_only_source_and_https_needs_certificates() -> None:
    found = find_archive("bookworm", "https://mirror.example/debian", OWN)
    assert found.sources == "deb https://mirror.example/debian bookworm main\n"
    assert "ca-certificates" in packages(found)


def test_apt_itself_reads_the_sources_and_may_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert own_sources() == []


def test_without_debootstrap_or_root_the_next_command_is_named() -> None:
    assert find_debootstrap(0, "/usr/sbin/debootstrap") == "/usr/sbin/debootstrap"
    with pytest.raises(SetupError) as missing:
        find_debootstrap(0, None)
    assert missing.value.hint.startswith("sudo apt-get install debootstrap")
    with pytest.raises(SetupError) as ordinary:
        find_debootstrap(1000, "/usr/sbin/debootstrap")
    assert ordinary.value.hint.startswith("sudo ")


@pytest.mark.parametrize("suite", ["", "Bookworm", "book/worm", "../x", "a b"])
def test_a_suite_that_cannot_be_one_is_refused_before_anything_runs(suite: str) -> None:
    with pytest.raises(UsageError, match="is not a release of Debian"):
        bootstrap(Engine("unix:///nowhere", {}), BootstrapOptions(suite=suite))


def test_documentation_lists_and_logs_are_deleted_and_copyrights_kept(tmp_path: Path) -> None:
    kept = ("usr/share/doc/bash/copyright", "usr/lib/python3/os.py", "var/lib/dpkg/status", "usr/share/zoneinfo/UTC")
    gone = (
        "usr/share/doc/bash/README",
        "usr/share/man/man1/ls.1.gz",
        "usr/share/locale/de/LC_MESSAGES/a.mo",
        "var/cache/apt/archives/a.deb",
        "var/lib/apt/lists/mirror/Packages",
        "var/log/dpkg.log",
        "var/lib/dpkg/status-old",
        "etc/resolv.conf",
        "dev/null",
    )
    for name in (*kept, *gone):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "usr/share/doc/zsh").symlink_to("bash")
    slim(tmp_path)
    assert {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()} == set(kept)

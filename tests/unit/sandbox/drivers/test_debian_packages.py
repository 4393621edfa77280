"""The Debian packages of packages.txt, compared with those of this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyml_sandbox.drivers.debian_packages import debian_warning, missing_debian_packages

FOUND = """libgomp1 amd64 installed 12.2.0-14+deb12u1
libold amd64 config-files 1.0
libnever amd64 not-installed none
tzdata all installed 2025b-0"""


def test_debian_packages_that_are_missing_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    dpkg = tmp_path / "dpkg-query"
    dpkg.write_text(f"#!/bin/sh\necho '{FOUND}'\nexit 1\n")
    dpkg.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert debian_warning([]) is None
    assert debian_warning(["libgomp1"]) is None
    warning = debian_warning(["libgomp1", "libold", "libnone"])
    assert warning is not None
    assert "libold, libnone" in warning


def test_without_dpkg_the_warning_says_that_nothing_was_checked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "no dpkg" in str(debian_warning(["libgomp1"]))


@pytest.mark.parametrize(
    ("line", "is_there"),
    [
        ("libgomp1", True),
        ("libgomp1:amd64", True),
        ("libgomp1:arm64", False),
        ("libgomp1=12.2.0-14+deb12u1", True),
        ("libgomp1=12.*", True),
        ("libgomp1=13.*", False),
        ("libgomp1:amd64=12.2.0-14+deb12u1", True),
        ("libgomp1/bookworm", True),
        ("tzdata:amd64", True),
        ("libnever", False),
        ("libold=1.0", False),
        ("libc", False),
    ],
)
def test_a_package_is_compared_by_name_architecture_and_version(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, line: str, is_there: bool
) -> None:
    dpkg = tmp_path / "dpkg-query"
    dpkg.write_text(f"#!/bin/sh\necho '{FOUND}'\nexit 1\n")
    dpkg.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert missing_debian_packages([line]) == (() if is_there else (line,))

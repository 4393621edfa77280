"""Files out of an image: their content alone, and none that would lie elsewhere."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import docker.errors
import pytest
from docker.models.containers import Container

from pyml.errors import SandboxError
from pyml_sandbox.drivers.container.engine.archive import extract, read_file


def packed(*members: tuple[str, bytes | None], link: str = "") -> bytes:
    """An archive: files with their content, folders with none, and a link that leads out where one is named."""
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as tar:
        for name, content in members:
            entry = tarfile.TarInfo(name)
            entry.type = tarfile.DIRTYPE if content is None else tarfile.REGTYPE
            entry.size, entry.mode = len(content or b""), 0
            tar.addfile(entry, io.BytesIO(content or b""))
        if link:
            entry = tarfile.TarInfo(link)
            entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
            tar.addfile(entry)
    return whole.getvalue()


class FakeContainer:
    """A container whose engine packs the same for every path, in small parts; or knows no path."""

    def __init__(self, archive: bytes | None) -> None:
        self.archive = archive

    def get_archive(self, path: str) -> tuple[Iterator[bytes], object]:
        if self.archive is None:
            raise docker.errors.NotFound("Could not find the file", explanation=f"Could not find the file {path}")
        whole = self.archive
        return (whole[start : start + 7] for start in range(0, len(whole), 7)), {}


def container(archive: bytes | None) -> Container:
    return cast(Container, FakeContainer(archive))


PACKAGE = packed(
    ("package", None), ("package/model.py", b"x = 1"), ("package/parameters", None), ("package/parameters/w", b"\0\xff")
)


def test_a_file_is_read_as_text() -> None:
    assert read_file(container(packed(("lock", "numpy==2.0 # é".encode()))), "/opt/pyml/lock") == "numpy==2.0 # é"


def test_a_folder_becomes_the_target_with_all_that_is_in_it(tmp_path: Path) -> None:
    extract(container(PACKAGE), "/opt/pyml/package", tmp_path / "here" / "package")
    assert (tmp_path / "here" / "package" / "model.py").read_bytes() == b"x = 1"
    assert (tmp_path / "here" / "package" / "parameters" / "w").read_bytes() == b"\0\xff"


def test_modes_of_the_image_do_not_count(tmp_path: Path) -> None:
    extract(container(PACKAGE), "/package", tmp_path / "package")
    assert (tmp_path / "package" / "model.py").stat().st_mode & 0o400


def test_links_are_left_out(tmp_path: Path) -> None:
    extract(container(packed(("package", None), link="package/passwd")), "/package", tmp_path / "package")
    assert list((tmp_path / "package").iterdir()) == []


@pytest.mark.parametrize("name", ["package/../../harm", "package/../harm/../../harm"])
def test_what_would_lie_outside_is_refused_and_not_written(name: str, tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match="would lie outside"):
        extract(container(packed(("package", None), (name, b"harm"))), "/package", tmp_path / "in" / "package")
    assert not list(tmp_path.rglob("harm"))


def test_what_is_not_there_is_an_error_of_ours_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match="could not read /none: Could not find the file /none"):
        read_file(container(None), "/none")
    with pytest.raises(SandboxError, match="could not read /none"):
        extract(container(None), "/none", tmp_path / "target")

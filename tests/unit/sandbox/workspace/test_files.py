"""Files that are never seen half written, sizes, and the tails of logs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pyml_sandbox.drivers.log_files import follow_files, tail
from pyml_sandbox.workspace.files import size_bytes, write_atomically


def test_a_file_is_replaced_in_one_step_and_leaves_nothing_beside(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file"
    write_atomically(path, "old")
    write_atomically(path, "new")
    assert path.read_text() == "new"
    assert [each.name for each in path.parent.iterdir()] == ["file"]


def test_a_write_that_fails_keeps_the_old_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_atomically(path, "old")

    def broken(source: object, target: object) -> None:
        raise OSError("disk is gone")

    monkeypatch.setattr(os, "replace", broken)
    with pytest.raises(OSError, match="disk is gone"):
        write_atomically(path, "new")
    assert path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_the_size_of_a_folder_counts_files_and_not_links(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "file").write_text("12345")
    (tmp_path / "link").symlink_to(tmp_path / "a" / "file")
    assert size_bytes(tmp_path) == 5
    assert size_bytes(tmp_path / "nowhere") == 0


@pytest.mark.parametrize(
    ("text", "lines", "expected"),
    [
        ("a\nb\nc\n", 2, ["b", "c"]),
        ("a\nb\nc", 2, ["b", "c"]),
        ("a\n", 5, ["a"]),
        ("", 5, []),
        ("a\nb\n", 0, []),
        ("\n".join(f"{n:0100}" for n in range(5000)), 1, [f"{4999:0100}"]),
    ],
)
def test_the_tail_of_a_log(tmp_path: Path, text: str, lines: int, expected: list[str]) -> None:
    (tmp_path / "log").write_text(text)
    assert list(tail(tmp_path / "log", lines)) == expected


def test_a_log_that_is_not_there_has_no_lines(tmp_path: Path) -> None:
    assert tail(tmp_path / "log", 5) == ()


def test_following_goes_on_with_new_lines_whole_and_survives_rotation(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("old\n")
    followed = follow_files({"a": log}, 1, poll_s=0)
    assert next(followed) == ("a", "old")
    with log.open("a") as file:
        file.write("half")
        file.flush()
        file.write(" and half\nmore\n")
    assert next(followed) == ("a", "half and half")
    assert next(followed) == ("a", "more")
    log.rename(tmp_path / "log.1")
    log.write_text("fresh\n")
    assert next(followed) == ("a", "fresh")


def test_following_a_log_that_does_not_exist_yet_begins_when_it_does(tmp_path: Path) -> None:
    other, log = tmp_path / "other", tmp_path / "log"
    other.write_text("x\n")
    followed = follow_files({"other": other, "log": log}, 1, poll_s=0)
    assert next(followed) == ("other", "x")
    log.write_text("first\n")
    assert next(followed) == ("log", "first")

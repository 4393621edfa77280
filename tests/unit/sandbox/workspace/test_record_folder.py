"""Records: the latest first, found by strict ids alone, and never more than are to stay."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyml_sandbox.workspace.record_folder import RecordFolder, is_record_id, new_record_id

HOSTILE = ["", ".", "..", "../x", "/etc/passwd", "20261128-101502-123-ab12/..", "20261128-101502-123-ab12\n",
           "20261128-101502-123-AB12", "٢٠٢٦١١٢٨-101502-123-ab12", "20261128-101502-123-ab12.json", "*"]  # fmt: skip


@given(st.lists(st.integers(1_000_000_000_000, 3_000_000_000_000), unique=True))
def test_ids_sort_as_the_times_at_which_the_records_were_begun(milliseconds: list[int]) -> None:
    by_time = [new_record_id(each / 1000 + 0.0001) for each in sorted(milliseconds)]
    assert by_time == sorted(by_time)
    assert all(map(is_record_id, by_time))


@pytest.mark.parametrize("text", HOSTILE, ids=repr)
def test_nothing_but_an_id_becomes_a_path(text: str, tmp_path: Path) -> None:
    assert not is_record_id(text)
    with pytest.raises(ValueError, match="is not the id of a record"):
        RecordFolder(tmp_path).file(text)


@given(st.text())
def test_no_text_leaves_the_folder(text: str) -> None:
    if is_record_id(text):
        assert RecordFolder(Path("/records")).file(text).parent == Path("/records")


def begun(folder: RecordFolder, seconds: int) -> str:
    record_id = new_record_id(1_700_000_000 + seconds)
    folder.write(record_id, {"seconds": seconds})
    return record_id


def test_the_latest_stay_and_what_belongs_to_the_others_goes_with_them(tmp_path: Path) -> None:
    folder = RecordFolder(tmp_path / "records")
    ids = [begun(folder, second) for second in range(6)]
    folder.file(ids[0], ".cancel").touch()
    folder.keep_latest(2, lambda surplus: [ids[1]])
    assert folder.ids() == [ids[5], ids[4], ids[1]]
    assert not folder.file(ids[0], ".cancel").exists()


def test_files_of_a_different_name_are_no_records_and_stay(tmp_path: Path) -> None:
    folder = RecordFolder(tmp_path)
    (tmp_path / "ml.fares.json").write_text("{}")
    folder.keep_latest(0)
    assert folder.ids() == []
    assert (tmp_path / "ml.fares.json").exists()


def test_where_there_is_no_folder_there_are_no_records(tmp_path: Path) -> None:
    assert RecordFolder(tmp_path / "none").ids() == []
    assert RecordFolder(tmp_path / "none").read(new_record_id(), dict) is None


def seconds_of(record: Mapping[str, int]) -> int:
    return record["seconds"] + 0


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"{}", b'{"seconds": "a"}', b"\xff", b"[" * 100_000])
def test_a_damaged_record_is_none(content: bytes, tmp_path: Path) -> None:
    folder = RecordFolder(tmp_path)
    record_id = begun(folder, 7)
    assert folder.read(record_id, seconds_of) == 7
    folder.file(record_id).write_bytes(content)
    assert folder.read(record_id, seconds_of) is None


def test_a_record_is_one_json_object_for_other_programs(tmp_path: Path) -> None:
    folder = RecordFolder(tmp_path)
    assert json.loads(folder.file(begun(folder, 7)).read_text()) == {"seconds": 7}

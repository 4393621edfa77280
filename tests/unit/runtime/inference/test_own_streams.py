"""Records of a program for its caller, among whatever else it prints."""

from __future__ import annotations

import io

import pytest

from pyml.inference.own_streams import record_in, write_record


@pytest.mark.parametrize("before", ["", "loading: ", '{"kind": "frame"} ', "\x1e{} "])
def test_a_record_is_found_behind_what_was_printed_before_it(before: str) -> None:
    stream = io.StringIO()
    stream.write(before)
    write_record(stream, "{}")
    assert record_in(stream.getvalue().rstrip("\n")) == "{}"


@pytest.mark.parametrize("line", ["", "{}", '{"problems": []}', "welcome"])
def test_what_is_printed_is_no_record(line: str) -> None:
    assert record_in(line) is None

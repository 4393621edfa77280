"""Frames survive any cut of the stream."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pyml.hop.frames import FrameReader, framed


@given(st.lists(st.binary(max_size=300), max_size=8), st.lists(st.integers(1, 64), min_size=1, max_size=20))
def test_messages_arrive_as_they_were_sent_however_the_stream_is_cut(messages: list[bytes], cuts: list[int]) -> None:
    stream, reader, found, at = b"".join(map(framed, messages)), FrameReader(), [], 0
    while at < len(stream):
        size = cuts[at % len(cuts)]
        found += reader.feed(stream[at : at + size])
        at += size
    assert found == messages


def test_a_message_that_is_not_whole_waits_for_its_rest() -> None:
    reader = FrameReader()
    assert reader.feed(framed(b"first") + framed(b"second")[:-1]) == [b"first"]
    assert reader.feed(b"d") == [b"second"]

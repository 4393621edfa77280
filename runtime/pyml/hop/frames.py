"""Frames: a stream of bytes as messages, each with its length before it."""

from __future__ import annotations

from struct import Struct

_LENGTH = Struct("!I")


def framed(message: bytes) -> bytes:
    """A message as a frame: its length in four bytes of network order, and the message."""
    return _LENGTH.pack(len(message)) + message


class FrameReader:
    """Cuts what arrives into messages, whatever the pieces in which it arrives."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._needed = _LENGTH.size
        """How many bytes the rest must have before it holds a whole frame, as far as is known."""

    def feed(self, piece: bytes) -> list[bytes]:
        """The messages that are whole with this piece; each is a copy of its own.

        Args:
            piece: the bytes that came next.
        """
        if self._rest:
            self._rest += piece
            if len(self._rest) < self._needed:
                return []
            piece = bytes(self._rest)
            self._rest.clear()
        return self._cut(piece)

    def _cut(self, piece: bytes) -> list[bytes]:
        messages, at, size = [], 0, len(piece)
        while True:
            begin = at + _LENGTH.size
            end = begin + _LENGTH.unpack_from(piece, at)[0] if begin <= size else begin
            if end > size or begin > size:
                break
            messages.append(piece[begin:end])
            at = end
        if at < size:
            self._rest += piece[at:]
            self._needed = end - at
        return messages

"""Times in words for people: a point in time, how long something took, and how long ago something was."""

from __future__ import annotations

import time

_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60))
_JUST_S = 2


def moment(at: float | None) -> str:
    """A point in time, in this machine's time zone: "2026-11-30 11:00:05"; empty for None.

    Args:
        at: seconds since 1970.
    """
    return "" if at is None else time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))


def duration(seconds: float) -> str:
    """How long something took: "0.4 s", "12 s", "3 min 5 s"."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def age(seconds: float) -> str:
    """How long something has been, in its largest unit alone: "12 s", "5 min", "3 h", "2 d"."""
    for unit, of_unit in _UNITS:
        if seconds >= of_unit:
            return f"{seconds // of_unit:.0f} {unit}"
    return f"{seconds:.0f} s"


def ago(at: float | None) -> str:
    """How long ago something was: "just now", "5 min ago"; empty for None.

    Args:
        at: seconds since 1970.
    """
    if at is None:
        return ""
    seconds = time.time() - at
    return "just now" if seconds < _JUST_S else f"{age(seconds)} ago"

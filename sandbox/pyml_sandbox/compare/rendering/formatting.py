"""Numbers, names and values as strings for a reader. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from pyml_sandbox.compare.result import Key


def plain(text: str, keep: str = "") -> str:
    """A string from a user's data with characters that cannot be printed escaped, except for those in `keep`."""
    return "".join(c if c.isprintable() or c in keep else c.encode("unicode_escape").decode("ascii") for c in text)


def counted(number: int, noun: str) -> str:
    """`1 row`, `2,000 rows`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def seconds_text(seconds: float) -> str:
    """`2,600 s`, `0.034 s`."""
    return f"{seconds:,.0f} s" if seconds >= 10 else f"{seconds:.3g} s"


def listed(names: Sequence[str]) -> str:
    """Names with commas between, as they may be printed."""
    return ", ".join(plain(name) for name in names)


def short(ulps: int | None) -> str:
    """A number of ulps that takes little room."""
    if ulps is None:
        return ""
    return f"{ulps:,}" if ulps < 100_000 else f"{ulps:.1e}"


def value_text(value: str | None) -> str:
    """The string of a value; `null` for None."""
    return "null" if value is None else plain(value)


def shown_key(key: Key) -> str:
    """A key for a reader: `17`, or `(UA, 17)` where it has several parts."""
    parts = ["null" if part is None else part for part in key]
    return parts[0] if len(parts) == 1 else f"({', '.join(parts)})"

"""Addresses that are shown to people."""

from __future__ import annotations

import re

_USER = re.compile(r"(?<=://)[^/\s]+@")


def without_users(text: str) -> str:
    """A text whose addresses have no user, token or password: `https://****@host`."""
    return _USER.sub("****@", text)

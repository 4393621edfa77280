"""What an address does not say."""

from __future__ import annotations

import pytest

from pyml_sandbox.workspace.addresses import without_users


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("fetch https://me:secret@host/simple failed", "fetch https://****@host/simple failed"),
        ("https://token@host", "https://****@host"),
        ("https://me:p@ss@host/a@b", "https://****@host/a@b"),
        ("'https://me:it's@host'", "'https://****@host'"),
        ("x @ git+https://host/a@main", "x @ git+https://host/a@main"),
        ("me@example.com", "me@example.com"),
    ],
)
def test_passwords_and_tokens_of_addresses_are_not_said(text: str, expected: str) -> None:
    assert without_users(text) == expected

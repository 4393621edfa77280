"""Policies: read from TOML, with key files beside them; what is wrong in one is named."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from pyml.errors import SettingsError, UsageError
from pyml_sandbox.promotion.policy import Policy
from pyml_sandbox.proof.signing_key import create_key_pair

WHOLE = """
level = "P3"
checker = ">=0.1,<2"
max_age_days = 30

[[keys]]
file = "keys/signing.pub"

[[keys]]
file = "keys/signing.pub"
expires = 2027-01-01
"""


def policy(text: str, folder: Path) -> Policy:
    if not (folder / "keys").exists():
        create_key_pair(folder)
    file = folder / "policy.toml"
    file.write_text(text)
    return Policy.from_file(file)


def test_a_whole_one_is_read(tmp_path: Path) -> None:
    found = policy(WHOLE, tmp_path)
    assert (found.level, found.max_age) == ("P3", timedelta(days=30))
    assert ("0.1.0" in found.checker, "2.0" in found.checker) == (True, False)
    assert [each.expires for each in found.keys] == [None, date(2027, 1, 1)]
    assert {each.key.where for each in found.keys} == {str(tmp_path / "keys" / "signing.pub")}


def test_keys_are_enough(tmp_path: Path) -> None:
    found = policy('[[keys]]\nfile = "keys/signing.pub"', tmp_path)
    assert (found.level, str(found.checker), found.max_age) == ("P1", "", None)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "keys: Field required"),
        ("keys = []", "keys: List should have at least 1 item"),
        (WHOLE.replace("level =", "lvl ="), "lvl: Extra inputs are not permitted"),
        (WHOLE.replace('"P3"', '"P6"'), "level: String should match pattern"),
        (
            WHOLE.replace('">=0.1,<2"', '"new"'),
            "checker: Value error, expected versions such as '>=0.1,<2', found 'new'",
        ),
        (WHOLE.replace("30", "0"), "max_age_days: Input should be greater than 0"),
        (WHOLE.replace("2027-01-01", '"some day"'), "keys.1.expires"),
    ],
)
def test_what_is_wrong_in_one_is_named(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as refused:
        policy(text, tmp_path)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [("keys = [", "is not TOML"), ('[[keys]]\nfile = "gone.pub"', "gone.pub cannot be read: No such file")],
)
def test_what_cannot_be_read_is_named(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as refused:
        policy(text, tmp_path)
    assert words in str(refused.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"policy\.toml cannot be read: No such file"):
        Policy.from_file(tmp_path / "policy.toml")

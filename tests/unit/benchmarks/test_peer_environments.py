"""Environments have names of their own, and a peer that does not install is refused with what uv says."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import peer_environments
from benchmarks.peer_environments import UnavailablePeerError, environment_name, last_line, peer_python


def test_different_requirements_have_a_different_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    before = environment_name("mosec")
    monkeypatch.setitem(peer_environments.REQUIREMENTS, "mosec", ("mosec==0.0.1",))
    assert environment_name("mosec") != before
    assert environment_name("mosec").startswith("mosec-")


def test_all_requirements_are_pinned() -> None:
    assert all("==" in need for needs in peer_environments.REQUIREMENTS.values() for need in needs)


@pytest.mark.parametrize(("text", "expected"), [("a\nb\n\n", "b"), (" a ", "a"), ("", "it said nothing")])
def test_last_line(text: str, expected: str) -> None:
    assert last_line(text) == expected


def test_a_peer_that_does_not_install_says_why_and_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(peer_environments.REQUIREMENTS, "mosec", (str(tmp_path / "absent.whl"),))
    for _ in range(2):
        with pytest.raises(UnavailablePeerError, match=r"absent\.whl"):
            peer_python("mosec", tmp_path)

"""A block that is interrupted ends, even where its session does not: gRPC may wait for ever for an interrupted call."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from pyml_sandbox.drivers.contract import OfflineTarget
from pyml_sandbox.predict import spark_session
from pyml_sandbox.workspace.home import SandboxHome


@dataclass
class Stuck:
    """A session whose end never comes."""

    calls: list[str] = field(default_factory=list)
    end: threading.Event = field(default_factory=threading.Event)

    def interruptAll(self) -> None:  # noqa: N802 - Spark's own name for it
        self.calls.append("interrupt")

    def stop(self) -> None:
        self.calls.append("stop")
        self.end.wait(30)
        self.calls.append("stopped")


def test_a_session_that_does_not_end_does_not_hold_who_was_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck = Stuck()
    monkeypatch.setattr(spark_session, "_connect", lambda *_: stuck)
    monkeypatch.setattr(spark_session, "INTERRUPT_S", 0.1)
    target = cast("OfflineTarget", SimpleNamespace(connect="127.0.0.1:1", probe=lambda timeout_s: None, remote=None))
    with pytest.raises(KeyboardInterrupt), spark_session.session(SandboxHome(tmp_path), target):
        raise KeyboardInterrupt
    assert stuck.calls == ["interrupt", "stop"]
    stuck.end.set()


def test_an_error_of_the_interruption_is_not_raised_instead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails() -> None:
        raise ValueError("closed channel")

    broken = SimpleNamespace(interruptAll=fails, stop=fails)
    monkeypatch.setattr(spark_session, "_connect", lambda *_: broken)
    target = cast("OfflineTarget", SimpleNamespace(connect="127.0.0.1:1", probe=lambda timeout_s: None, remote=None))
    with pytest.raises(KeyboardInterrupt), spark_session.session(SandboxHome(tmp_path), target):
        raise KeyboardInterrupt

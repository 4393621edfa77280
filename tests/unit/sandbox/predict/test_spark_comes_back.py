"""A session that finds no Spark waits for one that is being started again, and only for such a one."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from pyml.errors import SandboxError
from pyml.probes import NotReadyError
from pyml_sandbox.drivers.contract import OfflineTarget
from pyml_sandbox.models.environment import Environment
from pyml_sandbox.predict import spark_session
from pyml_sandbox.services.runner_contract import LiveService, ServiceState
from pyml_sandbox.workspace.home import SandboxHome


class Spark:
    """A Spark that answers from the third probe on.

    Attributes:
        tries: how often somebody connected.
        probes: how often it was probed.
    """

    def __init__(self) -> None:
        self.tries = 0
        self.probes = 0

    def connect(self, *_: object) -> SimpleNamespace:
        self.tries += 1
        if self.probes < 3:
            raise SandboxError("Spark does not answer on 127.0.0.1:1: nothing listens there")
        return SimpleNamespace(stop=lambda: None)

    def probe(self, timeout_s: float) -> None:
        self.probes += 1
        if self.probes < 3:
            raise NotReadyError("not listening yet")


def open_session(spark: Spark, state: ServiceState, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Open a session where Spark is in that state."""
    live = [LiveService("spark", state, "digest"), LiveService("gateway", ServiceState.RUNNING, "digest")]
    driver = SimpleNamespace(runner=SimpleNamespace(live=lambda: live))
    monkeypatch.setattr(spark_session, "driver_for", lambda *_: driver)
    monkeypatch.setattr(spark_session, "require_state", lambda home: None)
    monkeypatch.setattr(spark_session, "_connect", spark.connect)
    monkeypatch.setattr(spark_session, "RETRY_EVERY_S", 0)
    target = OfflineTarget("127.0.0.1:1", Environment("key", "/usr/bin/python3", "/package"), spark.probe)
    with spark_session.session(SandboxHome(tmp_path), target):
        pass


@pytest.mark.parametrize("state", [ServiceState.RUNNING, ServiceState.FAILED])
def test_one_that_comes_back_is_waited_for(
    state: ServiceState, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spark = Spark()
    open_session(spark, state, tmp_path, monkeypatch)
    assert (spark.tries, spark.probes) == (2, 3)


@pytest.mark.parametrize("state", [ServiceState.STOPPED, ServiceState.PAUSED])
def test_one_that_was_stopped_is_not(state: ServiceState, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spark = Spark()
    with pytest.raises(SandboxError, match="nothing listens there"):
        open_session(spark, state, tmp_path, monkeypatch)
    assert spark.probes == 0

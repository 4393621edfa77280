"""Spark is watched while a query waits for it: what never answers ends with a sentence."""

from __future__ import annotations

import threading

import pytest

from pyml.error_code import ErrorCode
from pyml.errors import SandboxError
from pyml.probes import NotReadyError
from pyml_sandbox.predict.spark_watch import watched
from pyml_sandbox.services.spec import Probe

LONG_S = 20.0


def answers(timeout_s: float) -> None:
    """Jobs can run."""


def refuses(timeout_s: float) -> None:
    raise NotReadyError("the master does not know this driver")


def waits(probe: Probe, patience_s: float) -> None:
    """A query that waits until it is given up."""
    given_up = threading.Event()
    with watched(probe, given_up.set, "pyml dev up", every_s=0.001, patience_s=patience_s):
        assert given_up.wait(LONG_S), "nobody gave it up"
        raise ConnectionError("interrupted")


def test_a_query_whose_spark_never_answers_ends_with_cause_and_fix() -> None:
    with pytest.raises(SandboxError, match="the master does not know this driver") as caught:
        waits(refuses, 0.01)
    assert caught.value.hint == "pyml dev up"
    assert caught.value.code is ErrorCode.SPARK_GONE
    assert isinstance(caught.value.__cause__, ConnectionError)


def test_an_engine_that_does_not_answer_is_a_reason_too() -> None:
    def no_engine(timeout_s: float) -> None:
        raise SandboxError("the Docker engine does not answer")

    with pytest.raises(SandboxError, match="the Docker engine does not answer"):
        waits(no_engine, 0.01)


def test_a_service_that_comes_back_in_time_is_waited_for() -> None:
    asked = threading.Semaphore(0)
    answered = iter([False, True, False, True])

    def now_and_then(timeout_s: float) -> None:
        asked.release()
        if not next(answered, True):
            refuses(timeout_s)

    given_up = threading.Event()
    with watched(now_and_then, given_up.set, "pyml dev up", every_s=0.001, patience_s=LONG_S):
        assert all(asked.acquire(timeout=LONG_S) for _ in range(6))
    assert not given_up.is_set()


def test_an_error_of_the_block_itself_is_its_own() -> None:
    with pytest.raises(ConnectionError), watched(answers, lambda: None, "pyml dev up", every_s=0.001):
        raise ConnectionError("its own")

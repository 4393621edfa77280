"""The harness beside both real paths: its checks end with the block that they accompany."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any, cast

import pytest

from pyml_sandbox.compare import Tolerances
from pyml_sandbox.parity.examine import Examination
from pyml_sandbox.parity.harness_evidence import HarnessEvidence

WAIT_S = 30
ANY = cast(Any, SimpleNamespace())
DONE = Examination(ANY, ())


class Scripted(HarnessEvidence):
    """Checks that need a process; it starts when the test says so, and they last until it has ended."""

    starts = threading.Event()
    has_started = threading.Event()

    def examined(self, stack: ExitStack, target: object, snapshot: object) -> Examination:
        ended = threading.Event()
        assert self.starts.wait(WAIT_S)
        stack.callback(ended.set)
        self.has_started.set()
        assert ended.wait(WAIT_S)
        return DONE


@pytest.fixture
def evidence() -> Scripted:
    for event in (Scripted.starts, Scripted.has_started):
        event.clear()
    return Scripted(ANY, ANY, ANY, Tolerances(), ANY)


def test_what_is_examined_is_there_for_the_block(evidence: Scripted) -> None:
    with ExitStack() as processes, evidence.examining(processes, ANY, ANY) as examined:
        evidence.starts.set()
        assert evidence.has_started.wait(WAIT_S)
        processes.close()
        assert examined.result(WAIT_S) is DONE


@pytest.mark.parametrize("is_started_before", [True, False])
def test_an_error_of_the_block_ends_the_process_although_it_may_only_be_starting(
    evidence: Scripted, *, is_started_before: bool
) -> None:
    def fail() -> None:
        with ExitStack() as processes, evidence.examining(processes, ANY, ANY):
            if is_started_before:
                evidence.starts.set()
                assert evidence.has_started.wait(WAIT_S)
            else:
                processes.callback(evidence.starts.set)  # the process starts after all others were ended
            raise RuntimeError("the server does not start")

    with pytest.raises(RuntimeError, match="the server does not start"):
        fail()
    assert evidence.has_started.is_set()

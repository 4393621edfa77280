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


class Opened:
    """The session of a harness, which ends when it is closed."""

    def __init__(self) -> None:
        self.ended = threading.Event()

    def close(self) -> None:
        self.ended.set()


class Scripted(HarnessEvidence):
    """Checks that last until their harness has ended."""

    def examined(self, stack: ExitStack, target: object, snapshot: object, opened: object = None) -> Examination:
        assert cast(Opened, opened).ended.wait(WAIT_S)
        return DONE


EVIDENCE = Scripted(ANY, ANY, ANY, Tolerances(), ANY)


def test_what_is_examined_is_there_for_the_block() -> None:
    opened = Opened()
    with ExitStack() as processes, EVIDENCE.examining(processes, ANY, ANY, cast(Any, opened)) as examined:
        assert not examined.done()
        opened.close()
        assert examined.result(WAIT_S) is DONE


def test_an_error_of_the_block_ends_the_harness_and_the_processes_that_wait() -> None:
    opened, waiting = Opened(), threading.Event()

    def fail() -> None:
        with ExitStack() as processes, EVIDENCE.examining(processes, ANY, ANY, cast(Any, opened)):
            processes.callback(waiting.set)
            raise RuntimeError("the server does not start")

    with pytest.raises(RuntimeError, match="the server does not start"):
        fail()
    assert opened.ended.is_set()
    assert waiting.is_set()

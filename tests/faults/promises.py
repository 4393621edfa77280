"""What holds after every fault: nothing lost, nothing left over, words that name cause and fix, one command that mends it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from faults.actor import NAME
from faults.fault import Fault
from faults.scene import JOB_ROWS, Done, Scene, Table, doubled
from pyml_sandbox.client import Client
from pyml_sandbox.lifecycle.status import status
from support.waiting import wait_for

INTERRUPTED = (129, 130, 143, -9)
NEVER_SAID = ("Traceback (most recent call last)", "awaitResult", "ipv4:", "Deadline Exceeded", "a bug of pyml")
"""The words of other programs, which say neither cause nor fix."""


def check_words(fault: Fault, done: Sequence[Done]) -> None:
    """Every command ended as the fault allows, and said cause and fix."""
    everything = "\n".join(each.text for each in done)
    for each in done:
        assert each.code in (*fault.codes, *INTERRUPTED), everything
        is_told = "error: " in each.error or each.arguments == ("dev", "status")  # which shows what is wrong
        assert each.code == 0 or each.code in INTERRUPTED or is_told, everything
    for words in (*NEVER_SAID, *fault.never):
        assert words not in everything
    for words in fault.says:
        assert re.search(words, everything, re.IGNORECASE), f"nothing says {words!r}:\n{everything}"


def check_healed(fault: Fault, scene: Scene) -> None:
    """One command brings everything back, and says so."""
    healed = scene.run(*fault.mend)
    assert healed.code == 0, healed.text
    found = status(scene.home)
    assert found.is_up, [f"{each.name}: {each.health} {each.detail}" for each in found.services]


def check_whole(scene: Scene, before: Table, done: Sequence[Done]) -> None:
    """The target is the old table, or the new one of a job that ended well; nothing lies beside it; a request is answered."""
    is_new = any(each.code == 0 and "offline" in each.arguments for each in done)
    assert scene.table() == (doubled(JOB_ROWS) if is_new else before)
    assert scene.tables() == ["target"]
    assert Client(scene.home).predict_online(NAME, {"a": [1.5], "act": [None]}) == {"b": [3.0]}
    wait_for(lambda: not scene.orphans(), f"nothing is left over: {scene.orphans()}")  # `up` warms Spark up meanwhile

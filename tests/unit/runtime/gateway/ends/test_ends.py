"""How a server ended is found out from supervisord's log or an engine's events, and told to the caller."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pyml.error_code import ErrorCode
from pyml.errors import PymlError
from pyml.gateway.ends.reasons import (
    OUT_OF_MEMORY,
    OUT_OF_PROCESSES,
    ends_in_journal,
    reason_in_events,
    reason_in_log,
    reason_of,
)
from pyml.gateway.ends.recent_ends import RecentEnds, in_journal

JOURNAL = """\
2026-11-29 20:00:00,100 INFO spawned: 'model-a' with pid 1
2026-11-29 20:00:01,200 WARN exited: model-a (exit status 7; not expected)
2026-11-29 20:00:02,300 WARN exited: model-a (terminated by SIGSEGV (core dumped); not expected)
2026-11-29 20:00:02,400 INFO exited: gateway (exit status 0; expected)
"""


def test_a_log_of_supervisord_tells_ends_by_code_and_by_signal() -> None:
    found = list(ends_in_journal(JOURNAL, "model-a"))
    assert [(end.code, end.reason) for end in found] == [(7, "exit code 7"), (None, "terminated by SIGSEGV")]
    assert found[1].at - found[0].at == pytest.approx(1.1)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (0, "exit code 0"),
        (7, "exit code 7"),
        (128, "exit code 128"),
        (137, "terminated by SIGKILL"),
        (255, "exit code 255"),
    ],
)
def test_an_exit_code_of_an_engine_is_a_signal_where_there_is_one(code: int, reason: str) -> None:
    assert reason_of(code) == reason


def event(action: str, code: int = 0) -> Mapping[str, Any]:
    return {"Action": action, "Actor": {"Attributes": {"exitCode": str(code)}}}


@pytest.mark.parametrize(
    ("events", "reason"),
    [
        ([], None),
        ([event("oom")], None),
        ([event("die", 137)], "terminated by SIGKILL"),
        ([event("oom"), event("die", 137)], OUT_OF_MEMORY),
        ([event("die", 1), event("die", 139)], "terminated by SIGSEGV"),
    ],
)
def test_the_events_of_an_engine_tell_a_lack_of_memory_from_a_kill(
    events: list[Mapping[str, Any]], reason: str | None
) -> None:
    assert reason_in_events(events) == reason


@pytest.mark.parametrize(
    ("log", "reason"),
    [
        (b"thread_pool.cc:412] Failed to start lifeguard thread\n2026 INFO listening\n", OUT_OF_PROCESSES),
        (b"RuntimeError: can't start new thread\n", OUT_OF_PROCESSES),
        (b"BlockingIOError: [Errno 11] Resource temporarily unavailable\n", OUT_OF_PROCESSES),
        (b"terminate called after throwing an instance of 'std::bad_alloc'\n", None),
        (b"", None),
    ],
)
def test_why_a_process_aborted_may_stand_in_its_log(log: bytes, reason: str | None) -> None:
    assert reason_in_log(log) == reason


def line_now(name: str, words: str) -> str:
    return f"{time.strftime('%Y-%m-%d %H:%M:%S')},999 WARN exited: {name} ({words}; not expected)\n"


def test_only_the_end_of_this_server_and_of_now_counts(tmp_path: Path) -> None:
    journal = tmp_path / "supervisord.log"
    find = in_journal(journal)
    assert find("model-a", 0) is None
    journal.write_text(JOURNAL + line_now("model-b", "exit status 9"))
    assert find("model-a", time.time() - 60) is None
    journal.write_text(JOURNAL + line_now("model-a", "terminated by SIGKILL"))
    assert find("model-a", time.time() - 60) == "terminated by SIGKILL"


def test_who_watches_it_is_asked_until_they_know_and_once_for_all_requests() -> None:
    asked: list[str] = []

    def find(service: str, since: float) -> str | None:
        asked.append(service)
        return "exit code 7" if len(asked) == 3 else None

    async def ask() -> list[str | None]:
        ends = RecentEnds(find)
        return await asyncio.gather(*(ends.of("model-a") for _ in range(5)))

    assert asyncio.run(ask()) == ["exit code 7"] * 5
    assert asked == ["model-a"] * 3


def test_nobody_waits_for_ever_for_a_reason_nor_fails_without_an_engine() -> None:
    def no_engine(service: str, since: float) -> str | None:
        raise PymlError("the engine does not answer", "", ErrorCode.ENGINE)

    assert asyncio.run(RecentEnds(lambda service, since: None, wait_s=0).of("model-a")) is None
    assert asyncio.run(RecentEnds(no_engine).of("model-a")) is None

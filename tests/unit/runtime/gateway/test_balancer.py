"""Which replica a request goes to, and where it goes when that one cannot take it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import pytest

from pyml.gateway.balancer import LoadBalancer
from pyml.gateway.channel import Channel, Forwarded
from pyml.gateway.ends.recent_ends import RecentEnds
from pyml.gateway.replica import Replica
from pyml.gateway.request_counter import RequestCount, RequestCounter
from pyml.gateway.routes_file import Route, RoutesFile
from pyml.oip import messages as oip
from pyml.oip.rpc_status import Reason, RpcFailure, RpcFailureError

ROUTE = Route("fare", "1", tuple(Replica(f"/s/{name}", name) for name in "abc"))
READY = oip.ModelReadyResponse(ready=True).SerializeToString()
NOT_READY = oip.ModelReadyResponse(ready=False).SerializeToString()


@dataclass
class Servers:
    """Servers by service: what each answers with, or the reason why it does not. Those not named are down."""

    answers: Mapping[str, bytes | str]
    asked: list[str] = field(default_factory=list)

    def dial(self, replica: Replica, use: RequestCount) -> Channel:
        return FakeLine(replica, use, self)

    def upstream(self) -> LoadBalancer:
        return LoadBalancer(RoutesFile(Path("/none")), RequestCounter(), dial=self.dial)

    def call(self, times: int = 1, method: str = oip.MODEL_INFER, route: Route = ROUTE) -> list[bytes]:
        async def all_of_them() -> list[bytes]:
            upstream = self.upstream()
            return [await upstream.call(Forwarded(route, method, b"rows", 5)) for _ in range(times)]

        return asyncio.run(all_of_them())

    def failure(self, route: Route = ROUTE) -> RpcFailure:
        with pytest.raises(RpcFailureError) as caught:
            self.call(route=route)
        return caught.value.failure


class FakeLine(Channel):
    def __init__(self, replica: Replica, use: RequestCount, servers: Servers) -> None:
        self.service = replica.service
        self.servers = servers

    async def ask(self, _request: Forwarded) -> bytes:
        self.servers.asked.append(self.service)
        answer = self.servers.answers.get(self.service, Reason.DOWN)
        if isinstance(answer, bytes):
            return answer
        raise RpcFailureError(RpcFailure(grpc.StatusCode.UNAVAILABLE, f"{self.service}: {answer}", Reason(answer)))

    async def close(self, grace_s: float) -> None:
        self.servers.asked.append(f"{self.service} is closed")


def test_requests_take_turns() -> None:
    servers = Servers({"a": b"A", "b": b"B", "c": b"C"})
    assert servers.call(5) == [b"A", b"B", b"C", b"A", b"B"]


def test_each_version_has_turns_of_its_own() -> None:
    servers = Servers(dict.fromkeys("abcd", b""))
    other = Route("delay", "1", tuple(Replica(f"/s/{name}", name) for name in "cd"))

    async def in_turns() -> None:
        upstream = servers.upstream()
        for route in (ROUTE, other) * 2:
            await upstream.call(Forwarded(route, oip.MODEL_INFER, b""))

    asyncio.run(in_turns())
    assert servers.asked == ["a", "c", "b", "d"]


@pytest.mark.parametrize("reason", ["down", "starting"])
def test_a_replica_that_did_not_take_the_request_is_passed_over(reason: str) -> None:
    servers = Servers({"a": reason, "b": b"B", "c": b"C"})
    assert servers.call(3) == [b"B", b"B", b"C"]
    assert servers.asked == ["a", "b", "b", "c"]


@pytest.mark.parametrize("reason", ["died", "model", "queue", "grpc"])
def test_a_request_that_may_have_run_is_not_sent_again(reason: str) -> None:
    servers = Servers({"a": reason, "b": b"B", "c": b"C"})
    assert servers.failure().reason == reason
    assert servers.asked == ["a"]


@pytest.mark.parametrize(
    ("end", "words", "fix"),
    [
        ("exit code 7", "went away before it answered: exit code 7; the request may or may not have run", ""),
        ("it used more memory than its limit allows", "more memory than its limit allows", "raise memory_mb"),
        (None, "a: died", ""),
    ],
)
def test_how_the_server_ended_is_told_to_the_caller(end: str | None, words: str, fix: str) -> None:
    servers = Servers({"a": "died"})

    async def fails() -> RpcFailure:
        ends = RecentEnds(lambda service, since: end, wait_s=0)
        upstream = LoadBalancer(RoutesFile(Path("/none")), RequestCounter(), dial=servers.dial, ends=ends)
        with pytest.raises(RpcFailureError) as caught:
            await upstream.call(Forwarded(ROUTE, oip.MODEL_INFER, b"", 5))
        return caught.value.failure

    found = asyncio.run(fails())
    assert words in found.message
    assert fix in found.hint
    assert found.reason is Reason.DIED


ALL_DOWN = [
    ({}, "down", "model fare@1 is deployed, but all its servers are down: a, b, c\n  fix: pyml dev logs a"),
    ({"b": "starting"}, "starting", "model fare@1 is starting (b); down: a, c\n  fix: pyml dev logs a"),
    (dict.fromkeys("abc", "starting"), "starting", "model fare@1 is starting (a, b, c)"),
]


@pytest.mark.parametrize(("answers", "reason", "message"), ALL_DOWN)
def test_where_none_can_be_reached_the_error_names_them(answers: dict[str, str], reason: str, message: str) -> None:
    found = Servers(answers).failure()
    assert (found.status, found.text, found.reason) == (grpc.StatusCode.UNAVAILABLE, message, reason)


def test_the_one_server_of_a_version_has_the_last_word() -> None:
    assert Servers({}).failure(Route("fare", "1", ROUTE.replicas[:1])).message == "a: down"


@pytest.mark.parametrize(
    ("answers", "is_ready"),
    [
        ({"a": NOT_READY, "b": READY}, True),
        ({"a": NOT_READY, "b": NOT_READY}, False),
        ({"c": NOT_READY}, False),
        ({"c": READY}, True),
    ],
)
def test_a_version_is_ready_when_one_of_its_servers_is(answers: dict[str, bytes], is_ready: bool) -> None:
    assert Servers(answers).call(method=oip.MODEL_READY) == [READY if is_ready else NOT_READY]


def test_new_routes_close_the_lines_that_are_not_in_them(tmp_path: Path) -> None:
    servers = Servers({"a": b"A", "b": b"B"})

    def deploy(*names: str) -> None:
        replicas = [{"socket": f"/s/{name}", "service": name} for name in names]
        version = {"replicas": replicas, "on_request": False}
        staged = tmp_path / "new"
        staged.write_text(json.dumps({"version": 2, "models": {"fare": {"default": "1", "versions": {"1": version}}}}))
        staged.replace(tmp_path / "routes.json")

    async def requests() -> None:
        upstream = LoadBalancer(RoutesFile(tmp_path / "routes.json"), RequestCounter(), dial=servers.dial)
        deploy("a", "b")
        for _ in range(2):
            await upstream.call(Forwarded(upstream.find("fare", ""), oip.MODEL_INFER, b""))
        deploy("b")
        await upstream.call(Forwarded(upstream.find("fare", ""), oip.MODEL_INFER, b""))
        await upstream.close()

    asyncio.run(requests())
    assert servers.asked == ["a", "b", "b", "a is closed", "b is closed"]

"""Model servers that are started when a request comes: what is started, how long who waits, and what is said."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import grpc
import pytest

from pyml.gateway.balancer import LoadBalancer, longest_hold_s
from pyml.gateway.channel import Channel, Forwarded
from pyml.gateway.replica import Replica
from pyml.gateway.request_counter import RequestCount, RequestCounter
from pyml.gateway.routes_file import Route, RoutesFile
from pyml.gateway.scaling.containers import EngineError, ServerContainer
from pyml.gateway.scaling.fake_containers import FakeContainers
from pyml.gateway.scaling.launcher import Launcher
from pyml.gateway.scaling.scaling_context import ScalingContext
from pyml.oip import messages as oip
from pyml.oip.rpc_status import Reason, RpcFailure, RpcFailureError

P = ParamSpec("P")
T = TypeVar("T")

ONE = Route("fare", "1", (Replica("/s/a", "a"),), on_request=True)
TWO = Route("fare", "1", (Replica("/s/a", "a"), Replica("/s/b", "b")), on_request=True)
READY = oip.ModelReadyResponse(ready=True).SerializeToString()


class FastClock(asyncio.SelectorEventLoop):
    """An event loop whose time jumps to the next timer in place of waiting for it."""

    def __init__(self) -> None:
        super().__init__(_Jumping())

    def time(self) -> float:
        return _Jumping.now


class _Jumping(selectors.SelectSelector):
    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        type(self).now += timeout or 0
        return super().select(0)


async def inline(call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    return call(*args, **kwargs)


@dataclass
class World:
    """Containers, the servers in them, and a gateway's way to both.

    A server answers so many seconds after its container was started, and says until then that it is starting."""

    load_s: float = 2
    wait_s: float = 30
    containers: FakeContainers = field(init=False)
    usage: RequestCounter = field(default_factory=RequestCounter)
    in_thread: Any = inline
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        _Jumping.now = 1000.0
        self.containers = FakeContainers(self.now)

    @staticmethod
    def now() -> float:
        return _Jumping.now

    def run(self, scene: Callable[[LoadBalancer, Launcher], Coroutine[Any, Any, T]]) -> T:
        async def whole() -> T:
            launcher = Launcher(ScalingContext(self.containers, self.usage, self.in_thread, self.now), self.wait_s)
            upstream = LoadBalancer(RoutesFile(Path("/none")), self.usage, launcher, self.dial)
            try:
                return await scene(upstream, launcher)
            finally:
                await launcher.close()

        with asyncio.Runner(loop_factory=FastClock) as runner:
            return runner.run(whole())

    def dial(self, replica: Replica, use: RequestCount) -> Channel:
        return FakeLine(replica, use, self)

    def reason(self, service: str) -> str | None:
        """Why a server does not answer; None where it does."""
        if self.usage.of(service).is_closed:
            return "down"
        for container in self.containers.find(service):
            if container.is_running:
                return None if self.now() - container.started_at >= self.load_s else "starting"
        return "down"


class FakeLine(Channel):
    def __init__(self, replica: Replica, use: RequestCount, world: World) -> None:
        self.service = replica.service
        self.world = world

    async def ask(self, request: Forwarded) -> bytes:
        reason = self.world.reason(self.service)
        if reason is not None:
            raise RpcFailureError(RpcFailure(grpc.StatusCode.UNAVAILABLE, reason, Reason(reason)))
        self.world.asked.append(self.service)
        return READY if request.method == oip.MODEL_READY else f"{self.service} {request.timeout_s}".encode()

    async def is_ready(self, route: Route) -> bool:
        return self.world.reason(self.service) is None


def unavailable(text: str, reason: Reason) -> RpcFailure:
    """A failure whose text ends with its hint."""
    message, _, hint = text.partition("\n  fix: ")
    return RpcFailure(grpc.StatusCode.UNAVAILABLE, message, reason, hint)


def infer(upstream: LoadBalancer, route: Route = ONE, timeout_s: float | None = None) -> Awaitable[bytes]:
    return upstream.call(Forwarded(route, oip.MODEL_INFER, b"rows", timeout_s))


def failure(
    world: World, route: Route = ONE, timeout_s: float | None = None, method: str = oip.MODEL_INFER
) -> RpcFailure:
    async def scene(upstream: LoadBalancer, _: Launcher) -> RpcFailure:
        with pytest.raises(RpcFailureError) as caught:
            await upstream.call(Forwarded(route, method, b"", timeout_s))
        return caught.value.failure

    return world.run(scene)


# --- a server that is stopped -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["created", "exited"])
def test_a_request_starts_the_server_and_waits_for_it(status: str) -> None:
    world = World()
    made = world.containers.add("a")
    world.containers.set(replace(world.containers.find("a")[0], id=made, status=status))
    assert world.run(lambda upstream, _: infer_one(upstream)) == b"a None"
    assert world.containers.done == ["start a"]
    assert 1002 <= world.now() < 1002.2


async def infer_one(upstream: LoadBalancer, route: Route = ONE, timeout_s: float | None = None) -> bytes:
    return await infer(upstream, route, timeout_s)


def test_a_server_that_the_engine_is_starting_is_waited_for() -> None:
    world = World()
    world.containers.add("a", is_running=True)
    assert world.run(lambda upstream, _: infer_one(upstream)) == b"a None"
    assert world.containers.done == []


def test_while_a_container_takes_the_place_of_another_the_one_that_runs_is_in_use() -> None:
    world = World()
    for is_running in (False, True, False):
        world.containers.add("a", is_running=is_running)
    assert world.run(lambda upstream, _: infer_one(upstream)) == b"a None"
    assert world.containers.done == []


def test_all_servers_of_the_version_are_started_and_the_first_that_is_ready_answers() -> None:
    world = World()
    world.containers.add("a")
    world.containers.add("b")
    assert world.run(lambda upstream, _: infer_one(upstream, TWO)).startswith((b"a", b"b"))
    assert world.containers.done == ["start a", "start b"]


def test_while_one_server_answers_nothing_is_started() -> None:
    world = World(load_s=0)
    world.containers.add("a")
    world.containers.add("b", is_running=True)
    assert world.run(lambda upstream, _: infer_one(upstream, TWO)) == b"b None"
    assert world.containers.done == []


def test_only_a_version_that_says_so_is_started_on_request() -> None:
    world = World()
    world.containers.add("a")
    assert failure(world, replace(ONE, on_request=False)).reason == "down"
    assert world.containers.done == []


def test_requests_that_come_at_once_share_one_start() -> None:
    world = World()
    world.containers.add("a")

    async def scene(upstream: LoadBalancer, _: Launcher) -> list[bytes]:
        return await asyncio.gather(*(infer(upstream) for _ in range(20)))

    assert world.run(scene) == [b"a None"] * 20
    assert world.containers.done == ["start a"]


def test_a_caller_that_goes_away_leaves_the_start_to_the_others() -> None:
    world = World()
    world.containers.add("a")

    async def scene(upstream: LoadBalancer, _: Launcher) -> bytes:
        first = asyncio.ensure_future(infer(upstream))
        second = asyncio.ensure_future(infer(upstream))
        await asyncio.sleep(1)
        first.cancel()
        return await second

    assert world.run(scene) == b"a None"


def test_the_caller_has_what_is_left_of_its_time_for_the_answer() -> None:
    world = World(load_s=3)
    world.containers.add("a")
    left = world.run(lambda upstream, _: infer_one(upstream, timeout_s=10)).split()[1]
    assert 6.8 < float(left) <= 7


# --- how long a request is held ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wait_s", "timeout_s", "hold_s"),
    [(30, None, 30), (30, 60, 30), (30, 10, 9.75), (30, 1, 0.9), (0, None, 0), (30, 0, 0), (30, -1, 0)],
)
def test_a_request_is_held_for_the_gateways_limit_and_less_than_the_callers(
    wait_s: float, timeout_s: float | None, hold_s: float
) -> None:
    assert longest_hold_s(wait_s, timeout_s) == pytest.approx(hold_s)


@pytest.mark.parametrize(("timeout_s", "waited"), [(None, "12 s"), (5, "5 s"), (60, "12 s")])
def test_a_request_that_waited_in_vain_says_for_what(timeout_s: float | None, waited: str) -> None:
    world = World(load_s=100, wait_s=12)
    world.containers.add("a")
    message = f"model fare@1 is starting ({waited} so far)\n  fix: try again, or read its log: pyml dev logs a"
    assert failure(world, timeout_s=timeout_s) == unavailable(message, Reason.STARTING)


def test_the_next_request_counts_on_from_the_start_of_the_server() -> None:
    world = World(load_s=100, wait_s=12)
    world.containers.add("a")

    async def scene(upstream: LoadBalancer, _: Launcher) -> list[str]:
        said = []
        for _at in range(2):
            with pytest.raises(RpcFailureError) as caught:
                await infer(upstream)
            said.append(caught.value.failure.text)
            await asyncio.sleep(6)
        return said

    first, second = world.run(scene)
    assert "(12 s so far)" in first
    assert "(30 s so far)" in second
    assert world.containers.done == ["start a"]


# --- ModelReady -------------------------------------------------------------------------------------------------------


def test_a_question_whether_the_model_is_ready_starts_it_and_is_answered_at_once() -> None:
    world = World()
    world.containers.add("a")

    async def scene(upstream: LoadBalancer, _: Launcher) -> list[object]:
        said: list[object] = []
        for _at in range(3):
            try:
                said.append(await upstream.call(Forwarded(ONE, oip.MODEL_READY, b"")))
            except RpcFailureError as error:
                said.append((error.failure.reason, error.failure.message.splitlines()[0]))
            await asyncio.sleep(1.2)
        return said

    assert world.run(scene) == [
        ("starting", "model fare@1 is starting (0 s so far)"),
        ("starting", "model fare@1 is starting (1 s so far)"),
        READY,
    ]
    assert world.containers.done == ["start a"]


# --- what cannot be started -------------------------------------------------------------------------------------------

METHODS = pytest.mark.parametrize("method", [oip.MODEL_INFER, oip.MODEL_READY])


@METHODS
def test_a_server_without_a_container_is_down(method: str) -> None:
    message = "model fare@1 is deployed, but its container a does not exist\n  fix: pyml dev up"
    assert failure(World(), method=method) == unavailable(message, Reason.DOWN)


@METHODS
@pytest.mark.parametrize("reason", ["does not answer: connection refused", "may not be used: permission denied"])
def test_an_engine_that_does_nothing_is_said(method: str, reason: str) -> None:
    world = World()
    world.containers.add("a")
    world.reason = lambda service: "down"  # type: ignore[method-assign]
    world.containers.error = EngineError(f"the Docker engine {reason}", "pyml dev doctor")
    message = (
        f"model fare@1 is deployed, but its server is down and cannot be started: the Docker engine {reason}\n"
        "  fix: pyml dev doctor"
    )
    assert failure(world, method=method) == unavailable(message, Reason.DOWN)


@METHODS
def test_an_engine_that_hangs_is_said_when_the_time_is_over(method: str) -> None:
    async def hang(*_: object) -> None:
        await asyncio.sleep(1000)

    world = World(in_thread=hang)
    world.containers.add("a")
    found = failure(world, timeout_s=5, method=method)
    assert found.reason == "down"
    waited = 1 if method == oip.MODEL_READY else 5
    assert f"cannot be started: the Docker engine has not answered for {waited} s" in found.message


def test_a_server_that_ends_when_it_is_started_is_not_waited_for() -> None:
    world = World()
    world.containers.add("a", ends_with=3)
    message = "the server of model fare@1 ended with exit code 3\n  fix: pyml dev logs a"
    assert failure(world) == unavailable(message, Reason.DOWN)
    assert world.now() < 1002
    assert world.containers.done == ["start a"]


CRASHES = [
    (ServerContainer("1", "a", "restarting", 1, 1, 3), "ended with exit code 1, restarted 3 times"),
    (
        ServerContainer("1", "a", "restarting", 1, 137, 7, True),
        "ended with exit code 137 (out of memory), restarted 7 times",
    ),
]


@METHODS
@pytest.mark.parametrize(("container", "words"), CRASHES)
def test_a_server_that_keeps_ending_is_not_waited_for(method: str, container: ServerContainer, words: str) -> None:
    world = World()
    world.containers.set(container)
    assert failure(world, method=method).text == f"the server of model fare@1 {words}\n  fix: pyml dev logs a"
    assert world.containers.done == []


def test_a_server_that_has_ended_a_few_times_is_waited_for() -> None:
    world = World(wait_s=5)
    world.containers.set(ServerContainer("1", "a", "restarting", 999, 1, 2))
    assert failure(world).message.startswith("model fare@1 is starting (6 s so far)")


def test_a_paused_server_is_not_waited_for() -> None:
    world = World()
    world.containers.set(ServerContainer("0123456789abcdef", "a", "paused"))
    assert failure(world).text == "the server of model fare@1 is paused\n  fix: docker unpause 0123456789ab"


def test_where_one_of_two_servers_cannot_be_started_the_other_answers() -> None:
    world = World()
    world.containers.add("a", ends_with=1)
    world.containers.add("b")
    assert world.run(lambda upstream, _: infer_one(upstream, TWO)) == b"b None"


def test_after_a_failed_start_the_next_request_tries_again() -> None:
    world = World()
    made = world.containers.add("a", ends_with=1)

    async def scene(upstream: LoadBalancer, _: Launcher) -> bytes:
        with pytest.raises(RpcFailureError):
            await infer(upstream)
        world.containers.remove(made)
        world.containers.add("a")
        return await infer(upstream)

    assert world.run(scene) == b"a None"


# --- stopping ---------------------------------------------------------------------------------------------------------


def running(world: World) -> ServerContainer:
    world.containers.add("a", is_running=True)
    return world.containers.find("a")[0]


def test_a_request_that_comes_while_its_server_is_stopped_waits_and_starts_it_again() -> None:
    world = World()

    async def slowly(call: Callable[..., Any], *args: Any) -> Any:
        await asyncio.sleep(5 if call == world.containers.stop else 0)
        return call(*args)

    world.in_thread = slowly
    container = running(world)

    async def scene(upstream: LoadBalancer, launcher: Launcher) -> bytes:
        await asyncio.sleep(3)
        stopping = asyncio.ensure_future(launcher.stop(container, "it is idle"))
        await asyncio.sleep(1)
        answer = await infer(upstream)
        await stopping
        return answer

    assert world.run(scene) == b"a None"
    assert world.containers.done == ["stop a", "start a"]


def test_a_server_with_work_is_not_stopped() -> None:
    world = World()
    container = running(world)
    world.usage.of("a").in_flight = 1
    world.run(lambda _, launcher: launcher.stop(container, "it is idle"))
    assert world.containers.done == []


def test_a_server_that_is_being_started_is_not_stopped() -> None:
    world = World()
    container = running(world)

    async def scene(upstream: LoadBalancer, launcher: Launcher) -> bytes:
        asked = asyncio.ensure_future(infer(upstream))
        await asyncio.sleep(1)
        await launcher.stop(container, "it is idle")
        return await asked

    assert world.run(scene) == b"a None"
    assert world.containers.done == []


def test_a_server_that_could_not_be_stopped_is_asked_again() -> None:
    world = World(load_s=0)
    container = running(world)

    async def scene(upstream: LoadBalancer, launcher: Launcher) -> bytes:
        world.containers.error = EngineError("no")
        with pytest.raises(EngineError):
            await launcher.stop(container, "it is idle")
        world.containers.error = None
        return await infer(upstream)

    assert world.run(scene) == b"a None"

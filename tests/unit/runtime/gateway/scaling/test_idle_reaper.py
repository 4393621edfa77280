"""What is stopped for having no work, and when."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import ParamSpec, TypeVar

import pytest
from aiohttp import web

from pyml.gateway.request_counter import RequestCounter
from pyml.gateway.scaling.containers import EngineError, ServerContainer
from pyml.gateway.scaling.fake_containers import FakeContainers
from pyml.gateway.scaling.idle_reaper import IdleReaper, Stop, last_job, limit_s, pause_s, to_stop
from pyml.gateway.scaling.launcher import Launcher
from pyml.gateway.scaling.scaling_context import ScalingContext
from pyml.gateway.scaling.scaling_labels import IDLE_STOP_S, IDLE_WITH, SPARK_UI
from pyml.gateway.scaling.spark_ui import SparkActivity, SparkUi, activity_of

P = ParamSpec("P")
T = TypeVar("T")
UI = "http://spark-fare:4040"

MODEL = ServerContainer("1", "model-fare", "running", started_at=1000, labels={IDLE_STOP_S: "60"})
SPARK = ServerContainer("2", "spark-fare", "running", started_at=1000, labels={IDLE_STOP_S: "60", SPARK_UI: UI})
WORKER = ServerContainer("3", "worker-fare", "running", 1000, labels={IDLE_STOP_S: "60", IDLE_WITH: "spark-fare"})
OTHERS_WORKER = replace(WORKER, id="4", service="worker-delay", labels={IDLE_WITH: "spark-delay"})


# --- the decision -----------------------------------------------------------------------------------------------------

IDLE: list[tuple[str, ServerContainer, float | None, float, str | None]] = [
    ("never asked, counted from its start", MODEL, 0, 1060, "no request for 60 s"),
    ("not yet so long", MODEL, 0, 1059, None),
    ("counted from the last request", MODEL, 1030, 1089, None),
    ("the last request is long ago", MODEL, 1030, 1090.4, "no request for 60 s"),
    ("a request of the run before does not count", MODEL, 900, 1059, None),
    ("has work", MODEL, None, 9999, None),
    ("may run for ever", replace(MODEL, labels={}), 0, 9999, None),
    ("does not run", replace(MODEL, status="exited"), 0, 9999, None),
    ("is about to be started again", replace(MODEL, status="restarting"), 0, 9999, None),
    ("a driver without jobs", SPARK, 0, 1061, "no job for 61 s"),
    ("a driver with a job", SPARK, None, 9999, None),
    ("a worker alone", WORKER, 0, 9999, None),
]


@pytest.mark.parametrize(
    ("container", "last_work", "now", "why"), [each[1:] for each in IDLE], ids=[each[0] for each in IDLE]
)
def test_what_is_idle(container: ServerContainer, last_work: float | None, now: float, why: str | None) -> None:
    expected = [] if why is None else [Stop(container, why)]
    assert to_stop([container], {container.service: last_work}, now) == expected


def test_workers_are_stopped_with_their_driver_and_no_others() -> None:
    stopped = replace(WORKER, id="5", service="worker-2", status="exited")
    containers = [MODEL, WORKER, SPARK, OTHERS_WORKER, stopped]
    found = to_stop(containers, {each.service: 1050 if each is MODEL else 0 for each in containers}, 1061)
    assert found == [Stop(SPARK, "no job for 61 s"), Stop(WORKER, "spark-fare is idle")]


@pytest.mark.parametrize(("text", "limit"), [("60", 60), ("0", None), ("", None), ("-1", None), ("soon", None)])
def test_a_limit_is_a_number_of_seconds(text: str, limit: float | None) -> None:
    assert limit_s(replace(MODEL, labels={IDLE_STOP_S: text})) == limit


@pytest.mark.parametrize(("limits", "pause"), [([], 10), (["1800"], 10), (["1800", "20"], 5), (["1"], 0.25)])
def test_it_looks_often_enough_for_the_shortest_limit(limits: list[str], pause: float) -> None:
    assert pause_s([replace(MODEL, labels={IDLE_STOP_S: limit}) for limit in limits]) == pause


# --- what Spark says --------------------------------------------------------------------------------------------------

DONE = {"status": "SUCCEEDED", "completionTime": "2025-11-25T12:00:00.500GMT"}
FAILED = {"status": "FAILED", "completionTime": "2025-11-25T12:00:10.000GMT"}
RUNNING = {"status": "RUNNING", "submissionTime": "2025-11-25T12:00:20.000GMT"}
NOON = 1764072000

ACTIVITIES: list[tuple[list[Mapping[str, str]], SparkActivity, float | None]] = [
    ([], SparkActivity(False, 0), 0),
    ([DONE], SparkActivity(False, NOON + 0.5), NOON + 0.5),
    ([FAILED, DONE], SparkActivity(False, NOON + 10), NOON + 10),
    ([RUNNING, DONE], SparkActivity(True, NOON + 0.5), None),
]


@pytest.mark.parametrize(("jobs", "activity", "last"), ACTIVITIES)
def test_a_driver_has_worked_as_long_as_its_jobs(
    jobs: list[Mapping[str, str]], activity: SparkActivity, last: float | None
) -> None:
    assert activity_of(jobs) == activity
    assert last_job(activity) == last


def test_a_driver_that_does_not_say_may_have_work() -> None:
    assert last_job(None) is None


async def asked(routes: Mapping[str, object]) -> SparkActivity | None:
    """Ask a UI that answers with these documents."""
    app = web.Application()
    for path, document in routes.items():
        app.router.add_get(path, functools.partial(_answer, document))
    runner, ui = web.AppRunner(app), SparkUi()
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0]
        return await ui.activity(f"http://{host}:{port}")
    finally:
        await ui.close()
        await runner.cleanup()


async def _answer(document: object, _: web.Request) -> web.Response:
    return web.json_response(document)


APPLICATIONS = "/api/v1/applications"
UIS: list[tuple[Mapping[str, object], SparkActivity | None]] = [
    ({APPLICATIONS: [{"id": "app-1"}], f"{APPLICATIONS}/app-1/jobs": [DONE]}, SparkActivity(False, NOON + 0.5)),
    ({APPLICATIONS: [{"id": "app-1"}], f"{APPLICATIONS}/app-1/jobs": [RUNNING]}, SparkActivity(True, 0)),
    ({APPLICATIONS: []}, SparkActivity(False, 0)),
    ({APPLICATIONS: [{"id": "app-1"}]}, None),
    ({APPLICATIONS: [{"name": "x"}]}, None),
    ({APPLICATIONS: [{"id": "app-1"}], f"{APPLICATIONS}/app-1/jobs": [{"status": "SUCCEEDED", "completionTime": "?"}]}, None),
    ({}, None),
]  # fmt: skip


@pytest.mark.parametrize(("routes", "activity"), UIS)
def test_the_ui_is_asked_for_applications_and_their_jobs(
    routes: Mapping[str, object], activity: SparkActivity | None
) -> None:
    assert asyncio.run(asked(routes)) == activity


def test_a_ui_that_is_not_there_says_nothing() -> None:
    async def scene() -> SparkActivity | None:
        ui = SparkUi()
        try:
            return await ui.activity("http://127.0.0.1:1")
        finally:
            await ui.close()

    assert asyncio.run(scene()) is None


# --- looking ----------------------------------------------------------------------------------------------------------


async def inline(call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    return call(*args, **kwargs)


@dataclass
class World:
    """Containers, and an idle reaper that looks at them."""

    now: float = 1000
    asked: int = 0
    activity: SparkActivity | None = None
    usage: RequestCounter = field(default_factory=RequestCounter)
    containers: FakeContainers = field(init=False)
    idle_reaper: IdleReaper = field(init=False)

    def __post_init__(self) -> None:
        self.containers = FakeContainers(self.clock)
        context = ScalingContext(self.containers, self.usage, inline, self.clock)
        self.idle_reaper = IdleReaper(context, Launcher(context, 30), self.ask)

    def clock(self) -> float:
        return self.now

    async def ask(self, url: str) -> SparkActivity | None:
        assert url == UI
        self.asked += 1
        return self.activity

    def look(self, now: float) -> list[str]:
        """Look at some time; what was done so far."""
        self.now = now
        asyncio.run(self.idle_reaper.look())
        return self.containers.done


def test_a_server_is_stopped_when_nobody_asked_it_for_so_long() -> None:
    world = World()
    world.containers.add("model-fare", {IDLE_STOP_S: "60"}, is_running=True)
    world.containers.add("gateway", is_running=True)
    assert world.look(1059) == []
    world.usage.of("model-fare").last_at = 1050
    assert world.look(1100) == []
    assert world.look(1110) == ["stop model-fare"]
    assert world.look(9999) == ["stop model-fare"]


def test_a_server_with_a_request_in_flight_is_not_idle() -> None:
    world = World()
    world.containers.add("model-fare", {IDLE_STOP_S: "60"}, is_running=True)
    world.usage.of("model-fare").in_flight = 1
    assert world.look(9999) == []


def test_a_gateway_that_was_just_started_does_not_stop_servers_that_it_knows_nothing_of() -> None:
    world = World(now=5000)
    world.containers.set(MODEL)
    assert world.look(5059) == []
    assert world.look(5060) == ["stop model-fare"]


def test_a_driver_and_its_workers_are_stopped_when_it_has_had_no_job() -> None:
    world = World()
    for container in (SPARK, WORKER, OTHERS_WORKER):
        world.containers.set(container)
    world.activity = SparkActivity(True, 1000)
    assert world.look(1100) == []
    world.activity = SparkActivity(False, 1100)
    assert world.look(1159) == []
    world.activity = None
    assert world.look(1170) == []
    world.activity = SparkActivity(False, 1100)
    assert world.look(1171) == ["stop spark-fare", "stop worker-fare"]


def test_a_driver_that_cannot_be_idle_yet_is_not_asked() -> None:
    world = World()
    world.containers.set(SPARK)
    world.activity = SparkActivity(False, 1050)
    for now, asked in [(1059, 0), (1060, 1), (1109, 1), (1110, 2)]:
        world.look(now)
        assert world.asked == asked
    assert world.containers.done == ["stop spark-fare"]


def test_a_driver_that_does_not_run_is_not_asked() -> None:
    world = World()
    world.containers.set(replace(SPARK, status="exited", labels={**SPARK.labels, SPARK_UI: "another"}))
    assert world.look(9999) == []


def test_an_engine_that_does_not_answer_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    world = World()
    pauses: list[float] = []

    async def scene() -> None:
        for error in (EngineError("no answer"), EngineError("no answer"), None, None):
            world.containers.error = error
            pauses.append(await world.idle_reaper._look_safely())

    asyncio.run(scene())
    assert pauses == [10] * 4
    assert [record.message for record in caplog.records] == [
        "idle containers are not stopped: no answer",
        "idle containers are stopped again",
    ]

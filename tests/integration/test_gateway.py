"""The gateway as a process, with real model servers behind it."""

from __future__ import annotations

import asyncio
import json
import math
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import grpc
import numpy as np
import pytest
import tritonclient.grpc as triton_grpc
import tritonclient.http as triton_http
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from integration.serving import CHORES, Caller, Serving, chores, serving, stop, until
from pyml.gateway.balancer import LoadBalancer
from pyml.gateway.channel import Forwarded
from pyml.gateway.request_counter import RequestCounter
from pyml.gateway.routes_file import RoutesFile
from pyml.gateway.scaling.fake_containers import FakeContainers
from pyml.gateway.scaling.launcher import Launcher
from pyml.gateway.scaling.scaling_context import ScalingContext
from pyml.gateway.statistics import DURATIONS
from pyml.oip import codec
from pyml.oip import messages as oip
from support.packages import write_package


@dataclass(frozen=True)
class Driver:
    """A gateway, and what is behind it."""

    place: Serving
    gateway: subprocess.Popen[str]
    server: subprocess.Popen[str]
    caller: Caller
    rest: str

    def post(self, path: str, body: object, **headers: str) -> tuple[int, dict[str, object]]:
        """Status and JSON of an answer to a POST."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self._open(urllib.request.Request(self.rest + path, data, headers))

    def get(self, path: str) -> tuple[int, dict[str, object]]:
        """Status and JSON of an answer to a GET."""
        return self._open(urllib.request.Request(self.rest + path))

    def _open(self, request: urllib.request.Request) -> tuple[int, dict[str, object]]:
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)


def started(place: Serving, settings: str = "") -> Driver:
    package = write_package(place.folder / "chores", CHORES, toml=settings)
    place.deploy(chores=["1"], down=["7"])
    gateway, caller, rest = place.gateway()
    server = place.server(package)
    return Driver(place, gateway, server, caller, rest)


@pytest.fixture
def driver() -> Iterator[Driver]:
    with serving() as place:
        yield started(place)


@pytest.fixture(scope="module")
def shared() -> Iterator[Driver]:
    """A stack that no test may change."""
    with serving() as place:
        yield started(place)


# --- what passes through ----------------------------------------------------------------------------------------------


def test_rows_pass_through_in_every_form(shared: Driver) -> None:
    rows = chores(rows=3)
    arrow = shared.caller.infer(codec.arrow_request("chores", "", rows, request_id="r"))
    columns = shared.caller.infer(codec.column_request("chores", "1", rows))
    assert (arrow.id, arrow.model_version) == ("r", "1")
    assert codec.read_arrow_response(arrow).column("y").to_pylist() == [0, 2, 4]
    assert codec.read_tensor_response(columns)["y"].tolist() == [0, 2, 4]


def columns(library: object, x: np.ndarray, act: str = "") -> list[object]:
    made = library.InferInput("x", list(x.shape), "FP64")  # type: ignore[attr-defined]
    made.set_data_from_numpy(x)
    acts = library.InferInput("act", list(x.shape), "BYTES")  # type: ignore[attr-defined]
    acts.set_data_from_numpy(np.array([act.encode()] * len(x), dtype=object))
    return [made, acts]


@pytest.mark.parametrize("library", [triton_grpc, triton_http], ids=["grpc", "http"])
def test_tritonclient_works_unchanged(shared: Driver, library: object) -> None:
    address = shared.caller.address if library is triton_grpc else shared.rest.removeprefix("http://")
    with closing(library.InferenceServerClient(address)) as client:  # type: ignore[attr-defined]
        assert client.is_server_live()
        assert client.is_server_ready()
        assert client.is_model_ready("chores")
        answer = client.infer("chores", columns(library, np.array([1.0, math.nan, math.inf])), model_version="1")
        assert repr(answer.as_numpy("y").tolist()) == "[2.0, nan, inf]"
        assert answer.as_numpy("said").tolist() == [b"", b"", b""]
        with pytest.raises(triton_grpc.InferenceServerException, match="it hurts"):
            client.infer("chores", columns(library, np.array([1.0]), act="fail it hurts"))


def test_failures_of_the_model_pass_through_with_code_words_and_reason(shared: Driver) -> None:
    direct, passed = shared.place.caller().refused("fail it hurts"), shared.caller.refused("fail it hurts")
    assert passed.code() is direct.code() is grpc.StatusCode.UNKNOWN
    assert passed.details() == direct.details()
    for found in (direct, passed):
        *reason, (key, request_id) = found.trailing_metadata()
        assert reason == [("pyml-reason", "model"), ("pyml-code", "predict-raised")]
        assert (key, len(request_id)) == ("x-request-id", 32)
    (line,) = [line for line in shared.place.log("gateway").splitlines() if request_id in line]
    assert json.loads(line)["reason"] == "model"
    assert f"UNKNOWN [{request_id}]: predict raised" in shared.place.log("model-chores-1")


def test_reason_and_codes_pass_through_over_rest(shared: Driver) -> None:
    request = urllib.request.Request(f"{shared.rest}/v2/models/chores/infer", json.dumps({"inputs": []}).encode())
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=30)
    with caught.value as refused:
        assert refused.headers["pyml-reason"] == "input"
        assert refused.headers.get_all("pyml-code") == ["column-missing"]


def test_the_gateway_answers_for_itself(shared: Driver) -> None:
    call = shared.caller.call
    assert oip.ServerLiveResponse.FromString(call(oip.SERVER_LIVE)).live
    assert oip.ServerReadyResponse.FromString(call(oip.SERVER_READY)).ready
    found = oip.ServerMetadataResponse.FromString(call(oip.SERVER_METADATA))
    extensions = ["binary_tensor_data", "model_repository(index)", "statistics"]
    assert (found.name, list(found.extensions)) == ("pyml gateway", extensions)
    assert shared.caller.is_model_ready("chores")
    asked = oip.ModelMetadataRequest(name="chores").SerializeToString()
    assert oip.ModelMetadataResponse.FromString(call(oip.MODEL_METADATA, asked)).platform == "pyml_dataframe"


CHORES_READY = {"name": "chores", "version": "1", "state": "READY", "reason": ""}


def test_the_index_lists_what_is_deployed(shared: Driver) -> None:
    chores, down = cast(list[dict[str, str]], shared.post("/v2/repository/index", {})[1])
    assert chores == CHORES_READY
    assert (down["name"], down["version"], down["state"]) == ("down", "7", "UNAVAILABLE")
    assert "its server is down" in down["reason"]
    assert cast(object, shared.post("/v2/repository/index", {"ready": True})[1]) == [CHORES_READY]
    assert shared.get("/v2/models")[1] == {"models": ["chores", "down"]}
    with closing(triton_grpc.InferenceServerClient(shared.caller.address)) as client:
        found = client.get_model_repository_index().models
        assert [(each.name, each.state) for each in found] == [("chores", "READY"), ("down", "UNAVAILABLE")]
    with closing(triton_http.InferenceServerClient(shared.rest.removeprefix("http://"))) as client:
        assert client.get_model_repository_index() == [chores, down]


def test_requests_in_both_forms_are_counted_with_what_the_server_measured(shared: Driver) -> None:
    def value(sample: str) -> float:
        with urllib.request.urlopen(f"{shared.rest}/metrics", timeout=30) as answer:
            text = answer.read().decode()
        return next((float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(sample)), 0.0)

    over_grpc = 'pyml_requests_total{code="OK",form="grpc",model="chores",reason="",version="1"}'
    over_rest = 'pyml_requests_total{code="200",form="rest",model="chores",reason="",version="1"}'
    rows = 'pyml_request_rows_sum{model="chores",version="1"}'
    predict = 'pyml_request_predict_seconds_sum{model="chores",version="1"}'
    before = [value(sample) for sample in (over_grpc, over_rest, rows, predict)]
    shared.caller.infer(codec.arrow_request("chores", "", chores(rows=3)))
    shared.post("/v2/models/chores/infer", rest_rows([1.0, 2.0]))
    after = [value(sample) for sample in (over_grpc, over_rest, rows, predict)]
    assert [now - then for now, then in zip(after[:3], before[:3], strict=True)] == [1, 1, 5]
    assert after[3] > before[3]
    assert value('pyml_requests_in_flight{model="chores"') == 0


def test_the_callers_id_is_in_the_answer_and_in_both_logs_and_no_value_of_a_row_is(shared: Driver) -> None:
    given = "order-7"
    body = {"inputs": [{"name": "x", "datatype": "BYTES", "shape": [1], "data": ["secret-value"]}]}
    request = urllib.request.Request(
        f"{shared.rest}/v2/models/chores/infer", json.dumps(body).encode(), {"x-request-id": given}
    )
    with pytest.raises(urllib.error.HTTPError) as caught, urllib.request.urlopen(request, timeout=30):
        pass
    with caught.value as refused:
        assert refused.headers["x-request-id"] == given
    (line,) = [line for line in shared.place.log("gateway").splitlines() if given in line]
    entry = json.loads(line)
    assert (entry["model"], entry["version"], entry["form"], entry["code"]) == ("chores", "1", "rest", "400")
    assert f"[{given}]" in shared.place.log("model-chores-1")
    assert "secret-value" not in shared.place.log("gateway") + shared.place.log("model-chores-1")


def test_a_request_for_a_foreign_name_is_refused(shared: Driver) -> None:
    for headers in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}):
        assert shared.post("/v2/models/chores/infer", {}, **headers)[0] == 403
    assert shared.post("/v2/repository/index", {}, Origin="http://localhost:3000")[0] == 200


def test_health_and_reflection_are_those_of_grpc(shared: Driver) -> None:
    with grpc.insecure_channel(shared.caller.address) as channel:
        check = health_pb2_grpc.HealthStub(channel).Check
        for service in ("", oip.SERVICE):
            asked = health_pb2.HealthCheckRequest(service=service)
            assert check(asked).status == health_pb2.HealthCheckResponse.SERVING
        described = ProtoReflectionDescriptorDatabase(channel)
        assert set(described.get_services()) > {oip.SERVICE, "grpc.health.v1.Health"}
        pool = DescriptorPool(described)
        methods = pool.FindServiceByName(oip.SERVICE).methods
        assert "ModelInfer" in [method.name for method in methods]
        assert pool.FindServiceByName("grpc.health.v1.Health").methods


@pytest.mark.parametrize("method", [f"/{oip.SERVICE}/ModelConfig", "/other.Service/Method", "/"])
def test_a_method_that_is_not_offered_is_refused_in_our_words(shared: Driver, method: str) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        shared.caller.call(method)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert f"the gateway does not offer {method}" in caught.value.details()
    assert ("pyml-reason", "input") in [tuple(each) for each in caught.value.trailing_metadata()]


# --- what is not there ------------------------------------------------------------------------------------------------

NOT_THERE = [
    ("chore", "", grpc.StatusCode.NOT_FOUND, 404, ["model 'chore' is not deployed", "deployed: chores, down", "did you mean chores"]),
    ("chores", "2", grpc.StatusCode.NOT_FOUND, 404, ["version '2' of model chores is not deployed", "deployed: 1"]),
    ("down", "", grpc.StatusCode.UNAVAILABLE, 503, ["down@7 is deployed, but its server is down", "pyml dev logs model-down-7"]),
]  # fmt: skip


@pytest.mark.parametrize(("model", "version", "code", "status", "words"), NOT_THERE)
def test_what_is_not_there_has_its_own_error(
    shared: Driver, model: str, version: str, code: grpc.StatusCode, status: int, words: list[str]
) -> None:
    error = shared.caller.start(codec.arrow_request(model, version, chores())).exception()
    assert error.code() is code
    assert all(word in error.details() for word in words)
    with pytest.raises(grpc.RpcError) as caught:
        shared.caller.is_model_ready(model, version)
    assert caught.value.code() is code
    path = f"/v2/models/{model}" + (f"/versions/{version}" if version else "")
    for found, answer in (shared.post(f"{path}/infer", {"inputs": []}), shared.get(f"{path}/ready"), shared.get(path)):
        assert found == status
        assert all(word in str(answer["error"]) for word in words)


def test_a_model_that_is_starting_says_so(driver: Driver) -> None:
    code = CHORES.replace("decimal.getcontext().prec = 5", "self.wait(parameters)")
    package = write_package(driver.place.folder / "slow", code)
    driver.place.server(package, name="slow", ready=False)
    driver.place.deploy(slow=["1"])
    until((package / "parameters" / "begun").exists)
    error = driver.caller.refused("", name="slow")
    assert (error.code(), error.details()) == (grpc.StatusCode.UNAVAILABLE, "model slow@1 is starting")
    assert not driver.caller.is_model_ready("slow")
    assert driver.get("/v2/models/slow/ready") == (503, {"name": "slow", "ready": False})
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{driver.rest}/v2/models/slow", timeout=30)
    caught.value.close()
    assert (caught.value.code, caught.value.headers["Retry-After"]) == (503, "1")
    (package / "parameters" / "go").touch()
    until(lambda: driver.caller.is_model_ready("slow"))
    assert driver.caller.do(name="slow")["y"] == [0]


# --- what changes -----------------------------------------------------------------------------------------------------


def test_deployments_come_and_go_without_a_restart(driver: Driver) -> None:
    assert driver.caller.do()["y"] == [0]
    driver.place.server(driver.place.folder / "chores", name="new", version="5")
    assert driver.caller.refused("", name="new").code() is grpc.StatusCode.NOT_FOUND
    driver.place.deploy(chores=["1"], new=["5"])
    assert driver.caller.do(name="new")["y"] == [0]
    driver.place.deploy(new=["5"])
    assert driver.caller.refused("").code() is grpc.StatusCode.NOT_FOUND


def test_a_request_in_flight_outlives_its_route(driver: Driver) -> None:
    running = driver.caller.begin(f"wait {driver.place.folder}")
    until((driver.place.folder / "begun").exists)
    driver.place.deploy()
    assert driver.caller.refused("").code() is grpc.StatusCode.NOT_FOUND
    (driver.place.folder / "go").touch()
    running.result()


def test_a_killed_server_fails_its_requests_with_the_cause_and_its_next_start_is_found(driver: Driver) -> None:
    running = driver.caller.begin(f"wait {driver.place.folder}")
    until((driver.place.folder / "begun").exists)
    waiting = [driver.caller.begin("") for _ in range(5)]
    assert stop(driver.server, signal.SIGKILL) == -signal.SIGKILL
    for call in (running, *waiting):
        error = call.exception()
        assert error.code() is grpc.StatusCode.UNAVAILABLE
        assert "pyml dev logs model-chores-1" in error.details()
    assert "went away before it answered" in running.exception().details()
    assert "its server is down" in driver.caller.refused("").details()
    driver.place.server(driver.place.folder / "chores")
    until(lambda: driver.caller.begin("").exception() is None)
    assert driver.caller.do()["y"] == [0]


def test_a_model_that_ends_its_process_is_reported_alike(driver: Driver) -> None:
    error = driver.caller.refused("die")
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert "went away before it answered" in error.details()


def test_clients_with_pings_are_answered_however_long_a_request_takes(driver: Driver) -> None:
    options = [
        ("grpc.enable_http_proxy", 0),
        ("grpc.keepalive_time_ms", 1000),
        ("grpc.http2.max_pings_without_data", 0),
        ("grpc.keepalive_permit_without_calls", 1),
    ]
    request = codec.arrow_request("chores", "", chores(f"wait {driver.place.folder}")).SerializeToString()
    with ExitStack() as stack:
        addresses = (driver.caller.address, driver.place.caller().address)
        channels = [stack.enter_context(grpc.insecure_channel(address, options=options)) for address in addresses]
        calls = [channel.unary_unary(oip.MODEL_INFER).future(request, timeout=30) for channel in channels]
        with pytest.raises(grpc.FutureTimeoutError):
            calls[0].result(timeout=6)
        (driver.place.folder / "go").touch()
        for call in calls:
            assert oip.ModelInferResponse.FromString(call.result()).model_name == "chores"


# --- replicas ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pair:
    """A gateway before two servers of one model version."""

    place: Serving
    caller: Caller
    servers: tuple[subprocess.Popen[str], subprocess.Popen[str]]

    def who_answers(self) -> str:
        """Process id of the server that answers the next request."""
        return str(self.caller.do("pid")["said"][0])


@pytest.fixture
def pair() -> Iterator[Pair]:
    with serving() as place:
        package = write_package(place.folder / "chores", CHORES)
        place.deploy(2, chores=["1"])
        _, caller, _ = place.gateway()
        yield Pair(place, caller, (place.server(package), place.server(package, replica=2)))


def test_requests_take_turns_between_replicas(pair: Pair) -> None:
    found = [pair.who_answers() for _ in range(4)]
    assert set(found[:2]) == {str(server.pid) for server in pair.servers}
    assert found[:2] == found[2:]


def test_statistics_count_what_all_servers_of_a_version_did(pair: Pair) -> None:
    for _ in range(4):
        pair.caller.infer(codec.arrow_request("chores", "", chores(rows=5)))
    for _ in range(2):
        pair.caller.refused("fail it hurts")
    with closing(triton_grpc.InferenceServerClient(pair.caller.address)) as client:
        (found,) = client.get_inference_statistics("chores", "1").model_stats
        counted = {what: getattr(found.inference_stats, what).count for what in DURATIONS}
        durations = {what: getattr(found.inference_stats, what).ns for what in DURATIONS}
        assert client.get_inference_statistics().model_stats[0] == found
        with pytest.raises(triton_grpc.InferenceServerException, match="'none' is not deployed"):
            client.get_inference_statistics("none")
    assert (found.inference_count, found.execution_count, found.last_inference > 0) == (20, 4, True)
    computed = dict.fromkeys(("success", "queue", "compute_input", "compute_infer", "compute_output"), 4)
    assert counted == {**dict.fromkeys(DURATIONS, 0), **computed, "fail": 2}
    assert durations["success"] == sum(durations[what] for what in computed if what != "success")
    assert all(durations[what] > 0 for what in computed)
    stop(pair.servers[0])
    stop(pair.servers[1])
    with closing(triton_grpc.InferenceServerClient(pair.caller.address)) as client:
        assert client.get_inference_statistics("chores").model_stats[0].inference_count == 0


def test_a_replica_that_is_down_is_passed_over_until_it_is_back(pair: Pair) -> None:
    first, second = pair.servers
    stop(first)
    assert {pair.who_answers() for _ in range(4)} == {str(second.pid)}
    again = pair.place.server(pair.place.folder / "chores")
    until(lambda: pair.who_answers() == str(again.pid))
    stop(second)
    stop(again)
    for _ in range(2):
        assert "all its servers are down: model-chores-1, model-chores-1-2" in pair.caller.refused("").details()


def test_a_replica_that_is_starting_is_passed_over(pair: Pair) -> None:
    stop(pair.servers[0])
    slow = write_package(
        pair.place.folder / "slow", CHORES.replace("decimal.getcontext().prec = 5", "self.wait(parameters)")
    )
    pair.place.server(slow, ready=False)
    until((slow / "parameters" / "begun").exists)
    assert {pair.who_answers() for _ in range(4)} == {str(pair.servers[1].pid)}
    assert all(pair.caller.is_model_ready() for _ in range(2))
    stop(pair.servers[1])
    error = pair.caller.refused("")
    assert dict(error.trailing_metadata())["pyml-reason"] == "starting"
    assert "is starting (model-chores-1); down: model-chores-1-2" in error.details()
    assert not pair.caller.is_model_ready()


def test_a_request_that_a_replica_took_with_it_is_not_run_again(pair: Pair) -> None:
    errors = [pair.caller.refused("die") for _ in range(2)]
    assert all("went away before it answered" in error.details() for error in errors)
    assert all(server.wait(20) == 9 for server in pair.servers)


# --- servers that are started on request ------------------------------------------------------------------------------


class ProcessContainers(FakeContainers):
    """Containers that are processes: real model servers on real sockets, without an engine."""

    def __init__(self, place: Serving, package: Path) -> None:
        super().__init__()
        self.place = place
        self.package = package
        self.running: dict[str, subprocess.Popen[str]] = {}

    def start(self, container_id: str) -> None:
        super().start(container_id)
        self.running[container_id] = self.place.server(self.package, ready=False)

    def stop(self, container_id: str) -> None:
        stop(self.running.pop(container_id))
        super().stop(container_id)


def test_a_real_server_is_started_stopped_and_started_again_under_requests() -> None:
    with serving() as place:
        place.deploy(chores=["1"])
        place.sockets.mkdir()
        containers = ProcessContainers(place, write_package(place.folder / "chores", CHORES))
        containers.add("model-chores-1")

        async def pids() -> list[set[str]]:
            usage = RequestCounter()
            launcher = Launcher(ScalingContext(containers, usage), 60)
            upstream = LoadBalancer(RoutesFile(place.routes_file), usage, launcher)
            route = replace(upstream.find("chores", ""), on_request=True)

            async def pid() -> str:
                request = codec.arrow_request("chores", "", chores("pid")).SerializeToString()
                reply = await upstream.call(Forwarded(route, oip.MODEL_INFER, request))
                answer = codec.read_arrow_response(oip.ModelInferResponse.FromString(reply))
                return str(answer.column("said")[0])

            try:
                found = [set(await asyncio.gather(*(pid() for _ in range(8))))]
                (container,) = containers.find()
                under_way = asyncio.ensure_future(launcher.stop(container, "it is idle"))
                await asyncio.sleep(0)
                found.append(set(await asyncio.gather(*(pid() for _ in range(8)))))
                await under_way
                return found
            finally:
                await upstream.close()
                await launcher.close()

        first, second = asyncio.run(pids())
        assert len(first) == len(second) == 1
        assert first != second
        assert containers.done == [f"{what} model-chores-1" for what in ("start", "stop", "start")]


# --- time -------------------------------------------------------------------------------------------------------------


def test_deadlines_and_cancellations_pass_through(driver: Driver) -> None:
    folder = driver.place.folder
    running = driver.caller.begin(f"wait {folder}", timeout_s=None)
    until((folder / "begun").exists)
    late = driver.caller.begin(f"touch {folder}/late", timeout_s=0.2)
    cancelled = driver.caller.begin(f"touch {folder}/cancelled")
    assert late.exception().code() is grpc.StatusCode.DEADLINE_EXCEEDED
    cancelled.cancel()
    for _ in range(10):  # they go behind the cancellation, on the same connections
        assert driver.caller.is_model_ready("chores")
    (folder / "go").touch()
    running.result()
    assert driver.caller.do()["y"] == [0]
    assert not (folder / "late").exists()
    assert not (folder / "cancelled").exists()


def test_a_full_queue_passes_through() -> None:
    with serving() as place:
        full = started(place, "[serving]\nmax_queue = 1\n")
        running = full.caller.begin(f"wait {place.folder}", timeout_s=None)
        until((place.folder / "begun").exists)
        more = [full.caller.begin("") for _ in range(3)]
        until(lambda: sum(call.done() for call in more) == 2)
        assert {call.exception().code() for call in more if call.done()} == {grpc.StatusCode.RESOURCE_EXHAUSTED}
        status, answer = full.post("/v2/models/chores/infer", rest_rows([1.0]))
        assert status == 429
        assert "queue of model chores is full" in str(answer["error"])
        (place.folder / "go").touch()
        running.result()


# --- REST -------------------------------------------------------------------------------------------------------------


def rest_rows(x: list[object], act: str = "") -> dict[str, object]:
    return {
        "inputs": [
            {"name": "x", "datatype": "FP64", "shape": [len(x)], "data": x},
            {"name": "act", "datatype": "BYTES", "shape": [len(x)], "data": [act] * len(x)},
        ]
    }


@pytest.mark.parametrize("path", ["/v2/models/chores/infer", "/v2/models/chores/versions/1/infer"])
def test_rest_rows_in_and_out(shared: Driver, path: str) -> None:
    assert shared.post(path, {**rest_rows([1.5, 2]), "id": "r"}) == (
        200,
        {
            "model_name": "chores",
            "model_version": "1",
            "id": "r",
            "outputs": [
                {"name": "y", "datatype": "FP64", "shape": [2], "data": [3.0, 4.0]},
                {"name": "said", "datatype": "BYTES", "shape": [2], "data": ["", ""]},
            ],
        },
    )


def test_rest_tells_about_server_and_model(shared: Driver) -> None:
    assert shared.get("/v2/health/live") == (200, {"live": True})
    assert shared.get("/v2/health/ready") == (200, {"ready": True})
    assert shared.get("/v2/models/chores/ready") == (200, {"name": "chores", "ready": True})
    status, found = shared.get("/v2")
    assert (status, found["name"]) == (200, "pyml gateway")
    status, found = shared.get("/v2/models/chores/versions/1")
    assert (status, found["inputs"]) == (
        200,
        [{"name": "act", "datatype": "BYTES", "shape": [-1]}, {"name": "x", "datatype": "FP64", "shape": [-1]}],
    )


def test_rest_tells_statistics(shared: Driver) -> None:
    shared.caller.do()
    address = shared.rest.removeprefix("http://")
    with closing(triton_http.InferenceServerClient(address)) as client:
        (found,) = client.get_inference_statistics("chores", "1")["model_stats"]
        assert found["inference_count"] > 0
        assert found["inference_stats"]["success"]["count"] == found["execution_count"]
        assert {each["name"] for each in client.get_inference_statistics()["model_stats"]} == {"chores", "down"}


REST_ERRORS: list[tuple[object, int, str]] = [
    (b'{"inputs": [', 400, "line 1 column 13"),
    (rest_rows([1.0, None]), 400, "column `x` is declared NOT NULL and holds 1 nulls, the first in row 1"),
    ({"inputs": []}, 400, "column `x` is missing"),
    (rest_rows([1.0], act="fail it hurts"), 500, "predict raised ValueError: it hurts"),
    (rest_rows([1.0], act="columns"), 500, "column `y` is missing"),
    (rest_rows([1.7e308]), 400, "output `y` holds NaN or infinity"),
]


@pytest.mark.parametrize(("body", "status", "words"), REST_ERRORS)
def test_rest_errors_have_their_status_and_words(shared: Driver, body: object, status: int, words: str) -> None:
    found, answer = shared.post("/v2/models/chores/infer", body)
    assert found == status
    assert words in str(answer["error"])


def test_rest_says_when_a_path_or_method_is_wrong(shared: Driver) -> None:
    status, answer = shared.get("/v2/nothing")
    assert (status, str(answer["error"]).splitlines()[0]) == (404, "GET /v2/nothing: Not Found")
    assert shared.get("/v2/models/chores/infer")[0] == 405
    status, answer = shared.post("/v2/models/chores/infer", b"{}", **{"Inference-Header-Content-Length": "9"})
    assert status == 400
    assert "Inference-Header-Content-Length is '9', but the body has 2 bytes" in str(answer["error"])


def test_a_body_that_is_too_large_is_refused_with_the_limit() -> None:
    with serving() as place:
        place.deploy(chores=["1"])
        process, caller, rest = place.gateway("--max-request-mb", "1")
        driver = Driver(place, process, process, caller, rest)
        status, answer = driver.post("/v2/models/chores/infer", b" " * (2 * 1024 * 1024))
        assert status == 413
        assert "larger than 1 MiB" in str(answer["error"])
        error = caller.start(codec.arrow_request("chores", "", chores(rows=200_000))).exception()
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert dict(error.trailing_metadata())["pyml-reason"] == "size"


def test_a_body_that_is_too_large_for_the_model_is_refused_by_it() -> None:
    with serving() as place:
        driver = started(place, "[serving]\nmax_request_mb = 1\n")
        status, answer = driver.post("/v2/models/chores/infer", rest_rows([0.0], act="x" * 2**20))
        assert status == 413
        assert "this model accepts up to 1 MiB" in str(answer["error"])
        status, answer = driver.post("/v2/models/chores/infer", rest_rows([0.0], act="x" * 5 * 2**20))
        assert (status, "accepts" in str(answer["error"])) == (413, True)
        error = driver.caller.refused("x" * 5 * 2**20)
        assert dict(error.trailing_metadata())["pyml-reason"] == "size"


# --- start and stop ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_it_finishes_what_is_in_flight(driver: Driver, number: int) -> None:
    running = driver.caller.begin(f"wait {driver.place.folder}")
    until((driver.place.folder / "begun").exists)
    driver.gateway.send_signal(number)
    until(lambda: "stopping" in driver.place.log("gateway"))
    (driver.place.folder / "go").touch()
    assert codec.read_arrow_response(oip.ModelInferResponse.FromString(running.result())).num_rows == 1
    assert driver.gateway.wait(20) == 0


def gateway_output(*arguments: str) -> tuple[int, str]:
    done = subprocess.run([sys.executable, "-m", "pyml.gateway", *arguments], capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("side", ["--grpc", "--rest"])
def test_a_port_in_use_is_said(tmp_path: Path, side: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.create_server(("127.0.0.1", 0)) as other:
        port, free = taken.getsockname()[1], other.getsockname()[1]
        other.close()
        addresses = {"--grpc": f"127.0.0.1:{free}", side: f"127.0.0.1:{port}"}
        arguments = [word for pair in addresses.items() for word in pair]
        code, said = gateway_output("--routes", str(tmp_path / "routes.json"), *arguments)
    assert code == 3
    assert said.rstrip().endswith(
        f"port {port} on 127.0.0.1 is in use\n  fix: stop the program that uses it, or choose another with {side}"
    )


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--help"], 0, "--max-request-mb"),
        ([], 2, "--routes"),
        (["--routes", "x", "--grpc", "8470"], 2, "'8470' is not HOST:PORT"),
        (["--routes", "x", "--grpc", "h:1", "--engine", "unix:///s"], 2, "--engine and --sandbox go together"),
        (["--routes", "x", "--grpc", "h:1", "--sandbox", "pyml-a"], 2, "--engine and --sandbox go together"),
    ],
)
def test_its_command_line(arguments: list[str], code: int, words: str) -> None:
    found, said = gateway_output(*arguments)
    assert found == code
    assert words in said

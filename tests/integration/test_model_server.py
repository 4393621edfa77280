"""The model server as a process on a real Unix socket."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import grpc
import numpy as np
import pyarrow as pa
import pytest
import tritonclient.grpc as triton

from integration.serving import CHORES, Caller, Serving, chores, serving, stop, until
from pyml.oip import codec
from pyml.oip import messages as oip
from pyml.server.sockets import is_listened_to
from pyml.types.schema import Schema
from support.packages import write_package
from support.type_matrix import CASES, KINDS, KINDS_WITHOUT_NULL, TypeCase

ROOT = Path(__file__).parents[2]


@pytest.fixture
def place() -> Iterator[Serving]:
    with serving() as found:
        yield found


@pytest.fixture(scope="module")
def shared() -> Iterator[Serving]:
    """One place with one server of the chores model, which no test may stop."""
    with serving() as found:
        found.server(write_package(found.folder / "chores", CHORES))
        yield found


@pytest.fixture(scope="module")
def server(shared: Serving) -> Caller:
    return shared.caller()


# --- what it answers --------------------------------------------------------------------------------------------------


def test_it_says_what_it_is(server: Caller) -> None:
    assert oip.ServerLiveResponse.FromString(server.call(oip.SERVER_LIVE)).live
    assert oip.ServerReadyResponse.FromString(server.call(oip.SERVER_READY)).ready
    assert server.is_model_ready()
    assert server.is_model_ready("chores", "1")
    assert oip.ServerMetadataResponse.FromString(server.call(oip.SERVER_METADATA)).name == "pyml model server"
    asked = oip.ModelMetadataRequest(name="chores").SerializeToString()
    found = oip.ModelMetadataResponse.FromString(server.call(oip.MODEL_METADATA, asked))
    assert [(tensor.name, tensor.datatype, list(tensor.shape)) for tensor in found.inputs] == [
        ("act", "BYTES", [-1]),
        ("x", "FP64", [-1]),
    ]
    assert found.properties["outputs"] == "y DOUBLE NOT NULL, said STRING NOT NULL"
    assert list(found.versions) == ["1"]


def test_the_same_rows_in_every_form_get_the_same_answer(server: Caller) -> None:
    rows = chores(rows=3)
    arrow = server.infer(codec.arrow_request("chores", "1", rows, request_id="r-7"))
    columns = server.infer(codec.column_request("chores", "1", rows))
    assert (arrow.id, arrow.model_name, arrow.model_version) == ("r-7", "chores", "1")
    assert codec.read_arrow_response(arrow).column("y").to_pylist() == [0, 2, 4]
    assert codec.read_tensor_response(columns)["y"].tolist() == [0, 2, 4]


ECHO = """
from pyml import DataFrameModel, Schema

class Echo(DataFrameModel):
    inputs = outputs = Schema({ddl!r})

    def __init__(self, parameters):
        pass

    def predict(self, frame):
        return frame
"""


@pytest.fixture(scope="module", params=[False, True], ids=["nullable", "NOT NULL"])
def echo(request: pytest.FixtureRequest) -> Iterator[tuple[Caller, Schema]]:
    """A model with a column of every type, which gives back what it gets."""
    not_null = " NOT NULL" if request.param else ""
    ddl = ", ".join(f"c{at} {case.ddl_type}{not_null}" for at, case in enumerate(CASES))
    with serving() as found:
        found.server(write_package(found.folder / "echo", ECHO.format(ddl=ddl)), name="echo")
        yield found.caller("echo"), Schema(ddl)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.ddl_type)
def test_every_type_comes_back_exactly(echo: tuple[Caller, Schema], case: TypeCase) -> None:
    server, schema = echo
    not_null = not schema.fields[0].nullable
    for kind in KINDS_WITHOUT_NULL if not_null else KINDS:
        values = case.values(kind)
        columns = [values if other is case else [other.plain[0] if not_null else None] * len(values) for other in CASES]
        rows = pa.RecordBatch.from_arrays(
            [pa.array(column, field.type) for column, field in zip(columns, schema.arrow, strict=True)],
            schema=schema.arrow,
        )
        answer = codec.read_arrow_response(server.infer(codec.arrow_request("echo", "", rows)))
        assert answer.schema == schema.arrow
        assert repr(answer.to_pylist()) == repr(rows.to_pylist()), kind


TENSORS = """
from pyml import Schema, TensorModel

class Scale(TensorModel):
    inputs = Schema([("x", "float32", (-1, 4)), ("names", "bytes", (-1,))])
    outputs = Schema([("y", "float32", (-1, 4)), ("names", "bytes", (-1,))])

    def __init__(self, parameters):
        pass

    def predict(self, tensors):
        tensors["x"] *= 2
        return {"y": tensors["x"], "names": tensors["names"]}
"""


def test_a_tensor_model_over_tritonclient_on_the_socket(place: Serving) -> None:
    place.server(write_package(place.folder / "scale", TENSORS), name="scale")
    client = triton.InferenceServerClient(place.caller("scale").address)
    assert client.is_model_ready("scale")
    x, names = triton.InferInput("x", [2, 4], "FP32"), triton.InferInput("names", [2], "BYTES")
    x.set_data_from_numpy(np.arange(8, dtype=np.float32).reshape(2, 4))
    names.set_data_from_numpy(np.array([b"a", b"\xff"], dtype=object))
    answer = client.infer("scale", [x, names])
    assert answer.as_numpy("y").tolist() == [[0, 2, 4, 6], [8, 10, 12, 14]]
    assert answer.as_numpy("names").tolist() == [b"a", b"\xff"]
    short = triton.InferInput("x", [2, 3], "FP32")
    short.set_data_from_numpy(np.zeros((2, 3), np.float32))
    with pytest.raises(triton.InferenceServerException, match=r"tensor `x` has the shape \(2, 3\)") as caught:
        client.infer("scale", [short, names])
    assert caught.value.status() == "StatusCode.INVALID_ARGUMENT"
    client.close()


# --- where the model runs ---------------------------------------------------------------------------------------------


def test_the_model_is_loaded_and_asked_on_the_main_thread_in_one_context(server: Caller, shared: Serving) -> None:
    assert [server.do("where")["said"] for _ in range(5)] == [["True"]] * 5
    assert server.do("precision")["said"] == ["5"]
    assert server.do("environment PYTHONHASHSEED")["said"] == ["0"]
    assert server.do("folder")["said"] == [str((shared.folder / "chores").resolve())]
    assert "set PYTHONHASHSEED" not in shared.log("model-chores-1")


# --- what goes wrong in a model ---------------------------------------------------------------------------------------

FAILURES = [
    ("fail it hurts", grpc.StatusCode.UNKNOWN, "model", "predict raised ValueError: it hurts (model.py:"),
    ("fail " + "é\n" * 5000, grpc.StatusCode.UNKNOWN, "model", "predict raised ValueError: é\né"),
    ("exit 3", grpc.StatusCode.UNKNOWN, "model", "predict raised SystemExit: 3"),
    ("interrupt", grpc.StatusCode.UNKNOWN, "model", "predict raised KeyboardInterrupt: ctrl-c"),
    ("columns", grpc.StatusCode.INTERNAL, "output", "column `y` is missing"),
    ("rows", grpc.StatusCode.INTERNAL, "output", "1 rows in, 0 rows out"),
    ("type", grpc.StatusCode.INTERNAL, "output", "column `y` is declared DOUBLE"),
]


@pytest.mark.parametrize(("act", "code", "reason", "words"), FAILURES)
def test_what_goes_wrong_in_predict_is_a_status_and_the_server_lives_on(
    server: Caller, act: str, code: grpc.StatusCode, reason: str, words: str
) -> None:
    error = server.refused(act)
    assert error.code() is code
    assert words in error.details()
    assert dict(error.trailing_metadata())["pyml-reason"] == reason
    assert server.do()["y"] == [0]


def test_a_failure_in_predict_is_in_the_log_with_its_traceback(server: Caller, shared: Serving) -> None:
    server.refused("fail look here")
    until(lambda: "raise ValueError(words)\nValueError: look here" in shared.log("model-chores-1"))


@pytest.mark.parametrize(
    ("request_of", "words"),
    [
        (lambda: codec.arrow_request("chores", "", chores().select(["x"])), "column `act` is missing"),
        (lambda: codec.arrow_request("other", "", chores()), "the request names other, this server has chores@1"),
        (lambda: codec.arrow_request("chores", "2", chores()), "the request names chores@2, this server has chores@1"),
    ],
)
def test_a_request_that_does_not_fit_is_the_callers_error(server: Caller, request_of: object, words: str) -> None:
    assert callable(request_of)
    error = server.start(request_of()).exception()
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert words in error.details()


def test_bytes_that_are_no_request_are_the_callers_error(server: Caller) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        server.call(oip.MODEL_INFER, b"\xff\xff")
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    with pytest.raises(grpc.RpcError) as caught:
        server.call(f"/{oip.SERVICE}/RepositoryIndex")
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


# --- load -------------------------------------------------------------------------------------------------------------


def held(
    place: Serving, settings: str = "", more: tuple[str, ...] = ()
) -> tuple[subprocess.Popen[str], Caller, grpc.Future]:
    """A server of its own whose predict is under way until `go` is written."""
    process = place.server(write_package(place.folder / "chores", CHORES, toml=settings), more=more)
    caller = place.caller()
    running = caller.begin(f"wait {place.folder}", timeout_s=None)
    until((place.folder / "begun").exists)
    return process, caller, running


def test_probes_are_answered_during_a_slow_predict(place: Serving) -> None:
    _, caller, running = held(place)
    assert oip.ServerLiveResponse.FromString(caller.call(oip.SERVER_LIVE, timeout_s=5)).live
    assert caller.is_model_ready()
    assert not running.done()
    (place.folder / "go").touch()
    running.result()


def test_a_full_queue_refuses_at_once_and_what_waits_is_answered(place: Serving) -> None:
    _, caller, running = held(place, "[serving]\nmax_queue = 2\n")
    more = [caller.begin("") for _ in range(5)]
    until(lambda: sum(call.done() for call in more) == 3)
    errors = [call.exception() for call in more if call.done()]
    assert {error.code() for error in errors} == {grpc.StatusCode.RESOURCE_EXHAUSTED}
    assert "the queue of model chores is full: 2 requests wait for predict" in errors[0].details()
    assert "max_queue" in errors[0].details()
    (place.folder / "go").touch()
    running.result()
    assert sum(call.exception() is None for call in more) == 2
    assert caller.do()["y"] == [0]


def test_a_request_whose_deadline_passed_in_the_queue_is_not_run(place: Serving) -> None:
    _, caller, running = held(place)
    late = caller.begin(f"touch {place.folder}/late", timeout_s=0.2)
    assert late.exception().code() is grpc.StatusCode.DEADLINE_EXCEEDED
    (place.folder / "go").touch()
    running.result()
    assert caller.do()["y"] == [0]
    assert not (place.folder / "late").exists()


def test_a_request_that_was_cancelled_in_the_queue_is_not_run(place: Serving) -> None:
    _, caller, running = held(place, "[serving]\nmax_queue = 1\n")
    cancelled = caller.begin(f"touch {place.folder}/cancelled")
    until(lambda: caller.begin("").exception().code() is grpc.StatusCode.RESOURCE_EXHAUSTED)  # it is in the queue
    cancelled.cancel()
    (place.folder / "go").touch()
    running.result()
    until(lambda: caller.begin("").exception() is None)  # the queue is empty again
    assert not (place.folder / "cancelled").exists()


@pytest.mark.parametrize(("size_mb", "words"), [(2, "the request has 2."), (6, "larger than max")])
def test_an_oversized_request_is_refused_with_its_size_and_the_limit(place: Serving, size_mb: int, words: str) -> None:
    place.server(write_package(place.folder / "chores", CHORES, toml="[serving]\nmax_request_mb = 1\n"))
    caller = place.caller()
    error = caller.start(codec.arrow_request("chores", "", chores("", rows=size_mb * 1024 * 1024 // 12))).exception()
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert words in error.details()
    assert caller.do()["y"] == [0]


# --- start and stop ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_it_finishes_what_is_in_flight_and_leaves_nothing(place: Serving, number: int) -> None:
    process, caller, running = held(place)
    waiting = caller.begin("")
    until(lambda: caller.is_model_ready())
    process.send_signal(number)
    until(lambda: not is_listened_to(place.sockets / "model-chores-1"))  # nothing new is let in
    (place.folder / "go").touch()
    running.result()
    waiting.result()
    assert process.wait(20) == 0
    assert list(place.sockets.iterdir()) == []


def test_a_predict_that_never_ends_is_given_up(place: Serving) -> None:
    process = place.server(write_package(place.folder / "chores", CHORES), more=("--grace", "0.2"))
    call = place.caller().begin("spin")
    until(lambda: call.running())
    until(lambda: place.caller().is_model_ready())
    assert stop(process) == 1
    assert "predict did not finish" in place.log("model-chores-1")
    assert call.exception() is not None


SLOW_START = CHORES.replace(
    "self.thread = threading.get_ident()", "self.thread = threading.get_ident(); self.wait(parameters)"
)


def test_while_it_loads_it_says_so(place: Serving) -> None:
    package = write_package(place.folder / "chores", SLOW_START)
    place.server(package, ready=False)
    caller = place.caller()
    until((package / "parameters" / "begun").exists)
    assert oip.ServerLiveResponse.FromString(caller.call(oip.SERVER_LIVE)).live
    assert not oip.ServerReadyResponse.FromString(caller.call(oip.SERVER_READY)).ready
    assert not caller.is_model_ready()
    error = caller.refused("")
    assert (error.code(), error.details()) == (grpc.StatusCode.UNAVAILABLE, "model chores@1 is starting")
    (package / "parameters" / "go").touch()
    until(caller.is_model_ready)
    assert caller.do()["y"] == [0]


def test_told_to_stop_while_it_loads_it_stops(place: Serving) -> None:
    package = write_package(place.folder / "chores", SLOW_START)
    process = place.server(package, ready=False)
    until((package / "parameters" / "begun").exists)
    assert stop(process) == 0
    assert list(place.sockets.iterdir()) == []


def test_a_second_start_takes_over_and_the_first_may_stop(place: Serving) -> None:
    package = write_package(place.folder / "chores", CHORES)
    first = place.server(package)
    second = place.server(package)
    assert os.readlink(place.sockets / "model-chores-1") == f"model-chores-1.{second.pid}.sock"
    assert stop(first) == 0
    assert place.caller().do()["y"] == [0]


def test_a_start_after_a_kill_finds_its_place_clean(place: Serving) -> None:
    package = write_package(place.folder / "chores", CHORES)
    first = place.server(package)
    assert stop(first, signal.SIGKILL) == -signal.SIGKILL
    second = place.server(package)
    links = {"model-chores-1", "model-chores-1.hop"}
    started = {f"model-chores-1.{second.pid}.sock", f"model-chores-1.{second.pid}.hop"}
    assert {path.name for path in place.sockets.iterdir()} == links | started
    assert place.caller().do()["y"] == [0]


BROKEN = [
    (CHORES.replace("self.thread", "import_this_module; self.thread"), 1, "NameError"),
    (CHORES.replace("DOUBLE NOT NULL", "DUBBEL"), 1, "DUBBEL"),
    (CHORES.replace("decimal.getcontext().prec = 5", "raise SystemExit(0)"), 1, "sys.exit(0)"),
]


@pytest.mark.parametrize(("code", "exit_code", "words"), BROKEN)
def test_a_model_that_cannot_be_loaded_ends_the_server_with_the_cause(
    place: Serving, code: str, exit_code: int, words: str
) -> None:
    process = place.server(write_package(place.folder / "chores", code), ready=False)
    assert process.wait(30) == exit_code
    assert words in "".join(place.log("model-chores-1").splitlines()[-2:])
    assert list(place.sockets.iterdir()) == []


def test_a_socket_path_that_is_too_long_ends_the_server_with_the_path_and_its_length(place: Serving) -> None:
    place.sockets = place.folder / ("x" * 90)
    process = place.server(write_package(place.folder / "chores", CHORES), ready=False)
    assert process.wait(30) == 3
    assert "bytes, but at most 100 are allowed" in place.log("model-chores-1")


def test_a_package_that_is_not_there_ends_the_server_with_its_path(place: Serving) -> None:
    process = place.server(place.folder / "nowhere", ready=False)
    assert process.wait(30) == 1
    assert str(place.folder / "nowhere") in place.log("model-chores-1")


def test_an_environment_that_is_not_pinned_is_said(place: Serving) -> None:
    package = write_package(place.folder / "chores", SLOW_START)
    command = [sys.executable, "-m", "pyml.server", "--package", str(package), "--name", "chores", "--version", "1"]
    command += ["--socket-dir", str(place.sockets), "--service", "m"]
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stderr is not None
        assert "PYTHONHASHSEED=0" in process.stderr.readline()
        process.kill()

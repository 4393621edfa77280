"""The hop between a real gateway and a real model server: what goes together, what is cancelled, and who ends."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import grpc
import psutil
import pyarrow as pa
import pytest

from integration.serving import Caller, Serving, serving, stop, until
from pyml.oip import codec
from pyml.oip import messages as oip
from support.packages import write_package

COMPANY = """
import time
from pathlib import Path

import pandas as pd
from pyml import DataFrameModel, Schema

class Company(DataFrameModel):
    inputs = Schema("act STRING NOT NULL, x DOUBLE NOT NULL")
    outputs = Schema("y DOUBLE NOT NULL, rows BIGINT NOT NULL")

    def __init__(self, parameters): pass

    def predict(self, frame):
        for act in frame["act"]:
            word, _, more = act.partition(" ")
            if word == "fail":
                raise ValueError(more.replace("half", "\\ud800"))
            if word == "touch":
                Path(more).touch()
            if word == "wait":
                Path(more, "begun").touch()
                while not Path(more, "go").exists():
                    time.sleep(0.005)
        return pd.DataFrame({"y": frame["x"] * 2, "rows": len(frame)})
"""
SCHEMA = pa.schema([pa.field("act", pa.string(), False), pa.field("x", pa.float64(), False)])


@dataclass(frozen=True)
class Pair:
    """A gateway and the server behind it, which are connected over the hop."""

    place: Serving
    gateway: subprocess.Popen[str]
    server: subprocess.Popen[str]
    caller: Caller

    def begin(self, act: str = "", x: float = 0.0, rows: int = 1) -> grpc.Future:
        """Begin a request."""
        batch = pa.RecordBatch.from_pydict({"act": [act] * rows, "x": [x] * rows}, schema=SCHEMA)
        return self.caller.start(codec.arrow_request("company", "", batch))

    def hold(self) -> grpc.Future:
        """Begin a request that ends when `go` is called; the server predicts it now."""
        running = self.begin(f"wait {self.place.folder}")
        until((self.place.folder / "begun").exists)
        return running

    def go(self) -> None:
        """Let it end."""
        (self.place.folder / "go").touch()

    def arrived(self) -> None:
        """Wait until the server has what was sent before."""
        assert self.caller.is_model_ready("company")

    def stop_serving(self) -> None:
        """Tell the server to stop, once it has what was sent before, and wait until it has heard."""
        self.arrived()
        self.server.send_signal(signal.SIGTERM)
        until(lambda: "stopping" in self.place.log("model-company-1"))

    def statistics(self) -> oip.ModelStatistics:
        """What the server has counted."""
        request = oip.ModelStatisticsRequest(name="company").SerializeToString()
        return oip.ModelStatisticsResponse.FromString(self.caller.call(oip.MODEL_STATISTICS, request)).model_stats[0]

    def is_connected(self) -> bool:
        """Whether the server has accepted a connection on the socket of the hop, besides listening there."""
        sockets = psutil.Process(self.server.pid).net_connections("unix")
        return sum(str(each.laddr).endswith(".hop") for each in sockets) > 1


@contextmanager
def connected(*, together: bool = True, toml: str = "") -> Iterator[Pair]:
    """A pair whose requests go over the hop."""
    with serving() as place:
        server = place.server(write_package(place.folder / "company", COMPANY, toml=toml), name="company")
        place.deploy(together=together, company=["1"])
        gateway, caller, _ = place.gateway()
        pair = Pair(place, gateway, server, caller)
        pair.begin().result()  # over gRPC; the hop is connected beside it
        until(pair.is_connected)
        pair.begin().result()
        yield pair


def rows_of(call: grpc.Future) -> tuple[float, int]:
    """What a request was answered: its own value, and the number of rows in its batch."""
    found = codec.read_arrow_response(oip.ModelInferResponse.FromString(call.result())).to_pylist()
    assert len(found) == 1
    return found[0]["y"], found[0]["rows"]


def test_what_waits_is_predicted_together_and_each_gets_its_own() -> None:
    with connected() as pair:
        before = pair.statistics()
        running = pair.hold()
        waiting = [pair.begin(x=float(at)) for at in range(20)]
        pair.arrived()
        pair.go()
        running.result()
        found = [rows_of(call) for call in waiting]
        assert [y for y, _ in found] == [2.0 * at for at in range(20)]
        assert max(rows for _, rows in found) > 10
        after = pair.statistics()
        assert after.inference_count - before.inference_count == 21
        assert after.execution_count - before.execution_count < 12


@pytest.mark.parametrize(("together", "toml"), [(False, ""), (True, '[serving]\nbatching = "never"\n')])
def test_what_may_not_go_together_is_predicted_one_by_one(together: bool, toml: str) -> None:
    with connected(together=together, toml=toml) as pair:
        running = pair.hold()
        waiting = [pair.begin(x=float(at)) for at in range(10)]
        pair.go()
        running.result()
        assert [rows_of(call) for call in waiting] == [(2.0 * at, 1) for at in range(10)]


def test_a_request_that_fails_fails_no_other() -> None:
    with connected() as pair:
        running = pair.hold()
        good, bad = [pair.begin(x=float(at)) for at in range(8)], pair.begin("fail on purpose")
        pair.go()
        running.result()
        assert [rows_of(call)[0] for call in good] == [2.0 * at for at in range(8)]
        error = bad.exception()
        assert error.code() is grpc.StatusCode.UNKNOWN
        assert "on purpose" in error.details()
        assert dict(error.trailing_metadata())["pyml-reason"] == "model"


def test_a_model_that_raises_with_half_a_character_ends_no_server() -> None:
    with connected() as pair:
        assert "a half" not in pair.begin("fail a half").exception().details()
        assert rows_of(pair.begin(x=1.0)) == (2.0, 1)
        assert pair.server.poll() is None


def test_a_request_that_cannot_be_decoded_fails_no_other() -> None:
    with connected() as pair:
        running = pair.hold()
        broken = codec.arrow_request(
            "company", "", pa.RecordBatch.from_pydict({"act": [""], "x": [1.0]}, schema=SCHEMA)
        )
        broken.raw_input_contents[0] = b"\x04\x00\x00\x00none"
        calls = [pair.begin(x=1.0), pair.caller.start(broken), pair.begin(x=2.0)]
        pair.go()
        running.result()
        assert [rows_of(calls[at])[0] for at in (0, 2)] == [2.0, 4.0]
        assert calls[1].exception().code() is grpc.StatusCode.INVALID_ARGUMENT


def test_no_more_requests_wait_than_the_queue_holds() -> None:
    with connected(together=False, toml="[serving]\nmax_queue = 2\n") as pair:
        running = pair.hold()
        calls = [pair.begin(x=1.0) for _ in range(5)]
        until(lambda: sum(call.done() for call in calls) == 3)
        refused = [call for call in calls if call.done()]
        assert {dict(call.exception().trailing_metadata())["pyml-reason"] for call in refused} == {"queue"}
        pair.go()
        running.result()
        assert [rows_of(call) for call in calls if call not in refused] == [(2.0, 1)] * 2


def test_a_deadline_that_passes_while_a_request_waits_takes_it_along() -> None:
    with connected(together=False) as pair:
        running = pair.hold()
        batch = pa.RecordBatch.from_pydict({"act": [f"touch {pair.place.folder}/late"], "x": [1.0]}, schema=SCHEMA)
        late = pair.caller.start(codec.arrow_request("company", "", batch), timeout_s=0.2)
        assert late.exception().code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert pair.caller.is_model_ready("company")
        pair.go()
        running.result()
        assert rows_of(pair.begin(x=1.0)) == (2.0, 1)
        assert not (pair.place.folder / "late").exists()


def test_requests_of_different_forms_wait_beside_one_another() -> None:
    with connected() as pair:
        running = pair.hold()
        batch = pa.RecordBatch.from_pydict({"act": [""], "x": [3.0]}, schema=SCHEMA)
        columns = [pair.caller.start(codec.column_request("company", "", batch)) for _ in range(3)]
        arrow = [pair.begin(x=1.0) for _ in range(3)]
        pair.go()
        running.result()
        assert {rows_of(call)[0] for call in arrow} == {2.0}
        tensors = [codec.read_tensor_response(oip.ModelInferResponse.FromString(call.result())) for call in columns]
        assert {float(found["y"][0]) for found in tensors} == {6.0}


def test_a_request_that_is_cancelled_while_it_waits_is_not_run() -> None:
    with connected(together=False) as pair:
        running = pair.hold()
        calls = [pair.begin(f"touch {pair.place.folder}/ran-{at}") for at in range(6)]
        for call in calls:
            call.cancel()
        until(lambda: all(call.done() for call in calls))
        assert pair.caller.is_model_ready("company")  # goes behind the cancellations, on the same connection
        pair.go()
        running.result()
        assert rows_of(pair.begin(x=1.0)) == (2.0, 1)
        assert not list(pair.place.folder.glob("ran-*"))


def test_large_requests_that_are_cancelled_while_they_wait_are_not_run() -> None:
    with connected(together=False) as pair:
        running = pair.hold()
        calls = [pair.begin(f"touch {pair.place.folder}/ran-{at}", rows=20_000) for at in range(6)]
        for call in calls:
            call.cancel()
        until(lambda: all(call.done() for call in calls))
        assert pair.caller.is_model_ready("company")
        pair.go()
        running.result()
        assert rows_of(pair.begin(x=1.0)) == (2.0, 1)
        assert len(list(pair.place.folder.glob("ran-*"))) <= 1  # one may lie in the socket, before its cancellation


def test_a_server_that_stops_after_cancellations_does_so_at_once() -> None:
    with connected(together=False) as pair:
        running = pair.hold()
        waiting = pair.begin(x=1.0)
        pair.stop_serving()
        waiting.cancel()
        until(waiting.done)
        pair.go()
        running.result()
        assert pair.server.wait(8) == 0


def test_a_server_that_stops_answers_what_it_was_sent() -> None:
    with connected(together=False) as pair:
        running = pair.hold()
        sent = pair.begin(x=1.0)
        pair.stop_serving()
        pair.go()
        running.result()
        assert rows_of(sent) == (2.0, 1)
        assert pair.server.wait(20) == 0


def test_a_server_that_is_killed_is_said_to_have_gone_and_its_successor_is_found() -> None:
    with connected() as pair:
        running = pair.hold()
        assert stop(pair.server, signal.SIGKILL) == -signal.SIGKILL
        error = running.exception()
        assert error.code() is grpc.StatusCode.UNAVAILABLE
        assert dict(error.trailing_metadata())["pyml-reason"] == "died"
        pair.place.server(pair.place.folder / "company", name="company")
        assert rows_of(pair.begin(x=4.0)) == (8.0, 1)


def test_large_requests_pass_beside_small_ones() -> None:
    with connected() as pair, ThreadPoolExecutor(8) as pool:

        def asked(rows: int) -> int:
            answer = oip.ModelInferResponse.FromString(pair.begin(x=1.0, rows=rows).result())
            return int(codec.read_arrow_response(answer).num_rows)

        sizes = [1, 200_000, 3, 1_000, 50_000, 1, 2, 100_000]
        assert list(pool.map(asked, sizes)) == sizes

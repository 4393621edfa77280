"""Ids of requests, what is counted of them, and the line of one that failed."""

from __future__ import annotations

import json
import logging
import uuid

import grpc
import pytest

from pyml.gateway.replica import Replica
from pyml.gateway.routes_file import Route
from pyml.gateway.telemetry.observed_request import GRPC, REST, ObservedRequest, is_sane, new_id
from pyml.gateway.telemetry.observer import GONE, UNKNOWN, Observer
from pyml.gateway.telemetry.version_figures import ROWS, SECONDS, Tally
from pyml.inference.request_times import RequestTimes, split_times
from pyml.oip import messages as oip
from pyml.oip.rpc_status import Reason, RpcFailure

ROUTE = Route("fare", "1", (Replica("/s", "model-fare-1"),))
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TIMES = RequestTimes(queue=2_000_000, read=1, predict=3_000_000, write=1, rows=7)
QUEUE = RpcFailure(grpc.StatusCode.RESOURCE_EXHAUSTED, "the queue is full", Reason.QUEUE)


def infer(given: str | None = "mine", trace: str | None = None) -> ObservedRequest:
    return ObservedRequest(GRPC, "/Infer", given, trace, 100)


# --- ids


def test_a_new_id_is_a_uuid_and_no_two_are_the_same() -> None:
    found = {new_id() for _ in range(1000)}
    assert len(found) == 1000
    assert all(uuid.UUID(each).version == 4 and uuid.UUID(each).variant == uuid.RFC_4122 for each in found)


@pytest.mark.parametrize("given", ["a", "7f-3:x/y", "x" * 128])
def test_the_callers_id_is_kept(given: str) -> None:
    assert infer(given).id == given


@pytest.mark.parametrize("given", [None, "", "x" * 129, "a b", "a\nb", "a\x1b[31m", "ä", "a\x00"])
def test_an_odd_id_is_replaced(given: str | None) -> None:
    found = infer(given).id
    assert found != given
    assert is_sane(found)


def test_id_and_trace_are_passed_on_and_nothing_else_that_came() -> None:
    came = (("user-agent", "x"), ("x-request-id", "mine"), ("traceparent", TRACE), ("authorization", "secret"))
    assert ObservedRequest.of_metadata("/Infer", came, 1).metadata == (("x-request-id", "mine"), ("traceparent", TRACE))
    assert infer("mine", "odd\n").metadata == (("x-request-id", "mine"),)


def test_what_came_without_an_id_tells_its_server_nothing_and_takes_over_the_servers_id() -> None:
    request = infer(None)
    assert (request.has_id, request.metadata) == (False, None)
    for odd in (None, b"bytes", "a b"):
        request.take_id(odd)
    assert not request.has_id
    request.take_id("of-the-server")
    request.take_id("later")
    assert request.id == "of-the-server"
    assert infer(None, TRACE).metadata is not None


def test_the_callers_id_stays_whatever_a_server_says() -> None:
    request = infer("mine")
    request.take_id("of-the-server")
    assert request.id == "mine"


# --- what a server measured


def test_times_are_cut_off_a_response_and_skipped_by_whoever_does_not_know_them() -> None:
    reply = oip.ModelInferResponse(model_name="fare", id="r").SerializeToString()
    sent = TIMES.appended(reply)
    assert split_times(sent) == (reply, TIMES)
    found = oip.ModelInferResponse.FromString(sent)
    assert (found.model_name, found.id) == ("fare", "r")


@pytest.mark.parametrize("reply", [b"", b"x", bytes(44), bytes(100)])
def test_a_response_without_times_stays_as_it_is(reply: bytes) -> None:
    assert split_times(reply) == (reply, None)


# --- what is counted


@pytest.mark.parametrize(("value", "bound"), [(0.0, 0.0001), (0.0001, 0.0001), (0.0002, 0.00025), (60.0, 60.0)])
def test_a_bucket_holds_what_is_not_above_its_bound(value: float, bound: float) -> None:
    tally = Tally(SECONDS)
    tally.add(value)
    assert next(upper for upper, count in tally.cumulative() if count) == bound


def test_what_is_above_every_bound_is_in_the_last_bucket_alone() -> None:
    tally = Tally(ROWS)
    for value in (1, 1e6):
        tally.add(value)
    assert [count for _, count in tally.cumulative()] == [1] * len(ROWS) + [2]
    assert tally.total == 1e6 + 1


def test_an_answered_request_is_counted_with_what_its_server_measured() -> None:
    observer, request = Observer(), infer()
    observer.routed(request, ROUTE)
    figures = observer.versions["fare", "1"]
    assert figures.in_flight == 1
    request.times = TIMES
    observer.predicted(request, "OK", 50)
    form = figures.of("grpc")
    assert (figures.in_flight, form.outcomes, form.request_bytes, form.response_bytes) == (0, {("OK", ""): 1}, 100, 50)
    assert (figures.queue.total, figures.predict.total, figures.rows.total) == pytest.approx((0.002, 0.003, 7))


def test_a_failed_request_is_counted_with_its_reason_and_nothing_is_in_flight() -> None:
    observer, request = Observer(), infer()
    observer.routed(request, ROUTE)
    request.held_s = 2.0
    observer.refused(request, "RESOURCE_EXHAUSTED", QUEUE, is_infer=True)
    figures = observer.versions["fare", "1"]
    assert figures.of("grpc").outcomes == {("RESOURCE_EXHAUSTED", "queue"): 1}
    assert (figures.in_flight, figures.held.total) == (0, 2.0)


def test_requests_to_unknown_models_share_one_count() -> None:
    observer = Observer()
    for _ in range(5):
        observer.refused(infer(None), "NOT_FOUND", QUEUE, is_infer=True)
    assert list(observer.versions) == [UNKNOWN]
    assert observer.versions[UNKNOWN].in_flight == 0


def test_a_version_that_is_gone_is_forgotten_once_nothing_is_in_flight() -> None:
    observer, request = Observer(), infer()
    observer.routed(request, ROUTE)
    observer.forget(set())
    assert list(observer.versions) == [("fare", "1")]
    observer.predicted(request, "OK", 1)
    observer.forget({("fare", "1")})
    assert list(observer.versions) == [("fare", "1")]
    observer.forget(set())
    assert not observer.versions


def test_without_metrics_nothing_is_counted() -> None:
    observer, request = Observer(has_metrics=False), infer()
    observer.routed(request, ROUTE)
    observer.predicted(request, "OK", 1)
    observer.refused(infer(), "NOT_FOUND", QUEUE, is_infer=True)
    assert not observer.versions


# --- lines


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, object]]:
    return [json.loads(record.getMessage()) for record in caplog.records]


def test_a_failed_request_has_one_line(caplog: pytest.LogCaptureFixture) -> None:
    observer, request = Observer(), infer("mine", TRACE)
    observer.routed(request, ROUTE)
    observer.refused(request, "RESOURCE_EXHAUSTED", QUEUE, is_infer=True)
    (line,) = lines(caplog)
    assert str(line.pop("time")).endswith("+00:00")
    assert isinstance(line.pop("duration_s"), float)
    assert line == {
        "request_id": "mine",
        "form": "grpc",
        "call": "/Infer",
        "model": "fare",
        "version": "1",
        "code": "RESOURCE_EXHAUSTED",
        "reason": "queue",
        "codes": ["queue-full"],
        "message": "the queue is full",
        "traceparent": TRACE,
    }


@pytest.mark.parametrize(
    "status", [grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL]
)
def test_what_may_quote_a_row_is_not_in_the_line(status: grpc.StatusCode, caplog: pytest.LogCaptureFixture) -> None:
    failure = RpcFailure(status, "age is 'secret'", Reason.INPUT)
    Observer().refused(infer(), status.name, failure, is_infer=True)
    assert "secret" not in caplog.text
    assert lines(caplog)[0]["codes"] == ["input"]


def test_a_line_stays_one_line_and_short_whatever_a_caller_sends(caplog: pytest.LogCaptureFixture) -> None:
    failure = RpcFailure(grpc.StatusCode.NOT_FOUND, "model 'a\nb' " + "x" * 10_000, Reason.UNKNOWN)
    Observer().refused(ObservedRequest(REST, "GET /" + "y\n" * 10_000), "404", failure, is_infer=False)
    (record,) = caplog.records
    assert "\n" not in record.getMessage()
    assert len(record.getMessage()) < 3000


def test_answered_requests_and_those_that_are_not_to_be_logged_have_a_line_only_if_all_have(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    for observer in (Observer(), Observer(logs_all=True)):
        observer.answered(infer("fine"), "OK")
        observer.refused(infer("asked-often"), "UNAVAILABLE", GONE, is_infer=False, is_logged=False)
    assert [line["request_id"] for line in lines(caplog)] == ["fine", "asked-often"]

"""The page of figures: which families it has, in which formats, and that the reference lists the same."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

import grpc
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as plain_text
from prometheus_client.samples import Sample

from pyml.gateway.replica import Replica
from pyml.gateway.request_counter import RequestCounter
from pyml.gateway.routes_file import Route
from pyml.gateway.telemetry.metrics_page import MetricsPage
from pyml.gateway.telemetry.observed_request import GRPC, REST, Form, ObservedRequest
from pyml.gateway.telemetry.observer import GONE, Observer
from pyml.gateway.telemetry.version_figures import ROWS, SECONDS
from pyml.inference.request_times import RequestTimes

REFERENCE = Path(__file__).parents[5] / "docs/reference/metrics.md"
FARE = {"model": "fare", "version": "1"}


class Place:
    """An observer of a version with two servers, and its page."""

    def __init__(self, folder: Path) -> None:
        self.links = [folder / name for name in "ab"]
        self.route = Route("fare", "1", tuple(Replica(str(link), link.name) for link in self.links))
        self.deployed: Sequence[Route] = [self.route]
        self.observer, self.usage = Observer(), RequestCounter()
        self.page = MetricsPage(self.observer, lambda: self.deployed, self.usage)

    def request(self, form: Form, code: str) -> None:
        found = ObservedRequest(form, "infer", size_bytes=10)
        self.observer.routed(found, self.route)
        found.times = RequestTimes(2_000_000, 0, 300_000, 0, 5)
        self.observer.predicted(found, code, 20)

    def text(self, accept: str = "") -> str:
        return self.page.render(accept)[0].decode()

    def samples(self, accept: str = "") -> dict[str, list[Sample]]:
        found: dict[str, list[Sample]] = {}
        for family in plain_text(self.text(accept)):
            for sample in family.samples:
                found.setdefault(sample.name, []).append(sample)
        return found

    def value(self, name: str, **labels: str) -> float:
        (found,) = [each for each in self.samples()[name] if labels.items() <= each.labels.items()]
        return found.value


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_the_reference_lists_exactly_the_families_of_the_page_with_their_types(place: Place) -> None:
    given = set(re.findall(r"^# TYPE (\S+) (\S+)$", place.text(), re.MULTILINE))
    rows = re.findall(r"^\| `(\w+)` \| (counter|gauge|histogram) \|", REFERENCE.read_text(), re.MULTILINE)
    assert set(rows) == given
    assert len(rows) == len(given)


def test_the_reference_lists_the_labels_and_the_buckets(place: Place) -> None:
    place.request(REST, "200")
    place.observer.refused(ObservedRequest(GRPC, "infer"), "CANCELLED", GONE, is_infer=True)
    labels = {name: {*each.labels} - {"le"} for name, found in place.samples().items() for each in found}
    listed = re.findall(r"^\| `(pyml_\w+)` \| (\w+) \| ([^|]+) \|", REFERENCE.read_text(), re.MULTILINE)
    for name, kind, text in listed:
        sample = f"{name}_sum" if kind == "histogram" else name
        assert labels[sample] == set(re.findall(r"`(\w+)`", text)), name
    buckets = REFERENCE.read_text().partition("Buckets of seconds: ")[2].partition(". Those")[0]
    assert [float(each) for each in buckets.replace("\n", " ").split(", ")] == list(SECONDS)
    assert (ROWS[0], ROWS[-1]) == (1, 100_000)


def test_counts_of_both_forms_stand_side_by_side_and_times_are_of_both(place: Place) -> None:
    place.request(REST, "200")
    for _ in range(2):
        place.request(GRPC, "OK")
    assert place.value("pyml_requests_total", **FARE, form="grpc", code="OK") == 2
    assert place.value("pyml_requests_total", **FARE, form="rest", code="200") == 1
    assert place.value("pyml_response_bytes_total", **FARE, form="grpc") == 40
    assert place.value("pyml_request_queue_seconds_sum", **FARE) == pytest.approx(0.006)
    assert place.value("pyml_request_predict_seconds_bucket", **FARE, le="0.00025") == 0
    assert place.value("pyml_request_predict_seconds_bucket", **FARE, le="0.0005") == 3
    assert place.value("pyml_request_rows_bucket", **FARE, le="+Inf") == 3
    assert place.value("pyml_requests_in_flight", **FARE) == 0


def test_what_a_server_was_sent_beside_the_one_that_it_predicts_is_queued(place: Place) -> None:
    for name, in_flight in (("a", 4), ("b", 1)):
        place.usage.of(name).in_flight = in_flight
    assert place.value("pyml_requests_queued", **FARE) == 3


def test_a_new_link_of_a_server_is_a_restart(place: Place) -> None:
    def start(link: Path, pid: int) -> None:
        staged = link.with_suffix(".new")
        staged.symlink_to(f"{link.name}.{pid}.sock")
        staged.replace(link)

    assert place.value("pyml_model_server_restarts_total", **FARE) == 0
    start(place.links[0], 1)
    assert place.value("pyml_model_server_restarts_total", **FARE) == 0
    start(place.links[0], 2)
    start(place.links[1], 3)
    assert place.value("pyml_model_server_restarts_total", **FARE) == 1
    place.links[0].unlink()
    assert place.value("pyml_model_server_restarts_total", **FARE) == 1
    start(place.links[0], 4)
    assert place.value("pyml_model_server_restarts_total", **FARE) == 2


def test_a_version_that_is_not_deployed_any_more_is_shown_once(place: Place) -> None:
    place.request(REST, "200")
    place.deployed = []
    assert 'pyml_requests_total{code="200"' in place.text()
    assert "fare" not in place.text()


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("", "text/plain; version="),
        ("*/*", "text/plain; version="),
        ("application/openmetrics-text; version=1.0.0", "application/openmetrics-text; version=1.0.0"),
    ],
)
def test_the_caller_chooses_the_format(place: Place, accept: str, content_type: str) -> None:
    place.request(GRPC, grpc.StatusCode.OK.name)
    page, given = place.page.render(accept)
    assert given.startswith(content_type)
    if accept.startswith("application"):
        names = {family.name for family in open_metrics(page.decode())}  # type: ignore[no-untyped-call]
        assert {"pyml_requests", "pyml_request_duration_seconds", "process_cpu_seconds"} <= names


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="only Linux has these figures")
def test_two_gateways_of_one_process_have_figures_of_their_own(tmp_path: Path) -> None:
    first, second = Place(tmp_path), Place(tmp_path)
    first.request(GRPC, "OK")
    assert "fare" in first.text()
    assert "pyml_requests_total{" not in second.text()
    assert second.value("process_resident_memory_bytes") > 0

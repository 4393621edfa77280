"""`GET /metrics`: what was counted, in the formats of Prometheus and OpenMetrics, by Prometheus' own client library."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache

from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.utils import floatToGoString

from pyml.gateway.request_counter import RequestCounter
from pyml.gateway.routes_file import Route
from pyml.gateway.telemetry.observer import UNKNOWN, Observer
from pyml.gateway.telemetry.version_figures import Tally, VersionFigures

_VERSION = ("model", "version")
_FORM = (*_VERSION, "form")


class MetricsPage:
    """Collects and renders the figures of one gateway; belongs to its event loop.

    Args:
        observer: counts the requests.
        routes: gives the routes of what is deployed.
        usage: counts the requests to each server.
    """

    def __init__(self, observer: Observer, routes: Callable[[], Sequence[Route]], usage: RequestCounter) -> None:
        self._observer = observer
        self._routes = routes
        self._usage = usage
        self._starts: dict[tuple[str, str], _Starts] = {}
        self._registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self._registry)
        self._registry.register(self)

    def render(self, accept: str) -> tuple[bytes, str]:
        """The page, and its content type.

        Args:
            accept: header of the request: which formats the caller reads.
        """
        encoder, content_type = choose_encoder(accept)
        page = encoder(self._registry)
        self._observer.forget({(route.model, route.version) for route in self._routes()})  # shown once more, just now
        return page, content_type

    def collect(self) -> Iterator[Metric]:
        """All families of the gateway's own; called by the registry."""
        versions = self._observer.versions
        yield from _of_forms(versions)
        yield from _of_versions({key: figures for key, figures in versions.items() if key != UNKNOWN})
        yield from self._of_servers()

    def describe(self) -> Iterable[Metric]:
        """Nothing: the registry need not collect to find out the names."""
        return ()

    def _of_servers(self) -> Iterator[Metric]:
        waiting = GaugeMetricFamily(
            "pyml_requests_queued", "Requests that wait for predict in the model servers.", labels=_VERSION
        )
        restarts = CounterMetricFamily(
            "pyml_model_server_restarts", "Starts of model servers after the first that was seen.", labels=_VERSION
        )
        batching = GaugeMetricFamily(
            "pyml_batching_info",
            "Whether requests that wait are predicted together, and why.",
            labels=(*_VERSION, "together", "why"),
        )
        known, self._starts = self._starts, {}
        for route in self._routes():
            key = route.model, route.version
            starts = self._starts[key] = known.get(key) or _Starts()
            waiting.add_metric(key, self._waiting(route))
            restarts.add_metric(key, starts.seen(route))
            batching.add_metric((*key, str(route.together).lower(), route.batching), 1)
        yield waiting
        yield restarts
        yield batching

    def _waiting(self, route: Route) -> int:
        """A server predicts one request at a time: the rest of what it was sent waits."""
        return sum(max(0, self._usage.of(replica.service).in_flight - 1) for replica in route.replicas)


class _Starts:
    """How often the servers of a version were started again: each start makes a new link to its socket."""

    def __init__(self) -> None:
        self._links: dict[str, tuple[int, int]] = {}
        self._again = 0

    def seen(self, route: Route) -> int:
        """The number of starts after the first of each server, as far as they were seen."""
        for replica in route.replicas:
            try:
                found = os.lstat(replica.socket)
            except OSError:
                continue  # it is not up now
            link = found.st_ino, found.st_mtime_ns
            if self._links.setdefault(replica.socket, link) != link:
                self._links[replica.socket] = link
                self._again += 1
        return self._again


def _of_forms(versions: dict[tuple[str, str], VersionFigures]) -> Iterator[Metric]:
    requests = CounterMetricFamily(
        "pyml_requests", "Requests for predictions that have ended.", labels=(*_FORM, "code", "reason")
    )
    duration = HistogramMetricFamily(
        "pyml_request_duration_seconds", "From the arrival of a request to its answer.", labels=_FORM
    )
    received = CounterMetricFamily("pyml_request_bytes", "Bytes of requests for predictions.", labels=_FORM)
    sent = CounterMetricFamily("pyml_response_bytes", "Bytes of predictions.", labels=_FORM)
    for key, figures in versions.items():
        for form, each in figures.by_form.items():
            labels = (*key, form)
            for (code, reason), count in each.outcomes.items():
                requests.add_metric((*labels, code, reason), count)
            _add(duration, labels, each.duration)
            received.add_metric(labels, each.request_bytes)
            sent.add_metric(labels, each.response_bytes)
    yield from (requests, duration, received, sent)


def _of_versions(versions: dict[tuple[str, str], VersionFigures]) -> Iterator[Metric]:
    in_flight = GaugeMetricFamily(
        "pyml_requests_in_flight", "Requests for predictions that have no answer yet.", labels=_VERSION
    )
    for key, figures in versions.items():
        in_flight.add_metric(key, figures.in_flight)
    yield in_flight
    for name, text, tally in _TALLIES:
        family = HistogramMetricFamily(name, text, labels=_VERSION)
        for key, figures in versions.items():
            _add(family, key, tally(figures))
        yield family


_TALLIES: tuple[tuple[str, str, Callable[[VersionFigures], Tally]], ...] = (
    ("pyml_request_queue_seconds", "Answered requests: waiting for predict.", lambda found: found.queue),
    ("pyml_request_predict_seconds", "Answered requests: predict itself.", lambda found: found.predict),
    ("pyml_request_rows", "Answered requests: their rows.", lambda found: found.rows),
    ("pyml_cold_start_hold_seconds", "Requests that waited until a server was started.", lambda found: found.held),
)


def _add(family: HistogramMetricFamily, labels: Sequence[str], tally: Tally) -> None:
    buckets = [(_bound(bound), count) for bound, count in tally.cumulative()]
    family.add_metric(labels, buckets, tally.total)


@lru_cache(maxsize=128)
def _bound(bound: float) -> str:
    """A bound as Prometheus writes it."""
    return str(floatToGoString(bound))  # type: ignore[no-untyped-call]  # a part of the library without types

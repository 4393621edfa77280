"""Watches every request of the gateway: counts it, and writes a line for one that failed."""

from __future__ import annotations

import logging
from time import perf_counter

import grpc

from pyml.gateway.routes_file import Route
from pyml.gateway.telemetry.observed_request import ObservedRequest
from pyml.gateway.telemetry.request_line import request_line
from pyml.gateway.telemetry.version_figures import VersionFigures
from pyml.oip.rpc_status import Reason, RpcFailure

log = logging.getLogger("pyml.gateway.requests")
"""Its messages are JSON, and are written as they are."""

GONE = RpcFailure(
    grpc.StatusCode.CANCELLED, "the caller cancelled the request, or went away before its answer", Reason.GRPC
)
"""The end of a request that nobody waits for any more."""
UNKNOWN = ("(unknown)", "")
"""Model and version of requests to what is not deployed: their names come from callers, and could be any number."""


class Observer:
    """Watches requests; belongs to one event loop.

    Args:
        has_metrics: whether requests are counted.
        logs_all: whether requests that were answered get a line, too.
    """

    def __init__(self, *, has_metrics: bool = True, logs_all: bool = False) -> None:
        self.has_metrics = has_metrics
        self._logs_all = logs_all
        self._versions: dict[tuple[str, str], VersionFigures] = {}

    @property
    def versions(self) -> dict[tuple[str, str], VersionFigures]:
        """What was counted, by model and version."""
        return self._versions

    def routed(self, request: ObservedRequest, route: Route) -> None:
        """A request for predictions has found its model version."""
        request.route = route
        if self.has_metrics:
            figures = request.figures = self._figures(route.model, route.version)
            figures.in_flight += 1

    def predicted(self, request: ObservedRequest, code: str, size_bytes: int) -> None:
        """A request for predictions was answered.

        Args:
            request: the request.
            code: that the caller gets.
            size_bytes: of the response.
        """
        if request.figures is not None:
            self._count(request.figures, request, code, "", size_bytes)
        self.answered(request, code)

    def answered(self, request: ObservedRequest, code: str) -> None:
        """A request was answered."""
        if self._logs_all:
            self._write(request, code, None)

    def refused(
        self, request: ObservedRequest, code: str, failure: RpcFailure, *, is_infer: bool, is_logged: bool = True
    ) -> None:
        """A request was refused, or has failed.

        Args:
            request: the request.
            code: that the caller gets.
            failure: why.
            is_infer: whether it asked for predictions.
            is_logged: whether it gets a line where not all do.
        """
        if is_infer and self.has_metrics:
            figures = request.figures
            if figures is None:
                figures = self._figures(*UNKNOWN)
                figures.in_flight += 1
            self._count(figures, request, code, failure.reason, 0)
        if is_logged or self._logs_all:
            self._write(request, code, failure)

    def forget(self, deployed: set[tuple[str, str]]) -> None:
        """Drop what was counted of versions that are not deployed any more, and have no request in flight."""
        gone = [
            key for key, each in self._versions.items() if key not in deployed and key != UNKNOWN and not each.in_flight
        ]
        for key in gone:
            del self._versions[key]

    def _figures(self, model: str, version: str) -> VersionFigures:
        key = model, version
        found = self._versions.get(key)
        if found is None:
            found = self._versions[key] = VersionFigures()
        return found

    def _count(
        self, figures: VersionFigures, request: ObservedRequest, code: str, reason: str, size_bytes: int
    ) -> None:
        figures.in_flight -= 1
        seconds = perf_counter() - request.begun
        form = figures.by_form.get(request.form) or figures.of(request.form)
        form.ended(code, reason, seconds, request.size_bytes, size_bytes)
        if request.times is not None:
            figures.answered(request.times)
        if request.held_s is not None:
            figures.held.add(request.held_s)

    def _write(self, request: ObservedRequest, code: str, failure: RpcFailure | None) -> None:
        log.log(
            logging.INFO if failure is None else logging.WARNING,
            "%s",
            request_line(request, code, failure, perf_counter() - request.begun),
        )

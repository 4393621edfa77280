"""Which lines of the services' logs `pyml dev logs --model NAME --id ID` shows."""

from __future__ import annotations

import json

import pytest

from pyml_sandbox.lifecycle.service_logs import LogFilter

LINE = json.dumps({"request_id": "order-7", "model": "fare", "version": "3f2a9c1b77d0"})
SERVER = "2026-11-30 11:52:43 WARNING INVALID_ARGUMENT [order-7]: column-missing"


@pytest.mark.parametrize(
    ("wanted", "service", "line", "has"),
    [
        (LogFilter(), "spark", "any line", True),
        (LogFilter(request_id="order-7"), "gateway", LINE, True),
        (LogFilter(request_id="order-7"), "model-fare-3f2a9c1b77d0", SERVER, True),
        (LogFilter(request_id="order"), "gateway", LINE, False),
        (LogFilter(request_id="order"), "model-fare-3f2a9c1b77d0", SERVER, False),
        (LogFilter(model="fare"), "gateway", LINE, True),
        (LogFilter(model="far"), "gateway", LINE, False),
        (LogFilter(model="fare"), "model-fare-3f2a9c1b77d0", "any line", True),
        (LogFilter(model="fare"), "model-fare-3f2a9c1b77d0-2", "a replica", True),
        (LogFilter(model="fare"), "model-fare-x-3f2a9c1b77d0", "a different model", False),
        (LogFilter(model="fare"), "gateway", "2026 INFO ready", False),
        (LogFilter(model="fare"), "gateway", "{ not JSON", False),
        (LogFilter("fare", "order-7"), "gateway", LINE, True),
        (LogFilter("tip", "order-7"), "gateway", LINE, False),
    ],
)
def test_a_line_is_shown_if_it_is_about_what_is_asked(wanted: LogFilter, service: str, line: str, has: bool) -> None:
    assert wanted.has(service, line) is has

"""Probes of Spark's HTTP pages, and the command that a health check runs."""

from __future__ import annotations

import datetime
import json
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from pyml.probes import NotAnsweringError, NotReadyError
from pyml.probes.__main__ import main
from pyml.probes.spark_probe import SparkDriverProbe, SparkIdleProbe, StandaloneProbe
from pyml_sandbox.workspace.ports import HOST

Pages = dict[str, object]


@pytest.fixture
def pages() -> Pages:
    """What the server answers, by path; a test fills it."""
    return {}


@pytest.fixture
def port(pages: Pages) -> Iterator[int]:
    """Where an HTTP server answers with the pages."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = pages.get(self.path)
            self.send_response(200 if page is not None else 404)
            self.end_headers()
            self.wfile.write(json.dumps(page).encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer((HOST, 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))  # how often it looks whether to stop
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    "page", [{"status": "ALIVE"}, {"masterurl": "spark://m:7077", "masterwebuiurl": "http://m:8080"}]
)
def test_a_master_that_lives_and_a_worker_that_found_it_are_ready(
    pages: Pages, port: int, page: Mapping[str, str]
) -> None:
    pages["/json/"] = page
    StandaloneProbe(HOST, port)(2)


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ({"status": "STANDBY"}, "the master is STANDBY"),
        ({"masterurl": "spark://m:7077", "masterwebuiurl": ""}, "has not found its master"),
        (None, "404"),
    ],
)
def test_others_are_not(pages: Pages, port: int, page: Mapping[str, str] | None, words: str) -> None:
    if page is not None:
        pages["/json/"] = page
    with pytest.raises(NotAnsweringError, match=words):
        StandaloneProbe(HOST, port)(2)


def test_a_driver_that_its_master_knows_and_gave_cores_is_ready(pages: Pages, port: int) -> None:
    pages["/api/v1/applications"] = [{"id": "app-1"}]
    pages["/json/"] = {"status": "ALIVE", "activeapps": [{"id": "app-0", "cores": 0}, {"id": "app-1", "cores": 2}]}
    SparkDriverProbe(HOST, port, HOST, port)(2)
    assert main(["spark-driver", f"{HOST}:{port}", f"{HOST}:{port}"]) == 0


@pytest.mark.parametrize(
    ("master", "words"),
    [
        ({"status": "ALIVE", "activeapps": []}, "does not know this driver"),
        ({"status": "ALIVE", "activeapps": [{"id": "app-0", "cores": 2}]}, "does not know this driver"),
        ({"status": "ALIVE", "activeapps": [{"id": "app-1", "cores": 0}]}, "no Spark worker"),
        ({"status": "RECOVERING", "activeapps": [{"id": "app-1", "cores": 2}]}, "the master is RECOVERING"),
    ],
)
def test_a_driver_whose_jobs_would_wait_for_ever_is_not(
    pages: Pages, port: int, master: Mapping[str, object], words: str
) -> None:
    pages["/api/v1/applications"] = [{"id": "app-1"}]
    pages["/json/"] = master
    with pytest.raises(NotReadyError, match=words):
        SparkDriverProbe(HOST, port, HOST, port)(2)


def test_a_driver_with_a_running_job_is_not_idle(pages: Pages, port: int) -> None:
    pages["/api/v1/applications"] = [{"id": "app-1"}]
    jobs = "/api/v1/applications/app-1/jobs"
    just_now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fGMT")
    for at_work in ({"status": "RUNNING"}, {"status": "SUCCEEDED", "completionTime": just_now}):
        pages[jobs] = [at_work, {"status": "SUCCEEDED", "completionTime": "2026-11-25T10:00:00.123GMT"}]
        with pytest.raises(NotReadyError, match="a job runs"):
            SparkIdleProbe(HOST, port)(2)
    pages[jobs] = [{"status": "FAILED", "completionTime": "2026-11-25T10:00:00.123GMT"}]
    SparkIdleProbe(HOST, port)(2)


def test_a_health_check_passes_or_says_why_not(pages: Pages, port: int, capsys: pytest.CaptureFixture[str]) -> None:
    pages["/json/"] = {"status": "ALIVE"}
    assert main(["standalone", f"{HOST}:{port}"]) == 0
    pages["/json/"] = {"status": "RECOVERING"}
    assert main(["standalone", f"{HOST}:{port}"]) == 1
    assert "the master is RECOVERING" in capsys.readouterr().out

"""The probes of Spark: a Spark Connect server over gRPC, a standalone master or worker over HTTP."""

from __future__ import annotations

import datetime
import json
import time
import urllib.request
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any

from pyml.probes import NotAnsweringError, NotReadyError
from pyml.probes.grpc_call import call, check_listening, message

SERVICE = "/spark.connect.SparkConnectService"
PAUSE_S = 5.0
"""An offline job is several Spark jobs, with pauses of up to this many seconds between them."""
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # a proxy cannot reach a container


@dataclass(frozen=True)
class SparkProbe:
    """Asks a Connect server for its version."""

    host: str
    port: int

    def __call__(self, timeout_s: float) -> None:
        """Return when it answered.

        Raises:
            NotReadyError: it did not.
        """
        address, session_id = f"{self.host}:{self.port}", str(uuid.uuid4())
        reply = call(address, f"{SERVICE}/AnalyzePlan", version_request(session_id), timeout_s)
        if not reply:
            raise NotAnsweringError(address, "its response is empty")
        # Otherwise the server keeps the session for an hour.
        call(address, f"{SERVICE}/ReleaseSession", message(session_fields(session_id)), timeout_s)


@dataclass(frozen=True)
class StandaloneProbe:
    """Asks a standalone master whether it is alive, or a worker whether it has found its master, by their JSON page."""

    host: str
    port: int

    def __call__(self, timeout_s: float) -> None:
        """Return when it answered, and a worker has found its master.

        Raises:
            NotReadyError: it did not.
        """
        address = f"{self.host}:{self.port}"
        check_listening(address, timeout_s)
        facts = _json(address, "/json/", timeout_s)
        if facts.get("status", "ALIVE") != "ALIVE":
            raise NotAnsweringError(address, f"the master is {facts['status']}")
        if "masterurl" in facts and not facts["masterwebuiurl"]:
            raise NotAnsweringError(address, "the worker has not found its master")


@dataclass(frozen=True)
class SparkDriverProbe:
    """Asks a standalone master whether it knows a driver and has given it cores of a worker.

    A master that started again without its memory knows none of the drivers that run: their jobs would wait for ever.
    """

    host: str
    port: int
    master_host: str
    master_port: int

    def __call__(self, timeout_s: float) -> None:
        """Return when the driver has cores to run jobs on.

        Raises:
            NotReadyError: the master does not answer or does not know the driver, or no worker runs for it.
        """
        driver, master = f"{self.host}:{self.port}", f"{self.master_host}:{self.master_port}"
        StandaloneProbe(self.master_host, self.master_port)(timeout_s)
        check_listening(driver, timeout_s)
        own = {application["id"] for application in _json(driver, "/api/v1/applications", timeout_s)}
        known = [each for each in _json(master, "/json/", timeout_s)["activeapps"] if each["id"] in own]
        if not known:
            raise NotReadyError("the Spark master does not know this driver: it was started again meanwhile")
        if not any(each["cores"] for each in known):
            raise NotReadyError("no Spark worker has room for this driver: its worker does not run")


@dataclass(frozen=True)
class SparkIdleProbe:
    """Asks a driver's UI whether a job runs or has just ended; a driver without such a job is ready.

    https://spark.apache.org/docs/latest/monitoring.html#rest-api
    """

    host: str
    port: int

    def __call__(self, timeout_s: float) -> None:
        """Return when no job runs.

        Raises:
            NotReadyError: a job runs, or the UI does not answer.
        """
        address = f"{self.host}:{self.port}"
        check_listening(address, timeout_s)
        for application in _json(address, "/api/v1/applications", timeout_s):
            jobs = _json(address, f"/api/v1/applications/{application['id']}/jobs", timeout_s)
            if any(_is_at_work(job, time.time()) for job in jobs):
                raise NotReadyError(f"a job runs on {address}")


def _is_at_work(job: Mapping[str, str], now: float) -> bool:
    """Whether a job runs, or ended less than `PAUSE_S` before."""
    if job["status"] == "RUNNING" or "completionTime" not in job:
        return job["status"] == "RUNNING"
    ended = datetime.datetime.strptime(job["completionTime"], "%Y-%m-%dT%H:%M:%S.%fGMT")
    return now - ended.replace(tzinfo=datetime.UTC).timestamp() < PAUSE_S


def _json(address: str, path: str, timeout_s: float) -> Any:
    try:
        with _DIRECT.open(f"http://{address}{path}", timeout=timeout_s) as reply:
            return json.load(reply)
    except (OSError, ValueError, HTTPException) as error:
        raise NotAnsweringError(address, str(error) or type(error).__name__) from error


# Messages of spark/connect/base.proto, encoded by hand: importing PySpark takes most of a second. In all of them
# session_id = 1 and user_context = 2 with user_id = 1.


def session_fields(session_id: str) -> dict[int, bytes]:
    """The first fields of every request."""
    return {1: session_id.encode(), 2: message({1: b"pyml"})}


def version_request(session_id: str) -> bytes:
    """`AnalyzePlanRequest` with spark_version = 10."""
    return message({**session_fields(session_id), 10: b""})


def sql_request(session_id: str, statement: str) -> bytes:
    """`ExecutePlanRequest` for one statement: plan = 3 with root = 1, in it sql = 10 with query = 1."""
    plan = message({1: message({10: message({1: statement.encode()})})})
    return message({**session_fields(session_id), 3: plan})

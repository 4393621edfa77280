"""Whether a Spark driver has work, according to the REST API behind its UI.

Source of paths, fields and the format of times: "Monitoring and Instrumentation" of Spark's documentation, REST API.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import aiohttp

_TIMEOUT_S = 5
_TIME = "%Y-%m-%dT%H:%M:%S.%fGMT"


@dataclass(frozen=True)
class SparkActivity:
    """The activity of a driver.

    Attributes:
        is_busy: whether a job runs.
        last_end: when the last job ended, in seconds since 1970; 0 if none has.
    """

    is_busy: bool
    last_end: float


class SparkUi:
    """Client of the UIs of drivers; belongs to one event loop."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def activity(self, url: str) -> SparkActivity | None:
        """The activity of a driver; None if its UI does not answer.

        Args:
            url: URL of the UI, `http://HOST:PORT`.
        """
        try:
            applications = await self._get(f"{url}/api/v1/applications")
            jobs = [await self._get(f"{url}/api/v1/applications/{each['id']}/jobs") for each in applications]
            return activity_of(job for part in jobs for job in part)
        except (aiohttp.ClientError, TimeoutError, ValueError, KeyError, TypeError):
            return None

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    async def _get(self, url: str) -> Any:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_TIMEOUT_S))
        async with self._session.get(url, raise_for_status=True) as answer:
            return await answer.json()


def activity_of(jobs: Iterable[Mapping[str, Any]]) -> SparkActivity:
    """The activity of a driver, derived from its jobs.

    Args:
        jobs: entries of `/applications/ID/jobs`.

    Raises:
        KeyError, ValueError: the entries have an unknown structure.
    """
    found = list(jobs)
    ends = [_seconds(job["completionTime"]) for job in found if job.get("completionTime")]
    return SparkActivity(any(job["status"] == "RUNNING" for job in found), max(ends, default=0.0))


def _seconds(text: str) -> float:
    return datetime.strptime(text, _TIME).replace(tzinfo=UTC).timestamp()

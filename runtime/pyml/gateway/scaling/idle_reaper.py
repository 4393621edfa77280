"""The idle reaper: stops model servers, and Spark drivers with their workers, that have had no work for a while.

The next request starts a model server again, the next job a driver.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from pyml.gateway.scaling.containers import EngineError, ServerContainer
from pyml.gateway.scaling.launcher import Launcher
from pyml.gateway.scaling.scaling_context import ScalingContext
from pyml.gateway.scaling.scaling_labels import IDLE_STOP_S, IDLE_WITH, SPARK_UI
from pyml.gateway.scaling.spark_ui import SparkActivity

log = logging.getLogger("pyml.gateway")

LONGEST_PAUSE_S = 10.0
SHORTEST_PAUSE_S = 0.25
Activity = Callable[[str], Awaitable[SparkActivity | None]]


@dataclass(frozen=True)
class Stop:
    """A container to stop, and why."""

    container: ServerContainer
    why: str


class IdleReaper:
    """Finds idle containers and stops them; belongs to one event loop.

    Args:
        context: containers, request counts, clock.
        launcher: stops containers, and keeps requests away from those that are being stopped.
        activity: gives what a Spark driver does, by the URL of its UI.
    """

    def __init__(self, context: ScalingContext, launcher: Launcher, activity: Activity) -> None:
        self._context = context
        self._launcher = launcher
        self._activity = activity
        self._began = context.clock()
        self._last_jobs: dict[str, float] = {}
        self._problem = ""

    async def run(self) -> None:
        """Stop idle containers periodically, until cancelled."""
        while True:
            await asyncio.sleep(await self._look_safely())

    async def look(self) -> float:
        """Stop what is idle, and return in how many seconds to look again.

        Raises:
            EngineError: the engine does not answer, or refused the call.
        """
        containers = await self._context.in_thread(self._context.containers.find)
        activities = await self._activities(containers)
        last_work = {each.service: self._last_work(each, activities) for each in containers}
        stops = [
            self._launcher.stop(each.container, each.why)
            for each in to_stop(containers, last_work, self._context.clock())
        ]
        for error in filter(None, await asyncio.gather(*stops, return_exceptions=True)):
            raise error
        return pause_s(containers)

    async def _look_safely(self) -> float:
        try:
            pause = await self.look()
        except EngineError as error:
            self._log_problem(error.message)
        except Exception:
            log.exception("looking for idle containers failed")
        else:
            self._log_problem("")
            return pause
        return LONGEST_PAUSE_S

    async def _activities(self, containers: Sequence[ServerContainer]) -> Mapping[str, SparkActivity | None]:
        """What each Spark driver does, by its service."""
        drivers = [each for each in containers if SPARK_UI in each.labels and self._may_be_idle(each)]
        found = await asyncio.gather(*(self._activity(each.labels[SPARK_UI]) for each in drivers))
        self._last_jobs.update(
            (driver.id, activity.last_end) for driver, activity in zip(drivers, found, strict=True) if activity
        )
        return {driver.service: activity for driver, activity in zip(drivers, found, strict=True)}

    def _may_be_idle(self, driver: ServerContainer) -> bool:
        """Whether a driver can be idle at all: the response of its UI grows by 0.7 kB with each job."""
        known = self._last_jobs.get(driver.id, 0.0)
        return bool(to_stop([driver], {driver.service: known}, self._context.clock()))

    def _last_work(self, container: ServerContainer, activities: Mapping[str, SparkActivity | None]) -> float | None:
        if SPARK_UI in container.labels:
            return last_job(activities.get(container.service))
        use = self._context.usage.of(container.service)
        # The gateway does not know about requests before its own start.
        return None if use.in_flight else max(use.last_at, self._began)

    def _log_problem(self, problem: str) -> None:
        """Log why idle containers cannot be found, once when that begins and once when it ends."""
        if problem and problem != self._problem:
            log.warning("idle containers are not stopped: %s", problem)
        elif self._problem and not problem:
            log.info("idle containers are stopped again")
        self._problem = problem


def to_stop(containers: Sequence[ServerContainer], last_work: Mapping[str, float | None], now: float) -> list[Stop]:
    """Which containers to stop, and why.

    Args:
        containers: all containers of the sandbox.
        last_work: when each service last had work, in seconds since 1970; None if it has, or may have, work now.
        now: current time in seconds since 1970.
    """
    found = []
    for container in filter(has_own_limit, containers):
        last = last_work[container.service]
        idle_s = 0.0 if last is None else now - max(container.started_at, last)
        if last is not None and idle_s >= (limit_s(container) or 0):
            work = "job" if SPARK_UI in container.labels else "request"
            found.append(Stop(container, f"no {work} for {idle_s:.0f} s"))
            found += [Stop(each, f"{container.service} is idle") for each in containers if _goes_with(each, container)]
    return found


def has_own_limit(container: ServerContainer) -> bool:
    """Whether a running container is stopped once it is idle itself, and not together with another one."""
    return container.is_running and limit_s(container) is not None and IDLE_WITH not in container.labels


def limit_s(container: ServerContainer) -> float | None:
    """Number of seconds without work after which a container is stopped; None for never."""
    text = container.labels.get(IDLE_STOP_S, "")
    return float(text) if text.isdecimal() and int(text) > 0 else None


def last_job(activity: SparkActivity | None) -> float | None:
    """When a driver last had work; None if it has work now, or may have because its UI does not answer."""
    return None if activity is None or activity.is_busy else activity.last_end


def pause_s(containers: Sequence[ServerContainer]) -> float:
    """Seconds until the next look: short enough for the shortest limit."""
    limits = [limit_s(each) for each in containers]
    return max(SHORTEST_PAUSE_S, min((LONGEST_PAUSE_S, *(limit / 4 for limit in limits if limit is not None))))


def _goes_with(container: ServerContainer, other: ServerContainer) -> bool:
    return container.is_running and container.labels.get(IDLE_WITH) == other.service

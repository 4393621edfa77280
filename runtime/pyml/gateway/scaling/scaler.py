"""The scaler: starts servers on request, and stops what is idle, through the container engine."""

from __future__ import annotations

import asyncio

from pyml.gateway.gateway_options import GatewayOptions
from pyml.gateway.request_counter import RequestCounter
from pyml.gateway.scaling.docker_containers import DockerContainers
from pyml.gateway.scaling.idle_reaper import IdleReaper
from pyml.gateway.scaling.launcher import Launcher
from pyml.gateway.scaling.scaling_context import ScalingContext
from pyml.gateway.scaling.spark_ui import SparkUi


class Scaler:
    """Launcher and idle reaper of one gateway, over one connection to the engine; belongs to one event loop.

    Args:
        engine: URL of the Docker engine.
        sandbox: the label that marks the sandbox's containers.
        usage: counts the requests to each service.
        start_wait_s: maximum number of seconds that a request waits while its server starts.

    Attributes:
        containers: the containers of the sandbox.
        launcher: starts and stops containers.
    """

    def __init__(self, engine: str, sandbox: str, usage: RequestCounter, start_wait_s: float) -> None:
        self.containers = DockerContainers(engine, sandbox)
        context = ScalingContext(self.containers, usage)
        self.launcher = Launcher(context, start_wait_s)
        self._ui = SparkUi()
        self._idle_reaper = IdleReaper(context, self.launcher, self._ui.activity)
        self._task: asyncio.Task[None] | None = None

    @classmethod
    def of(cls, options: GatewayOptions, usage: RequestCounter) -> Scaler | None:
        """The scaler that the command line asks for; None if it names no engine."""
        if options.engine is None or options.sandbox is None:
            return None
        return cls(options.engine, options.sandbox, usage, options.start_wait_s)

    def start(self) -> None:
        """Start the idle reaper."""
        self._task = asyncio.get_running_loop().create_task(self._idle_reaper.run())

    async def close(self) -> None:
        """Stop the idle reaper and close the connection to the engine. Containers are left as they are."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        await self._ui.close()
        await self.launcher.close()

"""What launcher and idle reaper work with: containers, request counts, a clock."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import ParamSpec, Protocol, TypeVar

from pyml.gateway.request_counter import RequestCounter
from pyml.gateway.scaling.containers import Containers

P = ParamSpec("P")
T = TypeVar("T")


class InThread(Protocol):
    """Runs a blocking call without blocking the event loop: `asyncio.to_thread`."""

    def __call__(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Awaitable[T]:
        """Run a call and return its result.

        Args:
            call: the blocking call.
            args: its positional arguments.
            kwargs: its keyword arguments."""


@dataclass(frozen=True)
class ScalingContext:
    """What launcher and idle reaper of one gateway share.

    Attributes:
        containers: the containers of the sandbox.
        usage: counts the requests to each service.
        in_thread: runs blocking calls.
        clock: current time in seconds since 1970.
    """

    containers: Containers
    usage: RequestCounter
    in_thread: InThread = asyncio.to_thread
    clock: Callable[[], float] = time.time

"""What each model server has been asked: how the gateway knows that one is idle."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class RequestCount:
    """The requests to one service.

    Attributes:
        in_flight: requests that it has not answered yet.
        last_at: when the last one ended, as `time.time()` says; 0 where there was none.
        is_closed: it is being stopped, so that nothing may be sent to it.
    """

    in_flight: int = 0
    last_at: float = 0
    is_closed: bool = False


class RequestCounter:
    """The requests to every service, by its name."""

    def __init__(self) -> None:
        self._uses: dict[str, RequestCount] = {}

    def of(self, service: str) -> RequestCount:
        """The requests to a service; the same object each time."""
        return self._uses.setdefault(service, RequestCount())

"""How many requests each model server has: tells the gateway which servers are idle."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class RequestCount:
    """The requests to one service.

    Attributes:
        in_flight: number of requests without a response yet.
        last_at: when the last request ended, in seconds since 1970; 0 if there was none.
        is_closed: the service is being stopped, so that no request may be sent to it.
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

"""What was counted of the requests to one model version, since the gateway started.

Plain numbers, which the gateway's one event loop changes. A counter of prometheus_client takes a lock and 1 to
2 µs, a histogram of it 2 to 4 µs: ten of them for each request would take 2 % of the throughput by themselves.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence

from pyml.inference.request_times import RequestTimes

SECONDS = (
    *(0.0001, 0.00025, 0.0005, 0.001, 0.0025),
    *(0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0),
    *(30.0, 60.0),
)
"""Those of Prometheus' own libraries, which KServe uses, and below and above them: a row takes 1 to 2 ms here."""
ROWS = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5)
_NS = 1e-9


class Tally:
    """A histogram: how many values lie below each bound, and their sum.

    Args:
        bounds: upper bounds of the buckets, which belong to them.
    """

    __slots__ = ("_bounds", "_counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        """Count a value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self.total += value

    def cumulative(self) -> Iterator[tuple[float, int]]:
        """Each upper bound, the last one infinite, with the number of values up to it."""
        seen = 0
        for bound, count in zip((*self._bounds, float("inf")), self._counts, strict=True):
            seen += count
            yield bound, seen


class FormFigures:
    """The requests to a version in one form.

    Attributes:
        outcomes: how many ended with a code and, where they failed, a reason.
        duration: seconds from the first byte to the answer.
        request_bytes: of messages and bodies that came.
        response_bytes: of those that were sent.
    """

    __slots__ = ("duration", "outcomes", "request_bytes", "response_bytes")

    def __init__(self) -> None:
        self.outcomes: dict[tuple[str, str], int] = {}
        self.duration = Tally(SECONDS)
        self.request_bytes = 0
        self.response_bytes = 0

    def ended(self, code: str, reason: str, seconds: float, request_bytes: int, response_bytes: int) -> None:
        """Count a request that has ended."""
        outcome = code, reason
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1
        self.duration.add(seconds)
        self.request_bytes += request_bytes
        self.response_bytes += response_bytes


class VersionFigures:
    """The requests to a version.

    Attributes:
        by_form: what was counted for each form.
        queue: seconds that answered requests waited for `predict`.
        predict: seconds that `predict` took.
        rows: of each answered request.
        held: seconds that requests waited until a server was started for them.
        in_flight: how many have no answer yet.
    """

    __slots__ = ("by_form", "held", "in_flight", "predict", "queue", "rows")

    def __init__(self) -> None:
        self.by_form: dict[str, FormFigures] = {}
        self.queue = Tally(SECONDS)
        self.predict = Tally(SECONDS)
        self.rows = Tally(ROWS)
        self.held = Tally(SECONDS)
        self.in_flight = 0

    def of(self, form: str) -> FormFigures:
        """The requests in one form; the same object each time."""
        found = self.by_form.get(form)
        if found is None:
            found = self.by_form[form] = FormFigures()
        return found

    def answered(self, times: RequestTimes) -> None:
        """Count what the model server measured of a request."""
        queue, _, predict, _, rows = times
        self.queue.add(queue * _NS)
        self.predict.add(predict * _NS)
        self.rows.add(rows)

"""Which Sparks of model versions stay warm when one more is started. Pure.

Each costs a gigabyte and more. The way of a developer is from one version of a model to its next, so of the same model
the latest alone stays; of other models the one that was started last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

OTHERS_KEPT = 1


@dataclass(frozen=True)
class WarmSpark:
    """The Spark of one model version, as it runs.

    Attributes:
        connect: service of its Connect server.
        workers: services of its workers.
        model: name of the model.
        started_at: when its Connect server was started; any text that sorts by time.
    """

    connect: str
    workers: tuple[str, ...]
    model: str
    started_at: str


def to_stop(model: str, others: Sequence[WarmSpark]) -> list[WarmSpark]:
    """Those that make room for the Spark of another version of `model`, if they have no work."""
    same = [each for each in others if each.model == model]
    rest = sorted((each for each in others if each.model != model), key=lambda each: each.started_at)
    return same + rest[: max(len(rest) - OTHERS_KEPT, 0)]

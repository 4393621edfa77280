"""Decides which Sparks of model versions stay warm when one more is started. Pure.

Each needs a gigabyte or more. A developer goes from one version of a model to the next, so only the latest version of a
model stays warm, and of all other models the one that was started last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

OTHERS_KEPT = 1


@dataclass(frozen=True)
class WarmSpark:
    """The Spark of one model version, as it runs.

    Attributes:
        connect: name of its Connect server's service.
        workers: names of its workers' services.
        model: name of the model.
        started_at: when its Connect server was started, as a string that sorts by time.
    """

    connect: str
    workers: tuple[str, ...]
    model: str
    started_at: str


def to_stop(model: str, others: Sequence[WarmSpark]) -> list[WarmSpark]:
    """The Sparks to stop, if they are idle, before the Spark of one more version is started.

    Args:
        model: name of the model of that version.
        others: the Sparks that run now.
    """
    same = [each for each in others if each.model == model]
    rest = sorted((each for each in others if each.model != model), key=lambda each: each.started_at)
    return same + rest[: max(len(rest) - OTHERS_KEPT, 0)]

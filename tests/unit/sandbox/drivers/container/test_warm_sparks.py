"""Which Sparks make room for one more."""

from __future__ import annotations

import pytest

from pyml_sandbox.drivers.container.warm_sparks import WarmSpark, to_stop


def spark(name: str, started_at: str = "2026-11-25T10:00") -> WarmSpark:
    """Of a model version such as "fare-1"."""
    return WarmSpark(f"spark-{name}", (f"worker-{name}-1",), name.partition("-")[0], started_at)


@pytest.mark.parametrize(
    ("others", "stopped"),
    [
        ([], []),
        ([spark("fare-1")], ["spark-fare-1"]),
        ([spark("fare-1"), spark("fare-2")], ["spark-fare-1", "spark-fare-2"]),
        ([spark("fraud-1")], []),
        ([spark("fraud-1", "10:00"), spark("eta-1", "09:00")], ["spark-eta-1"]),
        ([spark("fraud-1", "10:00"), spark("eta-1", "09:00"), spark("fare-1", "11:00")], ["spark-fare-1", "spark-eta-1"]),
    ],
)  # fmt: skip
def test_of_a_model_the_latest_stays_and_of_others_the_last_started(
    others: list[WarmSpark], stopped: list[str]
) -> None:
    assert [each.connect for each in to_stop("fare", others)] == stopped

"""What a report says that each path ran in."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from pyml.inference.worker_info import Worker
from pyml_sandbox.parity.decisions.path_environments import environments_of

FIRST = Worker("a", None, "3.11.9", {"numpy": "2.0"}, {"TZ": "UTC"})
SECOND = Worker("b", None, "3.12.1", {"numpy": "2.1"}, {})
OF_FIRST = {"Python": "3.11.9", "numpy": "2.0", "TZ": "UTC"}
OF_SECOND = {"Python": "3.12.1", "numpy": "2.1"}


@pytest.mark.parametrize(
    ("offline", "online", "expected"),
    [
        ((), None, {}),
        ((FIRST,), None, {"offline": OF_FIRST}),
        ((), SECOND, {"online": OF_SECOND}),
        ((FIRST, SECOND), SECOND, {"offline": OF_FIRST, "online": OF_SECOND}),
    ],
)
def test_each_path_that_said_so_is_listed(
    offline: Sequence[Worker], online: Worker | None, expected: dict[str, dict[str, str]]
) -> None:
    assert environments_of(offline, online) == expected

"""A server that cannot be reached any more ends itself, and not before."""

from __future__ import annotations

import pytest

from pyml.server.self_watch import TRIES, watch_until


@pytest.mark.parametrize(
    ("seen", "looks"),
    [
        ([False] * TRIES, TRIES),
        ([True, True, *[False] * TRIES], TRIES + 2),
        ([*[False] * (TRIES - 1), True, *[False] * TRIES], 2 * TRIES),
    ],
    ids=["at once", "later", "after it was away for a moment"],
)
def test_a_server_that_nobody_reaches_several_times_in_a_row_is_ended(seen: list[bool], looks: int) -> None:
    answers, pauses, ended = iter(seen), list[int](), list[int]()
    watch_until(lambda: next(answers), lambda: pauses.append(1), lambda: ended.append(1))
    assert (len(pauses), len(ended)) == (looks, 1)

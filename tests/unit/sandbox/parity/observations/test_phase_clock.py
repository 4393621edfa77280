"""The phases of the search: each second is counted once, as the innermost phase."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from pyml_sandbox.parity.observations.phase_clock import Phase, PhaseClock

Tree = tuple[Phase, int, Sequence["Tree"]]
ticks = st.integers(0, 50)
trees: st.SearchStrategy[Tree] = st.recursive(
    st.tuples(st.sampled_from(Phase), ticks, st.just(())),
    lambda inner: st.tuples(st.sampled_from(Phase), ticks, st.lists(inner, max_size=3)),
    max_leaves=8,
)


class Clock:
    """Goes on when it is told."""

    now = 0

    def __call__(self) -> float:
        return float(self.now)


def gone_through(tree: Tree, phases: PhaseClock, clock: Clock, expected: dict[Phase, int]) -> None:
    phase, seconds, inner = tree
    with phases.within(phase):
        clock.now += seconds
        expected[phase] = expected.get(phase, 0) + seconds
        for each in inner:
            gone_through(each, phases, clock, expected)
        assert phases.seconds == expected


@given(trees)
def test_each_second_counts_as_the_innermost_phase(tree: Tree) -> None:
    clock, begun, expected = Clock(), list[Phase](), dict[Phase, int]()
    phases = PhaseClock(begun.append, clock)
    gone_through(tree, phases, clock, expected)
    clock.now += 1000  # between phases no time counts
    assert phases.seconds == expected
    assert list(phases.seconds) == [phase for phase in Phase if phase in expected]
    assert sum(phases.seconds.values()) == clock.now - 1000
    assert sorted(begun) == sorted(expected) == sorted(phases.times)


def test_a_phase_that_ends_with_an_error_is_over() -> None:
    clock = Clock()
    phases = PhaseClock(clock=clock)
    with phases.within(Phase.FIND):
        with suppress(ValueError), phases.within(Phase.SHRINK):
            clock.now += 2
            raise ValueError
        clock.now += 3
    assert phases.seconds == {Phase.FIND: 3, Phase.SHRINK: 2}

"""Checks of state: the clock, random generators, earlier calls, and the frame that `predict` is given.

They run first. A model that differs from itself cannot be compared with anything, and if a model keeps state between
calls, every later output depends on the earlier calls.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pyml.errors import PackageError
from pyml.harness.perturbations import Perturbation
from pyml.harness.session_messages import Refusal
from pyml_sandbox.models.model_session import NoAnswerError
from pyml_sandbox.parity.checks.baseline import MAX_EXAMPLES, no_difference, one_row
from pyml_sandbox.parity.checks.process_environment import variation_for_state
from pyml_sandbox.parity.context.check_context import CLOCK_S, CheckContext
from pyml_sandbox.parity.context.time_budget import Part
from pyml_sandbox.parity.harness_process import PATIENCE, Output
from pyml_sandbox.parity.observations.catalogue import Check
from pyml_sandbox.parity.observations.features import Tag
from pyml_sandbox.parity.observations.observation import Condition, Example, Observation
from pyml_sandbox.parity.observations.phase_clock import Phase
from pyml_sandbox.parity.rows.synthetic import InputRow

if TYPE_CHECKING:
    import pyarrow as pa

EVALUATION = Perturbation("evaluation")
DAY_S = 86_400.0
DAYS = 400.4
"""A different year, month, day of the week and hour."""
REPEATS = 3
EQUAL_CALLS = 32
"""How many equal calls are compared with the first, once one of them differs, to count how many do."""
MORE_REPEATS = 8
KEYED_PART = 4
WAITING_S = 15.0
"""How long a model that may wait for a clock that stands still is given, beside what its calls take, in seconds."""
SINGLES = 8
REFUSED = 6
"""How many refused rows are tried, each of a different column."""


@dataclass(frozen=True)
class Repeated:
    """Repeated calls with the same rows.

    Attributes:
        observations: where the outputs differ.
        again: the outputs, call by call.
        call_s: mean time of one call, in seconds.
    """

    observations: tuple[Observation, ...]
    again: Sequence[Sequence[Output]]
    call_s: float


@dataclass(frozen=True)
class StateChecks:
    """The checks of determinism and state; the first that use the context's harness, since every call may change it.

    Attributes:
        context: rows, noise model, and a way to start harnesses.
    """

    context: CheckContext

    def observations(self) -> list[Observation]:
        """All observations of these checks."""
        return self.after(self.repeat())

    def repeat(self) -> Repeated:
        """Repeat the same call a few times."""
        batch = self.context.rows(self.context.fixture)
        with self.context.record.making({Check.REPEAT: len(self.context.fixture)}) as seen:
            started = time.perf_counter()
            again = [self.context.harness.together(batch) for _ in range(REPEATS)]
            call_s = (time.perf_counter() - started) / REPEATS
            if found := self._repeated([self.context.first, *again]):
                answers = [self.context.first, *again, *self._more(batch, call_s)]
                seen += [self._with_odds(each, answers) for each in found]
        return Repeated(tuple(seen), again, call_s)

    def after(self, repeated: Repeated) -> list[Observation]:
        """The observations of the repeated calls and of the other checks; if repeated calls differ, only why.

        Args:
            repeated: the repeated calls; the harness has answered none since.
        """
        rows, harness, first, record = (
            self.context.fixture,
            self.context.harness,
            self.context.first,
            self.context.record,
        )
        if repeated.observations:
            return [*repeated.observations, *self._reasons(first, repeated.again)]
        with record.making({Check.CLOCK: len(rows)}) as clock:
            clock += self._clock()
        # Two calls, and more so two processes, are some seconds apart, which is enough for a clock to part them.
        steady = replace(self, context=self.context.at_one_time()) if clock else self
        with record.making({Check.WARM: len(rows)}) as warm:
            others = steady._others()
            warm += steady._warm(others) or steady._singles()
        # A rare random difference looks like either of them.
        batch = self.context.rows(rows)
        if (warm or clock) and (found := steady._repeated([harness.together(batch) for _ in range(MORE_REPEATS)])):
            record.withdraw(Check.WARM, Check.CLOCK)
            harness.clock = None
            record.saw(found)
            return [*found, *self._reasons(first, repeated.again)]
        return [*warm, *(steady._of_fresh(others) if others else []), *clock, *self._mutation()]

    def _warm(self, others: Sequence[InputRow]) -> list[Observation]:
        """The first rows again, after different ones."""
        again = self.context.harness.together(self.context.rows(self.context.fixture))
        return self._differing(Check.WARM, self.context.first, again, others)

    def _others(self) -> list[InputRow]:
        """Different rows, to be called before the first rows are called again.

        Refused rows are left out: a single one makes a whole call fail, so the model could not keep anything of it.
        """
        varied = self.context.input_rows[: len(self.context.fixture)]
        answers = self.context.harness.alone(self.context.rows(varied))
        return [row for row, answer in zip(varied, answers, strict=True) if not isinstance(answer, Refusal)]

    def _of_fresh(self, others: Sequence[InputRow]) -> list[Observation]:
        """This process against a new one that was called with different rows first."""
        rows, first = self.context.fixture, self.context.first
        batch, equal = self.context.rows(rows), _of_length(others, len(rows))
        with self.context.record.making(dict.fromkeys((Check.SAME_SIZE, Check.FIRST_BATCH), len(rows))) as seen:
            after = self.context.harness.together(self.context.rows(equal))
            if self._comes_again_where_all_varies(equal, after):
                return []
            with self.context.harnesses.start() as fresh:
                same_size = self._differing(
                    Check.SAME_SIZE, fresh.together(self.context.rows(equal)), after, rows, equal
                )
                first_batch = self._differing(Check.FIRST_BATCH, first, fresh.together(batch), others)
            if _answered(first) and self._agree(first, after):  # the outputs of the previous call
                same_size = [observation.with_tags(Tag.EARLIER_ANSWER) for observation in same_size]
            if first_batch and self._is_keyed(others):
                first_batch = [observation.with_tags(Tag.KEYED) for observation in first_batch]
            seen += [*same_size, *first_batch]
        return seen

    def _comes_again_where_all_varies(self, others: Sequence[InputRow], after: Sequence[Output]) -> bool:
        """Whether a new process in which all settings are varied gives the same outputs, different rows first.

        Then one in the pinned environment does, too. The process is kept for the checks of the environment.

        Args:
            others: the different rows.
            after: their outputs here.
        """
        context, variation = self.context, variation_for_state(self.context)
        if variation is None:
            return False
        try:
            varied = context.kept.start(context.harnesses, variation)
            agree = self._agree(after, varied.together(context.rows(others)))
            agree = agree and self._agree(context.first, varied.together(context.rows(context.fixture)))
        except PackageError:  # the checks of the environment say it
            agree = False
        if not agree:
            context.kept.end()
        return agree

    def after_error(self) -> list[Observation]:
        """The first rows again, right after rows that are refused; nothing if none is. Blocks.

        Raises:
            NoAnswerError: the model ended its Python process, or is too slow.
        """
        context = self.context
        rows, answers = context.all_input_rows, context.alone
        refused = [row for row, answer in zip(rows, answers, strict=True) if isinstance(answer, Refusal)]
        refused = [*{row.column: row for row in refused}.values()][:REFUSED]
        if not refused:
            return []
        with context.record.making({Check.AFTER_ERROR: len(context.fixture)}) as seen:
            # A model that goes through its rows may have kept those before the row that it refuses.
            for call in [call for row in refused for call in ([*context.fixture[::-1], row], [row])]:
                context.calls([call])
                again = context.harness.together(context.rows(context.fixture))
                if found := self._differing(Check.AFTER_ERROR, context.first, again, call):
                    seen += found
                    break
        return seen

    def _repeated(self, answers: Sequence[Sequence[Output]]) -> list[Observation]:
        """The first of several outputs for the same rows against the last one that differs from it."""
        found = (self._differing(Check.REPEAT, answers[0], each, before=REPEATS) for each in reversed(answers[1:]))
        return [self._with_odds(each, answers) for each in next(filter(None, found), [])]

    def _more(self, batch: pa.RecordBatch, call_s: float) -> list[list[Output]]:
        """Further equal calls, as many as time allows; none if the model ends its process meanwhile.

        Args:
            batch: the rows.
            call_s: time of one call, in seconds.
        """
        context, wanted = self.context, EQUAL_CALLS - REPEATS
        affordable = int(context.budget.of(Part.ODDS) / max(call_s, 1e-4))
        if affordable < wanted:
            tried = f"{affordable + REPEATS} of {EQUAL_CALLS} equal calls"
            context.leave(Part.ODDS, tried, (wanted - affordable) * call_s)
        try:
            return [context.harness.together(batch) for _ in range(min(affordable, wanted))]
        except NoAnswerError:  # that equal calls differ is known without them
            return []

    def _with_odds(self, observation: Observation, answers: Sequence[Sequence[Output]]) -> Observation:
        """The observation with how many of several answers differ from the first of them, in its output."""
        first, *others = answers
        differing = sum(
            any(self.context.differ_in(observation.output, a, b) for a, b in zip(first, other, strict=True))
            for other in others
        )
        odds = differing, len(others)
        return replace(observation, odds=odds, message=f"{differing} of {len(others)} calls")

    def _singles(self) -> list[Observation]:
        """Single rows in order, and in reverse order: does a small call change the next one?"""
        rows = self.context.fixture[:SINGLES]
        forwards, backwards = (self.context.harness.alone(self.context.rows(order)) for order in (rows, rows[::-1]))
        found: dict[str, list[Example]] = {}
        for position, (left, right) in enumerate(zip(forwards, backwards[::-1], strict=True)):
            if position < len(rows) - 1:  # the last row has the same row before it both times
                for name in self.context.differing(left, right):
                    after = Condition((rows[position],), 0, before=((rows[position + 1],),))
                    found.setdefault(name, []).append(Example(name, one_row(rows[position]), after))
        return [
            Observation(Check.WARM, name, tuple(examples[:MAX_EXAMPLES]), rows=len(examples))
            for name, examples in found.items()
        ]

    def _is_keyed(self, others: Sequence[InputRow]) -> bool:
        """Whether one different row before them changes few outputs, not most: those that share a key with it."""
        rows = self.context.fixture
        batch = self.context.rows(rows)
        for other in {each.column: each for each in reversed(others)}.values():
            with self.context.harnesses.start() as fresh:
                fresh.alone(self.context.rows([other]))
                observations = self._differing(Check.FIRST_BATCH, self.context.first, fresh.together(batch), [other])
            if observations:
                return all(observation.rows <= max(len(rows) // KEYED_PART, 1) for observation in observations)
        return False

    def _clock(self) -> list[Observation]:
        """The same rows on two dates, at the same time of day: `repeat` already shows what depends on the second.

        The clock runs, since a model that waits for it would never return.
        """
        batch = self.context.rows(self.context.fixture)
        groups = [range(batch.num_rows)]
        today, later = (
            self.context.harness.calls(batch, groups, clock=CLOCK_S + days * DAY_S, runs=True)[0] for days in (0, DAYS)
        )
        return self._differing(Check.CLOCK, today, later)

    def _differing(
        self,
        check: Check,
        expected: Sequence[Output],
        found: Sequence[Output],
        others: Sequence[InputRow] = (),
        rows: Sequence[InputRow] = (),
        before: int = 0,
    ) -> list[Observation]:
        """One observation for each output column in which two outputs for the same rows differ."""
        rows = rows or self.context.fixture
        earlier = (tuple(rows),) * before if before else (tuple(others),) if others else ()
        positions: dict[str, list[int]] = {}
        for position, (left, right) in enumerate(zip(expected, found, strict=True)):
            for name in self.context.differing(left, right):
                positions.setdefault(name, []).append(position)
        return [
            Observation(
                check,
                name,
                tuple(
                    Example(name, Condition(tuple(rows), position), Condition(tuple(rows), position, before=earlier))
                    for position in positions[name][:MAX_EXAMPLES]
                ),
                rows=len(positions[name]),
            )
            for name in positions
        ]

    def _reasons(self, first: Sequence[Output], again: Sequence[Sequence[Output]]) -> list[Observation]:
        with self.context.record.phases.within(Phase.EXPLAIN):
            return list(self._why(first, again))

    def _why(self, first: Sequence[Output], again: Sequence[Sequence[Output]]) -> Iterator[Observation]:
        """What removes the difference between two equal calls; each tried in the first calls of a new process."""
        example = Example("", Condition(tuple(self.context.fixture)), Condition(tuple(self.context.fixture)))
        silencers: dict[Check, Callable[[], bool | None]] = {
            Check.FROZEN_CLOCK: self._silenced_by_clock,
            Check.SEEDED: lambda: self._silences(seeded=True),
            Check.SAME_HISTORY: lambda: self._comes_again([first, *again]),
        }
        if self.context.harness.load_report.training:
            silencers = {Check.TRAINING_MODE: lambda: self._silences(perturbation=EVALUATION), **silencers}
        for check, is_silent in silencers.items():
            with self.context.record.making({check: len(self.context.fixture)}) as seen:
                silences = is_silent()
                seen += [Observation(check, "", (example,))] if silences else []
            if silences is None:
                self.context.record.withdraw(check)
            yield from seen

    def _comes_again(self, answers: Sequence[Sequence[Output]]) -> bool:
        """Whether a new process gives the same outputs for the same sequence of calls."""
        with self.context.harnesses.start() as fresh:
            history = [fresh.together(self.context.rows(self.context.fixture)) for _ in answers]
        return all(self._agree(left, right) for left, right in zip(answers, history, strict=True))

    def _silenced_by_clock(self) -> bool | None:
        """Whether it is the clock; not asked of a model that waits for it, which would never return."""
        try:
            return self._silences(clock=CLOCK_S)
        except NoAnswerError:
            return None

    def _silences(
        self, perturbation: Perturbation | None = None, *, clock: float | None = None, seeded: bool = False
    ) -> bool:
        batch = self.context.rows(self.context.fixture)
        groups = [range(batch.num_rows)] * (REPEATS + 1)
        pace = self.context.harness.pace
        timeout_s = None if clock is None else WAITING_S + PATIENCE * pace.call_s * len(groups)
        with self.context.harnesses.start() as fresh:
            first, *again = fresh.calls(batch, groups, perturbation, clock=clock, seeded=seeded, timeout_s=timeout_s)
        return all(self._agree(first, each) for each in again)

    def _agree(self, left: Sequence[Output], right: Sequence[Output]) -> bool:
        return not any(self.context.differing(a, b) for a, b in zip(left, right, strict=True))

    def _mutation(self) -> list[Observation]:
        """Whether any call so far has modified its input."""
        with self.context.record.making({Check.MUTATION: len(self.context.fixture)}) as seen:
            if self.context.harness.changed is not None:
                seen.append(Observation(Check.MUTATION, "", (no_difference(self.context.fixture[0]),)))
        return seen


def _of_length(rows: Sequence[InputRow], length: int) -> list[InputRow]:
    """Rows repeated, or cut, to a length."""
    return [rows[position % len(rows)] for position in range(length)] if rows else []


def _answered(outputs: Sequence[Output]) -> bool:
    return not any(isinstance(output, Refusal) for output in outputs)

"""From an observation to a counterexample: made smaller in the test harness, then confirmed on both real paths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from pyml.harness.session_messages import Refusal
from pyml_sandbox.compare.rendering.formatting import counted
from pyml_sandbox.models.model_session import NoAnswerError
from pyml_sandbox.parity.checks.statefulness import DAY_S, DAYS
from pyml_sandbox.parity.context.check_context import CLOCK_S, CheckContext, calls
from pyml_sandbox.parity.context.time_budget import Part
from pyml_sandbox.parity.counterexample.condition_runner import ConditionRunner
from pyml_sandbox.parity.counterexample.snippet import snippet
from pyml_sandbox.parity.harness_process import PINNED, Output
from pyml_sandbox.parity.observations.catalogue import Check
from pyml_sandbox.parity.observations.observation import Condition, Example, Observation
from pyml_sandbox.parity.observations.phase_clock import Phase
from pyml_sandbox.parity.observations.shrink import MAX_STEPS, Holds, Shrinker, at_default
from pyml_sandbox.parity.paths.real_paths import RealPaths
from pyml_sandbox.parity.rows.synthetic import Cell, InputRow
from pyml_sandbox.parity.verdict import Counterexample, Seen
from pyml_sandbox.predict.online import ServerEndedError

SHOWN_CHARACTERS = 200
TRIES = 4
FRESH_STEPS = 12
"""How many new processes, each of which takes seconds, are started to make one example smaller, by default."""


@dataclass
class CounterexampleFinder:
    """Finds counterexamples in one check context and on both real paths.

    Attributes:
        context: in which examples are made smaller.
        paths: the real paths, which confirm the result.
        model_id: for the snippet.
        ended: why the last search ended early; empty if it did not.
    """

    context: CheckContext
    paths: RealPaths
    model_id: str
    ended: str = ""

    def find(self, observations: Sequence[Observation]) -> Counterexample | None:
        """The smallest input that shows one of the observations: of the first for which there is such an input.

        Args:
            observations: of one finding, the simplest first.

        Returns:
            None if the real paths confirm no input, or if the model ends its process or is too slow meanwhile.

        Raises:
            SandboxError: a path does not answer.
        """
        self.ended = ""
        for observation in observations[:3]:
            try:
                with self.context.record.phases.within(Phase.SHRINK):
                    example, columns = self._shrunk(observation)
                seen = self._seen(example, observation)
            except (NoAnswerError, ServerEndedError) as error:
                self.ended = error.message.partition("\n")[0]
                continue
            if seen is not None:
                return self._counterexample(example, columns, seen)
        return None

    # ---- in the test harness

    def _shrunk(self, observation: Observation) -> tuple[Example, tuple[str, ...]]:
        example = observation.example
        if observation.check is Check.EXPECTED:  # the notebook knows its own rows alone
            return example, observation.inputs or self.context.inputs.names
        if not example.other.rows or example.other.threads > 1:
            return example, self.context.inputs.names if example.other.rows else ()
        if observation.check in (Check.CLOCK, Check.FORMS):
            alone = Condition((example.other.row,))
            holds = self._differs_by_day if observation.check is Check.CLOCK else self._differs_by_format
            return self._smaller(Example(example.output, alone, alone), holds, self._fresh_steps)
        with ConditionRunner(self.context) as runner:
            if not runner.differs(example):
                return (
                    self._shrunk_on_paths(example)
                    if observation.check is Check.PATHS
                    else (example, self.context.inputs.names)
                )
            single = _alone(example)
            tries = TRIES if observation.check is Check.REPEAT else 1  # a random value may be drawn twice
            if single is not None and any(runner.differs(single) for _ in range(tries)):
                example = single
            steps = min(self.context.affordable(Part.SHRINK), self.context.budget.scaled(MAX_STEPS))
            steps = self._fresh_steps if runner.is_fresh(example) else max(steps, self._fresh_steps)
            return self._smaller(example, runner.differs, steps)

    @property
    def _fresh_steps(self) -> int:
        return self.context.budget.scaled(FRESH_STEPS)

    def _smaller(self, example: Example, holds: Holds, steps: int) -> tuple[Example, tuple[str, ...]]:
        """The smallest example that was found, and the columns that matter; what was not tried is recorded."""
        shrinker = Shrinker(self.context.inputs, holds, steps)
        smaller, columns = shrinker.shrunk(example)
        if shrinker.was_cut:
            rows = counted(len(smaller.other.rows), "row")
            shows = f"changes `{example.output}`" if example.output else "is refused"
            found = f"an input of {rows} and {counted(len(columns), 'column')} that {shows}"
            self.context.leave(Part.SHRINK, f"{found}, after {counted(steps, 'smaller one')}", about=found)
        return smaller, columns

    def _differs_by_day(self, example: Example) -> bool:
        rows = self.context.rows(example.other.rows)
        today, later = (
            self.context.harness.calls(rows, [[0]], clock=CLOCK_S + days * DAY_S, runs=True)[0][0] for days in (0, DAYS)
        )
        return self._differ(example, today, later)

    # ---- on the real paths

    def _differs_by_format(self, example: Example) -> bool:
        first, *others = (outputs[0] for outputs in self.paths.in_wire_formats(example.other.rows).values())
        return any(self._differ(example, first, other) for other in others)

    def _shrunk_on_paths(self, example: Example) -> tuple[Example, tuple[str, ...]]:
        """Give columns that do not matter a default; one job tries them one by one, a second job all of them."""
        schema, row = self.context.inputs, example.other.row
        names = schema.names
        differ = self._differ_alone(example, [at_default(row, schema, [name]) for name in names])
        idle = [name for name, still in zip(names, differ, strict=True) if still]
        smaller = at_default(row, schema, idle)
        if not idle or self._differ_alone(example, [smaller]) != [True]:
            return example, names
        condition = replace(example.other, rows=(smaller,), target=0)
        return replace(example, reference=condition, other=condition), tuple(name for name in names if name not in idle)

    def _differ_alone(self, example: Example, rows: Sequence[InputRow]) -> list[bool]:
        """Whether the two paths differ, for each row alone."""
        offline = self.paths.offline(rows, batch_rows=1)
        online = [answer[0] for answer in self.paths.online([[row] for row in rows])]
        return [self._differ(example, left, right) for left, right in zip(offline, online, strict=True)]

    def _seen(self, example: Example, observation: Observation) -> tuple[Seen, ...] | None:
        """The predictions of the row that show the difference; None if the real paths do not show it."""
        plain = example.reference.variation == PINNED and example.other.variation == PINNED
        if observation.check is Check.CLOCK:
            return self._seen_on_another_day(example)
        if observation.check is Check.FORMS:
            return self._seen_in_formats(example)
        if observation.check is Check.EXPECTED:
            return self._seen_in_the_notebook(example, observation)
        if not example.other.rows:
            return self._seen_empty()
        if not plain or example.other.perturbation.kind or example.other.threads > 1:
            return self._seen_varied(example)
        if example.other.before or observation.check is Check.REPEAT:
            return self._seen_again(example) or self._seen_in_a_fresh_process(example)
        return self._seen_together(example)

    def _seen_together(self, example: Example) -> tuple[Seen, ...] | None:
        reference, other = example.reference, example.other
        offline = self.paths.offline(other.rows)[other.target]
        offline_alone = self.paths.offline(reference.rows)[reference.target]
        online_calls = self.paths.online([other.rows, reference.rows])
        online, alone = online_calls[0][other.target], online_calls[1][reference.target]
        found = {
            f"offline, {_words(other)}": offline,
            f"offline, {_words(reference)}": offline_alone,
            f"online, {_words(other)}": online,
            f"online, {_words(reference)}": alone,
        }
        pairs = ((offline, alone), (offline, online), (online, alone), (online, offline_alone))
        if not any(self._differ(example, left, right) for left, right in pairs):
            return None
        return self._as_seen(example, found)

    def _seen_again(self, example: Example) -> tuple[Seen, ...] | None:
        """State: the same request before and after the calls that change it, and the same rows offline."""
        before = list(example.other.before) or [example.other.rows]
        answers = self.paths.online([example.reference.rows, *before, example.other.rows])
        first, last = answers[0][example.reference.target], answers[-1][example.other.target]
        offline = self.paths.offline(example.other.rows)[example.other.target]
        if not any(self._differ(example, a, b) for a, b in ((first, last), (offline, first), (offline, last))):
            return None
        return self._as_seen(example, {"online": first, f"online, {len(before)} calls later": last, "offline": offline})

    def _seen_in_a_fresh_process(self, example: Example) -> tuple[Seen, ...] | None:
        """State that the running servers no longer have: a process that got other rows first."""
        with ConditionRunner(self.context) as runner:
            return self._seen_beside(
                example, example.other, "a process that got other rows first", runner.output(example.other)
            )

    def _seen_on_another_day(self, example: Example) -> tuple[Seen, ...] | None:
        """Both paths today, and a process with a different date."""
        then = self.context.harness.calls(self.context.rows(example.other.rows), [[0]], clock=CLOCK_S, runs=True)[0][0]
        day = f"{datetime.fromtimestamp(CLOCK_S, UTC):%Y-%m-%d}"
        return self._seen_beside(example, example.other, f"a process on {day}", then)

    def _seen_in_formats(self, example: Example) -> tuple[Seen, ...] | None:
        """The same row in every wire format."""
        found = {form: outputs[0] for form, outputs in self.paths.in_wire_formats([example.other.row]).items()}
        first, *others = found.values()
        if not any(self._differ(example, first, other) for other in others):
            return None
        return self._as_seen(example, {f"online, as {form}": output for form, output in found.items()})

    def _seen_in_the_notebook(self, example: Example, observation: Observation) -> tuple[Seen, ...] | None:
        """The row on both paths, and what the notebook predicted for it; the notebook is not run again."""
        where = f"in the notebook ({observation.message})"
        return self._seen_beside(example, example.reference, where, observation.outputs[0][1])

    def _seen_varied(self, example: Example) -> tuple[Seen, ...] | None:
        """Environment: both paths as they are, and a new process whose environment differs in one thing."""
        with ConditionRunner(self.context) as runner:
            varied = self._among_threads(example) if example.other.threads > 1 else runner.output(example.other)
        threads = f"{example.other.threads} threads" if example.other.threads > 1 else ""
        name = example.other.variation.name or threads or str(example.other.perturbation)
        return self._seen_beside(example, example.reference, f"a process with {name}", varied)

    def _seen_beside(self, example: Example, asked: Condition, where: str, varied: Output) -> tuple[Seen, ...] | None:
        """Both paths as they are, and a process with a variation; None if neither path differs from it."""
        rows, target = asked.rows, asked.target
        offline, online = self.paths.offline(rows)[target], self.paths.online([rows])[0][target]
        if not (self._differ(example, offline, varied) or self._differ(example, online, varied)):
            return None
        return self._as_seen(example, {"offline": offline, "online": online, where: varied})

    def _among_threads(self, example: Example) -> Output:
        """The output of the row while others are predicted in the same process; of several tries one that differs."""
        row, (others,) = example.reference.row, example.other.before
        groups = [group for other in others for group in ([row], [other])] * TRIES
        with self.context.harnesses.start() as fresh:
            answers = calls(fresh, self.context.inputs, groups, threads=example.other.threads)[::2]
        expected = self.context.calls([[row]])[0][0]
        outputs = [answer[0] for answer in answers]
        return next((each for each in outputs if self._differ(example, expected, each)), outputs[0])

    def _seen_empty(self) -> tuple[Seen, ...] | None:
        (online,) = self.paths.online([()])
        offline = self.paths.offline([])
        if not (online and isinstance(online[0], Refusal)) or offline:
            return None
        return Seen("offline, no rows", {"": "an empty table"}), Seen("online, no rows", error=online[0].message)

    def _differ(self, example: Example, left: Output, right: Output) -> bool:
        return self.context.differ_in(example.output, left, right)

    def _as_seen(self, example: Example, found: dict[str, Output]) -> tuple[Seen, ...]:
        return tuple(_seen_as(where, output, example.output) for where, output in found.items())

    # ---- the result

    def _counterexample(self, example: Example, columns: tuple[str, ...], seen: tuple[Seen, ...]) -> Counterexample:
        rows = example.other.rows
        shown = rows or ()
        others = [name for name in self.context.inputs.names if name not in columns]
        defaults = {name: _text_of(shown[example.other.target].values[name]) for name in others} if shown else {}
        texts = tuple(tuple(_text_of(row.values[name]) for name in columns) for row in shown)
        return Counterexample(
            columns, texts, example.other.target, defaults, seen, snippet(self.model_id, example, seen)
        )


def _alone(example: Example) -> Example | None:
    """The same example with the row alone under both conditions; None if their numbers of rows differ, or are one."""
    if len(example.reference.rows) != len(example.other.rows) or len(example.other.rows) == 1:
        return None
    row = example.other.row
    before = tuple((row,) if row in call else call[:1] for call in example.other.before)
    alone = replace(example.other, rows=(row,), target=0, before=before)
    return replace(example, reference=replace(example.reference, rows=(row,), target=0), other=alone)


def _words(condition: Condition) -> str:
    return "alone" if len(condition.rows) == 1 else f"together ({len(condition.rows)} rows)"


def _seen_as(where: str, output: Output, column: str) -> Seen:
    if isinstance(output, Refusal):
        return Seen(where, error=output.message)
    names = [column] if column else list(output)
    return Seen(where, {name: _text_of(output[name]) for name in names})


def _text_of(value: Cell) -> str | None:
    if value is None:
        return None
    text = repr(value)
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"

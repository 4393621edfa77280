"""Checks of the process: the same calls in new processes in which one setting of the environment differs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from pyml.errors import PackageError
from pyml.harness.session_messages import LoadReport
from pyml.pinned_environment import THREAD_VARIABLES
from pyml_sandbox.models.model_session import NoAnswerError
from pyml_sandbox.parity.checks.baseline import MAX_EXAMPLES, no_difference, one_row
from pyml_sandbox.parity.context.check_context import CheckContext
from pyml_sandbox.parity.harness_process import HarnessProcess, Output, Variation, refusal_in
from pyml_sandbox.parity.observations.catalogue import Check, report_name
from pyml_sandbox.parity.observations.observation import Condition, Example, Observation
from pyml_sandbox.parity.rows.synthetic import InputRow, fixture_rows

if TYPE_CHECKING:
    import pyarrow as pa

MAX_VARIABLES = 6
SIDE_BY_SIDE = 2
HASH_SEEDS = 3

FRESH = Variation("a fresh process")
Varied = tuple[Check, str]
"""A check, and the environment variable of `Check.VARIABLE`."""
STANDARD: dict[Varied, tuple[Variation, ...]] = {
    (Check.FRESH, ""): (FRESH,),
    (Check.HASH_SEED, ""): tuple(Variation.variable("PYTHONHASHSEED", str(seed + 1)) for seed in range(HASH_SEEDS)),
    (Check.TIME_ZONE, ""): (Variation.variable("TZ", "America/New_York"), Variation.variable("TZ", "Asia/Kathmandu")),
    (Check.THREADS, ""): (Variation("4 threads", tuple((name, "4") for name in THREAD_VARIABLES)),),
    (Check.LOCALE, ""): (
        # Python itself keeps UTF-8 as text encoding here: reading a file with the default encoding is not a fault.
        Variation("LC_ALL=C", (("LC_ALL", "C"), ("LANG", "C"))),
        Variation("LC_ALL=de_DE.UTF-8", (("LC_ALL", "de_DE.UTF-8"), ("LANG", "de_DE.UTF-8"))),
    ),
    (Check.WORKING_DIRECTORY, ""): (Variation("a different working directory", elsewhere=True),),
    (Check.CPUS, ""): (Variation("1 CPU", cpus=1), Variation("64 CPUs", cpus=64)),
    (Check.UMASK, ""): (Variation("umask 077", umask="077"),),
}
FILLS = ("165", "90", "36")
"""Values of MALLOC_PERTURB_, with which the C library fills memory that a process gets, and that it gives back."""
OFTEN = 4
"""How many times as many rows must differ with the filling of memory as differ by chance."""


@dataclass(frozen=True)
class EnvironmentChecks:
    """The checks of the process and its environment.

    Attributes:
        context: rows, and a way to start harnesses.
        is_steady: earlier calls do not change outputs, so later outputs can be compared with those of a new process.
    """

    context: CheckContext
    is_steady: bool = True

    def observations(self) -> list[Observation]:
        """All observations of these checks.

        First all settings are varied at once, in a few processes. Only if outputs differ there, or the model cannot be
        loaded, one setting is varied at a time.
        """
        expected = [*self.context.first, *(output for _, output in self._alone)]
        variations, record = _variations(self.context), self.context.record
        asked = len(self._alone or self.context.fixture)
        with record.making({report_name(*varied): asked for varied in variations}) as seen:
            silent = all(
                not isinstance(answer, str) and not self._positions(expected, answer)
                for _, answer in self._side_by_side(_all_at_once(variations))
            )
            seen += [] if silent else self._one_by_one(variations, expected)
        with record.making({Check.VERSIONS: 0, Check.TRAINING_SWITCH: 0}) as loading:
            loading += _of_loading(self.context.harness.load_report, self._any_example())
        return [*seen, *loading]

    def of_memory(self) -> list[Observation]:
        """Two new processes whose memory is filled differently, and the same first call of many rows in each. Blocks.

        What differs in a further process, whose memory is filled as in one of them, differs by chance. It is made if
        something differs, since two processes that differ in this way need no further cause. Arrays of few rows come
        from memory that NumPy keeps, so the call has many.

        Raises:
            NoAnswerError: the model ended its Python process, or is too slow.
        """
        rows = self.context.full_batch
        with self.context.record.making({Check.MEMORY: rows.num_rows}) as seen:
            variations = [Variation.variable("MALLOC_PERTURB_", fill) for fill in FILLS[:2]]
            try:
                calls = [[self._first_call(rows, variation)] for variation in variations]
                found = self._by_memory(*calls)
                for variation, outputs in zip(variations, calls, strict=True):
                    if found:
                        outputs.append(self._first_call(rows, variation))
                        found = self._by_memory(*calls)
            except NoAnswerError:
                raise
            except PackageError:  # the checks of the environment say it
                return []
            input_rows = tuple(fixture_rows(rows))
            for name, positions in found.items():
                sides = [Condition(input_rows, positions[0], variation=variation) for variation in variations]
                odds = len(positions), len(input_rows)
                seen.append(Observation(Check.MEMORY, name, (Example(name, *sides),), rows=len(positions), odds=odds))
        return seen

    def _by_memory(self, left: Sequence[list[Output]], right: Sequence[list[Output]]) -> dict[str, list[int]]:
        """The rows that differ with the filling of memory, by output column; none if about as many differ by chance.

        A value that is drawn among few is often the same by chance where memory is filled equally.

        Args:
            left: the outputs in each process whose memory is filled in one way.
            right: likewise in the second way.
        """
        found: dict[str, list[int]] = {}
        by_chance: Counter[str] = Counter()
        for position, sides in enumerate(zip(zip(*left, strict=True), zip(*right, strict=True), strict=True)):
            differing = self.context.differing
            chance = {name for first, *others in sides for other in others for name in differing(first, other)}
            by_chance.update(chance)
            for name in set(differing(sides[0][0], sides[1][0])) - chance:
                found.setdefault(name, []).append(position)
        return {name: rows for name, rows in found.items() if len(rows) > OFTEN * by_chance[name]}

    def _first_call(self, rows: pa.RecordBatch, variation: Variation) -> list[Output]:
        with self.context.harnesses.start(variation) as harness:
            return harness.calls(rows, [range(rows.num_rows)])[0]

    @cached_property
    def _alone(self) -> list[tuple[InputRow, Output]]:
        """The rows that each process predicts alone, with their outputs here; none if earlier calls change outputs."""
        return self.context.alone_again(HASH_SEEDS) if self.is_steady else []

    def _one_by_one(
        self, variations: Mapping[Varied, tuple[Variation, ...]], expected: Sequence[Output]
    ) -> Iterable[Observation]:
        """The observations with one setting varied at a time; the first one of each output."""
        names = [varied for varied, several in variations.items() for _ in several]
        answers = self._side_by_side([each for several in variations.values() for each in several])
        found: dict[tuple[Varied, str], Observation] = {}
        for varied, (variation, answer) in zip(names, answers, strict=True):
            for observation in self._compared(varied, variation, expected, answer):
                found.setdefault((varied, observation.output), observation)
        differing = [self._positions(expected, answer) for _, answer in answers if not isinstance(answer, str)]
        return [
            replace(each, odds=(sum(each.output in names for names in differing), len(differing)))
            if each.check is Check.FRESH
            else each
            for each in found.values()
        ]

    def _side_by_side(self, variations: Sequence[Variation]) -> list[tuple[Variation, list[Output] | str]]:
        answers: list[list[Output] | str] = []
        record = self.context.record
        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            for answer in pool.map(self._answers, variations):
                answers.append(answer)
                record.on_progress(f"{record.named_under_way}: process {len(answers)} of {len(variations)}")
        return list(zip(variations, answers, strict=True))

    def _answers(self, variation: Variation) -> list[Output] | str:
        """The outputs in a process with the variation, or why the model cannot be loaded there.

        Raises:
            NoAnswerError: the model ended its Python process, or is too slow; that is not a difference.
        """
        try:
            with self.context.kept.taken_or_started(self.context.harnesses, variation) as harness:
                return self._answers_of(harness)
        except NoAnswerError:
            raise
        except PackageError as error:
            return str(error)

    def _answers_of(self, harness: HarnessProcess) -> list[Output]:
        together = harness.together(self.context.rows(self.context.fixture))
        if not self.is_steady:
            return together
        return [*together, *harness.alone(self.context.rows([row for row, _ in self._alone]))]

    def _compared(
        self, varied: Varied, variation: Variation, expected: Sequence[Output], answer: list[Output] | str
    ) -> Iterator[Observation]:
        check, variable = varied
        if isinstance(answer, str):
            row = self.context.fixture[0]
            example = Example("", one_row(row), Condition((row,), variation=variation))
            yield Observation(check, "", (example,), message=answer, variable=variable)
            return
        fixture = self.context.fixture
        conditions = [Condition(tuple(fixture), position) for position in range(len(fixture))]
        conditions += [one_row(row) for row, _ in self._alone]
        for name, found in self._positions(expected, answer).items():
            alone = [position for position in found if position >= len(fixture)] or found
            shown = [conditions[position] for position in alone[:MAX_EXAMPLES]]
            examples = tuple(
                Example(name, each, Condition(each.rows, each.target, variation=variation)) for each in shown
            )
            message = refusal_in(answer[alone[0]])
            yield Observation(check, name, examples, rows=len(alone), message=message, variable=variable)

    def _positions(self, expected: Sequence[Output], answer: Sequence[Output]) -> dict[str, list[int]]:
        """The positions of the outputs that differ, by output column."""
        positions: dict[str, list[int]] = {}
        for position, (left, right) in enumerate(zip(expected, answer, strict=True)):
            for name in self.context.differing(left, right):
                positions.setdefault(name, []).append(position)
        return positions

    def _any_example(self) -> Example:
        row = self.context.fixture[0]
        return no_difference(row)


def _of_loading(load_report: LoadReport, example: Example) -> Iterator[Observation]:
    """Observations from loading the model: its warnings, and whether it is in training mode."""
    versions = [text for text in load_report.warnings if _speaks_of_versions(text)]
    if versions:
        yield Observation(Check.VERSIONS, "", (example,), message=versions[0].partition(": ")[2])
    if load_report.training:
        yield Observation(Check.TRAINING_SWITCH, "", (example,))


def _speaks_of_versions(warning: str) -> bool:
    """Whether a library warns that a different version of it wrote the parameters."""
    kind, _, text = warning.partition(": ")
    if kind in ("FutureWarning", "DeprecationWarning", "PendingDeprecationWarning"):
        return False
    return "Version" in kind or ("version" in text.lower() and any(word in text.lower() for word in _WRITTEN))


_WRITTEN = ("unpickle", "pickle", "serialized", "saved", "older", "loading a")
_PINNED_NAMES = {"PYTHONHASHSEED", "TZ", "LANG", "LC_ALL", "MALLOC_PERTURB_", "PYTHON_CPU_COUNT", *THREAD_VARIABLES}


def variation_for_state(context: CheckContext) -> Variation | None:
    """The first of the variations with all settings at once: its process may answer the checks of state before.

    Returns:
        None if the model's own code reads environment variables: what they switch may be the state itself.
    """
    variations = _variations(context)
    return _all_at_once(variations)[0] if variations == STANDARD else None


def _variations(context: CheckContext) -> dict[Varied, tuple[Variation, ...]]:
    """The standard variations, and one for each variable that the model's own code reads."""
    asked = sorted(context.harness.variables - _PINNED_NAMES)[:MAX_VARIABLES]
    return {**STANDARD, **{(Check.VARIABLE, name): _other_values(name) for name in asked}}


def _all_at_once(variations: Mapping[Varied, tuple[Variation, ...]]) -> list[Variation]:
    """A few variations, each with one of every kind; several hash seeds, since small sets often have equal order.

    The first keeps the working directory, in which a model may keep state.
    """
    several = []
    for number in range(HASH_SEEDS):
        chosen = [each[number % len(each)] for each in variations.values()]
        settings = {name: value for variation in chosen for name, value in variation.set}
        settings["PYTHONHASHSEED"] = str(number + 1)
        settings["MALLOC_PERTURB_"] = FILLS[number]
        unset = tuple(name for variation in chosen for name in variation.unset)
        cpus, umask = max(each.cpus for each in chosen), max(each.umask for each in chosen)
        name = f"all at once, {number + 1}"
        several.append(Variation(name, tuple(settings.items()), unset, number > 0, cpus, umask))
    return several


def _other_values(name: str) -> tuple[Variation, ...]:
    """Two different values, and no value."""
    return Variation.variable(name, "1"), Variation.variable(name, "other"), Variation(f"{name} unset", unset=(name,))

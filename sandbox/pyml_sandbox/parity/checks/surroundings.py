"""Checks of the process: fresh ones in which one thing of the environment is another, answering the same questions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pyml.errors import PackageError
from pyml.harness.session_messages import LoadReport
from pyml_sandbox.models.model_session import NoAnswerError
from pyml_sandbox.parity.checks.baseline import MAX_CASES, no_difference, one_row
from pyml_sandbox.parity.context.check_context import CheckContext
from pyml_sandbox.parity.harness_process import HarnessProcess, Output, Variation, refusal_in
from pyml_sandbox.parity.observations.catalogue import Check, report_name
from pyml_sandbox.parity.observations.observation import Condition, Example, Observation

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
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
        # Text stays UTF-8, as Python itself sees to it there: a file that is read as such is no fault of a model.
        Variation("LC_ALL=C", (("LC_ALL", "C"), ("LANG", "C"))),
        Variation("LC_ALL=de_DE.UTF-8", (("LC_ALL", "de_DE.UTF-8"), ("LANG", "de_DE.UTF-8"))),
    ),
    (Check.WORKING_DIRECTORY, ""): (Variation("another working directory", elsewhere=True),),
}


@dataclass(frozen=True)
class SurroundingsChecks:
    """The checks of process and environment.

    Attributes:
        context: rows, and a way to start harnesses.
        is_steady: earlier calls change no answer, so that answers to later calls can be held against a fresh process.
    """

    context: CheckContext
    is_steady: bool = True

    def observations(self) -> list[Observation]:
        """Everything that these checks see.

        All things are varied at once first, in a few processes: only a model that answers otherwise there, or cannot be
        loaded, is asked again with one thing varied at a time.
        """
        expected = [*self.context.first, *(self.context.alone if self.is_steady else [])]
        variations, record = self._variations(), self.context.record
        asked = len(self.context.everything if self.is_steady else self.context.fixture)
        with record.making({report_name(*varied): asked for varied in variations}) as seen:
            silent = all(
                not isinstance(answer, str) and not self._places(expected, answer)
                for _, answer in self._side_by_side(_all_at_once(variations))
            )
            seen += [] if silent else self._one_by_one(variations, expected)
        with record.making({Check.VERSIONS: 0, Check.TRAINING_SWITCH: 0}) as loading:
            loading += _of_loading(self.context.harness.load_report, self._any_case())
        return [*seen, *loading]

    def _one_by_one(
        self, variations: Mapping[Varied, tuple[Variation, ...]], expected: Sequence[Output]
    ) -> Iterable[Observation]:
        """What each thing makes, varied alone; of each output the first."""
        names = [varied for varied, several in variations.items() for _ in several]
        answers = self._side_by_side([each for several in variations.values() for each in several])
        found: dict[tuple[Varied, str], Observation] = {}
        for varied, (variation, answer) in zip(names, answers, strict=True):
            for observation in self._compared(varied, variation, expected, answer):
                found.setdefault((varied, observation.output), observation)
        return found.values()

    def _side_by_side(self, variations: Sequence[Variation]) -> list[tuple[Variation, list[Output] | str]]:
        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            return list(zip(variations, pool.map(self._answers, variations), strict=True))

    def _variations(self) -> dict[Varied, tuple[Variation, ...]]:
        """The standard ones, and each variable that the model's own code asks for."""
        asked = sorted(self.context.harness.variables - _PINNED_NAMES)[:MAX_VARIABLES]
        return {**STANDARD, **{(Check.VARIABLE, name): _other_values(name) for name in asked}}

    def _answers(self, variation: Variation) -> list[Output] | str:
        """The outputs there; or why the model cannot be loaded.

        Raises:
            NoAnswerError: it ended its Python, or is too slow: no answer of the model's, and so no difference.
        """
        try:
            with self.context.harnesses.start(variation) as harness:
                return self._answers_of(harness)
        except NoAnswerError:
            raise
        except PackageError as error:
            return str(error)

    def _answers_of(self, harness: HarnessProcess) -> list[Output]:
        together = harness.together(self.context.rows(self.context.fixture))
        if not self.is_steady:
            return together
        return [*together, *harness.alone(self.context.rows(self.context.everything))]

    def _compared(
        self, varied: Varied, variation: Variation, expected: Sequence[Output], answer: list[Output] | str
    ) -> Iterator[Observation]:
        check, variable = varied
        if isinstance(answer, str):
            row = self.context.fixture[0]
            case = Example("", one_row(row), Condition((row,), variation=variation))
            yield Observation(check, "", (case,), said=answer, variable=variable)
            return
        fixture = self.context.fixture
        conditions = [Condition(tuple(fixture), place) for place in range(len(fixture))]
        conditions += [one_row(row) for row in self.context.everything]
        for name, found in self._places(expected, answer).items():
            alone = [place for place in found if place >= len(fixture)] or found
            shown = [conditions[place] for place in alone[:MAX_CASES]]
            cases = tuple(Example(name, each, Condition(each.rows, each.target, variation=variation)) for each in shown)
            said = refusal_in(answer[alone[0]])
            yield Observation(check, name, cases, rows=len(alone), said=said, variable=variable)

    def _places(self, expected: Sequence[Output], answer: Sequence[Output]) -> dict[str, list[int]]:
        """Of each output column that differs, the numbers of the outputs that do."""
        places: dict[str, list[int]] = {}
        for place, (left, right) in enumerate(zip(expected, answer, strict=True)):
            for name in self.context.differing(left, right):
                places.setdefault(name, []).append(place)
        return places

    def _any_case(self) -> Example:
        row = self.context.fixture[0]
        return no_difference(row)


def _of_loading(load_report: LoadReport, case: Example) -> Iterator[Observation]:
    """What loading the model said about itself."""
    versions = [text for text in load_report.warnings if _speaks_of_versions(text)]
    if versions:
        yield Observation(Check.VERSIONS, "", (case,), said=versions[0].partition(": ")[2])
    if load_report.training:
        yield Observation(Check.TRAINING_SWITCH, "", (case,))


def _speaks_of_versions(warning: str) -> bool:
    """A library's warning that parameters were written by another version of it."""
    kind, _, text = warning.partition(": ")
    if kind in ("FutureWarning", "DeprecationWarning", "PendingDeprecationWarning"):
        return False
    return "Version" in kind or ("version" in text.lower() and any(word in text.lower() for word in _WRITTEN))


_WRITTEN = ("unpickle", "pickle", "serialized", "saved", "older", "loading a")
_PINNED_NAMES = {"PYTHONHASHSEED", "TZ", "LANG", "LC_ALL", *THREAD_VARIABLES}


def _all_at_once(variations: Mapping[Varied, tuple[Variation, ...]]) -> list[Variation]:
    """A few variations that each take one of every kind; hash seeds beyond those, since sets of two often agree."""
    several = []
    for number in range(HASH_SEEDS):
        chosen = [each[number % len(each)] for each in variations.values()]
        settings = {name: value for variation in chosen for name, value in variation.set}
        settings["PYTHONHASHSEED"] = str(number + 1)
        unset = tuple(name for variation in chosen for name in variation.unset)
        several.append(Variation(f"all at once, {number + 1}", tuple(settings.items()), unset, elsewhere=True))
    return several


def _other_values(name: str) -> tuple[Variation, ...]:
    """Another value, and none."""
    return Variation.variable(name, "1"), Variation.variable(name, "other"), Variation(f"{name} unset", unset=(name,))

"""Runs the conditions of an example in isolated processes, and says whether their outputs differ."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from pyml.errors import PackageError
from pyml.harness.session_messages import Refusal
from pyml_sandbox.models.model_session import NoAnswerError
from pyml_sandbox.parity.context.check_context import CheckContext, calls
from pyml_sandbox.parity.harness_process import PINNED, HarnessProcess, Output, Variation
from pyml_sandbox.parity.observations.observation import Condition, Example


@dataclass
class ConditionRunner:
    """Runs conditions in isolated processes, which are started when needed and then kept.

    To make an example smaller takes dozens of new processes. They are forks of one that was never called, where a fork
    is like a new process; an output that is printed is always that of a new one.

    Attributes:
        context: has the process with the pinned environment.
    """

    context: CheckContext
    _forking: dict[Variation, HarnessProcess | None] = field(default_factory=dict)
    _open: dict[Variation, HarnessProcess | PackageError] = field(default_factory=dict)
    _refusals: tuple[object, ...] | None = None
    _stack: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> ConditionRunner:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def is_fresh(self, example: Example) -> bool:
        """Whether each output needs a new process."""
        return bool(example.other.before)

    def differs(self, example: Example) -> bool:
        """Whether the outputs under the two conditions of an example differ, as those of the first example do.

        A refused call must be refused for the same reason as in the first example: a smaller input that the model
        refuses for a different reason shows a different fault.
        """
        if self.is_fresh(example):
            left, right = (self._in_new_process(each) for each in (example.reference, example.other))
        else:
            left, right = self.output(example.reference), self.output(example.other)
        refusals = tuple(_reason(output) for output in (left, right))
        self._refusals = self._refusals or refusals
        return refusals == self._refusals and self.context.differ_in(example.output, left, right)

    def output(self, condition: Condition) -> Output:
        """The output of a condition's row."""
        if condition.before:
            with self.context.harnesses.start(condition.variation) as harness:
                return self._after_earlier_calls(harness, condition)
        process_or_error = self._process(condition.variation)
        if isinstance(process_or_error, PackageError):
            return Refusal.of(process_or_error)
        return self._of(process_or_error, condition)

    def _in_new_process(self, condition: Condition) -> Output:
        with self._uncalled(condition.variation) as harness:
            return self._after_earlier_calls(harness, condition)

    @contextmanager
    def _uncalled(self, variation: Variation) -> Iterator[HarnessProcess]:
        """A process that has loaded the model and was never called: a fork where that is the same, else a new one."""
        if variation not in self._forking:
            self._forking[variation] = self._stack.enter_context(self.context.harnesses.start(variation))
        if (first := self._forking[variation]) is None:
            with self.context.harnesses.start(variation) as harness:
                yield harness
            return
        with first.forked() as fork:
            if fork is None:
                self._forking[variation] = None
            yield fork or first

    def _after_earlier_calls(self, harness: HarnessProcess, condition: Condition) -> Output:
        for call in condition.before:
            calls(harness, self.context.inputs, [call])
        return self._of(harness, condition)

    def _of(self, harness: HarnessProcess, condition: Condition) -> Output:
        answers = calls(harness, self.context.inputs, [condition.rows], condition.perturbation)
        return answers[0][condition.target]

    def _process(self, variation: Variation) -> HarnessProcess | PackageError:
        if variation == PINNED:
            return self.context.harness
        if variation not in self._open:
            try:
                self._open[variation] = self._stack.enter_context(self.context.harnesses.start(variation))
            except NoAnswerError:
                raise
            except PackageError as error:
                self._open[variation] = error
        return self._open[variation]


def _reason(output: Output) -> tuple[object, ...] | None:
    """Why a call was refused, without the values that its message names; None if it was not."""
    return (output.kind, output.codes) if isinstance(output, Refusal) else None

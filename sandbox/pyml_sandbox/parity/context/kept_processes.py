"""Isolated processes that one check leaves to a later one, since each takes seconds of imports to start."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from pyml_sandbox.parity.harness_process import HarnessProcess, HarnessProcesses, Variation


@dataclass
class KeptProcesses:
    """Processes that wait for their next check, by what varies in them."""

    _kept: dict[Variation, tuple[ExitStack, HarnessProcess]] = field(default_factory=dict)

    def start(self, harnesses: HarnessProcesses, variation: Variation) -> HarnessProcess:
        """Start a process and keep it. Blocks.

        Args:
            harnesses: starts it.
            variation: how its environment differs.

        Raises:
            PackageError: the model cannot be loaded under these conditions.
            NoAnswerError: the model ended its Python process, or is too slow.
        """
        with ExitStack() as stack:
            harness = stack.enter_context(harnesses.start(variation))
            self._kept[variation] = stack.pop_all(), harness
        return harness

    @contextmanager
    def taken_or_started(self, harnesses: HarnessProcesses, variation: Variation) -> Iterator[HarnessProcess]:
        """The process that is kept for a variation, or else a new one; it ends with the block.

        Args:
            harnesses: starts it, if none is kept.
            variation: how its environment differs.

        Raises:
            PackageError: as of `start`.
            NoAnswerError: as of `start`.
        """
        kept = self._kept.pop(variation, None)
        if kept is None:
            with harnesses.start(variation) as harness:
                yield harness
            return
        stack, harness = kept
        with stack:
            yield harness

    def end(self) -> None:
        """End all processes that are kept."""
        while self._kept:
            _, (stack, _) = self._kept.popitem()
            stack.close()

"""Watches Spark while a query waits for it: nothing waits without a word for what will not answer."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from pyml.error_code import ErrorCode
from pyml.errors import PymlError, SandboxError
from pyml_sandbox.services.spec import Probe

EVERY_S = 10.0
PATIENCE_S = 60.0
"""How long Spark may not answer: a service that was killed is back sooner, and the probe's own time is in it."""


@dataclass
class _Watch:
    """What the watching thread knows.

    Attributes:
        done: set once the block has ended.
        reason: why Spark was given up; empty while it was not.
    """

    done: threading.Event = field(default_factory=threading.Event)
    reason: str = ""

    def look(self, probe: Probe, give_up: Callable[[], None], every_s: float, patience_s: float) -> None:
        """Probe until the block has ended, or nothing answered for `patience_s` seconds."""
        since: float | None = None
        while not self.done.wait(every_s):
            begun = time.monotonic()
            try:
                probe(every_s)
            except PymlError as error:
                since = since or begun
                if time.monotonic() - since >= patience_s:
                    self.reason = error.message
                    give_up()
                    return
            else:
                since = None


@contextlib.contextmanager
def watched(
    probe: Probe,
    give_up: Callable[[], None],
    hint: str,
    every_s: float = EVERY_S,
    patience_s: float = PATIENCE_S,
) -> Iterator[None]:
    """Probe Spark every few seconds while a block runs; end the block if it does not answer for long.

    Args:
        probe: asks whether jobs can run.
        give_up: makes the block raise; called in a different thread.
        hint: the command that mends it.
        every_s: seconds between two probes, and the time limit of one.
        patience_s: seconds without an answer after which it is given up.

    Raises:
        SandboxError: it was given up; the block's own exception is the cause.
    """
    watch = _Watch()
    arguments = (probe, give_up, every_s, patience_s)
    threading.Thread(target=watch.look, args=arguments, name="pyml-spark-watch", daemon=True).start()
    try:
        yield
    except Exception as error:
        if watch.reason:
            message = f"Spark could not run the query for {patience_s:.0f} s, so it was given up: {watch.reason}"
            raise SandboxError(message, hint, ErrorCode.SPARK_GONE) from error
        raise
    finally:
        watch.done.set()

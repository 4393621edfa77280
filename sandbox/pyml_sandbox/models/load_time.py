"""How long a model may take to load: what is allowed follows how long its trial load took. Pure."""

from __future__ import annotations

from pyml.errors import PackageError, Problem

TRIAL_TIMEOUT_S = 900
"""Seconds that the trial load of a new version may take, before anything is known of the model."""
START_TIMEOUT_S = 120
"""Seconds that every later load may take in any case."""
PATIENCE = 5
"""A later load may take this many times as long as the trial: other services load beside it."""


def too_slow(timeout_s: float) -> PackageError:
    """The error of a trial load that was given up.

    Args:
        timeout_s: seconds that it took.
    """
    hint = "load less in model.py and in the constructor; what waits for a network or a lock there never ends"
    return PackageError("the model cannot be loaded", [Problem(f"loading it took longer than {timeout_s:g} s", hint)])


def start_timeout_s(trial_s: float) -> float:
    """Seconds that loading a model may take, where it is served or examined.

    Args:
        trial_s: seconds that its trial load took.
    """
    return START_TIMEOUT_S + PATIENCE * trial_s

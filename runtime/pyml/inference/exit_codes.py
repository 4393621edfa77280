"""What the exit code of a program that ran a model's code says, and what to do about it. Pure."""

from __future__ import annotations

import contextlib
import signal

_SIGNALLED = 128


def named_exit(code: int) -> str:
    """An exit code for messages, with the name of the signal if one ended the program.

    Args:
        code: as a waiting process gets it, negative for a signal; or as Docker has it, 128 plus the signal.
    """
    found = _signal_of(code)
    return f"exit code {code} ({found.name})" if found else f"exit code {code}"


def advice_on(code: int) -> str:
    """What to do about a model that ended Python.

    Args:
        code: as of `named_exit`.
    """
    found = _signal_of(code)
    if found is None:
        return "raise an error that says what is wrong instead of calling os._exit"
    if found is signal.SIGKILL:
        return "give it more memory, or load less: the system ends a program like this when memory is short"
    return "a library crashed below Python: try a different version of it in requirements.txt"


def _signal_of(code: int) -> signal.Signals | None:
    with contextlib.suppress(ValueError):
        return signal.Signals(-code if code < 0 else code - _SIGNALLED)
    return None

"""Threads of libraries that take their number from no variable: PyTorch's second pool, and sessions of ONNX Runtime.

The pinned environment has the number for all others (`pyml.pinned_environment`). Both paths load a model by the same
function, so that both have the same threads. A number that the model's own code chooses is left as it is.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import Any

NUMBER = "OMP_NUM_THREADS"
"""The variable whose number holds for these libraries, too."""
_HELD = "_pyml_holds_threads"


@contextmanager
def held_threads(environ: Mapping[str, str] = os.environ) -> Iterator[None]:
    """Give the number of threads to the libraries that `model.py` imported; its model is constructed in the block.

    Nothing is imported for it, and nothing happens where the environment has no number.

    Args:
        environ: environment variables.
    """
    number = environ.get(NUMBER, "")
    if not number.isdecimal() or int(number) < 1:
        yield
        return
    if (onnxruntime := sys.modules.get("onnxruntime")) is not None:
        _hold_sessions(onnxruntime, int(number))
    yield
    if (torch := sys.modules.get("torch")) is not None:
        _hold_torch(torch, int(number))


def _hold_torch(torch: ModuleType, number: int) -> None:
    """Set the number of threads between operations; that of one operation follows OMP_NUM_THREADS.

    PyTorch takes this number once, so that a model which sets it comes first.
    """
    try:
        torch.set_num_interop_threads(number)
    except (AttributeError, RuntimeError):  # a different module of this name; or it is set, or the pool runs
        return


def _hold_sessions(onnxruntime: ModuleType, number: int) -> None:
    """Have each new session take the number, unless its own options have one: 0 there means one for each core."""
    session: Any = getattr(onnxruntime, "InferenceSession", None)
    if session is None or hasattr(session, _HELD):
        return
    construct = session.__init__

    @functools.wraps(construct)
    def constructed(self: object, model: object, sess_options: Any = None, *args: object, **kwargs: object) -> None:
        options = onnxruntime.SessionOptions() if sess_options is None else sess_options
        for name in ("intra_op_num_threads", "inter_op_num_threads"):
            if getattr(options, name, None) == 0:
                setattr(options, name, number)
        construct(self, model, options, *args, **kwargs)

    session.__init__ = constructed
    setattr(session, _HELD, True)

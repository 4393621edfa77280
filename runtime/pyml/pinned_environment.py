"""The pinned environment in which a model runs: the same on both paths, by construction.

By default the paths differ: Spark sets `PYTHONHASHSEED=0` and one thread in its Python workers, an ordinary server sets
neither. Therefore one launcher script starts the model's Python on both paths.
"""

from __future__ import annotations

import shlex
from pathlib import Path

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)
"""Variables from which libraries take their number of threads: OpenMP (and PyTorch), BLAS, numexpr, TensorFlow."""
PINNED = {
    "PYTHONHASHSEED": "0",
    **dict.fromkeys(THREAD_VARIABLES, "1"),
    "TZ": "UTC",
    "LANG": "C.UTF-8",
    "LC_ALL": "C.UTF-8",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONNOUSERSITE": "1",
}


def launcher_script(python: Path, folder: Path) -> str:
    """A shell script that starts the model's Python in the pinned environment.

    Args:
        python: interpreter of the model's own environment.
        folder: folder of the model package, which becomes the working directory.

    Returns:
        The script, as a string; it passes its arguments to Python. With -P the working directory is no place to import
        from: a `grpc.py` of the package would else be found before grpc itself.
    """
    return _script("", shlex.quote(str(folder)), shlex.quote(str(python)))


def unpacked_launcher(python: str, folder: str) -> str:
    """The same script for an environment that was unpacked in the folder in which the script is started.

    Args:
        python: interpreter, as a path below that folder.
        folder: folder of the model package, as a path below it.
    """
    return _script("root=$(pwd) || exit 1\n", f'"$root"/{shlex.quote(folder)}', f'"$root"/{shlex.quote(python)}')


def _script(head: str, folder: str, python: str) -> str:
    settings = "\n".join(f"export {name}={shlex.quote(value)}" for name, value in PINNED.items())
    return f'#!/bin/sh\n{head}{settings}\ncd {folder} || exit 1\nexec {python} -P "$@"\n'

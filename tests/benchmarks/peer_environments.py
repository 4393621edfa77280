"""A virtual environment for each peer, made by uv in a cache folder."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

REQUIREMENTS = {
    "mlserver": ("mlserver==1.7.1", "pandas==3.1.1", "numpy==2.4.6"),
    "mlflow": ("mlflow==3.17.2", "pandas==3.1.1", "numpy==2.4.6"),
    "mosec": ("mosec==0.9.8", "pyarrow==26.0.1", "pandas==3.1.1", "numpy==2.4.6"),
    "fastapi": ("fastapi==0.165.0", "uvicorn[standard]==0.54.0", "orjson==3.13.0", "pandas==3.1.1", "numpy==2.4.6"),
    "kserve": ("kserve==0.21.0", "pandas==2.3.3", "numpy==2.4.6"),
    "spark_udf": ("mlflow==3.17.2", "pyspark[connect]==4.3.0", "pandas==3.1.1", "numpy==2.4.6"),
}
"""What is installed for each peer; kserve holds pandas back."""
INSTALL_S = 300


class UnavailablePeerError(Exception):
    """A peer does not install, does not start, or does not answer as the model does; says why in one line."""


def default_cache() -> Path:
    """Where environments are kept from one run to the next."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pyml-peers"


def environment_name(peer: str) -> str:
    """Name of a peer's environment: a different one for different requirements or a different Python."""
    what = "\n".join([sys.version, *REQUIREMENTS[peer]])
    return f"{peer}-{hashlib.sha256(what.encode()).hexdigest()[:10]}"


def peer_python(peer: str, cache: Path) -> Path:
    """The interpreter of a peer's environment, which is made if it is not there.

    Blocks for up to `INSTALL_S` seconds.

    Raises:
        UnavailablePeerError: it does not install in that time; with the last line that uv says.
    """
    folder = cache / environment_name(peer)
    python, complete = folder / "bin" / "python", folder / "complete"
    if not complete.exists():
        _uv("venv", "--quiet", "--clear", "--python", sys.executable, str(folder))
        _uv("pip", "install", "--quiet", "--python", str(python), *REQUIREMENTS[peer])
        complete.touch()
    return python


def last_line(text: str) -> str:
    """The last line that says anything, of what a program has written."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "it said nothing")


def _uv(*arguments: str) -> None:
    command = [str(Path(sys.executable).with_name("uv")), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=INSTALL_S)
    except subprocess.TimeoutExpired as error:
        raise UnavailablePeerError(f"not installed within {INSTALL_S} s") from error
    if done.returncode:
        raise UnavailablePeerError(last_line(done.stderr))

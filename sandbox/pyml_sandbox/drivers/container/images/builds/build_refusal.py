"""Whose fault it is when a model's image cannot be built: the package's, this machine's, or nobody's that is known."""

from __future__ import annotations

from pyml.errors import PackageError, Problem, PymlError, SetupError
from pyml_sandbox.drivers.container.images.builds.image_build import BuildError

PYTHON_STEP = "installing requirements.txt"
DEBIAN_STEP = "installing packages.txt"
"""What model.Dockerfile prints before it does either."""
OFFLINE_WORDS = (
    "failed to establish a new connection",
    "name resolution",
    "max retries exceeded",
    "connection broken by",
    "could not resolve",
    "could not connect",
    "temporary failure resolving",
    "network is unreachable",
)
COMPILER_WORDS = ("failed building wheel", "failed to build", "command 'gcc' failed", "subprocess-exited-with-error")
WAYS_OUT = "connect once, set a proxy, or give the wheels: --wheels DIR"
CHATTER = ("Requirement already satisfied", "Collecting ", "  Using cached", "  Downloading", "Looking in ")


def refusal(error: BuildError, with_lock: bool) -> PymlError:
    """The error for a build that failed.

    Args:
        error: what the builder said.
        with_lock: the versions of an earlier build were asked for.
    """
    step, _, rest = error.words.partition("\n")
    words = _telling(rest)
    if step not in (PYTHON_STEP, DEBIAN_STEP):
        return error
    file = step.removeprefix("installing ")
    if any(offline in words.lower() for offline in OFFLINE_WORDS):
        return SetupError(f"{file} could not be installed, since what it names cannot be reached:\n{words}", WAYS_OUT)
    together = " together with what pyml needs" if step == PYTHON_STEP else ""
    return PackageError(f"{file} cannot be installed{together}", [Problem(words, _hint(file, words, with_lock))])


def _telling(output: str) -> str:
    """What a person needs of an installer's output: from the first error on; where there is none, all but chatter."""
    lines = [line for line in output.splitlines() if not line.startswith(CHATTER) and line.strip()]
    first = next((n for n, line in enumerate(lines) if line.startswith(("ERROR", "E: ", "error", "WARNING: Retry"))), 0)
    return "\n".join(lines[first:])


def _hint(file: str, words: str, with_lock: bool) -> str:
    if any(compiler in words.lower() for compiler in COMPILER_WORDS):
        return "build its wheel elsewhere and give it: --wheels DIR, or name a compiler in packages.txt"
    return f"change {file}, which makes a new version" if with_lock else f"change {file}"

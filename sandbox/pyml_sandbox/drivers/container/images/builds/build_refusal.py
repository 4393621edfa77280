"""Tells from a failed image build whether the package or this machine is at fault."""

from __future__ import annotations

from pyml.errors import PackageError, Problem, PymlError, SetupError
from pyml_sandbox.drivers.container.images.builds.image_build import BuildError
from pyml_sandbox.drivers.unmet import heading

PYTHON_STEP = "installing requirements.txt"
DEBIAN_STEP = "installing packages.txt"
"""Lines that model.Dockerfile prints before these steps."""
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
WAYS_OUT = "connect to the package index once, set a proxy, or give the wheels: --wheels DIR"
NOISE = ("Requirement already satisfied", "Collecting ", "  Using cached", "  Downloading", "Looking in ")


def refusal(error: BuildError, with_lock: bool) -> PymlError:
    """The error for a build that failed.

    Args:
        error: of the builder.
        with_lock: whether the build asked for the versions of an earlier build.

    Returns:
        SetupError if an index or mirror cannot be reached, PackageError if the requirements cannot be installed; else
        the error itself.
    """
    step, _, rest = error.output.partition("\n")
    relevant = _relevant(rest)
    if step not in (PYTHON_STEP, DEBIAN_STEP):
        return error
    file = step.removeprefix("installing ")
    if any(offline in relevant.lower() for offline in OFFLINE_WORDS):
        message = f"{file} could not be installed, since an index or mirror cannot be reached:\n{relevant}"
        return SetupError(message, WAYS_OUT)
    why = heading(file, relevant, beside_ours=step == PYTHON_STEP)
    return PackageError(why, [Problem(relevant, _hint(file, relevant, with_lock))])


def _relevant(output: str) -> str:
    """The relevant lines of an installer's output: from the first error on; without one, all but its progress."""
    lines = [line for line in output.splitlines() if not line.startswith(NOISE) and line.strip()]
    first = next((n for n, line in enumerate(lines) if line.startswith(("ERROR", "E: ", "error", "WARNING: Retry"))), 0)
    return "\n".join(lines[first:])


def _hint(file: str, output: str, with_lock: bool) -> str:
    if any(compiler in output.lower() for compiler in COMPILER_WORDS):
        return "build the wheel elsewhere and give it: --wheels DIR, or name a compiler in packages.txt"
    return f"change {file}, which makes a new version" if with_lock else f"change {file}"

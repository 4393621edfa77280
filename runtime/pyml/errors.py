"""Every error that pyml raises on purpose: what was expected, what was found, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


class PymlError(Exception):
    """Base of all errors raised by pyml.

    Attributes:
        message: what was expected and what was found, in one or a few lines.
        hint: the command or edit that mends it; empty where nothing can be advised.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  fix: {self.hint}" if self.hint else self.message


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, and how to mend it."""

    message: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.message}\n      fix: {self.hint}" if self.hint else self.message


class ProblemsError(PymlError):
    """Several problems found in one pass, all reported at once."""

    def __init__(self, summary: str, problems: Sequence[Problem]) -> None:
        self.summary = summary
        self.problems = tuple(problems)
        super().__init__("\n".join([summary, *(f"  - {problem}" for problem in self.problems)]))

    def __reduce__(self) -> tuple[type[ProblemsError], tuple[str, tuple[Problem, ...]]]:
        return type(self), (self.summary, self.problems)


class SchemaError(PymlError):
    """A declared schema cannot be read, or names a type that pyml does not carry."""


class PackageError(ProblemsError):
    """A model package is incomplete or cannot be loaded."""


class SettingsError(ProblemsError):
    """`pyml.toml` holds an unknown key or a value of the wrong type."""


class InputError(ProblemsError):
    """Rows do not fit the model's declared inputs."""


class OutputError(ProblemsError):
    """What `predict` returned does not fit the model's declared outputs."""


class PredictError(PymlError):
    """The model's own code raised; the message carries its words and the line."""


class UsageError(PymlError):
    """The command or call was given arguments that make no sense together."""

    exit_code = 2


class SetupError(PymlError):
    """This machine lacks something that the sandbox needs: Java, a free port, disk, a Docker engine."""

    exit_code = 3


class SandboxError(PymlError):
    """A service of the sandbox is not running, or failed to start or to answer."""

    exit_code = 3


class ServiceFailedError(SandboxError):
    """A service was started and did not become ready; the message shows its exit code and last log lines."""

    exit_code = 1

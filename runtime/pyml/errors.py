"""Every error that pyml raises on purpose: what was expected, what was found, and how to fix it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from pyml.error_code import ErrorCode


class PymlError(Exception):
    """Base of all errors raised by pyml.

    Attributes:
        message: what was expected and what was found, in one or a few lines.
        hint: the command or edit that fixes it; empty if there is no advice.
        codes: what went wrong, for programs, most important first; the code of the class if none is given.
        exit_code: of a command that ends with this error; docs/reference/errors.md has the table.
    """

    exit_code: int = 1
    general_code: ClassVar[ErrorCode] = ErrorCode.ERROR

    def __init__(self, message: str, hint: str = "", *codes: ErrorCode) -> None:
        super().__init__(message, hint)
        self.message = message
        self.hint = hint
        self.codes = tuple(dict.fromkeys(codes)) or (self.general_code,)

    def __str__(self) -> str:
        return with_hint(self.message, self.hint)

    @property
    def code(self) -> ErrorCode:
        """What went wrong, for programs."""
        return self.codes[0]


def with_hint(message: str, hint: str) -> str:
    """A message and its hint in one string, for people."""
    return f"{message}\n  {_FIX}{hint}" if hint else message


def without_hints(text: str) -> str:
    """The lines of an error message that say what is wrong, without those that say how to fix it."""
    return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith(_FIX))


_FIX = "fix: "


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, and how to fix it.

    Attributes:
        message: what was expected and what was found.
        hint: the command or edit that fixes it; empty if there is no advice.
        code: what is wrong, for programs; None if the code of the enclosing error is specific enough.
    """

    message: str
    hint: str = ""
    code: ErrorCode | None = None

    def __str__(self) -> str:
        return f"{self.message}\n      {_FIX}{self.hint}" if self.hint else self.message


class ProblemsError(PymlError):
    """Several problems found in one pass, all reported at once."""

    def __init__(self, summary: str, problems: Sequence[Problem]) -> None:
        self.summary = summary
        self.problems = tuple(problems)
        codes = [problem.code or self.general_code for problem in self.problems]
        super().__init__("\n".join([summary, *(f"  - {problem}" for problem in self.problems)]), "", *codes)

    def __reduce__(self) -> tuple[type[ProblemsError], tuple[str, tuple[Problem, ...]]]:
        return type(self), (self.summary, self.problems)


class SchemaError(PymlError):
    """A declared schema cannot be parsed, or names a type that pyml does not support."""

    general_code = ErrorCode.SCHEMA


class PackageError(ProblemsError):
    """A model package is incomplete or cannot be loaded."""

    general_code = ErrorCode.PACKAGE


class SettingsError(ProblemsError):
    """`pyml.toml` holds an unknown key or a value of the wrong type."""

    general_code = ErrorCode.SETTINGS


class InputError(ProblemsError):
    """Rows do not fit the model's declared inputs."""

    general_code = ErrorCode.INPUT
    exit_code = 2


class OutputError(ProblemsError):
    """The predictions do not fit the model's declared outputs."""

    general_code = ErrorCode.OUTPUT


class PredictError(PymlError):
    """The model's own code raised an exception; the message quotes it and names the line."""

    general_code = ErrorCode.PREDICT_RAISED


class ProofError(PymlError):
    """The proof of an image is missing, damaged, not trusted, or does not say what is asked for."""

    general_code = ErrorCode.PROOF


class RegistryError(PymlError):
    """A container registry does not answer, or refuses."""

    general_code = ErrorCode.REGISTRY
    exit_code = 3


class UsageError(PymlError):
    """The arguments of a command or call are invalid or contradict one another."""

    general_code = ErrorCode.USAGE
    exit_code = 2


class SetupError(PymlError):
    """This machine lacks something that the sandbox needs: Java, a free port, disk, a Docker engine."""

    general_code = ErrorCode.SETUP
    exit_code = 3


class SandboxError(PymlError):
    """A service of the sandbox is not running, or failed to start or to answer."""

    general_code = ErrorCode.SANDBOX
    exit_code = 3


class ServiceFailedError(SandboxError):
    """A service was started but did not become ready; the message shows its exit code and last log lines."""

    general_code = ErrorCode.SERVICE_FAILED
    exit_code = 1

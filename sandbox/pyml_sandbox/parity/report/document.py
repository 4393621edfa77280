"""The report of a parity check as data, and its JSON document."""

from __future__ import annotations

import reprlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Annotated, Literal, TypeVar

from pydantic import Field, TypeAdapter, ValidationError, computed_field

from pyml.errors import PymlError, UsageError
from pyml_sandbox.compare.comparison_json import json_of
from pyml_sandbox.compare.result import ColumnComparison, Comparison
from pyml_sandbox.compare.tolerance import Tolerances
from pyml_sandbox.parity.verdict import (
    CheckResult,
    Decision,
    Finding,
    NoiseFloor,
    Notebook,
    PathFailure,
    Undone,
    Verdict,
)
from pyml_sandbox.workspace.events import JSON

T = TypeVar("T")
SCHEMA: Literal["pyml.parity-report/3"] = "pyml.parity-report/3"
WRITE_ANEW = "write it again with pyml parity-check --json"


@dataclass(frozen=True)
class StepTime:
    """How long one step took.

    Attributes:
        name: freeze, notebook, offline, online, requests, compare or judge; or a phase of the search for differences:
            find, shrink, explain or confirm.
        seconds: wall-clock time.
        detail: what it did, such as `336,776 rows`.
        beside_s: how much of that time it ran beside the steps before it, in seconds.
    """

    name: str
    seconds: float
    detail: str = ""
    beside_s: float = 0.0


@dataclass(frozen=True)
class Points:
    """One number column on both paths, for a plot: some rows, those that differ first.

    Attributes:
        column: output column.
        offline: its values offline; None for a value that is not a finite number.
        online: the values of the same rows online.
    """

    column: str
    offline: tuple[float | None, ...]
    online: tuple[float | None, ...]


@dataclass(frozen=True, kw_only=True)
class ReportFacts:
    """The model, the settings and the measurements of a check.

    Attributes:
        model: model id, name@version.
        sandbox: name of the sandbox in which both paths ran.
        driver: how its services ran.
        rows: number of rows that both paths predicted.
        fixture_digest: digest of the rows of the snapshot, `sha256:…`; equal digests mean equal rows.
        tolerances: how far floats were allowed to differ.
        steps: how long each step took.
        declared_level: the required level, from the model's pyml.toml or the command.
        budget_s: the time budget of the checks beside the two real paths, in seconds, from the model's pyml.toml or the
            command; 0 if there is none.
        undone: what the time budget left undone, part by part; empty if all was done.
        checks: the checks that were made.
        failures: real paths that raised instead of predicting, also if a finding explains it.
        floors: the noise floor of each float column that has one.
        points: number columns of both paths, for plots.
        environments: the environment of each path: Python version, packages, and values of the pinned variables.
        notebook: what the notebook predicted, and whether both paths agree with it; None if `pyml.toml` names no
            such file.
        is_cached: whether it is an earlier report on the same version, rows and settings, and nothing was run.
        images: id of the image in which each path ran, offline and online; empty if neither ran in a container.
        checked_at: when the check ended, in ISO 8601 and UTC; empty in a report of an earlier release.
        next_command: the command to run next; empty if there is none.
        elsewhere: further data, by name: the folder of the run, its Hive tables.
    """

    model: str
    sandbox: str
    driver: str
    rows: int
    fixture_digest: str
    tolerances: Tolerances
    steps: tuple[StepTime, ...] = ()
    declared_level: str = ""
    budget_s: float = 0.0
    undone: tuple[Undone, ...] = ()
    checks: tuple[CheckResult, ...] = ()
    failures: tuple[PathFailure, ...] = ()
    floors: tuple[NoiseFloor, ...] = ()
    points: tuple[Points, ...] = ()
    environments: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    notebook: Notebook | None = None
    is_cached: bool = False
    images: Mapping[str, str] = field(default_factory=dict)
    checked_at: str = ""
    next_command: str = ""
    elsewhere: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ColumnEntry(ColumnComparison):
    """A column in the list of the columns of all comparisons.

    Attributes:
        comparison: name of its comparison.
    """

    comparison: str

    @computed_field  # type: ignore[prop-decorator]
    @property
    def agrees(self) -> bool:
        """Whether no value differs and the types are the same."""
        return super().agrees


@dataclass(frozen=True, kw_only=True)
class ComparisonEntry(Comparison):
    """A comparison without its columns, which are in the list of the columns of all comparisons."""

    columns: Annotated[tuple[ColumnComparison, ...], Field(exclude=True)] = ()

    @computed_field  # type: ignore[prop-decorator]
    @property
    def agrees(self) -> bool:
        """Whether keys, schema and all values agree."""
        return super().agrees


@dataclass(frozen=True, kw_only=True)
class FlatReport(ReportFacts, Decision):
    """The JSON document of a report: the fields of the verdict at the top, and all columns in one list.

    Attributes:
        schema: name and version of the schema.
        exit_code: exit code of the command that prints the report.
        columns: the columns of all comparisons.
        comparisons: the comparisons, without their columns.
    """

    schema: Literal["pyml.parity-report/3"] = SCHEMA
    exit_code: Literal[0, 1, 4]
    columns: tuple[ColumnEntry, ...]
    comparisons: tuple[ComparisonEntry, ...]


FLAT_REPORT = TypeAdapter(FlatReport)


@dataclass(frozen=True, kw_only=True)
class Report(ReportFacts):
    """The report of a parity check. docs/reference/parity-report.md describes its JSON document.

    Attributes:
        decision: verdict, reason, level and findings.
        comparisons: all comparisons, each with its columns.
    """

    decision: Decision
    comparisons: tuple[Comparison, ...]

    @property
    def verdict(self) -> Verdict:
        """PASS, FAIL or CANNOT-CERTIFY."""
        return self.decision.verdict

    @property
    def exit_code(self) -> int:
        """Exit code of the command that prints the report."""
        return self.verdict.exit_code

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings."""
        return self.decision.findings

    def columns(self) -> Iterator[tuple[Comparison, ColumnComparison]]:
        """Each column of each comparison."""
        return ((comparison, column) for comparison in self.comparisons for column in comparison.columns)

    def to_json(self) -> dict[str, JSON]:
        """The report as one JSON object; `columns` is one flat list, each entry with the name of its comparison."""
        flat = _as(
            FlatReport,
            self,
            **vars(self.decision),
            exit_code=self.exit_code,
            columns=tuple(_as(ColumnEntry, column, comparison=one.name) for one, column in self.columns()),
            comparisons=tuple(_as(ComparisonEntry, one) for one in self.comparisons),
        )
        return {"schema": SCHEMA} | json_of(FLAT_REPORT.dump_python(flat, mode="json"))

    @classmethod
    def from_json(cls, document: Mapping[str, JSON]) -> Report:
        """Read a JSON document of `to_json`. Unknown fields, which a later release may add, are ignored.

        Raises:
            PymlError: it is not a parity report of this schema.
        """
        schema = document.get("schema") if isinstance(document, Mapping) else None
        if schema != SCHEMA:
            raise PymlError(f"expected a report of schema {SCHEMA}, found {schema!r}", WRITE_ANEW)
        try:
            flat = FLAT_REPORT.validate_python(document)
        except (ValidationError, UsageError) as error:
            raise PymlError(f"the parity report is damaged: {_damage(error)}", WRITE_ANEW) from error
        comparisons = tuple(_as(Comparison, one, columns=_own_columns(one, flat)) for one in flat.comparisons)
        return _as(cls, flat, decision=_as(Decision, flat), comparisons=comparisons)


def _own_columns(comparison: Comparison, flat: FlatReport) -> tuple[ColumnComparison, ...]:
    return tuple(_as(ColumnComparison, one) for one in flat.columns if one.comparison == comparison.name)


def _as(kind: type[T], value: object, **more: object) -> T:
    """A dataclass of a different type with those fields of `value` that it has, and `more`."""
    found = {**vars(value), **more}
    names = (one.name for one in fields(kind))  # type: ignore[arg-type]  # a dataclass, which no type variable can say
    return kind(**{name: found[name] for name in names if name in found})


def _damage(error: ValidationError | UsageError) -> str:
    """The first error, with its position in the document."""
    if isinstance(error, UsageError):
        return error.message
    first = error.errors(include_url=False)[0]
    position = ".".join(str(step) for step in first["loc"])
    return f"{position}: {first['msg']}, found {reprlib.repr(first['input'])}"

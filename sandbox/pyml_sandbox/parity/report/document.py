"""The report of a parity check: everything that was found, in a form that outlives the run."""

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
from pyml_sandbox.parity.verdict import CheckResult, Decision, Finding, NoiseFloor, PathFailure, Verdict
from pyml_sandbox.workspace.events import JSON

T = TypeVar("T")
SCHEMA: Literal["pyml.parity-report/3"] = "pyml.parity-report/3"
WRITE_ANEW = "write it again with pyml parity-check --json"


@dataclass(frozen=True)
class StepTime:
    """How long one step took.

    Attributes:
        name: freeze, offline, online, examine, hops, diagnose, compare or judge.
        seconds: wall-clock time.
        detail: what it did, as `336,776 rows`.
    """

    name: str
    seconds: float
    detail: str = ""


@dataclass(frozen=True)
class Points:
    """One number column on both paths, for a picture: some rows, those that differ first.

    Attributes:
        column: output column.
        offline: its values offline; None where they are no finite number.
        online: the same rows' values online.
    """

    column: str
    offline: tuple[float | None, ...]
    online: tuple[float | None, ...]


@dataclass(frozen=True, kw_only=True)
class ReportFacts:
    """What was asked of which model, where, and what was measured on the way.

    Attributes:
        model: model id, name@version.
        sandbox: name of the sandbox in which both paths ran.
        driver: how its services ran.
        rows: rows that both paths predicted.
        fixture_digest: of the frozen rows, `sha256:…`: the same digest, the same question.
        tolerances: how far floats were allowed to differ.
        steps: how long each step took.
        declared_level: the level that the model needs: what its pyml.toml, or the command, asks for.
        checks: every check that was made, and no other.
        failures: real paths that raised instead of predicting, whatever explains it.
        floors: the noise floor of each float column that has one.
        points: number columns of both paths, for pictures.
        environments: what each path ran in, by path: Python, packages, pinned variables as that path had them.
        is_cached: nothing was run: an earlier report on the same version, rows and settings is given again.
        images: the image in which each path ran, offline and online; empty where neither ran in a container.
        next_command: what to run now.
        elsewhere: where to look further, by name: the folder of the run, its Hive tables.
    """

    model: str
    sandbox: str
    driver: str
    rows: int
    fixture_digest: str
    tolerances: Tolerances
    steps: tuple[StepTime, ...] = ()
    declared_level: str = ""
    checks: tuple[CheckResult, ...] = ()
    failures: tuple[PathFailure, ...] = ()
    floors: tuple[NoiseFloor, ...] = ()
    points: tuple[Points, ...] = ()
    environments: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    is_cached: bool = False
    images: Mapping[str, str] = field(default_factory=dict)
    next_command: str = ""
    elsewhere: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ColumnEntry(ColumnComparison):
    """A column in the one list of the columns of all comparisons.

    Attributes:
        comparison: name of the comparison that it belongs to.
    """

    comparison: str

    @computed_field  # type: ignore[prop-decorator]
    @property
    def agrees(self) -> bool:
        """No value differs and the types are the same."""
        return super().agrees


@dataclass(frozen=True, kw_only=True)
class ComparisonEntry(Comparison):
    """A comparison without its columns, which are in one list with those of all others."""

    columns: Annotated[tuple[ColumnComparison, ...], Field(exclude=True)] = ()

    @computed_field  # type: ignore[prop-decorator]
    @property
    def agrees(self) -> bool:
        """Keys, schema and every value of every column agree."""
        return super().agrees


@dataclass(frozen=True, kw_only=True)
class FlatReport(ReportFacts, Decision):
    """A report as its JSON form has it: the verdict and its grounds at the top, and every column in one list.

    Attributes:
        schema: of this form.
        exit_code: of the command that prints the report.
        columns: of all comparisons.
        comparisons: without their columns.
    """

    schema: Literal["pyml.parity-report/3"] = SCHEMA
    exit_code: Literal[0, 1, 4]
    columns: tuple[ColumnEntry, ...]
    comparisons: tuple[ComparisonEntry, ...]


FLAT_REPORT = TypeAdapter(FlatReport)


@dataclass(frozen=True, kw_only=True)
class Report(ReportFacts):
    """What a parity check did and found. docs/parity-report.md describes its JSON form.

    Attributes:
        decision: verdict, reason, level and findings.
        comparisons: every comparison made, each with its columns.
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
        """Every difference found."""
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
        """Read what `to_json` wrote. Fields that a later version of the same schema added are passed over.

        Raises:
            PymlError: it is not a parity report of a schema known here.
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
    """Another dataclass with the fields of `value`, as far as it has them, and `more`."""
    found = {**vars(value), **more}
    names = (one.name for one in fields(kind))  # type: ignore[arg-type]  # a dataclass, which no type variable can say
    return kind(**{name: found[name] for name in names if name in found})


def _damage(error: ValidationError | UsageError) -> str:
    """What is wrong first, with its place in the document."""
    if isinstance(error, UsageError):
        return error.message
    first = error.errors(include_url=False)[0]
    place = ".".join(str(step) for step in first["loc"])
    return f"{place}: {first['msg']}, found {reprlib.repr(first['input'])}"

"""The report of a parity check: everything that was found, in a form that outlives the run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from pyml.errors import PymlError
from pyml_sandbox.compare.dataclass_json import from_json, object_of, to_json, without
from pyml_sandbox.compare.result import ColumnComparison, Comparison
from pyml_sandbox.compare.tolerance import Tolerances
from pyml_sandbox.parity.verdict import CheckResult, Finding, Judgement, NoiseFloor, PathFailure, Verdict
from pyml_sandbox.workspace.events import JSON

SCHEMA = "pyml.parity-report/3"


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


@dataclass(frozen=True)
class Report:
    """What a parity check did and found. docs/parity-report.md describes its JSON form.

    Attributes:
        judgement: verdict, reason, level and findings.
        model: model id, name@version.
        sandbox: name of the sandbox in which both paths ran.
        driver: how its services ran.
        rows: rows that both paths predicted.
        fixture_digest: of the frozen rows, `sha256:…`: the same digest, the same question.
        comparisons: every comparison made, each with its columns.
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

    judgement: Judgement
    model: str
    sandbox: str
    driver: str
    rows: int
    fixture_digest: str
    comparisons: tuple[Comparison, ...]
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

    @property
    def verdict(self) -> Verdict:
        """PASS, FAIL or CANNOT-CERTIFY."""
        return self.judgement.verdict

    @property
    def exit_code(self) -> int:
        """Exit code of the command that prints the report."""
        return self.verdict.exit_code

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Every difference found."""
        return self.judgement.findings

    def columns(self) -> Iterator[tuple[Comparison, ColumnComparison]]:
        """Each column of each comparison."""
        return ((comparison, column) for comparison in self.comparisons for column in comparison.columns)

    def to_json(self) -> dict[str, JSON]:
        """The report as one JSON object; `columns` is one flat list, each entry with the name of its comparison."""
        facts = to_json(self)
        judgement = to_json(self.judgement)
        if not isinstance(facts, Mapping) or not isinstance(judgement, Mapping):  # both are dataclasses
            raise TypeError("a report is a JSON object")
        head: dict[str, JSON] = {"schema": SCHEMA, **judgement, "exit_code": self.exit_code}
        return head | without(facts, ("judgement", "comparisons")) | _comparisons(self)

    @classmethod
    def from_json(cls, document: Mapping[str, JSON]) -> Report:
        """Read what `to_json` wrote. Fields that a later version of the same schema added are passed over.

        Raises:
            PymlError: it is no parity report of a schema known here.
        """
        schema = document.get("schema") if isinstance(document, Mapping) else None
        if schema != SCHEMA:
            raise PymlError(f"expected a report of schema {SCHEMA}, found {schema!r}")
        try:
            judgement = to_json(from_json(Judgement, document))
            comparisons = list(_whole_comparisons(document))
            return from_json(cls, {**document, "judgement": judgement, "comparisons": comparisons})
        except (KeyError, TypeError, ValueError) as error:
            raise PymlError(f"the parity report is damaged: {error!r}") from error


def _comparisons(report: Report) -> dict[str, JSON]:
    heads: list[JSON] = [
        without(object_of(comparison), ("columns",)) | {"agrees": comparison.agrees}
        for comparison in report.comparisons
    ]
    columns: list[JSON] = [
        {"comparison": comparison.name, **object_of(column), "agrees": column.agrees}
        for comparison, column in report.columns()
    ]
    return {"columns": columns, "comparisons": heads}


def _whole_comparisons(document: Mapping[str, JSON]) -> Iterator[JSON]:
    """Each comparison with its own columns again."""
    columns, heads = document["columns"], document["comparisons"]
    if not isinstance(columns, list) or not isinstance(heads, list):
        raise TypeError("`columns` and `comparisons` are lists")
    for head in heads:
        if not isinstance(head, Mapping):
            raise TypeError("a comparison is an object")
        own: list[JSON] = [one for one in columns if isinstance(one, Mapping) and one["comparison"] == head["name"]]
        yield {**head, "columns": own}

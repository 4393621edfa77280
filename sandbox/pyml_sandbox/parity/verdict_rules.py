"""From comparisons and findings to a verdict. Pure.

The rules are applied in this order: is the model deterministic, are the rows conclusive, have both paths the same rows,
columns and values, are all checks of the required level silent, does the notebook agree, and could all checks be made?
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import replace
from types import MappingProxyType

from pyml.package.settings import LEVELS
from pyml_sandbox.compare.rendering.formatting import counted
from pyml_sandbox.compare.result import ColumnComparison, Comparison, KeyProblem
from pyml_sandbox.parity.counterexample.needs import with_needs
from pyml_sandbox.parity.diagnosis.difference_messages import all_of_one_kind, differ, key_sentence, of_rows, rows_of
from pyml_sandbox.parity.diagnosis.findings import UNSTEADY, in_order, tie_finding
from pyml_sandbox.parity.diagnosis.notebook_findings import (
    EXPECTED_OFFLINE,
    EXPECTED_ONLINE,
    NotebookEvidence,
    notebook_findings,
)
from pyml_sandbox.parity.failures import explains, finding_of_failure, gap_of
from pyml_sandbox.parity.noise.ties import Ties
from pyml_sandbox.parity.observations.catalogue import Check
from pyml_sandbox.parity.verdict import Decision, Finding, Hop, PathFailure, Severity, Verdict
from pyml_sandbox.predict.request_limits import is_limit

BATCHES = "batches"
"""Offline against online in batches, all rows."""

ROWS = "rows"
"""Offline against online one by one, a sample."""

ALONE = "alone"
"""Online in batches against online one by one, the same sample; without the offline path."""

REPEAT = "repeat"
"""One path against itself, with the same rows twice."""

FIRST_LEVEL = LEVELS[0]
"""The highest level that comparisons of the real paths can show; higher levels need the checks in the test harness."""

NO_TIES: Mapping[str, Mapping[str, Ties]] = MappingProxyType({})
NO_MISFITS: Mapping[str, str] = MappingProxyType({})

ENOUGH = 10
"""A sample without differing rows is conclusive only if at least this many of them are expected in it."""


def decide(
    comparisons: Sequence[Comparison],
    inconclusive: Sequence[str] = (),
    findings: Sequence[Finding] = (),
    *,
    checked: str = FIRST_LEVEL,
    size_dependent: Set[str] = frozenset(),
    ties: Mapping[str, Mapping[str, Ties]] = NO_TIES,
    failures: Sequence[PathFailure] = (),
    gaps: Sequence[str] = (),
    misfits: Mapping[str, str] = NO_MISFITS,
) -> Decision:
    """Decide what the comparisons and the findings mean.

    Args:
        comparisons: named `BATCHES`, `ROWS`, `ALONE`, `REPEAT`, `EXPECTED_OFFLINE` and `EXPECTED_ONLINE`; each of them
            may be missing.
        inconclusive: reasons why the rows cannot decide anything, known before either path ran.
        findings: of the checks, each with its cause and its severity.
        checked: the highest level whose checks were made.
        size_dependent: output columns whose values depend on the size of the batch alone: a difference in them breaks
            P2.
        ties: label columns that flip because their scores tie, by comparison and column.
        failures: real paths that failed.
        gaps: reasons why checks of the required level could not be made; with a gap a model can fail, but not pass.
        misfits: why an output of the notebook cannot be compared, by column.

    Returns:
        CANNOT-CERTIFY with its reasons if the rows or the model are inconclusive; FAIL if a finding breaks the required
        level, or if the notebook differs; CANNOT-CERTIFY if there is a gap; else PASS. A difference from the notebook
        does not change the level that is earned.
    """
    caused = [finding for finding in findings if finding.check == Check.EXPECTED]
    findings = [finding for finding in findings if finding.check != Check.EXPECTED]
    by_name = {comparison.name: comparison for comparison in comparisons}
    paths = [by_name[name] for name in (BATCHES, ROWS) if name in by_name]
    if unsteady := _why_unsteady(findings, by_name.get(REPEAT)):
        reason = f"the model is not deterministic: {unsteady[0]}"
        return Decision(Verdict.CANNOT_CERTIFY, reason, None, tuple(map(with_needs, findings)))
    shown = list(_shown_by_paths(paths, by_name, size_dependent, ties))
    beside = _of_notebook(by_name, caused, misfits, ties, is_examined=checked > FIRST_LEVEL)
    all_found = tuple(map(with_needs, in_order([*_together(findings, shown, by_name, failures), *beside])))
    if reasons := _why_undecided(inconclusive, paths, all_found):
        return Decision(Verdict.CANNOT_CERTIFY, "; ".join(dict.fromkeys(reasons)), findings=all_found)
    earned = _earned(all_found, checked) if BATCHES in by_name else None
    return _by_findings(all_found, [*gaps, *(gap_of(each) for each in failures if is_limit(each.code))], earned)


def _by_findings(found: tuple[Finding, ...], gaps: Sequence[str], earned: str | None) -> Decision:
    """The verdict of rows that can decide: a finding fails with or without a gap, and a gap prevents a pass."""
    reason = "; ".join(gaps)
    if any(finding.weight is Severity.FAILS for finding in found):
        return Decision(Verdict.FAIL, reason, earned, found)
    if gaps:
        return Decision(Verdict.CANNOT_CERTIFY, reason, findings=found)
    return Decision(Verdict.PASS, "", earned, found)


def _why_unsteady(findings: Sequence[Finding], repeat: Comparison | None) -> list[str]:
    """What shows that the model is not deterministic; a repeated path counts only if no check explains it."""
    seen = [finding.sentence for finding in findings if finding.code in UNSTEADY]
    is_explained = any(finding.weight is not Severity.WARNS for finding in findings)
    return seen if is_explained else [*seen, *_unsteady(repeat)]


def _why_undecided(inconclusive: Sequence[str], paths: Sequence[Comparison], found: Sequence[Finding]) -> list[str]:
    """Reasons why the rows cannot decide anything; empty if they can."""
    reasons = [*inconclusive, *(reason for comparison in paths for reason in _inconclusive(comparison))]
    return ["nothing was compared"] if not (paths or reasons or found) else reasons


def _together(
    findings: Sequence[Finding],
    shown: Sequence[Finding],
    by_name: Mapping[str, Comparison],
    failures: Sequence[PathFailure],
) -> list[Finding]:
    """All findings: of the checks, of the comparisons of the real paths, and of their failures."""
    raised = [failure for failure in failures if not is_limit(failure.code)]
    named = [_beside_paths(finding, by_name, shown, raised) for finding in findings]
    return [*named, *_uncovered(shown, named), *_of_failures(failures, named)]


def _earned(findings: Sequence[Finding], checked: str) -> str | None:
    """The highest level of which, and below which, no check found anything."""
    broken = [each.level for each in findings if each.weight is not Severity.WARNS and each.level in LEVELS]
    reached = [level for level in LEVELS if level <= checked and not any(each <= level for each in broken)]
    return reached[-1] if reached else None


def _of_notebook(
    by_name: Mapping[str, Comparison],
    caused: Sequence[Finding],
    misfits: Mapping[str, str],
    ties: Mapping[str, Mapping[str, Ties]],
    *,
    is_examined: bool,
) -> list[Finding]:
    """All differences of the paths from the notebook, and labels of it that rounding decides."""
    compared = {name: by_name[name] for name in (EXPECTED_OFFLINE, EXPECTED_ONLINE) if name in by_name}
    parted = {name for each in (BATCHES, ROWS) for name in _differing(by_name.get(each))}
    tied = list(_tie_findings(list(compared.values()), ties))
    noise = {name for finding in tied for name in finding.columns}
    evidence = NotebookEvidence(compared, misfits, caused, parted, noise, is_examined=is_examined)
    return [*notebook_findings(evidence), *(finding for finding in tied if not parted & set(finding.columns))]


def _beside_paths(
    finding: Finding, by_name: Mapping[str, Comparison], shown: Sequence[Finding], raised: Sequence[PathFailure]
) -> Finding:
    """Add to a finding of a check what the real paths show.

    Args:
        finding: of a check.
        by_name: the comparisons.
        shown: what the comparisons show.
        raised: failures of the real paths.

    Returns:
        The finding with the comparison that shows it as well. If it explains a difference of the real paths, it breaks
        the same level as that difference.
    """
    names = (name for name in (BATCHES, ROWS) if set(finding.columns) & set(_differing(by_name.get(name))))
    finding = replace(finding, comparison=next(names, ""))
    if raised and explains(finding):
        return _seen_on_paths(replace(finding, weight=Severity.FAILS), FIRST_LEVEL)
    levels = [each.level for each in shown if _is_of_values(each) and set(each.columns) & set(finding.columns)]
    return _seen_on_paths(finding, min(levels)) if levels and finding.weight is Severity.FAILS else finding


def _seen_on_paths(finding: Finding, level: str) -> Finding:
    checks = tuple(dict.fromkeys((finding.check, *finding.checks, Check.PATHS)))
    return replace(finding, level=min(finding.level, level), checks=checks)


def _shown_by_paths(
    paths: Sequence[Comparison],
    by_name: Mapping[str, Comparison],
    size_dependent: Set[str],
    ties: Mapping[str, Mapping[str, Ties]],
) -> Iterator[Finding]:
    """All differences between the real paths, whether or not a check explains them."""
    for comparison in paths:
        yield from _key_findings(comparison)
    schemas = {comparison.schema: comparison for comparison in reversed(paths)}
    for comparison in reversed(schemas.values()):
        yield from _schema_findings(comparison)
    tied = {finding.columns[0]: finding for finding in _tie_findings(paths, ties)}
    yield from tied.values()
    for finding in _value_findings(by_name):
        if not tied.keys() & set(finding.columns):
            yield replace(finding, level="P2") if size_dependent & set(finding.columns) else finding


def _uncovered(shown: Sequence[Finding], findings: Sequence[Finding]) -> Iterator[Finding]:
    """The differences that no finding explains; differences of keys and columns are always among them."""
    known = {column for finding in findings if finding.weight is Severity.FAILS for column in finding.columns}
    return (each for each in shown if not (_is_of_values(each) and known & set(each.columns)))


def _is_of_values(shown: Finding) -> bool:
    """Whether values differ, and not keys, columns or types."""
    return shown.hop is Hop.COMPUTE and shown.weight is Severity.FAILS


def _of_failures(failures: Sequence[PathFailure], findings: Sequence[Finding]) -> Iterator[Finding]:
    """A finding for each failure that no other finding explains."""
    is_explained = any(map(explains, findings))
    return (finding_of_failure(each) for each in failures if is_limit(each.code) or not is_explained)


def _unsteady(repeat: Comparison | None) -> list[str]:
    """Differences of a path from itself, which make every comparison meaningless."""
    columns = repeat.differing_columns() if repeat else ()
    return [
        f"{of_rows(column)} of `{column.name}` {differ(column)} between two runs over the same rows"
        for column in columns
    ]


def _inconclusive(comparison: Comparison) -> Iterator[str]:
    """Reasons why the rows themselves are inconclusive, since both sides have the same fault."""
    key = ", ".join(f"`{name}`" for name in comparison.key)
    if not comparison.rows_left and not comparison.rows_right:
        yield "there are no rows to compare" if comparison.name == BATCHES else "no row was sent one by one"
    if comparison.keys.null_left and comparison.keys.null_right:
        yield f"the key {key} is null in {rows_of(comparison.keys.null_left)}, which cannot be matched"
    if comparison.keys.repeated_both:
        both = comparison.keys.repeated_both
        occur = "occurs" if both == 1 else "occur"
        yield f"{counted(both, 'key')} {occur} more than once, so {key} does not identify rows"


def _key_findings(comparison: Comparison) -> Iterator[Finding]:
    """Differences in the keys, without faults that both sides have: those make the rows themselves inconclusive."""
    keys = comparison.keys
    shared = {
        KeyProblem.REPEATED: bool(keys.repeated_both),
        KeyProblem.NULL: bool(keys.null_left and keys.null_right),
    }
    for each in comparison.key_differences():
        if not shared.get(each.problem):
            yield _shown_by(comparison, key_sentence(each), rows=each.found.rows, code="R4")


def _schema_findings(comparison: Comparison) -> Iterator[Finding]:
    left, right, schema = comparison.left_name, comparison.right_name, comparison.schema
    for names, here, there in ((schema.missing, left, right), (schema.extra, right, left)):
        for name in names:
            yield _shown_by(comparison, f"column `{name}` exists {here} but not {there}", (name,), code="S2")
    same = {column.name for column in comparison.columns if not column.differing}
    for found in schema.types:
        values = "; the values are the same" if found.column in same else ""
        sentence = f"`{found.column}` is {found.left} {left} and {found.right} {right}{values}"
        yield _shown_by(comparison, sentence, (found.column,), comparison.matched, "T16")


def _shown_by(
    comparison: Comparison, sentence: str, columns: tuple[str, ...] = (), rows: int = 0, code: str | None = None
) -> Finding:
    hop = None if code is None else Hop.STORAGE
    return Finding(
        sentence,
        code,
        columns=columns,
        rows=rows,
        comparison=comparison.name,
        hop=hop,
        check=Check.PATHS,
        checks=(Check.PATHS,),
    )


def _tie_findings(paths: Sequence[Comparison], ties: Mapping[str, Mapping[str, Ties]]) -> Iterator[Finding]:
    """One warning for each label column whose differing rows are all ties, in every comparison."""
    differing = [(column.name, comparison) for comparison in paths for column in comparison.differing_columns()]
    for name in dict.fromkeys(name for name, _ in differing):
        shown = [comparison for column, comparison in differing if column == name]
        found = [ties.get(comparison.name, {}).get(name) for comparison in shown]
        if found[0] and all(each and each.explains for each in found):
            yield tie_finding(found[0], shown[0].matched, shown[0].name)


def _value_findings(by_name: Mapping[str, Comparison]) -> Iterator[Finding]:
    """One finding for each column that differs, online in batches or one by one."""
    batches, rows, alone = (_columns(by_name.get(name)) for name in (BATCHES, ROWS, ALONE))
    for name in dict.fromkeys([*batches, *rows]):
        together, single = batches.get(name), rows.get(name)
        if together and together.differing:
            yield _value_finding(together, single, alone.get(name))
        elif single and single.differing:
            yield _single_finding(single, together)


def _value_finding(
    together: ColumnComparison, single: ColumnComparison | None, alone: ColumnComparison | None
) -> Finding:
    """The finding for a column that differs online in batches.

    Cases: online differs from itself; one by one the paths agree, on enough rows; they agree on too few rows; they
    differ one by one as well; no row was sent one by one.
    """
    name = together.name
    head = f"{of_rows(together)} of `{name}` {differ(together)} between offline and online in batches"
    if alone and alone.differing:
        head += f"; online {of_rows(alone)} {differ(alone)} between a batch and a request of one row, so {DEPENDS}"
    elif single and not single.differing and _share_in(single, together) >= ENOUGH:
        head += f", none of {single.rows:,} sent one by one: {DEPENDS}"
    elif single and not single.differing:
        head += f", none of the {single.rows:,} sent one by one"
    elif single:
        head += f", and {of_rows(single)} sent one by one"
    if alone and not alone.differing:
        head += "; online a row has the same value alone and in a batch, so the batch is not the reason"
    return _of_values(head, BATCHES, together)


def _single_finding(single: ColumnComparison, together: ColumnComparison | None) -> Finding:
    """The finding for a column that differs only online one by one; the same rows agree in batches."""
    head = f"{of_rows(single)} of `{single.name}` {differ(single)} between offline and online one by one"
    return _of_values(head + (f", none when sent in batches: {DEPENDS}" if together else ""), ROWS, single)


def _of_values(sentence: str, comparison: str, column: ColumnComparison) -> Finding:
    return Finding(
        sentence + all_of_one_kind(column),
        columns=(column.name,),
        rows=column.differing,
        comparison=comparison,
        hop=Hop.COMPUTE,
        check=Check.PATHS,
        checks=(Check.PATHS,),
    )


DEPENDS = "the output of a row depends on the other rows of its batch"


def _share_in(sample: ColumnComparison, whole: ColumnComparison) -> float:
    """The expected number of differing rows in a sample, by its share of all rows."""
    return sample.rows * whole.differing / max(whole.rows, 1)


def _columns(comparison: Comparison | None) -> dict[str, ColumnComparison]:
    return {column.name: column for column in comparison.columns} if comparison else {}


def _differing(comparison: Comparison | None) -> list[str]:
    return [name for name, column in _columns(comparison).items() if column.differing]

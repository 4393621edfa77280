"""From comparisons to a verdict. Pure.

The order is that of the questions: can these rows decide anything, does the model answer the same question the same way
twice, are the same rows there, are the columns of the same kind, are the values the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pyml_sandbox.compare.result import ColumnComparison, Comparison, Key, KeyList
from pyml_sandbox.parity.verdict import Finding, Judgement, Verdict

BATCHES = "batches"
"""Offline against online in batches, all rows."""

ROWS = "rows"
"""Offline against online one by one, a sample."""

ALONE = "alone"
"""Online in batches against online one by one, the same sample: offline plays no part."""

REPEAT = "repeat"
"""One path against itself, asked the same twice."""

LEVEL = "P1"
"""What these comparisons can show at most. Higher levels need the checks that vary order, process and environment."""

ENOUGH = 10
"""Differing rows that a sample should hold if it held its share, before their absence from it means anything."""


def judge(comparisons: Sequence[Comparison], doubts: Sequence[str] = ()) -> Judgement:
    """Judge what was compared.

    Args:
        comparisons: named `BATCHES`, `ROWS`, `ALONE` and `REPEAT`; `BATCHES` is there, the others may be.
        doubts: why the rows cannot decide anything, found before either path ran.

    Returns:
        CANNOT-CERTIFY with the reason where a doubt remains; FAIL where a finding does; else PASS.
    """
    by_name = {comparison.name: comparison for comparison in comparisons}
    unsteady = list(_unsteady(by_name.get(REPEAT)))
    if unsteady:
        return Judgement(Verdict.CANNOT_CERTIFY, unsteady[0])
    paths = [by_name[name] for name in (BATCHES, ROWS) if name in by_name]
    found = tuple(_findings(paths, by_name))
    reasons = [*doubts, *(doubt for comparison in paths for doubt in _doubts(comparison))]
    if not paths and not reasons:
        reasons = ["nothing was compared"]
    if reasons:
        return Judgement(Verdict.CANNOT_CERTIFY, "; ".join(dict.fromkeys(reasons)), findings=found)
    return Judgement(Verdict.FAIL, findings=found) if found else Judgement(Verdict.PASS, level=LEVEL)


def _unsteady(repeat: Comparison | None) -> Iterator[str]:
    """A model that differs from itself can be compared with nothing."""
    if repeat is None:
        return
    for column in repeat.differing_columns():
        yield (
            f"the model is not deterministic: {_of_rows(column)} of `{column.name}` {_differ(column)} "
            "between two runs over the same rows"
        )


def _doubts(comparison: Comparison) -> Iterator[str]:
    """What is wrong with the rows themselves, since both sides share it."""
    key = ", ".join(f"`{name}`" for name in comparison.key)
    if not comparison.rows_left and not comparison.rows_right:
        yield "there are no rows to compare" if comparison.name == BATCHES else "no row was sent one by one"
    if comparison.keys.null_left and comparison.keys.null_right:
        yield f"the key {key} is null in {_rows(comparison.keys.null_left)}, which cannot be matched"
    if comparison.keys.repeated_both:
        both = comparison.keys.repeated_both
        occur = "occurs" if both == 1 else "occur"
        yield f"{_counted(both, 'key')} {occur} more than once in {key}: it does not name a row"


def _findings(paths: Sequence[Comparison], by_name: Mapping[str, Comparison]) -> Iterator[Finding]:
    for comparison in paths:
        yield from _key_findings(comparison)
    schemas = {comparison.schema: comparison for comparison in reversed(paths)}
    for comparison in reversed(schemas.values()):
        yield from _schema_findings(comparison)
    yield from _value_findings(by_name)


def _key_findings(comparison: Comparison) -> Iterator[Finding]:
    left, right, keys = comparison.left_name, comparison.right_name, comparison.keys
    cases = [
        (keys.missing, f"predicted {left} and not {right}"),
        (keys.extra, f"predicted {right} and not {left}"),
    ]
    if not keys.repeated_both:
        cases += [(keys.repeated_left, f"repeated {left}"), (keys.repeated_right, f"repeated {right}")]
    for found, what in cases:
        if found:
            sentence = f"{_counted(found.keys, 'key')} {_were(found.keys)} {what}{_such_as(found)}"
            yield Finding(sentence, comparison.name, rows=found.rows, code="R")
    for lost, side in ((keys.null_left, left), (keys.null_right, right)):
        if lost and not (keys.null_left and keys.null_right):
            sentence = f"the key of {_rows(lost)} was lost {side}: it is null there"
            yield Finding(sentence, comparison.name, rows=lost, code="R")


def _schema_findings(comparison: Comparison) -> Iterator[Finding]:
    left, right, schema = comparison.left_name, comparison.right_name, comparison.schema
    for names, here, there in ((schema.missing, left, right), (schema.extra, right, left)):
        for name in names:
            yield Finding(f"column `{name}` is there {here} and not {there}", comparison.name, (name,), code="S")
    same = {column.name for column in comparison.columns if not column.differing}
    for found in schema.types:
        values = "; the values are the same" if found.column in same else ""
        sentence = f"`{found.column}` is {found.left} {left} and {found.right} {right}{values}"
        yield Finding(sentence, comparison.name, (found.column,), comparison.matched, code="T")


def _value_findings(by_name: Mapping[str, Comparison]) -> Iterator[Finding]:
    """One finding for each column that differs on either way of asking online."""
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
    """A column that differs where online was asked in batches.

    Cases: online contradicts itself; one by one they agree, on enough rows to mean it; they agree on too few; they
    differ either way; nobody asked one by one.
    """
    name = together.name
    head = f"{_of_rows(together)} of `{name}` {_differ(together)} between offline and online in batches"
    only = _all_of_one_kind(together)
    if alone and alone.differing:
        tail = f": sent alone, {_of_rows(alone)} get another value online than in a batch, so {DEPENDS}"
        return Finding(head + tail + only, BATCHES, (name,), together.differing, code="B")
    if single and not single.differing and _share_in(single, together) >= ENOUGH:
        tail = f", none of {single.rows:,} sent one by one: {DEPENDS}"
        return Finding(head + tail + only, BATCHES, (name,), together.differing, code="B")
    if single and not single.differing:
        head += f", none of the {single.rows:,} sent one by one"
    elif single:
        head += f", and {_of_rows(single)} sent one by one"
    if alone:
        head += "; online gives a row the same value alone and in a batch, so it is not the batch that parts the paths"
    return Finding(head + only, BATCHES, (name,), together.differing)


def _single_finding(single: ColumnComparison, together: ColumnComparison | None) -> Finding:
    """A column that differs only where online was asked one by one; those very rows agreed in batches."""
    head = f"{_of_rows(single)} of `{single.name}` {_differ(single)} between offline and online one by one"
    tail = f", none when sent in batches: {DEPENDS}" if together else ""
    code = "B" if together else None
    return Finding(head + tail + _all_of_one_kind(single), ROWS, (single.name,), single.differing, code)


DEPENDS = "the output of a row depends on the rows it is sent with"


def _share_in(sample: ColumnComparison, whole: ColumnComparison) -> float:
    """How many differing rows a sample holds if it holds its share."""
    return sample.rows * whole.differing / max(whole.rows, 1)


def _all_of_one_kind(column: ColumnComparison) -> str:
    kinds = {
        "one side is null": column.null_mismatches,
        "one side is NaN": column.nan_mismatches,
        "one side is infinite": column.infinity_mismatches,
    }
    found = [kind for kind, rows in kinds.items() if rows == column.differing]
    if not found:
        return ""
    return f". In {'each of them' if column.differing > 1 else 'it'} {found[0]}"


def _columns(comparison: Comparison | None) -> dict[str, ColumnComparison]:
    return {column.name: column for column in comparison.columns} if comparison else {}


def _of_rows(column: ColumnComparison) -> str:
    return f"{column.differing:,} of {_counted(column.rows, 'row')}"


def _differ(column: ColumnComparison) -> str:
    return "differs" if column.differing == 1 else "differ"


def _were(number: int) -> str:
    return "was" if number == 1 else "were"


def _rows(number: int) -> str:
    return _counted(number, "row")


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _such_as(found: KeyList) -> str:
    examples = ", ".join(shown_key(key) for key in found.examples[:3])
    return f", such as {examples}" if found.keys > 3 else f": {examples}"


def shown_key(key: Key) -> str:
    """A key for a reader: `17`, or `(UA, 17)` where it has several parts."""
    parts = ["null" if part is None else part for part in key]
    return parts[0] if len(parts) == 1 else f"({', '.join(parts)})"

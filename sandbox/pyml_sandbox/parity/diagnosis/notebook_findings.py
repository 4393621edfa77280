"""What the comparisons of both paths with the notebook show, as findings of a level of their own. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from types import MappingProxyType

from pyml_sandbox.compare.result import ColumnComparison, Comparison, KeyDifference
from pyml_sandbox.parity.diagnosis.causes import CAUSES
from pyml_sandbox.parity.diagnosis.difference_messages import all_of_one_kind, differ, key_sentence, of_rows
from pyml_sandbox.parity.observations.catalogue import Check
from pyml_sandbox.parity.verdict import NOTEBOOK, Finding

EXPECTED_OFFLINE = "expected-offline"
"""The notebook against offline, the rows of the notebook."""

EXPECTED_ONLINE = "expected-online"
"""The notebook against online in batches, the rows of the notebook."""

UNKNOWN = "N1"
"""The cause of a difference that no change to a row or its frame explains."""

ALIKE = "Both paths agree with each other and differ from the notebook"


@dataclass(frozen=True)
class NotebookEvidence:
    """All that is known of the differences from the notebook.

    Attributes:
        comparisons: `EXPECTED_OFFLINE` and `EXPECTED_ONLINE`, by name; each of them may be missing.
        misfits: why an output of the notebook cannot be compared, by column.
        caused: findings with the cause of a difference, of the check `expected`.
        parted: output columns in which the paths differ from each other.
        noise: output columns whose differences are noise.
        is_examined: whether causes were looked for.
    """

    comparisons: Mapping[str, Comparison]
    misfits: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    caused: Sequence[Finding] = ()
    parted: Set[str] = frozenset()
    noise: Set[str] = frozenset()
    is_examined: bool = False


def notebook_findings(evidence: NotebookEvidence) -> list[Finding]:
    """All differences from the notebook: keys, outputs that cannot be compared, then values. Each of them fails."""
    return [*_of_keys(evidence), *_of_misfits(evidence), *_of_values(evidence)]


def _of_keys(evidence: NotebookEvidence) -> Iterator[Finding]:
    """Keys that only one side has; a problem that both comparisons show is reported once."""
    found: dict[tuple[object, ...], tuple[str, KeyDifference]] = {}
    for name, comparison in evidence.comparisons.items():
        for each in comparison.key_differences():
            found.setdefault((each.problem, each.side == comparison.left_name, each.found), (name, each))
    for name, each in found.values():
        yield _finding(key_sentence(each), rows=each.found.rows, comparison=name)


def _of_misfits(evidence: NotebookEvidence) -> Iterator[Finding]:
    for column, why in evidence.misfits.items():
        yield _finding(f"The notebook's `{column}` cannot be compared: {why}", (column,))


def _of_values(evidence: NotebookEvidence) -> Iterator[Finding]:
    """A finding for each cause with the columns that it explains, then one for each column without a cause."""
    left = [name for name in _differing(evidence) if name not in evidence.noise]
    for caused in evidence.caused:
        columns = [name for name in caused.columns if name in left]
        left = [name for name in left if name not in columns]
        if columns:
            yield _of_columns(evidence, columns, caused)
    for name in left:
        yield _of_columns(evidence, [name], None)


def _differing(evidence: NotebookEvidence) -> list[str]:
    names = (column.name for each in evidence.comparisons.values() for column in each.differing_columns())
    return list(dict.fromkeys(names))


def _of_columns(evidence: NotebookEvidence, columns: Sequence[str], caused: Finding | None) -> Finding:
    code = caused.code if caused else UNKNOWN if evidence.is_examined else None
    inputs = caused.inputs if caused else ()
    driven = f" (column {', '.join(f'`{name}`' for name in inputs)})" if inputs else ""
    shown = [_widest(evidence, name) for name in columns]
    name, widest = shown[0]
    kind = all_of_one_kind(widest) if len(shown) == 1 else ""
    advice = f". {CAUSES[code].advice}" if code else ""
    return _finding(
        f"{_what_differs(evidence, shown)}{driven}{kind}{advice}",
        tuple(columns),
        widest.differing,
        name,
        code,
        inputs,
        caused,
    )


def _widest(evidence: NotebookEvidence, column: str) -> tuple[str, ColumnComparison]:
    """The comparison in which most rows of a column differ, and what it shows."""
    shown = [(name, each) for name, each in _columns(evidence, column) if each.differing]
    return max(shown, key=lambda one: one[1].differing)


def _columns(evidence: NotebookEvidence, column: str) -> Iterator[tuple[str, ColumnComparison]]:
    for name, comparison in evidence.comparisons.items():
        yield from ((name, each) for each in comparison.columns if each.name == column)


def _what_differs(evidence: NotebookEvidence, shown: Sequence[tuple[str, ColumnComparison]]) -> str:
    """Cases: both paths alike; both, and the paths differ from each other as well; one path alone."""
    rows = ", ".join(f"`{each.name}` in {of_rows(each)}" for _, each in shown)
    column = shown[0][1].name
    paths = [(name, each.differing) for name, each in _columns(evidence, column)]
    if len(paths) == 2 and all(differing for _, differing in paths):
        return f"{ALIKE}: {rows}" if column not in evidence.parted else f"Both paths differ from the notebook: {rows}"
    name, widest = shown[0]
    others = [evidence.comparisons[each].right_name for each, differing in paths if not differing]
    agrees = f"; {others[0]} agrees with it" if others else ""
    where = evidence.comparisons[name].right_name
    return f"{of_rows(widest)} of `{column}` {differ(widest)} between the notebook and {where}{agrees}"


def _finding(
    sentence: str,
    columns: tuple[str, ...] = (),
    rows: int = 0,
    comparison: str = "",
    code: str | None = None,
    inputs: tuple[str, ...] = (),
    caused: Finding | None = None,
) -> Finding:
    return Finding(
        sentence,
        code,
        name=CAUSES[code].name if code else "",
        level=NOTEBOOK,
        check=Check.EXPECTED,
        checks=(Check.EXPECTED,),
        columns=columns,
        inputs=inputs,
        rows=rows,
        comparison=comparison,
        witness=caused.witness if caused else None,
    )

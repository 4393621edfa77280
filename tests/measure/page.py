"""The measures as Markdown, for docs/measures.md."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from measure.anchors import Anchor
from measure.circles import Circle


def page(
    rows: Sequence[Sequence[str]],
    anchors: Sequence[Anchor],
    circles: Sequence[Circle],
    startup: Mapping[str, float],
    machine: str,
) -> str:
    """The whole page.

    Args:
        rows: of the table, the first with the names of the columns.
        anchors: that ours is held against.
        circles: of imports in our own code.
        startup: seconds that each command takes to start.
        machine: on which it was measured, in one line.
    """
    return "\n".join(
        [
            "# Measures",
            "",
            "`make measure` writes this page. It counts Python files only, tests apart and without what `pyml init` writes.",
            "",
            *_table(rows),
            "",
            f"Held against {_listed(anchors)}, as they are",
            "on PyPI. A docstring counts as lines of its function. Complexity is radon's. Of circles, imports in functions",
            "count, those for type checkers do not, and each is counted in the folder in which it closes. Benchmarks are",
            "what is run by hand, this table included.",
            *_notes(anchors),
            "",
            "## Circles",
            "",
            *(_circle(circle) for circle in circles),
            *([] if circles else ["None."]),
            "",
            "## Start",
            "",
            f"Median of 15 runs, taking turns; {machine}.",
            "",
            "| command | ms |",
            "|---|--:|",
            *(f"| `{name}` | {1000 * taken:.0f} |" for name, taken in startup.items()),
            "",
        ]
    )


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    head, *others = rows
    yield f"| {' | '.join(head)} |"
    yield f"|---|{'--:|' * (len(head) - 1)}"
    yield from (f"| {' | '.join(row)} |" for row in others)


def _listed(anchors: Sequence[Anchor]) -> str:
    return ", ".join(f"{anchor.name} {anchor.version}" for anchor in anchors)


def _notes(anchors: Sequence[Anchor]) -> Iterator[str]:
    for anchor in anchors:
        if anchor.leave_out:
            yield f"Without the generated {', '.join(f'`{each}`' for each in anchor.leave_out)} of {anchor.name}."
        if anchor.tests is None:
            yield f"The release of {anchor.name} has no tests."


def _circle(circle: Circle) -> str:
    return f"- {f'in `{circle.folder}`' if circle.folder else 'files'}: {', '.join(circle.names)}"

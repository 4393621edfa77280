"""What was said of the seeded bugs, as Markdown: for the terminal, and for a section of docs/parity-results.md."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from benchmarks.mutant_set import BAR, ERROR, Mutant, Outcome, score

BEGIN, END = "<!-- mutants -->", "<!-- /mutants -->"


def text(mutants: Sequence[Mutant], outcomes: Mapping[str, Outcome]) -> str:
    """The score, what got through, and every mutant that ran."""
    return "\n".join(
        [*_score_table(mutants, outcomes), "", *_missed(mutants, outcomes), "", *_table(mutants, outcomes)]
    )


def section(mutants: Sequence[Mutant], outcomes: Mapping[str, Outcome], platform: str) -> str:
    """The section with its markers.

    Args:
        mutants: all that there are.
        outcomes: of those that ran, by name.
        platform: machine, driver and versions, in one line.
    """
    method = (
        "`make mutants` plants one bug at a time in a copy of pyml's own runtime (`tests/mutants/NAME.patch`), restarts what runs\n"
        "it, and runs `pyml parity-check` on a model that passes without the bug (`tests/mutants/subjects`). Gateway, model\n"
        "server, Spark workers, harness and the check itself all run the mutated code, as a user of that release would.\n\n"
        "A bug is caught if the verdict is FAIL or CANNOT-CERTIFY, or if a command fails that does not fail without the bug\n"
        f"(`{ERROR}` below). {platform}."
    )
    parts = [BEGIN, "## Seeded bugs in pyml itself", method, "\n".join(_score_table(mutants, outcomes))]
    parts += ["### Bugs that got through", "\n".join(_missed(mutants, outcomes))]
    parts += ["### Every bug", "\n".join(_table(mutants, outcomes))]
    unseen = list(_undetectable(mutants, outcomes))
    if unseen:
        parts += ["### Bugs that no comparison of two paths can see; they do not count", "\n".join(unseen)]
    return "\n\n".join([*parts, END]) + "\n"


def with_section(page: str, new: str) -> str:
    """A page with the section in its place; at its end where it has none."""
    before, found, rest = page.partition(BEGIN)
    if not found:
        return f"{page.rstrip()}\n\n{new}".lstrip()
    return before + new + rest.partition(END)[2].lstrip("\n")


def section_in(page: str) -> str:
    """The section of a page, with its markers; empty where it has none."""
    _, found, rest = page.partition(BEGIN)
    return f"{BEGIN}{rest.partition(END)[0]}{END}\n" if found else ""


def _score_table(mutants: Sequence[Mutant], outcomes: Mapping[str, Outcome]) -> Iterator[str]:
    reached = score(list(mutants), outcomes)
    met = "met" if reached.is_met else "**missed**" if reached.ran else ""
    yield "| what | bar | measured | |\n|---|--:|--:|---|"
    yield f"| seeded bugs caught | {100 * BAR:.0f} % | {reached} | {met} |"
    for path in ("offline", "online", "both"):
        part = score([mutant for mutant in mutants if mutant.path == path], outcomes)
        yield f"| of them, bugs of {'both paths' if path == 'both' else f'the {path} path'} | | {part} | |"


def _missed(mutants: Sequence[Mutant], outcomes: Mapping[str, Outcome]) -> Iterator[str]:
    missed = [
        each for each in mutants if each.is_counted and each.name in outcomes and not outcomes[each.name].is_caught
    ]
    if not missed:
        yield "None."
    for mutant in missed:
        yield f"- `{mutant.name}` on `{mutant.subject}`: {mutant.what}"


def _table(mutants: Sequence[Mutant], outcomes: Mapping[str, Outcome]) -> Iterator[str]:
    yield "| bug | what | path | model | verdict | causes | hop | checks that fired | seconds |"
    yield "|---|---|---|---|---|---|---|---|--:|"
    for mutant in mutants:
        outcome = outcomes.get(mutant.name)
        if mutant.is_counted and outcome is not None:
            yield f"| {' | '.join(_cells(mutant, outcome))} |"


def _cells(mutant: Mutant, outcome: Outcome) -> list[str]:
    verdict = outcome.verdict if outcome.is_caught else f"**{outcome.verdict}**"
    checks = ", ".join(outcome.checks)
    if outcome.verdict == ERROR:
        checks = outcome.said.partition(":")[0]
    cells = [f"`{mutant.name}`", mutant.what, mutant.path, f"`{mutant.subject}`", verdict, " ".join(outcome.codes)]
    return [*cells, ", ".join(hop for hop in outcome.hops if hop), checks, f"{outcome.seconds:.0f}"]


def _undetectable(mutants: Sequence[Mutant], outcomes: Mapping[str, Outcome]) -> Iterator[str]:
    for mutant in mutants:
        if not mutant.is_counted:
            outcome = outcomes.get(mutant.name)
            said = f" ({outcome.verdict})" if outcome else ""
            yield f"- `{mutant.name}`{said}: {mutant.what} {mutant.why}"

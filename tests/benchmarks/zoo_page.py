"""What was measured on the zoo, as Markdown: for the terminal, and for docs/parity-results.md."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from benchmarks.zoo_score import Finding, Judged, bars, families


def text(models: Sequence[Judged], family_names: Mapping[str, str]) -> str:
    """Bars, families and everything that was answered wrong, as Markdown."""
    return "\n".join([*_bar_table(models), "", *_family_table(models, family_names), "", *_wrong_answers(models)])


def page(models: Sequence[Judged], family_names: Mapping[str, str], known: int, platform: str) -> str:
    """The whole of docs/parity-results.md.

    Args:
        models: what was run.
        family_names: name of each letter of a cause.
        known: how many models there are.
        platform: machine, driver and versions, in one line.
    """
    ran = "all of them" if len(models) == known else f"**{len(models)} of them ran**"
    method = (
        "`make zoo` runs the very command of a user, `pyml parity-check FOLDER --json`, on every model below `fixtures/zoo`, in a\n"
        f"sandbox of its own, with the rows and the level of the model's own `pyml.toml`. {known} models,\n"
        f"{ran}; {platform}.\n"
        "What is known of each is in `fixtures/zoo/expected.toml` (broken) and `honest.toml`, which the check never reads.\n\n"
        "A broken model is found if the verdict is FAIL or CANNOT-CERTIFY. An honest one must PASS; anything else is a false\n"
        "alarm, a command that gave no report included. Cause and hop are those of the first finding, and count over the models\n"
        "that were found; witnesses count over all findings on them that have one, or neither have one nor say what they need\n"
        "instead. Noise (B10) is no failure: it is found where the report warns of it, and has no witness."
    )
    parts = ["# Parity results: the zoo", method, "## 1. Bars", "\n".join(_bar_table(models)), "## 2. By family"]
    parts += ["\n".join(_family_table(models, family_names)), "## 3. Wrong answers", "\n".join(_wrong_answers(models))]
    return "\n\n".join([*parts, "## 4. Every model", "\n".join(_model_table(models))]) + "\n"


def _bar_table(models: Sequence[Judged]) -> Iterator[str]:
    yield "| what | bar | measured | |\n|---|--:|--:|---|"
    for bar in bars(models):
        met = "" if bar.is_met is None else "met" if bar.is_met else "**missed**"
        yield f"| {bar.what} | {bar.wanted} | {bar.measured} | {met} |"


def _family_table(models: Sequence[Judged], names: Mapping[str, str]) -> Iterator[str]:
    yield "| half | family | answered right | cause named right |\n|---|---|--:|--:|"
    for half, family, right, cause in families(models):
        title = f"{family}: {names[family]}" if family in names else family
        yield f"| {half} | {title} | {right} | {cause if cause.whole else ''} |"


def _wrong_answers(models: Sequence[Judged]) -> Iterator[str]:
    wrong = [model for model in models if model.fault]
    if not wrong:
        yield "None."
    for model in wrong:
        first = model.first
        known = " ".join([*model.expected.causes[:1], model.expected.hop]).strip() or model.expected.family
        said = f"{first.code} {first.hop}: {first.sentence}" if first else model.outcome.said
        yield f"- `{model.expected.name}` ({known}), {model.fault}. {model.outcome.verdict}{', ' + said if said else ''}"


def _model_table(models: Sequence[Judged]) -> Iterator[str]:
    yield "| model | known | verdict | level, asked | cause | hop | witness | seconds | |\n|---|---|---|---|---|---|---|--:|---|"
    for model in models:
        expected, outcome, first = model.expected, model.outcome, model.first or Finding(None, None, "")
        known = f"{'/'.join(expected.causes)}, {expected.hop}" if expected.causes else expected.family
        witness = "" if first.witness_rows is None else f"{first.witness_rows} by {first.witness_columns}"
        cells = [
            f"`{expected.name}`",
            known,
            outcome.verdict,
            f"{outcome.level or '-'}, {outcome.declared_level or '-'}",
        ]
        cells += [first.code or "", first.hop or "", witness, f"{outcome.seconds:.0f}", model.fault]
        yield f"| {' | '.join(cells)} |"

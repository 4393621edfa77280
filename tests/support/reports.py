"""Whole parity reports made by hand, with everything that one may hold: for what is printed and drawn from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pyml_sandbox.compare import (
    Comparison,
    KeyComparison,
    KeyList,
    SchemaComparison,
    Tolerance,
    Tolerances,
    TypeDifference,
    WorstRow,
)
from pyml_sandbox.parity.diagnosis.notebook_findings import EXPECTED_OFFLINE, EXPECTED_ONLINE
from pyml_sandbox.parity.report.document import Points, Report, StepTime
from pyml_sandbox.parity.verdict import (
    NOTEBOOK,
    CheckResult,
    Counterexample,
    Decision,
    Finding,
    Hop,
    NoiseFloor,
    Notebook,
    PathFailure,
    Seen,
    Severity,
    Undone,
    Verdict,
)
from pyml_sandbox.parity.verdict_rules import ALONE, BATCHES, ROWS
from support.comparisons import column, comparison

SNIPPET = """\
from pyml_sandbox import Client
import pandas as pd

rows = pd.DataFrame({"distance": [0.1, 3.0], "carrier": ["UA", None]})
client = Client()
print(client.predict_online("flight_delay@3f2a9c1b77d0", rows))        # 0.75
print(client.predict_online("flight_delay@3f2a9c1b77d0", rows[1:]))    # 0.25
"""
STATISTICS = Finding(
    "Output of a row depends on the other rows in its batch: statistics of `distance` are computed when predicting. "
    "Compute the statistics in training, store them, and use them in predict",
    "B1",
    "batch statistics",
    level="P2",
    hop=Hop.COMPUTE,
    check="neighbour",
    checks=("neighbour", "together", "split"),
    columns=("p",),
    inputs=("distance",),
    rows=187,
    comparison=BATCHES,
    witness=Counterexample(
        ("distance", "carrier"),
        (("0.1", "'UA'"), ("3.0", None)),
        1,
        {"hour": "0", "origin": "''"},
        (
            Seen("offline, alone", {"p": "0.25", "label": "ok"}),
            Seen("online, alone", {"p": "0.25", "label": "ok"}),
            Seen("online, beside the other row", {"p": "0.75", "label": None}),
            Seen("offline, beside the other row", error="predict returned 1 row for 2"),
        ),
        SNIPPET,
    ),
)
BOUNDARY = Finding(
    "Column `k` arrives as float64 in batches with a null. Declare it as BIGINT, and keep it in Int64.",
    "T1",
    "a null turns the whole int column to float",
    level="P1",
    hop=Hop.BOUNDARY,
    check="frames",
    checks=("frames", "paths"),
    columns=("label",),
    inputs=("k",),
    rows=3,
    witness=Counterexample(("k",), (("9007199254740993",),), 0, {}, (Seen("offline", {"label": "x"}), Seen("online", {"label": "y"}))),
)  # fmt: skip
STORED = Finding(
    "The model returned NaN; the table holds NULL.",
    "T5",
    "NaN becomes NULL, inf becomes null",
    hop=Hop.STORAGE,
    check="stored",
    columns=("p",),
    rows=1,
)
UNNAMED = Finding(
    "7 keys were predicted offline and not online in batches",
    check="paths",
    rows=7,
    comparison=BATCHES,
    needs="the fixture: 7 rows of it show it in the comparison `batches`",
)
EMPTY = Finding(
    "predict fails on zero rows. Return an empty frame with the declared columns.",
    "B12",
    "empty batch",
    level="P4",
    weight=Severity.ABOVE,
    hop=Hop.COMPUTE,
    check="empty",
    witness=Counterexample(("distance",), (), 0, {}, (Seen("online", error="IndexError: single positional indexer"),)),
)
NOISE = Finding(
    "Differences are float reassociation: noise, not logic.",
    "B10",
    "kernel choice by batch size",
    level="P2",
    weight=Severity.WARNS,
    check="together",
    columns=("p", "q"),
    rows=49,
)
CHECKS = (
    CheckResult("repeat", "P3", False, 200, 0.125),
    CheckResult("paths", "P1", True, 336_776, 9.5),
    CheckResult("frames", "P1", True, 200, 0.5),
    CheckResult("stored", "P1", True, 200, 0.5),
    CheckResult("neighbour", "P2", True, 400, 0.75),
    CheckResult("together", "P2", True, 200, 0.25),
    CheckResult("split", "P2", True, 200, 0.25),
    CheckResult("hash-seed", "P3", False, 200, 3.0),
    CheckResult("variable:MODEL_MODE", "P3", False, 200, 1.0),
    CheckResult("empty", "P4", True, 0, 0.0625),
)
POINTS = (
    Points(
        "p",
        tuple([0.25 + n / 400 for n in range(120)] + [None, 0.5] + [n / 97 for n in range(97)]),
        tuple(
            [0.25 + n / 400 + (-1) ** n * (0.002 * n + 0.01) for n in range(120)]
            + [0.5, None]
            + [n / 97 + (n % 3) * 1e-16 for n in range(97)]
        ),
    ),
    Points("n", (1.0, 2.0, 3.0, 4.0), (1.0, 2.0, 3.0, 9.0)),
    Points("same", (1.0, 2.0), (1.0, 2.0)),
    Points("nothing", (None,), (None,)),
)
ENVIRONMENTS = {
    "offline": {"Python": "3.11.9", "numpy": "2.1.0", "pandas": "2.2.3", "PYTHONHASHSEED": "0", "TZ": "UTC"},
    "online": {"Python": "3.11.9", "numpy": "2.2.0", "pandas": "2.2.3", "PYTHONHASHSEED": "0"},
}
MODEL = "flight_delay@3f2a9c1b77d0"
DIFFERING: tuple[Comparison, ...] = (
    comparison(
        BATCHES,
        replace(column("p", differing=900), worst=(WorstRow(("17",), "0.25", "0.75", 0.5), WorstRow(("18",), None, "NaN"))),
        column("label"),
        keys=KeyComparison(missing=KeyList(7, 7, (("1",), (None,)))),
        schema=SchemaComparison(missing=("q",), types=(TypeDifference("p", "DOUBLE", "FLOAT"),)),
    ),
    comparison(ROWS, column("p", rows=200, differing=200), column("label", rows=200), rows=200),
    comparison(ALONE, column("p", rows=200, differing=200), column("label", rows=200), rows=200),
)  # fmt: skip
AGREEING: tuple[Comparison, ...] = (
    comparison(BATCHES, replace(column(), equal=988, within_tolerance=12, max_abs=1.1e-16, max_ulps=1), column("label")),
    comparison(ROWS, column(rows=200), column("label", rows=200), rows=200),
)  # fmt: skip


def report(decision: Decision, comparisons: Sequence[Comparison] = AGREEING, rows: int = 336_776) -> Report:
    """A report without anything but a decision, comparisons, and what every report has."""
    return Report(
        decision=decision,
        model=MODEL,
        sandbox="default",
        driver="process",
        rows=rows,
        fixture_digest="sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        comparisons=tuple(comparisons),
        tolerances=Tolerances(columns={"p": Tolerance(atol=1e-9)}),
        steps=(StepTime("freeze", 1.25, "336,776 rows"), StepTime("offline", 9.0)),
        declared_level="P3",
        budget_s=90.0,
        next_command="pyml parity-check --json",
        elsewhere={"folder": "here"},
    )


PASSING = replace(
    report(Decision(Verdict.PASS, level="P3", findings=(NOISE,))),
    checks=tuple(replace(check, fired=check.name == "together") for check in CHECKS[:-1]),
    floors=(NoiseFloor("p", 7.8e-16, 4),),
    environments={path: {"Python": "3.11.9"} for path in ENVIRONMENTS},
)
"""Passes as it should, with noise."""

FAILING = replace(
    report(Decision(Verdict.FAIL, findings=(BOUNDARY, STATISTICS, STORED, UNNAMED, EMPTY, NOISE)), DIFFERING),
    checks=CHECKS,
    floors=(NoiseFloor("p", 7.8e-16, 4), NoiseFloor("q", 0.0, 0)),
    failures=(PathFailure(("online one by one",), "predict raised ValueError: boom", ROWS),),
    points=POINTS,
    environments=ENVIRONMENTS,
    undone=(
        Undone(
            "sizes",
            "12,000 of 336,776 rows in batches of 1, 2, 8 and 64; the rest needs about 170 s more",
            2_600.0,
        ),
        Undone("shrink", "an input of 2 rows and 3 columns, after 12 smaller ones; there may be a smaller one", 180.0),
    ),
    images={"offline": f"sha256:{'1f' * 32}", "online": f"sha256:{'1f' * 32}"},
)
"""Has all kinds of findings and every field."""

ONE_FAULT = replace(
    report(Decision(Verdict.FAIL, level="P1", findings=(STATISTICS,))),
    checks=tuple(replace(check, fired=check.name in STATISTICS.checks) for check in CHECKS),
    next_command="",
)
"""A model with one fault, as most have."""

DOUBTFUL = report(
    Decision(Verdict.CANNOT_CERTIFY, "there are no rows to compare"), [comparison(BATCHES, rows=0)], rows=0
)
"""Nothing could be asked."""

UNSTEADY = replace(
    report(
        Decision(
            Verdict.CANNOT_CERTIFY,
            "the model is not deterministic",
            findings=(replace(STATISTICS, code="D1", name="RNG, dropout", level="P1", check="repeat", checks=("repeat",)),),
        )
    ),
    checks=(replace(CHECKS[0], fired=True),),
    is_cached=True,
)  # fmt: skip
"""Two calls with the same rows differ; given again from the cache."""

OTHER_NOTEBOOK = replace(
    report(
        Decision(
            Verdict.FAIL,
            level="P5",
            findings=(
                Finding(
                    "Both paths agree with each other and differ from the notebook: `p` in 43 of 300 rows (column `city`). "
                    "Test for missing values only with isna().",
                    "T4",
                    "None vs NaN vs NA vs NaT",
                    level=NOTEBOOK,
                    check="expected",
                    checks=("expected",),
                    columns=("p",),
                    inputs=("city",),
                    rows=43,
                    comparison=EXPECTED_OFFLINE,
                    witness=Counterexample(
                        ("city",),
                        ((None,),),
                        0,
                        {"a": "7.0"},
                        (Seen("offline", {"p": "7.0"}), Seen("online", {"p": "7.0"}), Seen("in the notebook (id = 7)", {"p": "10.0"})),
                    ),
                ),
            ),
        ),
        (*AGREEING, *(comparison(name, column("p", rows=300, differing=43)) for name in (EXPECTED_OFFLINE, EXPECTED_ONLINE))),
    ),
    checks=(*(replace(check, fired=False) for check in CHECKS), CheckResult("expected", NOTEBOOK, True, 300, 0.5)),
    notebook=Notebook("expected.parquet", 300, agrees=False),
)  # fmt: skip
"""Both paths agree, and the notebook does not."""

HOSTILE_TEXT = "</script><b>&\"'[red]\x1b[31m\x00\u202e{{ 7*7 }}"
HOSTILE = replace(
    FAILING,
    decision=Decision(
        Verdict.FAIL,
        HOSTILE_TEXT,
        findings=(
            replace(
                STATISTICS,
                sentence=HOSTILE_TEXT,
                name=HOSTILE_TEXT,
                columns=(HOSTILE_TEXT,),
                inputs=(HOSTILE_TEXT,),
                witness=Counterexample(
                    (HOSTILE_TEXT,),
                    ((HOSTILE_TEXT,),),
                    0,
                    {HOSTILE_TEXT: HOSTILE_TEXT},
                    (Seen(HOSTILE_TEXT, {HOSTILE_TEXT: HOSTILE_TEXT}), Seen("refused", error=HOSTILE_TEXT)),
                    f"print({HOSTILE_TEXT!r})",
                ),
            ),
        ),
    ),
    comparisons=(
        comparison(
            BATCHES,
            replace(column(HOSTILE_TEXT, differing=1), worst=(WorstRow((HOSTILE_TEXT,), HOSTILE_TEXT, None),)),
            keys=KeyComparison(missing=KeyList(1, 1, ((HOSTILE_TEXT,),))),
            schema=SchemaComparison(missing=(HOSTILE_TEXT,)),
        ),
    ),
    points=(Points(HOSTILE_TEXT, (1.0, 2.0), (1.5, 2.0)),),
    floors=(NoiseFloor(HOSTILE_TEXT, 1e-16, 1),),
    environments={"offline": {HOSTILE_TEXT: HOSTILE_TEXT}, "online": {}},
)
"""Names and values that a user's data may hold, and that must not become markup, escape codes or templates."""

REPORTS = {
    "pass": PASSING,
    "fail": FAILING,
    "one fault": ONE_FAULT,
    "cannot certify": DOUBTFUL,
    "unsteady": UNSTEADY,
    "other notebook": OTHER_NOTEBOOK,
    "hostile": HOSTILE,
}

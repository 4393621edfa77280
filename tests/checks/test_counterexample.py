"""What counts as the same difference while an example is made smaller, with a model in this process."""

from __future__ import annotations

from pathlib import Path

from pyml_sandbox.parity.checks.baseline import one_row
from pyml_sandbox.parity.counterexample.condition_runner import ConditionRunner
from pyml_sandbox.parity.observations.observation import Condition, Example
from pyml_sandbox.parity.observations.shrink import MAX_STEPS, Shrinker
from support.harnesses import Source

FIRMS = Source(
    "firm STRING NOT NULL, value DOUBLE NOT NULL",
    "p DOUBLE NOT NULL",
    "if set(frame.firm) - {'IBM', 'GE'}:\n"
    "    raise ValueError('unknown firm')\n"
    "kept = frame[frame.value < 100]\n"
    "return pd.DataFrame({'p': kept.value if len(frame) == 1 else frame.value})",
    {"firm": ["IBM", "GE", "IBM"], "value": [1.5, 2.5, 500.0]},
)


def test_an_example_never_becomes_one_that_is_refused_for_a_different_reason(tmp_path: Path) -> None:
    with FIRMS.context(tmp_path) as context, ConditionRunner(context) as runner:
        lost = context.fixture[2]
        example = Example("", one_row(lost), Condition((lost, context.fixture[0])))
        assert runner.differs(example)
        smaller, columns = Shrinker(context.inputs, runner.differs, MAX_STEPS).shrunk(example)
        assert runner.differs(smaller)
        assert smaller.reference.row.values["firm"] in ("IBM", "GE")
        assert "value" in columns


def test_the_reason_of_the_first_example_counts(tmp_path: Path) -> None:
    with FIRMS.context(tmp_path) as context, ConditionRunner(context) as runner:
        lost, unknown = context.fixture[2], context.fixture[2].with_value("firm", "", context.fixture[2].kind)
        beside = context.fixture[0]
        assert runner.differs(Example("", one_row(lost), Condition((lost, beside))))
        assert not runner.differs(Example("", one_row(unknown), Condition((lost, beside))))

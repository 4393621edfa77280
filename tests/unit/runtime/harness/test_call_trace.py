"""Which functions of libraries a model's own code calls."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pyml.harness.answering import Harness
from pyml.harness.call_trace import BATCH_CATEGORIES, trace_calls
from pyml.harness.session_messages import HarnessRequest
from pyml.inference.runner import Runner
from support.harnesses import Source, harnesses_of

CALLS = [
    ("pd.get_dummies(frame.s)", "get_dummies"),
    ("frame.a.rank()", "Series.rank"),
    ("np.quantile(frame.a, 0.5)", "quantile"),
    ("pd.to_datetime(frame.s, errors='coerce')", "to_datetime"),
    ("frame.s.astype('category').cat.codes", "CategoricalAccessor.codes"),
    ("len(frame)", "len"),
]


def called(folder: Path, line: str) -> frozenset[str]:
    source = Source(
        "a DOUBLE NOT NULL, s STRING NOT NULL",
        "p DOUBLE NOT NULL",
        f"{line}\nreturn pd.DataFrame({{'p': frame.a * 2}})",
        {"a": [1.5, 2.5], "s": ["bus", "car"]},
    )
    with harnesses_of(source.write(folder)).start() as harness:
        return harness.called(source.full_batch, [[0, 1]])


@pytest.mark.parametrize(("line", "name"), CALLS, ids=[name for _, name in CALLS])
def test_a_call_by_the_model_is_noted_under_its_name(line: str, name: str, tmp_path: Path) -> None:
    assert name in called(tmp_path, line)


@pytest.mark.parametrize(
    ("line", "is_noted"),
    [
        ("frame.s.astype('category')", True),
        ("frame.astype({'s': 'category', 'a': 'float32'})", True),
        ("frame[['s']].astype(pd.CategoricalDtype())", True),
        ("frame.s.astype(pd.CategoricalDtype(['bus', 'car']))", False),
        ("frame.a.astype('float32')", False),
    ],
)
def test_categories_are_noted_where_the_batch_makes_them(line: str, is_noted: bool, tmp_path: Path) -> None:
    assert (BATCH_CATEGORIES in called(tmp_path, line)) is is_noted


DECORATED = """
import functools

def decorated(function):
    @functools.wraps(function)
    def wrapped(self, *given):
        return function(self, *given)
    return wrapped

class Encoder:
    @decorated
    def fit_transform(self, values):
        return sorted(values)

    @decorated
    def transform(self, values):
        return values
"""


@pytest.mark.parametrize("method", ["fit_transform", "transform"])
def test_a_decorated_function_is_noted_under_the_name_by_which_it_is_called(method: str, tmp_path: Path) -> None:
    model = tmp_path / "model" / "model.py"
    model.parent.mkdir()
    library: dict[str, Any] = {}
    exec(compile(DECORATED, str(tmp_path / "library.py"), "exec"), library)
    code: dict[str, Any] = {"encoder": library["Encoder"]()}
    exec(compile(f"def predict():\n    return encoder.{method}([3, 1])", str(model), "exec"), code)
    with trace_calls(model.parent) as names:
        code["predict"]()
    assert f"Encoder.{method}" in names
    assert "Encoder.wrapped" not in names


def test_what_libraries_call_in_turn_is_not_noted(tmp_path: Path) -> None:
    assert not {"factorize", "Series.rank", "quantile"} & called(tmp_path, "frame.s.astype('category')")


def test_nothing_is_noted_of_other_questions(tmp_path: Path) -> None:
    source = Source(
        "a DOUBLE NOT NULL", "p DOUBLE NOT NULL", "return pd.DataFrame({'p': frame.a.rank()})", {"a": [1.5]}
    )
    harness = Harness(Runner.load(source.write(tmp_path)))
    assert harness.answer(HarnessRequest(source.full_batch, [[0]])).called == []

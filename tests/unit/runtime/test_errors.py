"""Errors carry a code that programs read, and docs/reference/errors.md lists every one."""

from __future__ import annotations

import importlib
import pickle
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyml.error_code import ErrorCode
from pyml.errors import (
    InputError,
    PackageError,
    Problem,
    ProblemsError,
    PymlError,
    SetupError,
    UsageError,
    without_hints,
)

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "reference" / "errors.md").read_text(encoding="utf-8")
NARROW = ErrorCode.COLUMN_MISSING


def below(kind: type[PymlError]) -> Iterator[type[PymlError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from below(child)


def classes() -> list[type[PymlError]]:
    """Every class of errors, of whatever module."""
    for source in (ROOT / "runtime", ROOT / "sandbox"):
        for file in source.rglob("*.py"):
            if re.search(r"^class \w+Error\(", file.read_text(encoding="utf-8"), re.MULTILINE):
                importlib.import_module(".".join(file.relative_to(source).with_suffix("").parts))
    return [kind for kind in below(PymlError) if kind not in (PymlError, ProblemsError)]


def test_the_page_lists_every_code_once_in_the_order_of_the_enum() -> None:
    listed = re.findall(r"^\| `([\w-]+)` \| .", PAGE.partition("## 2. The codes")[2], re.MULTILINE)
    assert listed == list(ErrorCode)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (SetupError("no Java", "install it"), "no Java"),
        (InputError("rows", [Problem("a", "mend a"), Problem("b")]), "rows\n  - a\n  - b"),
        (SetupError("no Java"), "no Java"),
    ],
)
def test_what_is_wrong_is_told_without_how_to_mend_it(error: PymlError, said: str) -> None:
    assert without_hints(str(error)) == said


def test_an_error_has_the_code_of_its_class_unless_it_is_given_one() -> None:
    assert UsageError("no").code is ErrorCode.USAGE
    assert UsageError("no", "do", ErrorCode.QUERY).code is ErrorCode.QUERY


@pytest.mark.parametrize("kind", classes())
def test_each_class_of_errors_says_more_than_that_there_is_one(kind: type[PymlError]) -> None:
    assert kind.general_code is not ErrorCode.ERROR


@pytest.mark.parametrize(
    ("problems", "codes"),
    [
        ([], (ErrorCode.INPUT,)),
        ([Problem("a")], (ErrorCode.INPUT,)),
        ([Problem("a", "", NARROW), Problem("b", "", NARROW)], (NARROW,)),
        ([Problem("a", "", NARROW), Problem("b")], (NARROW, ErrorCode.INPUT)),
    ],
)
def test_several_problems_give_their_codes_each_once(problems: list[Problem], codes: tuple[ErrorCode, ...]) -> None:
    error = InputError("rows", problems)
    assert error.codes == codes
    assert error.code is codes[0]


@pytest.mark.parametrize(
    "error",
    [SetupError("no", "do", ErrorCode.PORT_TAKEN), PackageError("no", [Problem("a", "b", NARROW), Problem("c")])],
)
def test_codes_outlive_a_pickle(error: PymlError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.codes) == (type(error), str(error), error.codes)

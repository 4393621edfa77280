"""The figures of the code, on sources of a few lines."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import dedent

import pytest

from measure.anchors import Anchor
from measure.circles import Circle, circles
from measure.complexity import complexities, main, too_complex
from measure.figures import FIGURES, Code, percentile, table
from measure.functions import (
    all_docstring_lines,
    arguments,
    code_length,
    comment_lines,
    functions,
    length,
    methods,
    public,
)
from measure.page import page
from measure.source import Source, lines, read
from measure.startup import medians

SOME = '''\
"""What it is for."""

import os  # for the folder


@property
def first(a: int, b, *rest: int, **named: int) -> int:
    """Give it back.

    And more.
    """
    # why
    return a


class Public:
    """One."""

    def method(self, x: int):
        def inner() -> None: ...
        return x

    def _own(self) -> None: ...

    @classmethod
    def made(cls) -> None:
        """Make one."""

    @staticmethod
    def free(x) -> None: ...

    @made.setter
    def made(self, x: int) -> None: ...


class _Private:
    def method(self) -> None: ...


async def later(*, key: int) -> None: ...
'''


def named(tree: ast.Module) -> dict[str, ast.FunctionDef | ast.AsyncFunctionDef]:
    return {each.name: each for each in functions(tree)}


TREE = ast.parse(SOME)


def test_functions_in_functions_and_methods_count_as_functions() -> None:
    assert sorted(each.name for each in functions(TREE)) == [
        "_own", "first", "free", "inner", "later", "made", "made", "method", "method"
    ]  # fmt: skip


def test_a_function_is_as_long_as_its_lines_without_decorators() -> None:
    first = named(TREE)["first"]
    assert (length(first), code_length(first)) == (7, 3)


def test_docstrings_are_counted_in_lines_wherever_they_stand() -> None:
    assert all_docstring_lines(TREE) == 1 + 4 + 1 + 1


def test_comments_are_counted_alone_and_behind_code_but_not_in_strings() -> None:
    assert comment_lines(SOME + 'x = "# none"\n') == 2


def test_public_names_are_those_without_an_underscore_in_classes_without_one() -> None:
    assert [node.name for node in public(TREE)] == ["first", "Public", "method", "made", "free", "later"]


@pytest.mark.parametrize(
    ("name", "taken"),
    [("first", ["a", "b", "rest", "named"]), ("made", ["x"]), ("free", ["x"]), ("later", ["key"]), ("inner", [])],
)
def test_self_and_cls_are_no_arguments(name: str, taken: list[str]) -> None:
    function = named(TREE)[name]
    found = arguments(function, is_method=function in methods(TREE))
    assert sorted(each.arg for each in found) == sorted(taken)


@pytest.mark.parametrize(("share", "value"), [(0.0, 1), (0.5, 5), (0.9, 9), (0.95, 10), (1.0, 10)])
def test_a_percentile_is_a_value_that_so_many_do_not_exceed(share: float, value: int) -> None:
    assert percentile([*range(10, 0, -1)], share) == value


# ---- complexity


BRANCHING = dedent("""\
    def plain(): return 1

    class A:
        def hidden(self, a, b):
            return [x for x in a if x and b] or (1 if a else 2)
    """)


def test_decisions_in_comprehensions_and_operators_count() -> None:
    assert list(complexities(BRANCHING)) == [("plain", 1, 1), ("A.hidden", 4, 6)]
    assert [name for name, *_ in too_complex(BRANCHING, 5)] == ["A.hidden"]


def test_a_function_over_the_limit_is_named_with_its_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "templates").mkdir()
    branches = "".join(f"    if a == {number}: return {number}\n" for number in range(15))
    for name in ("wrong.py", "templates/of_a_user.py"):
        (tmp_path / name).write_text(f"def chosen(a):\n{branches}")
    assert main([str(tmp_path)]) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"{tmp_path}/wrong.py:1: chosen has a complexity of 16, 15 at most: split it"
    ]


def test_code_within_the_limit_passes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "right.py").write_text(BRANCHING)
    assert main([str(tmp_path)]) == 0
    assert not capsys.readouterr().out


# ---- circles


def sources(modules: Mapping[str, str]) -> list[Source]:
    """Modules by name; one with others below it is a face."""
    return [
        Source(name, text, any(other.startswith(f"{name}.") for other in modules)) for name, text in modules.items()
    ]


NONE: list[Circle] = []
CIRCLES = [
    ("one way", {"p": "", "p.a": "import p.b", "p.b": ""}, NONE),
    ("both ways", {"p": "", "p.a": "import p.b", "p.b": "from p import a"}, [Circle("", ("p.a", "p.b")), Circle("p", ("p.a", "p.b"))]),
    (
        "by way of a third, in a function, and relative",
        {"p": "", "p.a": "from . import b", "p.b": "def f():\n    from .c import x", "p.c": "from p.a import y"},
        [Circle("", ("p.a", "p.b", "p.c")), Circle("p", ("p.a", "p.b", "p.c"))],
    ),
    ("for type checkers alone", {"p": "", "p.a": "if TYPE_CHECKING:\n    import p.b", "p.b": "import p.a"}, NONE),
    (
        "where there are no type checkers",
        {"p": "", "p.a": "if TYPE_CHECKING:\n    pass\nelse:\n    import p.b", "p.b": "import p.a"},
        [Circle("", ("p.a", "p.b")), Circle("p", ("p.a", "p.b"))],
    ),
    (
        "between folders, not between files",
        {"p": "", "p.x": "", "p.x.a": "import p.y.a", "p.x.b": "", "p.y": "", "p.y.a": "", "p.y.b": "from ..x import b"},
        [Circle("p", ("p.x", "p.y"))],
    ),
    ("of a face with what lies below it", {"p": "from p.a import x", "p.a": "import p"}, NONE),
    ("of a face of a folder with another folder", {"p": "", "p.x": "import p.y", "p.x.a": "", "p.y": "import p.x.a"}, [Circle("p", ("p.x", "p.y"))]),
    ("with what others have made", {"p": "", "p.a": "import os, p.b", "p.b": "import q.a"}, NONE),
]  # fmt: skip


@pytest.mark.parametrize(("modules", "expected"), [case[1:] for case in CIRCLES], ids=[case[0] for case in CIRCLES])
def test_circles(modules: Mapping[str, str], expected: Sequence[Circle]) -> None:
    assert circles(sources(modules)) == expected


# ---- files


def test_a_package_is_read_as_modules_without_what_is_left_out(tmp_path: Path) -> None:
    for name in ("p/__init__.py", "p/a.py", "p/x/__init__.py", "p/x/b.py", "p/_sync/c.py", "p/x/note.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_text("one\n\nthree\n")
    found = read(tmp_path / "p", ["_sync"])
    assert [(source.name, source.is_face) for source in found] == [
        ("p", True), ("p.a", False), ("p.x", True), ("p.x.b", False)
    ]  # fmt: skip
    assert lines(found) == 12


# ---- the table


def test_each_figure_has_a_row_and_each_code_a_column() -> None:
    rows = {
        name: cells
        for name, *cells in table([Code("ours", [Source("p.a", SOME)], 20, 40), Code("x", [Source("q", SOME)])])
    }
    assert list(rows) == ["", *(name for name, _ in FIGURES)]
    assert rows.pop("") == ["ours", "x"]
    assert [cells[0] for cells in rows.values()] == [
        "1, 0.0 k", "1 / 7", "7", "0", "0 / 0", "1 / 1 / 1", "50 %", "75 % / 88 %", "5.0 / 18", "0.50 (1.50)", "0 / 0"
    ]  # fmt: skip
    assert rows["lines of test for each line of source (with benchmarks)"][1] == ""


def test_the_page_has_the_table_the_circles_and_what_it_was_held_against() -> None:
    anchors = [Anchor("nox", "1.0", "nox", tests=None), Anchor("httpcore", "2.0", "httpcore", leave_out=("_sync",))]
    found = page(
        [["", "ours"], ["files", "3"]], anchors, [Circle("p", ("p.a", "p.b"))], {"pyml --help": 0.1349}, "2 cores"
    )
    for line in (
        "|  | ours |",
        "|---|--:|",
        "| files | 3 |",
        "Held against nox 1.0, httpcore 2.0, as they are",
        "The release of nox has no tests.",
        "Without the generated `_sync` of httpcore.",
        "- in `p`: p.a, p.b",
        "| `pyml --help` | 135 |",
    ):
        assert line in found.splitlines()


def test_without_circles_the_page_says_so() -> None:
    assert "\n## Circles\n\nNone.\n" in page([["", "ours"]], [], [], {}, "2 cores")


# ---- start


def test_commands_take_turns_and_their_first_run_does_not_count() -> None:
    ran: list[str] = []

    def timed(command: Sequence[str]) -> float:
        ran.append(command[0])
        return float(len(ran))

    assert medians({"one": ["a"], "two": ["b"]}, 3, timed) == {"one": 5.0, "two": 6.0}
    assert ran == ["a", "b"] * 4

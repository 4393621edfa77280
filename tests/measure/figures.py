"""The rows of the table: each is a name, and how its cell follows from some code."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import ceil
from statistics import median

from measure.circles import Circle, circles
from measure.complexity import complexities
from measure.functions import (
    Function,
    all_docstring_lines,
    arguments,
    code_length,
    comment_lines,
    functions,
    length,
    methods,
    public,
)
from measure.source import Source, lines

LONG_FUNCTION, LONG_FILE, LONGER_FILE = 30, 300, 400


@dataclass(frozen=True)
class Code:
    """What one column is about.

    Attributes:
        name: of the column.
        sources: its files, tests apart.
        test_lines: of its tests; None where they are not known.
        benchmark_lines: of what lies beside the tests and is run by hand.
    """

    name: str
    sources: Sequence[Source]
    test_lines: int | None = None
    benchmark_lines: int = 0

    @cached_property
    def functions(self) -> list[Function]:
        """All of them."""
        return [function for source in self.sources for function in functions(source.tree)]

    @cached_property
    def complexities(self) -> list[int]:
        """Of each function."""
        return [found for source in self.sources for _, _, found in complexities(source.text)]

    @cached_property
    def circles(self) -> list[Circle]:
        """Of imports."""
        return circles(self.sources)

    @property
    def lines(self) -> int:
        """Of all files."""
        return lines(self.sources)


def percentile(values: Sequence[int], share: float) -> int:
    """The smallest value that so large a share of them do not exceed."""
    ranked = sorted(values)
    return ranked[max(ceil(share * len(ranked)) - 1, 0)] if ranked else 0


def _size(code: Code) -> str:
    return f"{len(code.sources)}, {code.lines / 1000:.1f} k"


def _lengths(code: Code) -> str:
    found = [length(function) for function in code.functions]
    return f"{median(found):.0f} / {percentile(found, 0.9)}"


def _longest(code: Code) -> str:
    return str(max(map(length, code.functions)))


def _long_functions(code: Code) -> str:
    return str(sum(code_length(function) > LONG_FUNCTION for function in code.functions))


def _long_files(code: Code) -> str:
    long, longer = (sum(source.lines > limit for source in code.sources) for limit in (LONG_FILE, LONGER_FILE))
    return f"{long} / {longer}"


def _complexity(code: Code) -> str:
    found = code.complexities
    return f"{median(found):.0f} / {percentile(found, 0.95)} / {max(found)}"


def _documented(code: Code) -> str:
    found = [node for source in code.sources for node in public(source.tree)]
    return _percent(sum(bool(ast.get_docstring(node)) for node in found), len(found))


def _annotated(code: Code) -> str:
    in_classes = set().union(*(methods(source.tree) for source in code.sources))
    named = [each for found in code.functions for each in arguments(found, is_method=found in in_classes)]
    taken = _percent(sum(each.annotation is not None for each in named), len(named))
    given = _percent(sum(found.returns is not None for found in code.functions), len(code.functions))
    return f"{taken} / {given}"


def _prose(code: Code) -> str:
    comments = sum(comment_lines(source.text) for source in code.sources)
    docstrings = sum(all_docstring_lines(source.tree) for source in code.sources)
    return f"{100 * comments / code.lines:.1f} / {100 * docstrings / code.lines:.0f}"


def _tests(code: Code) -> str:
    if code.test_lines is None:
        return ""
    more = f" ({(code.test_lines + code.benchmark_lines) / code.lines:.2f})" if code.benchmark_lines else ""
    return f"{code.test_lines / code.lines:.2f}{more}"


def _circles(code: Code) -> str:
    among_files = [circle for circle in code.circles if not circle.folder]
    size = f" ({sum(len(circle.names) for circle in among_files)})" if among_files else ""
    return f"{len(among_files)}{size} / {len(code.circles) - len(among_files)}"


def _percent(part: int, whole: int) -> str:
    """Rounded down: 100 % is all of them."""
    return f"{100 * part // max(whole, 1)} %"


FIGURES: tuple[tuple[str, Callable[[Code], str]], ...] = (
    ("files, lines", _size),
    ("function length in lines: median / p90", _lengths),
    ("longest function", _longest),
    (f"functions over {LONG_FUNCTION} lines, docstring not counted", _long_functions),
    (f"files over {LONG_FILE} / over {LONGER_FILE} lines", _long_files),
    ("cyclomatic complexity: median / p95 / worst", _complexity),
    ("public names with a docstring", _documented),
    ("arguments / returns with a type", _annotated),
    ("lines of comment / of docstring, per 100", _prose),
    ("lines of test for each line of source (with benchmarks)", _tests),
    ("circles of imports: among files (so many in them) / among children of a folder", _circles),
)


def table(columns: Sequence[Code]) -> list[list[str]]:
    """The rows, the first with the names of the columns."""
    return [["", *(code.name for code in columns)], *([name, *map(figure, columns)] for name, figure in FIGURES)]

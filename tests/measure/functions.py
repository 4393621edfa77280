"""What is counted in a file: functions and how long they are, docstrings, annotations, comments."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator

Function = ast.FunctionDef | ast.AsyncFunctionDef
Documented = Function | ast.ClassDef


def functions(tree: ast.AST) -> list[Function]:
    """Every function, method and function in a function."""
    return [node for node in ast.walk(tree) if isinstance(node, Function)]


def length(function: Function) -> int:
    """Lines from `def` to the end; decorators do not count."""
    return (function.end_lineno or function.lineno) - function.lineno + 1


def code_length(function: Function) -> int:
    """The same without the lines of its docstring."""
    return length(function) - docstring_lines(function)


def docstring_lines(node: ast.Module | Documented) -> int:
    """How many lines a docstring takes; 0 where there is none."""
    if ast.get_docstring(node, clean=False) is None:
        return 0
    return (node.body[0].end_lineno or node.body[0].lineno) - node.body[0].lineno + 1


def all_docstring_lines(tree: ast.Module) -> int:
    """Of the module, and of everything in it."""
    return sum(docstring_lines(node) for node in ast.walk(tree) if isinstance(node, ast.Module | Documented))


def comment_lines(text: str) -> int:
    """Lines with a comment, alone or behind code."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return sum(token.type == tokenize.COMMENT for token in tokens)


def public(tree: ast.Module | ast.ClassDef) -> Iterator[Documented]:
    """Classes and functions of a module without an underscore, and those of such classes; a property's getter alone."""
    for node in tree.body:
        if isinstance(node, Documented) and not node.name.startswith("_") and not _is_variant(node):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from public(node)


def _is_variant(node: Documented) -> bool:
    """An overload, or the setter of a property: the name is documented elsewhere."""
    last = {ast.unparse(each).rpartition(".")[2] for each in node.decorator_list}
    return bool(last & {"overload", "setter", "deleter"})


def arguments(function: Function, *, is_method: bool) -> list[ast.arg]:
    """Its arguments, without the `self` or `cls` of a method."""
    found = function.args
    plain = [*found.posonlyargs, *found.args]
    is_static = any(ast.unparse(each) == "staticmethod" for each in function.decorator_list)
    named = plain[1:] if is_method and not is_static else plain
    return [*named, *found.kwonlyargs, *filter(None, (found.vararg, found.kwarg))]


def methods(tree: ast.AST) -> set[Function]:
    """Functions that stand in a class."""
    classes = (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef))
    return {node for owner in classes for node in owner.body if isinstance(node, Function)}

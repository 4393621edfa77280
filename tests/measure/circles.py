"""Circles of imports: among files, and among the children of every folder.

Imports in functions count, those for type checkers alone do not. A child of a folder is a module or a folder in it, and
everything below counts as it. A face, the `__init__.py` of a folder, is passed through on the way to any file of it: it
counts among children, and not among files. (grimp leaves out folders without an `__init__.py`.)
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass

from measure.source import Source

Arrows = Mapping[str, Set[str]]


@dataclass(frozen=True)
class Circle:
    """Modules that all import one another, directly or not.

    Attributes:
        folder: whose children they are; empty for files.
        names: of the modules.
    """

    folder: str
    names: tuple[str, ...]


def circles(sources: Iterable[Source]) -> list[Circle]:
    """Every circle, of files first."""
    by_name = {source.name: source for source in sources}
    arrows = {name: imports(source, by_name.keys()) for name, source in by_name.items()}
    faces = {name for name, source in by_name.items() if source.is_face}
    files = {name: to - faces for name, to in arrows.items() if name not in faces}
    folders = sorted({name.rpartition(".")[0] for name in by_name} - {""})
    found = [Circle("", names) for names in _circles(files)]
    return found + [Circle(folder, names) for folder in folders for names in _circles(among_children(arrows, folder))]


def imports(source: Source, known: Set[str]) -> set[str]:
    """The known modules that a file imports."""
    named = (name for node in _run(source.tree) for name in _named(node, source, known))
    return {name for name in named if name in known} - {source.name}


def _run(node: ast.AST) -> Iterator[ast.AST]:
    """Every part of a file that runs, and not only for type checkers."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            yield from (each for other in child.orelse for each in (other, *_run(other)))
        else:
            yield child
            yield from _run(child)


def _named(node: ast.AST, source: Source, known: Set[str]) -> Iterator[str]:
    """What an import names: of `from a import b` that is `a.b` where it is a module, else `a`."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        module = _absolute(node, source)
        yield from (deeper if (deeper := f"{module}.{alias.name}") in known else module for alias in node.names)


def _absolute(node: ast.ImportFrom, source: Source) -> str:
    parts = source.name.split(".")
    up = node.level - source.is_face
    start = parts[: len(parts) - up] if node.level else []
    return ".".join([*start, *filter(None, [node.module])])


def among_children(arrows: Arrows, folder: str) -> dict[str, set[str]]:
    """Imports between the children of a folder."""
    depth = folder.count(".") + 2

    def child(name: str) -> str:
        return ".".join(name.split(".")[:depth])

    found: dict[str, set[str]] = {}
    for name, to in arrows.items():
        if name.startswith(f"{folder}."):
            found.setdefault(child(name), set()).update(child(each) for each in to if each.startswith(f"{folder}."))
    return {name: to - {name} for name, to in found.items()}


def _circles(arrows: Arrows) -> list[tuple[str, ...]]:
    """Groups of nodes that reach one another."""
    reached = {name: _reached(arrows, name) for name in arrows}
    circling = [name for name in arrows if name in reached[name]]
    return sorted(
        {
            tuple(sorted(each for each in circling if each in reached[name] and name in reached[each]))
            for name in circling
        }
    )


def _reached(arrows: Arrows, start: str) -> set[str]:
    found: set[str] = set()
    todo = [start]
    while todo:
        new = set(arrows.get(todo.pop(), ())) - found
        found |= new
        todo += new
    return found

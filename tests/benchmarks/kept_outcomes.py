"""Outcomes of a run that takes hours, one JSON object a line, so that an interrupted run goes on where it was."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    class Named(DataclassInstance, Protocol):
        """An outcome: a dataclass with the name of what was run."""

        @property
        def name(self) -> str:
            """Of what was run."""


T = TypeVar("T", bound="Named")


def read_results(file: Path, from_json: Callable[[Mapping[str, Any]], T]) -> dict[str, T]:
    """The last outcome of each; a line that was cut off when it was written is left out."""
    outcomes = {}
    for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else []:
        try:
            outcome = from_json(json.loads(line))
        except (ValueError, KeyError, TypeError):
            continue
        outcomes[outcome.name] = outcome
    return outcomes


def append(file: Path, outcome: Named) -> None:
    """Keep an outcome at once."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(dataclasses.asdict(outcome)) + "\n")

"""Completion of arguments in a shell: names and ids that lie in files of the sandbox. It asks no service.

`pyml --install-completion` sets it up. Where something goes wrong it offers nothing, since the shell shows no errors.
"""

from __future__ import annotations

import contextlib
import os
import shlex
from collections.abc import Callable, Iterable, MutableMapping, Sequence
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from pyml_sandbox.workspace.home import SandboxHome

SHELL = "_PYML_COMPLETE"
"""The variable with which typer's script asks for completions."""
BEGUN = "_PYML_COMPLETE_BEGUN"
"""How the word begins of which bash completes the rest, see `join_words_of_bash`."""
FEW = 50
"""Ids that are offered, at most: the latest."""


def versions(context: typer.Context, incomplete: str) -> list[str]:
    """Names of models, and ids of their versions."""

    def found(home: SandboxHome) -> Iterable[str]:
        from pyml_sandbox.models.registry import stored_ids

        ids = stored_ids(home)
        return [*dict.fromkeys(model_id.partition("@")[0] for model_id in ids), *ids]

    return _offered(context, incomplete, found)


def deployed_models(context: typer.Context, incomplete: str) -> list[str]:
    """Names of deployed models."""

    def found(home: SandboxHome) -> Iterable[str]:
        from pyml_sandbox.models.routes import load_routes

        return load_routes(home).models

    return _offered(context, incomplete, found)


def tables(context: typer.Context, incomplete: str) -> list[str]:
    """Tables that jobs wrote: to list all tables, Spark would have to run."""

    def found(home: SandboxHome) -> Iterable[str]:
        from pyml_sandbox.predict.offline_jobs.job_history import records

        return dict.fromkeys(record.table for record in records(home))

    return _offered(context, incomplete, found)


def services(context: typer.Context, incomplete: str) -> list[str]:
    """Names of services."""

    def found(home: SandboxHome) -> Iterable[str]:
        from pyml_sandbox.lifecycle.service_names import known_services

        return known_services(home)

    return _offered(context, incomplete, found)


def jobs(context: typer.Context, incomplete: str) -> list[str]:
    """Ids of jobs."""

    def found(home: SandboxHome) -> Iterable[str]:
        from pyml_sandbox.predict.offline_jobs.job_history import job_ids

        return job_ids(home)

    return _offered(context, incomplete, found)[:FEW]


def running_jobs(context: typer.Context, incomplete: str) -> list[str]:
    """Ids of jobs that run."""

    def found(home: SandboxHome) -> Iterable[str]:
        from pyml_sandbox.predict.offline_jobs.job_history import records

        return [record.job_id for record in records(home) if record.is_running]

    return _offered(context, incomplete, found)


def reports(context: typer.Context, incomplete: str) -> list[str]:
    """Ids of reports."""

    def found(home: SandboxHome) -> Iterable[str]:
        from pyml_sandbox.parity.report.report_history import report_ids

        return report_ids(home)

    return _offered(context, incomplete, found)[:FEW]


def _offered(context: typer.Context, incomplete: str, find: Callable[[SandboxHome], Iterable[str]]) -> list[str]:
    """What is found in the sandbox of the command line and begins as it should; nothing where something goes wrong."""
    with contextlib.suppress(Exception):
        from pyml_sandbox.workspace.home import SandboxHome

        home = SandboxHome.find(context.params.get("sandbox"))
        begun = os.environ.get(BEGUN, "")
        return [text.removeprefix(begun) for text in find(home) if text.startswith(begun + incomplete)]
    return []


def join_words_of_bash(environ: MutableMapping[str, str]) -> None:
    """Join what bash takes for three words: to it, `@` in `fare@3f` ends a word, and only the last one is completed.

    Args:
        environ: variables of a completion; changed in place.
    """
    if environ.get(SHELL) != "complete_bash":
        return
    with contextlib.suppress(ValueError, KeyError):  # a quote that is not closed, or no completion at all
        words, cursor = shlex.split(environ["COMP_WORDS"]), int(environ["COMP_CWORD"])
        joined, position = _joined(words, cursor)
        if len(joined) == len(words):
            return
        if position < len(joined):
            begun, at, rest = joined[position].rpartition("@")
            joined[position], environ[BEGUN] = rest, begun + at
        environ["COMP_WORDS"], environ["COMP_CWORD"] = shlex.join(joined), str(position)


def _joined(words: Sequence[str], cursor: int) -> tuple[list[str], int]:
    """The words without the gaps at `@`, and the position of the cursor's word among them."""
    joined: list[str] = []
    position = 0
    for number, word in enumerate(words):
        if joined and "@" in (word, words[number - 1]):
            joined[-1] += word
        else:
            joined.append(word)
        if number <= cursor:
            position = len(joined) - 1
    return joined, position + max(0, cursor - len(words) + 1)

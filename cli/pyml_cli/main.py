"""The `pyml` command: its sub-commands, and how errors are printed.

A command line imports the module of the one command that it names; `pyml --help` needs all of them. So command modules
import nothing heavy at the top (no pyml_sandbox module that needs Spark, Arrow or gRPC): a command imports what it
needs when it runs.

The exit codes are in docs/reference/errors.md.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Annotated

import typer

from pyml.error_code import ErrorCode
from pyml.errors import PymlError, UsageError
from pyml_cli.completion import join_words_of_bash
from pyml_cli.output import Output, choose_output
from pyml_cli.signals import CTRL_C, Interruption, signals_interrupt
from pyml_cli.streams import discard_unwritten, is_unread, prepare_streams

if TYPE_CHECKING:
    from pyml_sandbox.workspace.events import JSON

SURROGATE = re.compile("[\ud800-\udfff]")  # Python's letter for a byte of an argument that it cannot decode
UNREAD = 128 + 13  # as if SIGPIPE had ended it

COMMANDS = {
    "init": ("commands.model_commands", "init"),
    "validate": ("commands.model_commands", "validate"),
    "upload": ("commands.model_commands", "upload"),
    "deploy": ("commands.model_commands", "deploy"),
    "undeploy": ("commands.model_commands", "undeploy"),
    "parity-check": ("commands.parity_command", "parity_check"),
    "explain": ("commands.explain_command", "explain"),
    "compare": ("commands.compare_command", "compare"),
    "promote": ("commands.promote_command", "promote"),
    "verify": ("commands.promote_command", "verify"),
    "log": ("commands.promote_command", "log"),
    "console": ("console.console_command", "console"),
}
"""Module and function of each command; in the order in which `pyml --help` lists them."""
GROUPS = {
    "dev": ("commands.dev.dev_commands", "Start, stop and inspect the sandbox."),
    "predict": (
        "commands.predict_commands",
        "Predict rows through the gateway, or the rows of a query into a Hive table.",
    ),
    "models": ("commands.contents.model_list_command", "List, show and delete uploaded model versions."),
    "jobs": ("commands.contents.job_commands", "List, show and cancel offline jobs."),
    "reports": ("commands.contents.report_commands", "List and show the reports of parity checks."),
    "image": ("commands.image_commands", "Build, list and remove the images of the container driver."),
    "export": ("commands.export_commands", "Write manifests with which a cluster runs a promoted image."),
    "keys": ("commands.key_commands", "Make and show the key that signs proofs."),
}
"""Module and help of each group of commands; the module's `app` has the commands."""


def pyml(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version of pyml, and end.")] = False,
    json: Annotated[bool, typer.Option("--json", hidden=True)] = False,
) -> None:
    """Run a model offline and online on your laptop, and prove that both paths agree."""
    if version:
        choose_output(json).result(VersionView())
        raise typer.Exit
    if json or context.invoked_subcommand is None:
        raise UsageError("expected a command, and its options after it", "pyml --help")


def application(words: Sequence[str] = ()) -> typer.Typer:
    """The application for a command line: with the command or group that its first word names, else with all of them.

    Args:
        words: of the command line.
    """
    app = typer.Typer(
        name="pyml",
        help="Run a model offline and online on your laptop, and prove that both paths agree.",
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    app.callback(invoke_without_command=True)(pyml)
    first = words[0] if words else ""
    named = {first} if first in {"--version", *COMMANDS, *GROUPS} else {*COMMANDS, *GROUPS}
    for name, (module, function) in COMMANDS.items():
        if name in named:
            app.command(name)(getattr(import_module(f"pyml_cli.{module}"), function))
    for name, (module, meaning) in GROUPS.items():
        if name in named:
            app.add_typer(import_module(f"pyml_cli.{module}").app, name=name, help=meaning)
    return app


@dataclass(frozen=True)
class VersionView:
    """The version of pyml, and of the Python that runs it."""

    @property
    def json(self) -> Mapping[str, JSON]:
        """Both versions."""
        import importlib.metadata
        import platform

        return {"pyml": importlib.metadata.version("pyml-sandbox"), "python": platform.python_version()}

    @property
    def text(self) -> str:
        """The version of pyml, after its name."""
        return f"pyml {self.json['pyml']}"


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code. Every error is printed, and none is raised."""
    prepare_streams()
    join_words_of_bash(os.environ)
    output = choose_output(as_json="--json" in arguments)
    try:
        with signals_interrupt() as interruption:
            code = _called(arguments)
    except typer.Exit as leave:
        code = leave.exit_code
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - Python would end with 1, which is a verdict
        code = _report(output, error, arguments, interruption)
    discard_unwritten()
    return code


def _called(arguments: Sequence[str]) -> int:
    """Call the command.

    Raises:
        KeyboardInterrupt: typer itself turns it into an exit code, as if the command had chosen it.
        OSError: typer itself ends the process with 1 where nobody reads the output.
    """
    streams = sys.stdout, sys.stderr
    try:
        called = application(arguments)
        code = int(called(args=list(arguments) or ["--help"], standalone_mode=False, prog_name="pyml") or 0)
    except SystemExit as leave:
        if isinstance(leave.__context__, OSError):
            raise leave.__context__ from None
        raise
    finally:
        sys.stdout, sys.stderr = streams  # typer wraps them then, to hide that they cannot be written
    if code == CTRL_C:
        raise KeyboardInterrupt
    return code


def _report(output: Output, error: BaseException, arguments: Sequence[str], interruption: Interruption) -> int:
    """Print what ended a command, and return its exit code."""
    if isinstance(error, OSError) and is_unread():
        return UNREAD
    known = _known_error(error, arguments, interruption)
    with contextlib.suppress(OSError, ValueError):  # nobody can read it: the terminal is gone
        output.error(known)
    return known.exit_code


def _known_error(error: BaseException, arguments: Sequence[str], interruption: Interruption) -> PymlError:
    from pyml_cli.bug_report import bug
    from pyml_cli.system_errors import system_error, with_cause_of_system

    if isinstance(error, typer.Abort) and isinstance(error.__cause__, EOFError):
        error = error.__cause__  # typer takes every end of a file for that of an answer
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        interrupted = PymlError("Interrupted.", "", ErrorCode.INTERRUPTED)
        interrupted.exit_code = interruption.exit_code
        return interrupted
    if isinstance(error, PymlError):
        return with_cause_of_system(error)
    return _usage_error(error, arguments) or system_error(error) or bug(error, arguments)


def _usage_error(error: BaseException, arguments: Sequence[str]) -> UsageError | None:
    """Typer's error about the arguments, as ours; None for other errors. Its classes moved between releases."""
    if isinstance(error, UnicodeEncodeError) and any(map(SURROGATE.search, arguments)):
        message = f"An argument has letters that this shell's encoding, {sys.getfilesystemencoding()}, lacks."
        return UsageError(message, "export LC_ALL=C.UTF-8")
    describe = getattr(error, "format_message", None)
    return None if describe is None else UsageError(str(describe()), _help_command(error))


def _help_command(error: BaseException) -> str:
    context = getattr(error, "ctx", None)
    return f"{context.command_path} --help" if context is not None else "pyml --help"

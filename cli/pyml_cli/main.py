"""The `pyml` command: its sub-commands, and how errors are printed.

Command modules import nothing heavy at the top (no pyml_sandbox module that needs Spark, Arrow or gRPC): a command
imports what it needs when it runs, so that `pyml --help` stays fast.

The exit codes are in docs/reference/errors.md.
"""

from __future__ import annotations

import traceback
from collections.abc import Sequence

import typer

from pyml.error_code import ErrorCode
from pyml.errors import PymlError, UsageError
from pyml_cli.commands import (
    compare_command,
    dev_commands,
    explain_command,
    image_commands,
    model_commands,
    parity_command,
    predict_commands,
    sql_command,
    table_commands,
)
from pyml_cli.output import choose_output

BUG = 70
INTERRUPTED = 130

app = typer.Typer(
    name="pyml",
    help="Run a model offline and online on your laptop, and prove that both paths agree.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
dev_commands.app.command()(sql_command.sql)
dev_commands.app.command()(table_commands.load)
dev_commands.app.command()(table_commands.tables)
app.add_typer(dev_commands.app, name="dev", help="Start, stop and inspect the sandbox.")
app.add_typer(
    predict_commands.app,
    name="predict",
    help="Predict rows through the gateway, or the rows of a query into a Hive table.",
)
app.add_typer(image_commands.app, name="image", help="Build, list and remove the images of the container driver.")
for command in (
    model_commands.init,
    model_commands.validate,
    model_commands.upload,
    model_commands.deploy,
    model_commands.undeploy,
    parity_command.parity_check,
    explain_command.explain,
    compare_command.compare,
):
    app.command()(command)


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code. Every error is printed, and none is raised."""
    output = choose_output(as_json="--json" in arguments)
    try:
        code = int(app(args=list(arguments) or ["--help"], standalone_mode=False, prog_name="pyml") or 0)
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except PymlError as error:
        output.error(error)
        return error.exit_code
    except typer.Exit as leave:
        return leave.exit_code
    except Exception as error:  # noqa: BLE001 - the last resort: Python would end with 1, which is a verdict
        known = _usage_error(error) or _bug(error)
        output.error(known)
        return known.exit_code
    if code == INTERRUPTED:  # typer itself returns this code for Ctrl-C
        output.error(PymlError("Interrupted.", "", ErrorCode.INTERRUPTED))
    return code


def _usage_error(error: Exception) -> UsageError | None:
    """Typer's error about the arguments, as ours; None for other errors. Its classes moved between releases."""
    describe = getattr(error, "format_message", None)
    return None if describe is None else UsageError(str(describe()), _help_command(error))


def _bug(error: Exception) -> PymlError:
    """An exception that nobody expected, as an error; its traceback goes to stderr."""
    traceback.print_exception(error)
    found = PymlError(f"a bug of pyml: {type(error).__name__}: {error}", "please report it", ErrorCode.BUG)
    found.exit_code = BUG
    return found


def _help_command(error: Exception) -> str:
    context = getattr(error, "ctx", None)
    return f"{context.command_path} --help" if context is not None else "pyml --help"

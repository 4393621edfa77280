"""Runs the checks of this machine: before `up` starts anything, and for `pyml dev doctor`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyml.errors import SandboxError, SetupError
from pyml_sandbox.drivers.process.process_checks import PROCESS_CHECKS
from pyml_sandbox.services.machine_check import Check, MachineContext, MachineFinding, MachineVerdict


def examine(context: MachineContext, checks: Mapping[str, Check] = PROCESS_CHECKS) -> Sequence[MachineFinding]:
    """Run all checks, and report the result of each."""
    return [_finding(name, check, context) for name, check in checks.items()]


def preflight(context: MachineContext, checks: Mapping[str, Check] = PROCESS_CHECKS) -> None:
    """Run all checks.

    Raises:
        SetupError: a check failed; the error is that of the first one.
    """
    for check in checks.values():
        check(context)


def _finding(name: str, check: Check, context: MachineContext) -> MachineFinding:
    try:
        return MachineFinding(name, MachineVerdict.OK, check(context))
    except (SetupError, SandboxError) as error:
        return MachineFinding(name, MachineVerdict.FAILED, error.message, error.hint)

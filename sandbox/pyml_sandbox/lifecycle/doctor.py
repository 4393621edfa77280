"""What this machine must have. `up` runs these very checks before it starts anything; `pyml dev doctor` prints them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyml.errors import SandboxError, SetupError
from pyml_sandbox.drivers.process.process_checks import PROCESS_CHECKS
from pyml_sandbox.services.machine_check import Check, MachineContext, MachineFinding, MachineVerdict


def examine(situation: MachineContext, checks: Mapping[str, Check] = PROCESS_CHECKS) -> Sequence[MachineFinding]:
    """Run every check and report each."""
    return [_finding(name, check, situation) for name, check in checks.items()]


def preflight(situation: MachineContext, checks: Mapping[str, Check] = PROCESS_CHECKS) -> None:
    """Run every check.

    Raises:
        SetupError: of the first check that fails.
    """
    for check in checks.values():
        check(situation)


def _finding(name: str, check: Check, situation: MachineContext) -> MachineFinding:
    try:
        return MachineFinding(name, MachineVerdict.OK, check(situation))
    except (SetupError, SandboxError) as error:
        return MachineFinding(name, MachineVerdict.FAILED, error.message, error.hint)

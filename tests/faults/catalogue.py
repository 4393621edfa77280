"""All faults."""

from __future__ import annotations

from faults import commands, engine, files, models, services
from faults.fault import Fault

FAULTS: tuple[Fault, ...] = (*services.FAULTS, *models.FAULTS, *commands.FAULTS, *files.FAULTS, *engine.FAULTS)

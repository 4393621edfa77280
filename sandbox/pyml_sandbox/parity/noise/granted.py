"""The tolerances before noise is measured: those of the types, or those of the model's settings. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pyml.errors import UsageError
from pyml.package.settings import AllowanceSettings, ToleranceSettings
from pyml.types.schema import Schema
from pyml_sandbox.compare import DOUBLE_TOLERANCE, FLOAT_TOLERANCE, Origin, Tolerance, Tolerances
from pyml_sandbox.parity.noise.column_noise import has_float32, has_floats

if TYPE_CHECKING:
    import pyarrow as pa


def granted_tolerances(settings: ToleranceSettings, outputs: Schema) -> Tolerances:
    """The tolerances of floats before noise is measured.

    Args:
        settings: table `[parity.tolerance]` of the model's `pyml.toml`.
        outputs: of the model.

    Returns:
        The tolerances of the types, and in `columns` those of the settings, which noise does not widen.

    Raises:
        UsageError: the settings name a column that is not an output, or has no floats.
    """
    floats = {field.name: field.type for field in outputs.arrow if has_floats(field.type)}
    unknown = [name for name in settings.columns if name not in floats]
    if unknown:
        names = ", ".join(f"`{name}`" for name in unknown)
        raise UsageError(
            f"`parity.tolerance.columns` names {names}: expected outputs with floats",
            f"outputs with floats: {', '.join(floats) or 'none'}",
        )
    return Tolerances(columns=_stated(settings, floats))


def _stated(settings: ToleranceSettings, floats: Mapping[str, pa.DataType]) -> dict[str, Tolerance]:
    allowances = {name: settings.of(name) for name in floats}
    return {name: _tolerance(one, floats[name]) for name, one in allowances.items() if one.is_given}


def _tolerance(stated: AllowanceSettings, kind: pa.DataType) -> Tolerance:
    """The tolerance of the settings; a part that they do not state is that of the type."""
    grant = FLOAT_TOLERANCE if has_float32(kind) else DOUBLE_TOLERANCE
    rtol = grant.rtol if stated.rtol is None else stated.rtol
    atol = grant.atol if stated.atol is None else stated.atol
    return Tolerance(rtol, atol, origin=Origin.SETTINGS)

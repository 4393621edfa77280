"""The tolerances before anything is measured: of the types, or stated in the model's settings."""

from __future__ import annotations

import pytest

from pyml.errors import UsageError
from pyml.package.settings import AllowanceSettings, ToleranceSettings
from pyml.types.schema import Schema
from pyml_sandbox.compare import DOUBLE_TOLERANCE, FLOAT_TOLERANCE, Origin, Tolerance, Tolerances
from pyml_sandbox.parity.noise.granted import granted_tolerances

OUTPUTS = Schema("p DOUBLE, q FLOAT, scores ARRAY<FLOAT>, label STRING")


def stated(rtol: float, atol: float) -> Tolerance:
    return Tolerance(rtol, atol, origin=Origin.SETTINGS)


def test_without_settings_the_types_decide() -> None:
    assert granted_tolerances(ToleranceSettings(), OUTPUTS) == Tolerances()


def test_what_is_stated_for_all_reaches_every_float_column() -> None:
    found = granted_tolerances(ToleranceSettings(rtol=0.01, atol=0.0), OUTPUTS)
    assert found.columns == dict.fromkeys(("p", "q", "scores"), stated(0.01, 0.0))


def test_what_is_not_stated_is_what_the_type_grants() -> None:
    found = granted_tolerances(ToleranceSettings(rtol=0.01), OUTPUTS)
    assert found.columns["p"] == stated(0.01, DOUBLE_TOLERANCE.atol)
    assert found.columns["scores"] == stated(0.01, FLOAT_TOLERANCE.atol)


def test_a_column_may_have_a_tolerance_of_its_own() -> None:
    settings = ToleranceSettings(columns={"q": AllowanceSettings(atol=0.5)})
    assert granted_tolerances(settings, OUTPUTS).columns == {"q": stated(FLOAT_TOLERANCE.rtol, 0.5)}


@pytest.mark.parametrize("name", ["label", "fare"])
def test_a_column_that_holds_no_floats_is_refused(name: str) -> None:
    settings = ToleranceSettings(columns={name: AllowanceSettings(rtol=0.5)})
    with pytest.raises(UsageError) as refused:
        granted_tolerances(settings, OUTPUTS)
    assert f"`{name}`" in refused.value.message
    assert "p, q, scores" in refused.value.hint

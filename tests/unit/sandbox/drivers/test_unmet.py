"""What cannot be installed has the right heading, whoever says so."""

from __future__ import annotations

import pytest

from pyml_sandbox.drivers.unmet import heading

NOWHERE = "requirements.txt names what no index offers, or not in this version"
TOGETHER = "requirements.txt cannot be installed together with what pyml needs"


@pytest.mark.parametrize(
    "output",
    [
        "ERROR: Could not find a version that satisfies the requirement nonsense (from versions: none)\n"
        "ERROR: No matching distribution found for nonsense",
        "ERROR: No matching distribution found for packaging==999",
        "Because nonsense was not found in the package registry and you require nonsense>=1, we can conclude that your "
        "requirements are unsatisfiable.",
        "Because there is no version of packaging==999 and you require packaging==999, we can conclude that your "
        "requirements are unsatisfiable.",
        "Because only the following versions of a are available … there are no versions of a>2",
        "Because nonsense was not found in the provided package locations and you require nonsense",
    ],
)
def test_what_no_index_offers_is_no_conflict(output: str) -> None:
    assert heading("requirements.txt", output) == NOWHERE


@pytest.mark.parametrize(
    "output",
    [
        "ERROR: Cannot install pandas<1 and pandas>=2.2 because these package versions have conflicting dependencies.",
        "Because pyml depends on pandas>=2.2 and you require pandas<1, we can conclude that your requirements are "
        "unsatisfiable.",
        "Because there is no version of a<1 and b depends on a<1, we can conclude that b and pyml are incompatible.",
        "",
    ],
)
def test_a_conflict_keeps_its_heading(output: str) -> None:
    assert heading("requirements.txt", output) == TOGETHER


def test_debian_packages_are_not_installed_beside_ours() -> None:
    assert heading("packages.txt", "E: broken", beside_ours=False) == "packages.txt cannot be installed"
    assert heading("packages.txt", "E: Unable to locate package libnone", beside_ours=False).startswith(
        "packages.txt names"
    )

"""A model's signature as JSON, with what the trial load found out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pyml.inference.describe import Signature
from pyml.types.schema import Schema

PLAIN = Signature("frame", Schema("a DOUBLE"), Schema("p DOUBLE"))


@pytest.mark.parametrize(
    ("signature", "further"),
    [
        (PLAIN, set()),
        (replace(PLAIN, load_s=104.2), {"load_s"}),
        (replace(PLAIN, refusal="no such city", load_s=11.0), {"refusal", "load_s"}),
    ],
)
def test_what_a_trial_found_out_is_kept_and_no_part_of_what_is_declared(
    signature: Signature, further: set[str]
) -> None:
    facts = signature.to_json()
    assert set(facts) - {"kind", "inputs", "outputs"} == further
    found = Signature.from_json(facts)
    assert (found.refusal, found.load_s) == (signature.refusal, signature.load_s)
    assert found == PLAIN

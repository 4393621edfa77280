"""How long a model may take: as long as it took before, many times over."""

from __future__ import annotations

import pytest

from pyml_sandbox.models.load_time import PATIENCE as LOADS
from pyml_sandbox.models.load_time import START_TIMEOUT_S, start_timeout_s
from pyml_sandbox.parity.examine import FIRST_LEVEL_ALONE, too_slow
from pyml_sandbox.parity.harness_process import ANSWER_TIMEOUT_S, FIRST_ANSWER_TIMEOUT_S, PATIENCE, Pace
from pyml_sandbox.predict.request_limits import TIMEOUT_S, measured_timeout_s


def test_the_first_request_has_a_limit_that_knows_nothing_of_the_model() -> None:
    assert Pace().timeout_s(32, 1) == FIRST_ANSWER_TIMEOUT_S > 2 * 180


@pytest.mark.parametrize(
    ("rows", "calls", "seconds", "next_rows", "next_calls", "needed_s"),
    [
        (32, 1, 2.56, 1000, 1, 80.0),  # 80 ms a row
        (32, 1, 180.0, 32, 32, 32 * 180.0),  # three minutes a call, whatever it has in it
        (32, 1, 180.0, 1000, 1, 180.0),
        (0, 1, 1.0, 0, 1, 1.0),
        (32, 1, 0.001, 1, 1, 0.0),
    ],
)
def test_later_requests_have_several_times_what_they_need(
    rows: int, calls: int, seconds: float, next_rows: int, next_calls: int, needed_s: float
) -> None:
    pace = Pace().after(rows, calls, seconds).after(1, 1, 0.0)
    assert pace.timeout_s(next_rows, next_calls) >= ANSWER_TIMEOUT_S + PATIENCE * needed_s


@pytest.mark.parametrize("call_s", [0.0, 0.002, 2.56, 30.0])
def test_a_model_that_can_be_examined_is(call_s: float) -> None:
    assert not too_slow(call_s)


@pytest.mark.parametrize(
    ("call_s", "words"), [(180.0, "takes 180 s, so that the checks would take 10 h"), (40.0, "2 h")]
)
def test_a_model_that_cannot_be_examined_in_time_is_told_so_with_what_to_set(call_s: float, words: str) -> None:
    assert words in too_slow(call_s)
    assert too_slow(call_s).endswith(FIRST_LEVEL_ALONE)


@pytest.mark.parametrize("load_s", [0.0, 12.0, 100.0, 600.0])
def test_a_model_may_load_for_several_times_as_long_as_its_trial_took(load_s: float) -> None:
    assert start_timeout_s(load_s) == START_TIMEOUT_S + LOADS * load_s


@pytest.mark.parametrize("job_s", [0.0, 80.0, 720.0])
def test_a_request_may_take_many_times_as_long_as_the_job_over_all_rows(job_s: float) -> None:
    assert measured_timeout_s(job_s) >= TIMEOUT_S + 4 * job_s

"""How errors travel over gRPC."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyml.error_code import ErrorCode
from pyml.errors import InputError, OutputError, PredictError, Problem
from pyml.oip.rpc_status import CODE_OF, Metadata, Reason, RpcFailure, failure_in, failure_of, shortened

PAGE = (Path(__file__).parents[4] / "docs" / "reference" / "errors.md").read_text(encoding="utf-8")


NARROW = (ErrorCode.ROW_COUNT, ErrorCode.COLUMN_TYPE)
PROBLEMS = [Problem("column `a`", "", code) for code in NARROW]


@pytest.mark.parametrize(
    ("error", "status", "reason", "codes"),
    [
        (InputError("rows", PROBLEMS), grpc.StatusCode.INVALID_ARGUMENT, Reason.INPUT, NARROW),
        (InputError("rows", []), grpc.StatusCode.INVALID_ARGUMENT, Reason.INPUT, (ErrorCode.INPUT,)),
        (PredictError("it raised"), grpc.StatusCode.UNKNOWN, Reason.MODEL, (ErrorCode.PREDICT_RAISED,)),
        (OutputError("rows", PROBLEMS), grpc.StatusCode.INTERNAL, Reason.OUTPUT, NARROW),
        (KeyboardInterrupt(), grpc.StatusCode.UNKNOWN, Reason.MODEL, (ErrorCode.PREDICT_RAISED,)),
        (ZeroDivisionError("x"), grpc.StatusCode.INTERNAL, Reason.BUG, (ErrorCode.BUG,)),
    ],
)
def test_each_error_has_its_status_reason_and_codes(
    error: BaseException, status: grpc.StatusCode, reason: Reason, codes: tuple[ErrorCode, ...]
) -> None:
    failure = failure_of(error)
    assert (failure.status, failure.reason, failure.codes) == (status, reason, codes)
    assert failure.metadata == (("pyml-reason", reason), *(("pyml-code", code) for code in codes))


def test_the_page_of_errors_says_which_code_a_reason_has() -> None:
    table = dict(re.findall(r"^\| `([\w-]+)` \| `([\w-]+)` \|$", PAGE, re.MULTILINE))
    assert table == {str(reason): str(CODE_OF[reason]) for reason in Reason}


@dataclass
class Sent(grpc.RpcError):  # type: ignore[misc]  # grpc has no types
    """A failure as a client gets it."""

    failure: RpcFailure
    more: Metadata = ()

    def code(self) -> grpc.StatusCode:
        return self.failure.status

    def details(self) -> str:
        return self.failure.details

    def trailing_metadata(self) -> Metadata:
        return (*self.failure.metadata, *self.more)


@pytest.mark.parametrize(
    "failure",
    [
        RpcFailure(grpc.StatusCode.UNAVAILABLE, "model m is down", Reason.DOWN, "pyml dev logs m"),
        RpcFailure(grpc.StatusCode.UNKNOWN, "it raised\n  fix: is what the model said", Reason.MODEL),
        RpcFailure(grpc.StatusCode.INTERNAL, "zeilen, größe", Reason.OUTPUT, "prüfe sie", NARROW),
    ],
)
def test_a_failure_arrives_as_it_was_sent(failure: RpcFailure) -> None:
    assert failure_in(Sent(failure)) == failure


def test_what_grpc_says_itself_is_no_failure_of_ours() -> None:
    sent = Sent(RpcFailure(grpc.StatusCode.UNAVAILABLE, "", Reason.GRPC))
    sent.trailing_metadata = tuple  # type: ignore[method-assign]
    assert failure_in(sent) is None


def test_codes_of_a_newer_pyml_are_passed_over() -> None:
    sent = Sent(RpcFailure(grpc.StatusCode.UNKNOWN, "no", Reason.MODEL), (("pyml-code", "from-the-future"),))
    found = failure_in(sent)
    assert found is not None
    assert found.codes == (ErrorCode.PREDICT_RAISED,)


@pytest.mark.parametrize("size", [1025, 100_000])
def test_a_hint_that_a_header_cannot_hold_stays_in_the_text(size: int) -> None:
    failure = RpcFailure(grpc.StatusCode.UNKNOWN, "no", Reason.MODEL, "x" * size)
    assert not any(key.endswith("-bin") for key, _ in failure.metadata)
    assert "fix: x" in failure.details


@given(st.text(), st.integers(20, 200))
def test_a_message_is_cut_to_what_a_header_holds(text: str, max_bytes: int) -> None:
    text = text.encode("utf-8", "replace").decode()
    cut = shortened(text, max_bytes)
    on_the_wire = sum(1 if 0x20 <= byte < 0x7F and byte != 0x25 else 3 for byte in cut.encode())
    assert on_the_wire <= max_bytes
    assert cut == text or text.startswith(cut.removesuffix(" …"))

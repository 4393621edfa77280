"""How errors travel over gRPC."""

from __future__ import annotations

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyml.errors import InputError, OutputError, PredictError, Problem
from pyml.oip.rpc_status import failure_of, shortened


@pytest.mark.parametrize(
    ("error", "code", "reason"),
    [
        (InputError("rows", [Problem("column `a`")]), grpc.StatusCode.INVALID_ARGUMENT, "input"),
        (PredictError("predict raised ValueError: x"), grpc.StatusCode.UNKNOWN, "model"),
        (OutputError("rows", [Problem("column `a`")]), grpc.StatusCode.INTERNAL, "output"),
        (KeyboardInterrupt(), grpc.StatusCode.UNKNOWN, "model"),
        (ZeroDivisionError("x"), grpc.StatusCode.INTERNAL, "bug"),
    ],
)
def test_each_error_has_its_code_and_reason(error: BaseException, code: grpc.StatusCode, reason: str) -> None:
    failure = failure_of(error)
    assert (failure.code, failure.reason) == (code, reason)
    assert failure.metadata == (("pyml-reason", reason),)


@given(st.text(), st.integers(20, 200))
def test_a_message_is_cut_to_what_a_header_holds(text: str, max_bytes: int) -> None:
    text = text.encode("utf-8", "replace").decode()
    cut = shortened(text, max_bytes)
    on_the_wire = sum(1 if 0x20 <= byte < 0x7F and byte != 0x25 else 3 for byte in cut.encode())
    assert on_the_wire <= max_bytes
    assert cut == text or text.startswith(cut.removesuffix(" …"))

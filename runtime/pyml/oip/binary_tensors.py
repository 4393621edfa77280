"""The tensors that follow the JSON of a body as bytes: the protocol's extension *binary tensor data*."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pyml.oip.messages import ModelInferRequest
from pyml.oip.tensor import refusal

BINARY_SIZE = "binary_data_size"
"""Parameter of a tensor whose contents follow the JSON: the number of its bytes."""


@dataclass(frozen=True)
class OutputEncoding:
    """Which outputs the caller wants as binary data."""

    by_default: bool
    by_name: Mapping[str, bool]

    @classmethod
    def of(cls, request: ModelInferRequest) -> OutputEncoding:
        """What a request asks for, by its parameters and those of its outputs."""
        by_default = "binary_data_output" in request.parameters and request.parameters["binary_data_output"].bool_param
        by_name = {
            output.name: output.parameters["binary_data"].bool_param
            for output in request.outputs
            if "binary_data" in output.parameters
        }
        return cls(by_default, by_name)

    def __call__(self, name: str) -> bool:
        """Whether the caller wants this output as binary data."""
        return self.by_name.get(name, self.by_default)


class BinaryTensors:
    """The bytes of binary tensors, in the order of the inputs.

    Args:
        data: what follows the JSON.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, size: int, place: str) -> bytes:
        """The bytes of the next tensor.

        Args:
            size: their number.
            place: where the tensor is in the JSON, for the message.

        Raises:
            InputError: fewer bytes are left.
        """
        if not 0 <= size <= len(self._data) - self._at:
            left = len(self._data) - self._at
            raise refusal(
                f"{place} has {BINARY_SIZE} {size}, but only {left} bytes are left after the JSON",
                "make the sizes and the header Inference-Header-Content-Length agree with the body",
            )
        self._at += size
        return self._data[self._at - size : self._at]

    def check_finished(self) -> None:
        """Refuse bytes that belong to no tensor.

        Raises:
            InputError: some are left.
        """
        left = len(self._data) - self._at
        if left:
            raise refusal(f"{left} bytes after the JSON belong to no input", f"set {BINARY_SIZE} on each binary input")

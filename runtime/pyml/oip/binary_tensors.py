"""The tensors that follow the JSON of a body as bytes: the protocol's extension *binary tensor data*."""

from __future__ import annotations

from pyml.oip.tensor import refusal

BINARY_SIZE = "binary_data_size"
"""Parameter of a tensor whose contents follow the JSON: the number of its bytes."""


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

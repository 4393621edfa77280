"""Nulls beside a tensor: the protocol has none, so that a parameter of the tensor says which elements are null.

The parameter `nulls` of a tensor holds positions in its flat contents, from 0, separated by commas; what the contents
hold there does not count. A response has it only if the request has the parameter `nulls` with the value true: a caller
who does not know of it would read the contents. The gateway sets it for requests in JSON, which have null.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from math import prod

from pyml.oip.messages import InferInputTensor, InferOutputTensor, ModelInferRequest
from pyml.oip.tensor import refusal

NULLS = "nulls"
_POSITIONS = re.compile(r"\d{1,18}(,\d{1,18})*", re.ASCII)


def positions_of_nulls(tensor: InferInputTensor | InferOutputTensor) -> list[int]:
    """Positions of a tensor's nulls in its flat contents.

    Raises:
        InputError: the parameter is not a list of positions, or the tensor has no such element.
    """
    if NULLS not in tensor.parameters:
        return []
    written = tensor.parameters[NULLS].string_param
    size = prod(tensor.shape)
    if not _POSITIONS.fullmatch(written) or any(int(position) >= size for position in written.split(",")):
        message = f"the parameter `{NULLS}` of tensor `{tensor.name}` is {written!r:.80}"
        raise refusal(message, f'send positions from 0 to {size - 1}, such as "0,2"')
    return [int(position) for position in written.split(",")]


def nulls_by_name(tensors: Iterable[InferInputTensor] | Iterable[InferOutputTensor]) -> dict[str, list[int]]:
    """Positions of nulls for each tensor that has any.

    Raises:
        InputError: as :func:`positions_of_nulls`.
    """
    found = {tensor.name: positions_of_nulls(tensor) for tensor in tensors}
    return {name: positions for name, positions in found.items() if positions}


def mark_nulls(tensor: InferInputTensor | InferOutputTensor, positions: Sequence[int]) -> None:
    """Say which elements of a tensor are null; without positions nothing is said."""
    if positions:
        tensor.parameters[NULLS].string_param = ",".join(map(str, positions))


def takes_nulls(request: ModelInferRequest) -> bool:
    """Whether the caller understands the parameter in a response."""
    return NULLS in request.parameters and request.parameters[NULLS].bool_param

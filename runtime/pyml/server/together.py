"""Requests that are predicted together: their rows as one batch, and the predictions of each as its response.

That is right for a model alone whose rows do not influence one another, which is what parity level P2 says of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from pyml.oip.arrow_size import rows_size
from pyml.oip.codec import Form, Predictor, form_of, predicted, response_to, rows_in
from pyml.oip.messages import ModelInferRequest, ModelInferResponse
from pyml.types.declared_rows import one_batch

if TYPE_CHECKING:
    from pyml.oip.codec import Rows


@dataclass(frozen=True)
class ReadRequest:
    """A request whose rows have been decoded.

    Attributes:
        request: the request.
        form: its encoding.
        rows: its rows, or the tensors of a tensor model.
        length: the number of its rows.
        size_bytes: that it takes, as it was sent or decoded, whichever is more.
    """

    request: ModelInferRequest
    form: Form
    rows: Rows
    length: int
    size_bytes: int

    @classmethod
    def of(cls, request: ModelInferRequest, predictor: Predictor, max_bytes: int | None = None) -> ReadRequest:
        """Decode the rows of a request.

        Args:
            request: the request.
            predictor: the model that is asked.
            max_bytes: size of the largest accepted rows of an Arrow stream, in bytes, unpacked; None for no limit.

        Raises:
            RpcFailureError: the rows are larger than `max_bytes`.
            InputError: the request is invalid.
        """
        form = form_of(request)
        rows, sent = rows_in(request, form, predictor, max_bytes), request.ByteSize()
        if isinstance(rows, dict):
            lengths = {len(tensor) if tensor.ndim else 0 for tensor in rows.values()}
            length = lengths.pop() if len(lengths) == 1 else 0
            return cls(request, form, rows, length, max(sent, sum(tensor.nbytes for tensor in rows.values())))
        return cls(request, form, rows, rows.num_rows, max(sent, rows_size(rows)))

    @property
    def may_have_company(self) -> bool:
        """Whether others may be predicted with it. What has no rows, or asks for a record, goes alone."""
        return self.length > 0 and not self.form.is_recorded

    def goes_with(self, other: ReadRequest) -> bool:
        """Whether both may have company, and have one form and one schema."""
        if self.form != other.form or not (self.may_have_company and other.may_have_company):
            return False
        if isinstance(self.rows, dict) or isinstance(other.rows, dict):
            return _shapes(self.rows) == _shapes(other.rows)
        return bool(self.rows.schema.equals(other.rows.schema))


def answer_together(group: Sequence[ReadRequest], predictor: Predictor) -> list[ModelInferResponse]:
    """Predict once for all rows of a group; the responses in its order.

    Args:
        group: requests that go with one another.
        predictor: the model.

    Raises:
        InputError, PredictError, OutputError: at least one of the requests fails. The others need not: each is to be
            predicted again, alone.
    """
    first = group[0]
    predictions = predicted(predictor, first.form, _joined([each.rows for each in group]))
    responses, at = [], 0
    for each in group:
        responses.append(response_to(each.request, each.form, _part(predictions, at, each.length)))
        at += each.length
    return responses


def _joined(rows: Sequence[Rows]) -> Rows:
    first = rows[0]
    if len(rows) == 1:
        return first
    if not isinstance(first, dict):
        return one_batch(pa.Table.from_batches(rows))
    import numpy as np

    return {name: np.concatenate([each[name] for each in rows]) for name in first}


def _part(predictions: Rows, at: int, length: int) -> Rows:
    if isinstance(predictions, dict):
        return {name: tensor[at : at + length] for name, tensor in predictions.items()}
    return predictions.slice(at, length)


def _shapes(rows: Rows) -> object:
    """What tensors must have in common to be one: names, dtypes, and all dimensions but the first."""
    if not isinstance(rows, dict):
        return None
    return {name: (tensor.dtype, tensor.shape[1:]) for name, tensor in rows.items()}

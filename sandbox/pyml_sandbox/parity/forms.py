"""The same rows in every form that the gateway takes: Arrow, one tensor for each column, and JSON over REST."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from pyml.errors import InputError
from pyml.oip.columns import batch_from_columns, columns_from_batch
from pyml.oip.tensor import datatype_of
from pyml_sandbox.online import OnlineError, OnlineModel

if TYPE_CHECKING:
    import pyarrow as pa

TIMEOUT_S = 60
_DTYPES = {
    "BOOL": "bool",
    **{f"INT{bits}": f"int{bits}" for bits in (8, 16, 32, 64)},
    "FP32": "float32",
    "FP64": "float64",
}

Ask = Callable[["pa.RecordBatch"], "pa.RecordBatch"]


def forms_of(model: OnlineModel, rest: str) -> Mapping[str, Ask]:
    """How to ask for predictions in each form; each refuses rows that it cannot carry.

    Args:
        model: the version behind the gateway.
        rest: address of the gateway's REST side, such as `127.0.0.1:8471`.
    """
    if model.contract.kind == "tensor":
        return {
            "tensors": lambda rows: next(model.predict([rows])),
            "Arrow": lambda rows: next(model.predict([rows], recorded=True)).select(model.contract.outputs.names),
        }
    return {
        "Arrow": lambda rows: next(model.predict([rows])),
        "columns": lambda rows: model.predict_as_columns(_turned(rows)),
        "typed columns": lambda rows: model.predict_as_columns(_turned(rows), is_raw=False),
        "REST": lambda rows: _through_rest(model, rest, _turned(rows)),
    }


def _turned(rows: pa.RecordBatch) -> pa.RecordBatch:
    """The same rows with the columns in another order, which counts in no form."""
    return rows.select(rows.schema.names[::-1])


def _through_rest(model: OnlineModel, rest: str, rows: pa.RecordBatch) -> pa.RecordBatch:
    """Rows as JSON, with what the standard library makes of numbers.

    Raises:
        InputError: JSON cannot carry the rows.
        OnlineError: the gateway or the model refused them.
    """
    inputs = [_as_json(name, array) for name, array in columns_from_batch(rows).items()]
    url = f"http://{rest}/v2/models/{model.name}/versions/{model.version}/infer"
    request = urllib.request.Request(
        url, json.dumps({"inputs": inputs}, allow_nan=False).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:  # noqa: S310
            answer = json.load(response)
    except urllib.error.HTTPError as error:
        raise OnlineError(_words_of(error.read().decode(errors="replace"))) from error
    arrays = {output["name"]: _array(output) for output in answer["outputs"]}
    return batch_from_columns(arrays, model.contract.outputs)


def _words_of(body: str) -> str:
    """What went wrong, out of the body of an answer; the body itself where it is not of the protocol's form."""
    try:
        return str(json.loads(body)["error"])
    except (ValueError, LookupError, TypeError):
        return body


def _as_json(name: str, array: np.ndarray) -> dict[str, Any]:
    datatype = datatype_of(array)
    if array.dtype == object:
        data = [value.decode() for value in array]
    elif array.dtype.kind == "f" and not np.isfinite(array).all():
        raise InputError(f"JSON holds no NaN and no infinity (column `{name}`)", [])
    else:
        data = array.tolist()
    return {"name": name, "datatype": datatype, "shape": [len(array)], "data": data}


def _array(output: Mapping[str, Any]) -> np.ndarray:
    if output["datatype"] == "BYTES":
        values = np.empty(len(output["data"]), dtype=object)
        values[:] = [text.encode() for text in output["data"]]
        return values
    return np.array(output["data"], dtype=_DTYPES[output["datatype"]])

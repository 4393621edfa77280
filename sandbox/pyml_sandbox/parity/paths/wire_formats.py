"""Sends rows in every wire format of the gateway: Arrow, tensors raw and typed, JSON, and JSON with binary data."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from pyml.error_code import ErrorCode
from pyml.errors import InputError, SandboxError
from pyml.oip.columns import Nulls, batch_from_columns, columns_from_batch, nulls_of
from pyml.oip.messages import JSON_SIZE_HEADER, InferOutputTensor
from pyml.oip.rpc_status import CODE_KEY, codes_in
from pyml.oip.tensor import datatype_of, dtype_of, read_raw, write_raw
from pyml.types.tensors import arrow_from_tensors, check_outputs, tensors_from_arrow
from pyml_sandbox.predict.online import OnlineError, OnlineModel, out_of_time

if TYPE_CHECKING:
    import pyarrow as pa

    from pyml.types.tensors import Tensors

_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # a proxy of the shell cannot reach 127.0.0.1
Ask = Callable[["pa.RecordBatch"], "pa.RecordBatch"]


def wire_formats_of(model: OnlineModel, rest: str) -> Mapping[str, Ask]:
    """A function for each wire format that predicts a batch; it refuses rows that the format cannot hold.

    Args:
        model: the version behind the gateway.
        rest: address of the gateway's REST side, such as `127.0.0.1:8471`.
    """
    if model.signature.kind == "tensor":
        return {
            "tensors": lambda rows: next(model.predict([rows])),
            "Arrow": lambda rows: next(model.predict([rows], recorded=True)).select(model.signature.outputs.names),
            "typed tensors": lambda rows: _as_tensors(
                model, rows, lambda each: model.predict_tensors(each, is_raw=False)
            ),
            "REST": lambda rows: _as_tensors(model, rows, lambda each: _through_rest(model, rest, each)[0]),
            "binary REST": lambda rows: _as_tensors(
                model, rows, lambda each: _through_rest(model, rest, each, is_binary=True)[0]
            ),
        }
    return {
        "Arrow": lambda rows: next(model.predict([rows])),
        "columns": lambda rows: model.predict_as_columns(_reversed(rows)),
        "typed columns": lambda rows: model.predict_as_columns(_reversed(rows), is_raw=False),
        "REST": lambda rows: _columns_through_rest(model, rest, _reversed(rows)),
        "binary REST": lambda rows: _columns_through_rest(model, rest, _reversed(rows), is_binary=True),
    }


def _reversed(rows: pa.RecordBatch) -> pa.RecordBatch:
    """The same rows with the columns in reverse order, which must not matter in any format."""
    return rows.select(rows.schema.names[::-1])


def _columns_through_rest(
    model: OnlineModel, rest: str, rows: pa.RecordBatch, *, is_binary: bool = False
) -> pa.RecordBatch:
    """Rows as one tensor for each column; JSON has null, the binary form has none."""
    columns = columns_from_batch(rows, are_nulls_marked=not is_binary)
    found, nulls = _through_rest(model, rest, columns, nulls_of(rows), is_binary=is_binary)
    return batch_from_columns(found, model.signature.outputs, nulls)


def _as_tensors(model: OnlineModel, rows: pa.RecordBatch, ask: Callable[[Tensors], Tensors]) -> pa.RecordBatch:
    answered = ask(tensors_from_arrow(rows, model.signature.inputs))
    return arrow_from_tensors(check_outputs(answered, model.signature.outputs, rows.num_rows), model.signature.outputs)


def _through_rest(
    model: OnlineModel, rest: str, arrays: Tensors, nulls: Nulls = MappingProxyType({}), *, is_binary: bool = False
) -> tuple[Tensors, Nulls]:
    """The response to arrays in JSON, or in JSON followed by their bytes.

    Returns:
        The outputs, and the positions of their nulls.

    Raises:
        InputError: JSON cannot hold the arrays.
        OnlineError: the gateway or the model refused them, or gave no answer in time.
        SandboxError: the gateway is gone.
    """
    described = _described if is_binary else _as_json
    document: dict[str, Any] = {
        "inputs": [described(name, array, nulls.get(name, ())) for name, array in arrays.items()]
    }
    if is_binary:
        document["parameters"] = {"binary_data_output": True}
    text = json.dumps(document, allow_nan=False).encode()
    blobs = [write_raw(array) for array in arrays.values()] if is_binary else []
    headers = {JSON_SIZE_HEADER: str(len(text))} if is_binary else {"Content-Type": "application/json"}
    url = f"http://{rest}/v2/models/{model.name}/versions/{model.version}/infer"
    request = urllib.request.Request(url, b"".join([text, *blobs]), headers)
    try:
        with _DIRECT.open(request, timeout=model.timeout_s) as response:
            size = response.headers.get(JSON_SIZE_HEADER)
            return _arrays_in(response.read(), int(size) if size else None)
    except urllib.error.HTTPError as error:
        codes = codes_in(error.headers.get_all(CODE_KEY) or ())
        raise OnlineError(_message_of(error.read().decode(errors="replace")), "", *codes) from error
    except TimeoutError as error:
        raise out_of_time() from error
    except OSError as error:
        raise SandboxError(f"the gateway does not answer: {error}", "pyml dev up", ErrorCode.GATEWAY_DOWN) from error


def _arrays_in(body: bytes, json_size: int | None) -> tuple[Tensors, Nulls]:
    """The outputs of a response by name, and the positions of their nulls."""
    nulls: dict[str, list[int]] = {}
    found, rest = {}, body[json_size:] if json_size is not None else b""
    for output in json.loads(body[:json_size])["outputs"]:
        if size := output.get("parameters", {}).get("binary_data_size"):
            tensor = InferOutputTensor(name=output["name"], datatype=output["datatype"], shape=output["shape"])
            found[output["name"]], rest = read_raw(tensor, rest[:size]), rest[size:]
        else:
            nulls[output["name"]] = [at for at, value in enumerate(output["data"]) if value is None]
            found[output["name"]] = _array(output)
    return found, nulls


def _message_of(body: str) -> str:
    """The error message in the body of a response; the body itself if it is not a response of the protocol."""
    try:
        return str(json.loads(body)["error"])
    except (ValueError, LookupError, TypeError):
        return body


def _as_json(name: str, array: np.ndarray, nulls: Sequence[int]) -> dict[str, Any]:
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise InputError(f"JSON has no NaN and no infinity (column `{name}`)", [])
    flat = array.reshape(-1)
    data = [value.decode() for value in flat] if array.dtype == object else flat.tolist()
    for row in nulls:
        data[row] = None
    return {"name": name, "datatype": datatype_of(array), "shape": list(array.shape), "data": data}


def _described(name: str, array: np.ndarray, _nulls: Sequence[int]) -> dict[str, Any]:
    """The description of a tensor whose bytes follow after the JSON."""
    parameters = {"binary_data_size": len(write_raw(array))}
    return {"name": name, "datatype": datatype_of(array), "shape": list(array.shape), "parameters": parameters}


def _array(output: Mapping[str, Any]) -> np.ndarray:
    if output["datatype"] == "BYTES":
        values = np.empty(len(output["data"]), dtype=object)
        values[:] = [(text or "").encode() for text in output["data"]]
    else:
        values = np.array(
            [0 if value is None else value for value in output["data"]], dtype=dtype_of(output["datatype"])
        )
    return values.reshape(output["shape"])

"""The request that the console sent, for a program to send: curl, Python, and tritonclient."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pyml.command_line import quoted_word
from pyml.errors import InputError
from pyml_sandbox.workspace.ports import HOST
from pyml_sandbox.workspace.state import require_state

if TYPE_CHECKING:
    import pyarrow as pa

    from pyml_sandbox.models.version import ModelVersion
    from pyml_sandbox.workspace.home import SandboxHome

MAX_ROWS = 10
"""Rows in a sample: it is to be read."""


def code_samples(home: SandboxHome, version: ModelVersion, rows: pa.Table) -> Sequence[Mapping[str, str]]:
    """The same request in each form, as title and text; a form that cannot carry the rows says why.

    Args:
        home: the sandbox.
        version: that answers.
        rows: shape (rows, inputs); the first ten are in the samples.
    """
    rows = rows.slice(0, MAX_ROWS)
    ports = require_state(home).ports
    try:
        body = _json_body(version, rows)
        address = f"http://{HOST}:{ports.rest}/v2/models/{version.name}/versions/{version.version}/infer"
        curl = f"curl -s {address} -d {quoted_word(body)}"
        triton = _triton(version, f"{HOST}:{ports.rest}", body)
    except InputError as error:
        curl = triton = f"JSON cannot carry these rows:\n{error}"
    return [
        {"title": "curl", "text": curl},
        {"title": "Python", "text": _python(home, version, rows)},
        {"title": "tritonclient", "text": triton},
    ]


def _json_body(version: ModelVersion, rows: pa.Table) -> str:
    from pyml.oip.codec import column_request, tensor_request
    from pyml.oip.json_codec import write_request
    from pyml.oip.null_elements import mark_nulls
    from pyml.types.declared_rows import one_batch
    from pyml.types.tensors import tensors_from_arrow

    batch = one_batch(rows)
    if version.signature.kind == "tensor":
        request = tensor_request("", "", tensors_from_arrow(batch, version.signature.inputs))
    else:
        request = column_request("", "", _without_nulls(batch))
        for tensor, column in zip(request.inputs, batch.columns, strict=True):
            mark_nulls(tensor, [at for at, is_null in enumerate(column.is_null().to_pylist()) if is_null])
    return write_request(request).decode()


def _without_nulls(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch with an empty value in place of each null, as the contents of a tensor hold it."""
    import pyarrow as pa
    import pyarrow.compute as pc

    filled = [pc.fill_null(column, _empty(column.type)) if column.null_count else column for column in batch.columns]
    return pa.RecordBatch.from_arrays(filled, schema=batch.schema)


def _empty(kind: pa.DataType) -> pa.Scalar:
    import pyarrow as pa

    if pa.types.is_string(kind) or pa.types.is_binary(kind):
        return pa.scalar("" if pa.types.is_string(kind) else b"", kind)
    try:
        return pa.scalar(False if pa.types.is_boolean(kind) else 0, kind)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise InputError(f"a null of type {kind} has no place in a tensor", []) from error


def _python(home: SandboxHome, version: ModelVersion, rows: pa.Table) -> str:
    from pyml_cli.plain import plain_rows

    names = rows.column_names
    values = [dict(zip(names, row, strict=True)) for row in plain_rows(rows)]
    given = "" if home.name == "default" else repr(home.name)
    return (
        "from pyml_sandbox.client import Client\n\n"
        f"client = Client({given})\n"
        f"rows = client.rows({version.model_id!r}, {values!r})\n"
        f"print(client.predict_online({version.model_id!r}, rows).to_pylist())\n"
    )


def _triton(version: ModelVersion, address: str, body: str) -> str:
    lines = ["import numpy as np", "import tritonclient.http as http", ""]
    lines += [f'client = http.InferenceServerClient("{address}")', "inputs = []"]
    for each in json.loads(body)["inputs"]:
        data = each["data"]
        array = f"np.array({data!r}, dtype=http.triton_to_np_dtype({each['datatype']!r})).reshape({each['shape']!r})"
        lines += [
            f"tensor = http.InferInput({each['name']!r}, {each['shape']!r}, {each['datatype']!r})",
            f"tensor.set_data_from_numpy({array})",
            "inputs.append(tensor)",
        ]
    lines += [
        f"answer = client.infer({version.name!r}, inputs, model_version={version.version!r})",
        f"print({{name: answer.as_numpy(name) for name in {list(version.signature.outputs.names)!r}}})",
    ]
    return "\n".join(lines) + "\n"

"""Try a model: a form made from its declared inputs, its answer, and the same rows offline beside it."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

from pyml.errors import UsageError
from pyml_cli.console.background.answers import answered
from pyml_cli.console.background.shared_facts import Facts
from pyml_cli.console.page import Asked, Page
from pyml_cli.console.pages.code_samples import code_samples
from pyml_cli.console.pages.input_forms import FormField, form_fields, row_text

if TYPE_CHECKING:
    import pyarrow as pa

    from pyml_cli.console.workbench import Workbench
    from pyml_sandbox.models.version import ModelVersion

DATABASE = "pyml_console"
MAX_SHOWN = 100
SUFFIXES = (".csv", ".parquet", ".json", ".jsonl", ".ndjson")
OFFLINE_FRESH_S = float("inf")
"""The rows of an attempt never change, so that they are asked once."""


@dataclass(frozen=True)
class Online:
    """The answer of the online path.

    Attributes:
        rows: as they were sent; shape (rows, inputs).
        predictions: shape (rows, outputs).
        seconds: from the request to the answer, as this process saw it.
    """

    rows: pa.Table
    predictions: pa.Table
    seconds: float


def choices(asked: Asked) -> Facts:
    """The versions that can be tried."""
    from pyml_sandbox.listings.model_list import list_versions

    return {"versions": [{**row.json} for row in list_versions(asked.bench.home)]}


def form(asked: Asked) -> Facts:
    """The form of a version.

    Raises:
        UsageError: there is no such version.
    """
    version = _version(asked.bench, asked.path["model"])
    return {
        "model_id": version.model_id,
        "fields": [_shown(field) for field in form_fields(version.signature)],
        "is_deployed": _is_deployed(asked.bench, version),
        "error": "",
    }


def attempt(asked: Asked) -> Facts:
    """What became of rows that were tried.

    Raises:
        UsageError: this console knows of no such attempt.
    """
    kept = asked.bench.results.get(asked.path["attempt"])
    if kept is None or "online" not in kept:
        raise UsageError("This console knows of no such attempt.", "open Try it, and send the rows again")
    return {**kept["shown"], "offline": _offline(asked, kept)}


def _offline(asked: Asked, kept: Mapping[str, object]) -> Mapping[str, object] | None:
    """The predictions of the offline path, once they are there; None if nobody asked for them."""
    online = kept["online"]
    if not kept["with_offline"] or not isinstance(online, Online):
        return None
    bench, model_id = asked.bench, str(kept["model_id"])

    def question() -> pa.Table:
        from pyml_sandbox.client import Client
        from pyml_sandbox.parity.paths.rows_offline import predict_rows_offline

        return predict_rows_offline(Client(bench.home), model_id, online.rows, DATABASE)

    key = ("offline", asked.path["attempt"])
    answer = bench.answers.ask(key, question, OFFLINE_FRESH_S, is_awaited=asked.is_whole)
    rows = None if answer.value is None else _plain(answer.value)
    same = None if answer.value is None else _agreeing(online.predictions, answer.value)
    return {"rows": rows, "same": same, "error": answer.error, "is_pending": answer.is_pending}


def _agreeing(online: pa.Table, offline: pa.Table) -> list[bool]:
    """For each row, whether both paths gave exactly the same values; NaN is itself."""
    from pyml_cli.plain import plain_rows

    return [ours == theirs for ours, theirs in zip(plain_rows(online), plain_rows(offline), strict=True)]


def add_actions(app: web.Application, bench: Workbench) -> None:
    """Send the rows of a form, of a file or of a table."""

    async def send(request: web.Request) -> web.StreamResponse:
        form_data = await request.post()
        given = {name: value for name, value in form_data.items() if isinstance(value, str)}
        upload = form_data.get("file")
        named = (upload.filename, upload.file.read()) if isinstance(upload, web.FileField) and upload.filename else None
        model = request.match_info["model"]
        version = await asyncio.to_thread(answered, lambda: _version(bench, model))
        if version.value is None:
            raise web.HTTPNotFound(text=version.error)
        kept = await asyncio.to_thread(_tried, bench, version.value, given, named)
        raise web.HTTPSeeOther(f"/try/{version.value.model_id}/{bench.keep(kept)}")

    app.router.add_post("/try/{model}", send)


def _tried(
    bench: Workbench, version: ModelVersion, given: Mapping[str, str], upload: tuple[str, bytes] | None
) -> Mapping[str, object]:
    """Send rows, and keep what is shown of them."""
    with tempfile.TemporaryDirectory(prefix="pyml-console-") as folder:
        source = answered(lambda: _rows(bench, version, given, upload, Path(folder)))
    rows = source.value
    online = None if rows is None else answered(lambda: _predicted(bench, version, rows))
    samples = None if rows is None else answered(lambda: code_samples(bench.home, version, rows)).value
    error = source.error or (online.error if online else "")
    found = online.value if online else None
    shown = {
        "model_id": version.model_id,
        "inputs": list(version.signature.inputs.names),
        "outputs": list(version.signature.outputs.names),
        "rows": None if rows is None else _plain(rows),
        "total": 0 if rows is None else rows.num_rows,
        "predictions": None if found is None else _plain(found.predictions),
        "seconds": None if found is None else found.seconds,
        "error": error,
        "samples": samples or [],
        "as_file": given.get("source", "form") == "form",
    }
    return {"shown": shown, "online": found, "with_offline": "offline" in given, "model_id": version.model_id}


def _rows(
    bench: Workbench,
    version: ModelVersion,
    given: Mapping[str, str],
    upload: tuple[str, bytes] | None,
    folder: Path,
) -> pa.Table:
    """The rows that a person gave, in the declared types, read as the command line reads them.

    Raises:
        InputError, UsageError: they do not fit; in the words of the command line.
    """
    from pyml_sandbox.predict.file_formats.file_rows import read_rows

    inputs = version.signature.inputs
    if given.get("source") == "table":
        from pyml.types.conversion.row_source import RowSource
        from pyml.types.declared_rows import conform, one_batch
        from pyml_sandbox.predict.hive_rows import first_rows_of_table

        count = given.get("count", "5")
        if not count.isdecimal() or not 1 <= int(count) <= 1000:
            raise UsageError(f"expected a number of rows from 1 to 1000, found {count!r}", "give such a number")
        table = first_rows_of_table(bench.home, given.get("table", ""), int(count))
        import pyarrow as pa

        return pa.Table.from_batches([conform(one_batch(table), inputs, RowSource.TABLE)])
    if given.get("source") == "file":
        if upload is None:
            raise UsageError("no file was chosen", "choose a .csv, .jsonl or .parquet file")
        suffix = Path(upload[0]).suffix.lower()
        file = folder / f"rows{suffix if suffix in SUFFIXES else '.txt'}"
        file.write_bytes(upload[1])
        return read_rows(file, inputs)
    file = folder / "rows.jsonl"
    file.write_text(row_text(form_fields(version.signature), given) + "\n", encoding="utf-8")
    return read_rows(file, inputs)


def _predicted(bench: Workbench, version: ModelVersion, rows: pa.Table) -> Online:
    from pyml_sandbox.client import Client

    client = Client(bench.home)
    started = time.perf_counter()
    predictions = client.predict_online(version.model_id, rows)
    return Online(rows, predictions, time.perf_counter() - started)


def _version(bench: Workbench, model_id: str) -> ModelVersion:
    from pyml_sandbox.models.registry import find_version

    return find_version(bench.home, model_id)


def _is_deployed(bench: Workbench, version: ModelVersion) -> bool:
    from pyml_sandbox.models.routes import load_routes

    return (version.name, version.version) in load_routes(bench.home).deployed


def _plain(table: pa.Table) -> Sequence[Sequence[object]]:
    from pyml_cli.plain import plain_rows

    return plain_rows(table.slice(0, MAX_SHOWN))


def _shown(field: FormField) -> Mapping[str, object]:
    return {name: getattr(field, name) for name in ("name", "ddl_type", "kind", "is_nullable", "example", "shape")}


PAGES = (
    Page("/try", "try.jinja", choices),
    Page("/try/{model}", "try_form.jinja", form),
    Page("/try/{model}/{attempt}", "attempt.jinja", attempt),
)

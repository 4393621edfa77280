"""The same rows in different forms of request, and at once: compared with what the gateway answered before."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pyml.error_code import ErrorCode
from pyml.errors import InputError, OutputError
from pyml_sandbox.compare import Comparison, Tolerances, compare
from pyml_sandbox.compare.rendering.formatting import counted
from pyml_sandbox.parity.decisions.pairings import ONLINE_ROWS, REPEAT_FIRST
from pyml_sandbox.parity.observations.catalogue import Check
from pyml_sandbox.parity.observations.check_record import CheckRun
from pyml_sandbox.parity.paths.wire_formats import wire_formats_of
from pyml_sandbox.parity.rows.row_files import write
from pyml_sandbox.parity.verdict import Finding
from pyml_sandbox.predict.online import OnlineError, ServerEndedError
from pyml_sandbox.predict.request_limits import is_limit

if TYPE_CHECKING:
    import pyarrow as pa

    from pyml_sandbox.parity.rows.snapshot import Snapshot
    from pyml_sandbox.parity.run import Run
    from pyml_sandbox.predict.online import OnlineModel

THREADS = 8
"""Requests at once."""
OVER_HTTP = "REST"
"""In the names of forms that need the gateway's HTTP side."""
NOT_THIS_FORM = frozenset({ErrorCode.CANNOT_CARRY, ErrorCode.REQUEST_TOO_LARGE})
"""Codes of a form that cannot hold the rows, or not all at once: it says nothing about them."""
Ask = Callable[["pa.RecordBatch"], "pa.RecordBatch"]


@dataclass
class RequestEvidence:
    """What was seen.

    Attributes:
        findings: what differs.
        made: the checks that were made.
        gaps: why one of them was not made.
    """

    findings: list[Finding] = field(default_factory=list)
    made: dict[str, CheckRun] = field(default_factory=dict)
    gaps: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class RequestsCompared:
    """Asks a gateway for rows that it has answered before, and compares the answers.

    Forms of request are compared with the same rows in one batch, requests at once with the same rows one by one, since
    the size of a batch may change the last digits.

    Attributes:
        run: has the files of these answers.
        model: the version behind the gateway.
        snapshot: has the key.
        tolerances: how far floats may lie apart.
    """

    run: Run
    model: OnlineModel
    snapshot: Snapshot
    tolerances: Tolerances

    def evidence(self, rows: pa.Table) -> RequestEvidence:
        """What differs in a different form of request, or at once. Blocks.

        Args:
            rows: that were sent before, shape (rows, key columns and inputs).

        Raises:
            SandboxError: the gateway is gone.
        """
        found = RequestEvidence()
        plain = _without_nulls(rows, self.model.input_names)  # most forms have none
        for form, ask in self._forms().items() if plain.num_rows else ():
            self._add(found, Check.FORMS, f"as {form}", plain, ask, REPEAT_FIRST)
        self._add(found, Check.CONCURRENT, f"{THREADS} at once", rows, self._at_once, ONLINE_ROWS)
        return found

    def _forms(self) -> Mapping[str, Ask]:
        return {form: ask for form, ask in wire_formats_of(self.model, "").items() if OVER_HTTP not in form}

    def _add(self, found: RequestEvidence, check: Check, how: str, rows: pa.Table, ask: Ask, before: str) -> None:
        """Make one comparison, and note what it shows."""
        begun = time.perf_counter()
        try:
            answered = ask(_inputs(rows, self.model.input_names))
        except ServerEndedError as error:
            found.findings.append(_finding(check, f"A request {how} ended the model's server: {error.message}"))
        except InputError:  # of this process: the form cannot hold the rows, or the predictions
            return
        except (OnlineError, OutputError) as error:
            if not NOT_THIS_FORM.isdisjoint(error.codes) and check is Check.FORMS:
                return
            if is_limit(error.code):
                found.gaps.append(f"requests {how} exceed a limit: {error.message}")
                return
            refused = f"Requests {how} are refused, and before they were answered: {error.message}"
            found.findings.append(_finding(check, refused))
        else:
            found.findings += self._differences(check, how, rows, answered, before)
        known = found.made.get(check, CheckRun(rows.num_rows, 0.0))
        found.made[check] = CheckRun(rows.num_rows, known.seconds + time.perf_counter() - begun)

    def _differences(
        self, check: Check, how: str, rows: pa.Table, answered: pa.RecordBatch, before: str
    ) -> list[Finding]:
        if answered.num_rows != rows.num_rows:
            return [_finding(check, f"For {rows.num_rows} rows {how} come {answered.num_rows} predictions.")]
        name = how.replace(" ", "_")
        keyed = rows.select(list(self.snapshot.key))
        for column, values in zip(answered.schema, answered.columns, strict=True):
            keyed = keyed.append_column(column, values)
        write(keyed, self.run.file(name))
        comparison = compare(
            self.run.file(before),
            self.run.file(name),
            self.snapshot.key,
            name=name,
            left_name=before,
            right_name=how,
            within=self.run.file(name),
            tolerances=self.tolerances,
        )
        return _of(check, how, comparison)

    def _at_once(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        import pyarrow as pa

        def one(row: int) -> Sequence[pa.RecordBatch]:
            return list(self.model.predict([batch.slice(row, 1)]))

        with ThreadPoolExecutor(THREADS) as pool:
            answers = [each for batches in pool.map(one, range(batch.num_rows)) for each in batches]
        try:
            (whole,) = pa.Table.from_batches(answers).combine_chunks().to_batches()
        except pa.ArrowInvalid as error:
            raise OnlineError(f"answers have different columns: {error}", "", ErrorCode.OUTPUT) from error
        return whole


def _without_nulls(rows: pa.Table, names: Sequence[str]) -> pa.Table:
    import pyarrow.compute as pc

    for name in names:
        rows = rows.filter(pc.is_valid(rows[name]))
    return rows


def _inputs(rows: pa.Table, names: Sequence[str]) -> pa.RecordBatch:
    (batch,) = rows.select(list(names)).combine_chunks().to_batches()
    return batch


def _of(check: Check, how: str, comparison: Comparison) -> list[Finding]:
    columns = [
        _finding(
            check,
            f"`{each.name}` of {counted(each.differing, 'row')} is different in requests {how} than before.",
            (each.name,),
            each.differing,
        )
        for each in comparison.differing_columns()
    ]
    if columns or comparison.agrees:
        return columns
    return [_finding(check, f"Requests {how} give different columns, types or rows than before.")]


def _finding(check: Check, sentence: str, columns: tuple[str, ...] = (), rows: int = 0) -> Finding:
    return Finding(sentence, check=check, checks=(check,), columns=columns, rows=rows)

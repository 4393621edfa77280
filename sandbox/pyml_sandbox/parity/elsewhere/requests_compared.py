"""The same rows in different forms of request, and at once: compared with what the gateway answered before."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyml.error_code import ErrorCode
from pyml.errors import InputError, OutputError, SandboxError
from pyml_sandbox.compare import Comparison, Tolerances, compare
from pyml_sandbox.compare.rendering.formatting import counted
from pyml_sandbox.parity.decisions.pairings import ONLINE_ROWS
from pyml_sandbox.parity.observations.catalogue import Check
from pyml_sandbox.parity.paths.wire_formats import wire_formats_of
from pyml_sandbox.parity.rows.row_files import write
from pyml_sandbox.parity.verdict import Finding
from pyml_sandbox.predict.online import OnlineError
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


@dataclass(frozen=True)
class RequestsCompared:
    """Asks a gateway for rows that it has answered one by one, and compares the answers.

    Attributes:
        run: has the file of the answers one by one.
        model: the version behind the gateway.
        snapshot: has the key.
        tolerances: how far floats may lie apart.
    """

    run: Run
    model: OnlineModel
    snapshot: Snapshot
    tolerances: Tolerances

    def findings(self, rows: pa.Table) -> list[Finding]:
        """What differs in a different form of request, or at once. Blocks.

        Args:
            rows: that were sent one by one, shape (rows, key columns and inputs).

        Raises:
            SandboxError: the gateway is gone.
        """
        found = [each for form, ask in self._forms() for each in self._of(Check.FORMS, f"as {form}", rows, ask)]
        return [*found, *self._of(Check.CONCURRENT, f"{THREADS} at once", rows, self._at_once)]

    def _forms(self) -> list[tuple[str, Callable[[pa.RecordBatch], pa.RecordBatch]]]:
        return [(form, ask) for form, ask in wire_formats_of(self.model, "").items() if OVER_HTTP not in form]

    def _of(
        self, check: Check, how: str, rows: pa.Table, ask: Callable[[pa.RecordBatch], pa.RecordBatch]
    ) -> Iterator[Finding]:
        try:
            answered = ask(self._inputs(rows))
        except SandboxError:
            raise
        except (InputError, ValueError):  # the form cannot hold the rows, or the predictions
            return
        except (OnlineError, OutputError) as error:
            if not is_limit(error.code) and ErrorCode.CANNOT_CARRY not in error.codes:
                refused = f"Requests {how} are refused, and one by one they are answered: {error.message}"
                yield Finding(refused, check=check, checks=(check,))
            return
        name = how.replace(" ", "_")
        keyed = rows.select(list(self.snapshot.key))
        for field, column in zip(answered.schema, answered.columns, strict=True):
            keyed = keyed.append_column(field, column)
        write(keyed, self.run.file(name))
        comparison = compare(
            self.run.file(ONLINE_ROWS),
            self.run.file(name),
            self.snapshot.key,
            name=name,
            left_name="online one by one",
            right_name=how,
            tolerances=self.tolerances,
        )
        yield from _differences(check, how, comparison)

    def _inputs(self, rows: pa.Table) -> pa.RecordBatch:
        import pyarrow as pa

        (batch,) = rows.select(self.model.signature.inputs.names).combine_chunks().to_batches() or [None]
        return batch if batch is not None else pa.RecordBatch.from_pylist([], self.model.signature.inputs.arrow)

    def _at_once(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        import pyarrow as pa

        def one(row: int) -> Sequence[pa.RecordBatch]:
            return list(self.model.predict([batch.slice(row, 1)]))

        with ThreadPoolExecutor(THREADS) as pool:
            answers = [each for batches in pool.map(one, range(batch.num_rows)) for each in batches]
        (whole,) = pa.Table.from_batches(answers).combine_chunks().to_batches()
        return whole


def _differences(check: Check, how: str, comparison: Comparison) -> Iterator[Finding]:
    for column in comparison.differing_columns():
        rows = counted(column.differing, "row")
        yield Finding(
            f"`{column.name}` of {rows} is different in requests {how} from what it is one by one.",
            check=check,
            checks=(check,),
            columns=(column.name,),
            rows=column.differing,
        )

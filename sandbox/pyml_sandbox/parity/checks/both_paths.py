"""Checks of the two real paths: what `predict` saw on each, rows that the fixture lacks, other forms, other threads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pyml.errors import InputError
from pyml.harness.session_messages import Refusal
from pyml.inference.describe import Signature
from pyml_sandbox.parity.checks.baseline import MAX_CASES, no_difference, one_row, tags_of_pairs, tags_of_refusal
from pyml_sandbox.parity.checks.written_by import sklearn_versions_in
from pyml_sandbox.parity.context.check_context import CheckContext, calls
from pyml_sandbox.parity.harness_process import Output, is_answer, refusal_in
from pyml_sandbox.parity.observations.catalogue import BATCH, Check
from pyml_sandbox.parity.observations.features import Tag
from pyml_sandbox.parity.observations.observation import Condition, Example, Observation
from pyml_sandbox.parity.paths.digests_seen import Mismatch, mismatches, unmatched_keys_in
from pyml_sandbox.parity.paths.real_paths import RealPaths
from pyml_sandbox.parity.rows.row_files import record_file
from pyml_sandbox.parity.rows.synthetic import InputRow, kinds_of, varied_columns

if TYPE_CHECKING:
    from pyml.inference.worker_info import Worker
    from pyml.offline.job import JobResult
    from pyml_sandbox.parity.rows.frozen import Snapshot

THREADS = 8
ROUNDS = 3


@dataclass(frozen=True)
class PathChecks:
    """The checks of the real paths.

    Attributes:
        context: rows, and what the harness says of them.
        paths: both real paths.
        signature: as it was uploaded.
        snapshot: the fixture.
        predictions: the Parquet file that each path wrote, by path.
        result: of the offline job; None where it failed.
        online_worker: who answered online; None where nobody did.
    """

    context: CheckContext
    paths: RealPaths
    signature: Signature
    snapshot: Snapshot
    predictions: Mapping[str, Path]
    result: JobResult | None
    online_worker: Worker | None

    def of_fixture(self) -> list[Observation]:
        """What the answers to the fixture, and the declarations, show; asks the model nothing."""
        making = self.context.record.making
        found = self._lost_values()
        workers = self._workers()
        if workers is not None:
            with making({Check.PACKAGES: 0}) as seen:
                seen += self._packages(*workers)
            found += seen
        with making({Check.VERSIONS: 0}) as seen:
            seen += self._versions()
        with making({Check.METADATA: 0}) as metadata:
            metadata += self._metadata()
        return [*found, *seen, *metadata]

    def of_sample(self, earlier: Sequence[Observation]) -> list[Observation]:
        """What the paths make of rows that the fixture lacks, of other forms, and of requests at the same time.

        Args:
            earlier: what the checks before saw: a model that is not steady is asked nothing here.

        Raises:
            NoAnswerError: the model ended its Python in the harness, or is too slow.
            SandboxError: a path does not answer.
        """
        if any(observation.check.entry.is_unsteady for observation in earlier):
            return []
        found = self._further_rows(is_rowwise=not any(observation.group in BATCH for observation in earlier))
        return [*found, *self._forms(), *self._names(), *self._threads()]

    # ---- the fixture

    def _lost_values(self) -> list[Observation]:
        found: list[Observation] = []
        for path, predicted in self.predictions.items():
            if record_file(predicted).exists():
                found += self._lost_on(path, predicted)
        return found

    def _lost_on(self, path: str, predicted: Path) -> list[Observation]:
        import pyarrow.parquet as pq

        order = [(column, "ascending") for column in self.snapshot.key]
        asked = pq.read_table(self.snapshot.file).sort_by(order)
        record = pq.read_table(record_file(predicted)).sort_by(order)
        answered = pq.read_table(predicted).sort_by(order)
        making = self.context.record.making
        with making({Check.LOST: asked.num_rows}) as lost:
            if unmatched := unmatched_keys_in(asked, answered, self.snapshot.key):
                lost.append(self._of_strangers(path, answered.num_rows - asked.num_rows, unmatched))
        if lost or record.num_rows != answered.num_rows:
            return lost
        with making(dict.fromkeys((Check.FRAMES, Check.STORED), asked.num_rows)) as seen:
            try:
                seen += map(self._of_loss, mismatches(path, self.signature, asked, answered, record))
            except InputError as error:  # of the types that arrived, and not of their values
                seen.append(
                    Observation(Check.STORED, "", (no_difference(self.context.fixture[0]),), said=error.message)
                )
        return seen

    def _of_strangers(self, path: str, more: int, unmatched: int) -> Observation:
        row = self.context.fixture[0]
        size = f"{abs(more):,} rows {'more' if more > 0 else 'fewer'} than were asked for" if more else "as many rows"
        said = f"{path}, {size}; {unmatched:,} keys are missing, new or repeated"
        return Observation(Check.LOST, "", (no_difference(row),), rows=unmatched, said=said)

    def _of_loss(self, loss: Mismatch) -> Observation:
        row = self.context.fixture[0]
        inputs, output = ((loss.column,), "") if loss.is_input else ((), loss.column)
        case = no_difference(row, output)
        check = Check.FRAMES if loss.is_input else Check.STORED
        said = f"`{loss.column}` {loss.path}, in {len(loss.rows):,} rows"
        return Observation(check, output, (case,), inputs, rows=len(loss.rows), said=said)

    def _workers(self) -> tuple[Worker, Worker] | None:
        """Who predicted offline and who online; None where one of them did not say."""
        offline = self.result.workers[0] if self.result and self.result.workers else None
        return None if offline is None or self.online_worker is None else (offline, self.online_worker)

    def _packages(self, offline: Worker, online: Worker) -> Iterator[Observation]:
        """Packages of which the two paths have different versions."""
        left, right = offline.packages, online.packages
        names = [name for name in sorted({*left, *right}) if left.get(name) != right.get(name)]
        if names:
            said = ", ".join(f"{name} {left.get(name, 'none')} and {right.get(name, 'none')}" for name in names[:5])
            row = self.context.fixture[0]
            yield Observation(Check.PACKAGES, "", (no_difference(row),), said=said)

    def _versions(self) -> Iterator[Observation]:
        """Parameters that say in themselves by which version of a library they were written."""
        installed = self.context.harness.load_report.packages.get("scikit-learn")
        if installed is None:
            return
        for file in sorted((self.paths.version.package / "parameters").rglob("*")):
            others = [each for each in sklearn_versions_in(file) if each != installed] if file.is_file() else []
            if others:
                row = self.context.fixture[0]
                said = f"{file.name} was written by scikit-learn {others[0]}, {installed} is installed"
                yield Observation(Check.VERSIONS, "", (no_difference(row),), said=said)

    def _metadata(self) -> Iterator[Observation]:
        """Inputs and outputs as the version was uploaded with, as it is served with, and as it loads elsewhere."""
        uploaded = _schemas(self.signature)
        loaded = Signature.from_json(dict(self.context.harness.load_report.signature or self.signature.to_json()))
        elsewhere = {"served": self.paths.model.served_schemas(), "loaded again": _schemas(loaded)}
        said = [
            f"{what} uploaded as {uploaded[what]}, {where} as {found[what]}"
            for where, found in elsewhere.items()
            for what in uploaded
            if found[what] != uploaded[what]
        ]
        if said:
            row = self.context.fixture[0]
            yield Observation(Check.METADATA, "", (no_difference(row),), said=said[0])

    # ---- the sample in other forms

    def _forms(self) -> list[Observation]:
        """The sample as Arrow, as one tensor for each column and as JSON: three ways to say the same."""
        taken = [
            row for row, output in zip(self.context.fixture, self.context.alone, strict=False) if is_answer(output)
        ]
        plain = [row for row in taken if all(value is not None for value in row.values.values())]
        if not plain:
            return []
        with self.context.record.making({Check.FORMS: len(plain)}) as seen:
            answers = self.paths.in_other_forms(plain)
            seen += self._of_forms(plain, answers)
        if len(answers) < 2:  # nothing to hold the one form against
            self.context.record.withdraw(Check.FORMS)
        return seen

    def _of_forms(self, plain: Sequence[InputRow], answers: Mapping[str, Sequence[Output]]) -> Iterator[Observation]:
        first, *others = answers.items() or [("", [])]
        for form, outputs in others:
            found: dict[str, list[int]] = defaultdict(list)
            for place, (left, right) in enumerate(zip(first[1], outputs, strict=True)):
                for name in self.context.differing(left, right):
                    found[name].append(place)
            for name, places in found.items():
                place = places[0]
                left, right = first[1][place], outputs[place]
                tags = frozenset(tags_of_pairs(name, [(first[1][at], outputs[at]) for at in places]))
                case = no_difference(plain[place], name)
                said = f"as {first[0]} {_shown(left, name)}, as {form} {_shown(right, name)}"
                yield Observation(Check.FORMS, name, (case,), tags=tags, rows=len(places), said=said)

    def _names(self) -> list[Observation]:
        """A request that lacks a column, or has one more, must be refused: who knows what was meant to be seen."""
        row, name = self.context.ordinary[0], self.context.inputs.names[0]
        cases = {
            f"column `{name}` is missing from a request, and it is answered": {"without": name},
            "a request has a column that is not declared, and it is answered": {"beside": "not_declared"},
        }
        with self.context.record.making({Check.NAMES: 1}) as seen:
            for said, change in cases.items():
                if self.paths.taken_online(row, **change):
                    seen.append(Observation(Check.NAMES, "", (no_difference(row),), (name,), said=said))
        return seen

    # ---- rows that the fixture lacks

    def _further_rows(self, *, is_rowwise: bool) -> list[Observation]:
        """Rows of the sample and synthetic rows on both paths: all in one batch offline, each alone online.

        Their columns come in another order than declared, and offline with names in another case: to a boundary that
        goes by declared names that is the same. A model whose output depends on the batch is asked in batches of one
        row offline, too.
        """
        rows = self.context.everything
        taken = [row for row, output in zip(rows, self.context.alone, strict=True) if not isinstance(output, Refusal)]
        if not taken:
            return []
        with self.context.record.making({Check.PATHS: len(taken)}) as seen:
            offline = self.paths.offline(taken, batch_rows=None if is_rowwise else 1, is_reversed=True)
            online = [answers[0] for answers in self.paths.online([[row] for row in taken], is_reversed=True)]
            seen += self._of_paths(taken, offline, online)
        return seen

    def _of_paths(
        self, taken: Sequence[InputRow], offline: Sequence[Output], online: Sequence[Output]
    ) -> Iterator[Observation]:
        found: dict[str, list[int]] = defaultdict(list)
        for place, (left, right) in enumerate(zip(offline, online, strict=True)):
            for name in self.context.differing(left, right):
                found[name].append(place)
        for name, places in found.items():
            first = places[:MAX_CASES]
            cases = tuple(no_difference(taken[place], name) for place in first)
            outputs = tuple((online[place], offline[place]) for place in first)
            shown = set(places)
            silent = [row for place, row in enumerate(taken) if place not in shown]
            tags = tags_of_pairs(name, [(offline[place], online[place]) for place in places])
            said = refusal_in(offline[places[0]]) or refusal_in(online[places[0]])
            yield Observation(
                Check.PATHS,
                name,
                cases,
                varied_columns(taken[place] for place in places),
                frozenset(tags),
                len(places),
                said,
                outputs,
                frozenset(kinds_of([taken[place] for place in places], silent)),
            )

    # ---- at the same time

    def _threads(self) -> list[Observation]:
        """Requests under way at the same time, and `predict` called from several threads of one process."""
        rows, making = self.context.fixture, self.context.record.making
        expected = self.context.alone[: len(rows)]
        singles = [[row] for row in rows] * ROUNDS
        with making({Check.CONCURRENT: len(rows)}) as concurrent:
            one_by_one = [answer[0] for answer in self.paths.online(singles[: len(rows)])]
            at_once = [answer[0] for answer in self.paths.online(singles, threads=THREADS)]
            concurrent += self._against(Check.CONCURRENT, rows, one_by_one, at_once)
        with making({Check.THREAD_SAFE: len(rows)}) as threaded:
            answers = calls(self.context.harness, self.context.inputs, singles, threads=THREADS)
            threaded += self._against(Check.THREAD_SAFE, rows, expected, [answer[0] for answer in answers])
        return [*concurrent, *threaded]

    def _against(
        self, check: Check, rows: Sequence[InputRow], expected: Sequence[Output], found: Sequence[Output]
    ) -> Iterator[Observation]:
        places: dict[str, list[int]] = defaultdict(list)
        for number, output in enumerate(found):
            for name in self.context.differing(expected[number % len(rows)], output):
                places[name].append(number % len(rows))
        for name, at in places.items():
            others = tuple(rows[:THREADS])
            cases = tuple(
                Example(name, one_row(rows[place]), Condition((rows[place],), 0, (others,), threads=THREADS))
                for place in at[:MAX_CASES]
            )
            refusal = next((output for output in found if isinstance(output, Refusal)), None)
            tags = frozenset(tags_of_refusal(refusal) & {Tag.ROW_COUNT})
            said = refusal.message if refusal and not name else ""
            yield Observation(check, name, cases, rows=len(at), said=said, tags=tags)


def _shown(output: Output, name: str) -> str:
    if not is_answer(output):
        return f"it is refused: {refusal_in(output)}"
    return f"it is {output[name]!r}" if name else "it is answered"


def _schemas(signature: Signature) -> dict[str, str]:
    return {"inputs": signature.inputs.ddl, "outputs": signature.outputs.ddl}

"""Checks of the real paths: what `predict` got on each, further rows, wire formats, concurrent requests."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pyml.errors import InputError
from pyml.harness.session_messages import Refusal
from pyml.inference.describe import Signature
from pyml_sandbox.compare.rendering.formatting import counted
from pyml_sandbox.parity.checks.baseline import MAX_EXAMPLES, no_difference, one_row, tags_of_pairs, tags_of_refusal
from pyml_sandbox.parity.checks.written_by import sklearn_versions_in
from pyml_sandbox.parity.context.check_context import CheckContext, calls
from pyml_sandbox.parity.harness_process import Output, is_answer, refusal_in
from pyml_sandbox.parity.observations.catalogue import BATCH, Check
from pyml_sandbox.parity.observations.features import Tag
from pyml_sandbox.parity.observations.observation import Condition, Example, Observation
from pyml_sandbox.parity.paths.digests_seen import mismatches, unmatched_keys_in
from pyml_sandbox.parity.paths.real_paths import RealPaths
from pyml_sandbox.parity.rows.parts_by_key import PairedParts, paired_parts
from pyml_sandbox.parity.rows.row_files import record_file
from pyml_sandbox.parity.rows.stored_rows import StoredRows
from pyml_sandbox.parity.rows.synthetic import InputRow, kinds_of, varied_columns

if TYPE_CHECKING:
    from pyml.inference.worker_info import Worker
    from pyml.offline.job import JobResult
    from pyml_sandbox.parity.rows.snapshot import Snapshot

THREADS = 8
ROUNDS = 3


@dataclass(frozen=True)
class PathChecks:
    """The checks of the real paths.

    Attributes:
        context: the rows, and their outputs in the harness.
        paths: both real paths.
        signature: of the uploaded version.
        snapshot: the fixture.
        predictions: the Parquet file that each path wrote, by path.
        result: of the offline job; None if it failed.
        online_worker: the model server that answered; None if none did.
    """

    context: CheckContext
    paths: RealPaths
    signature: Signature
    snapshot: Snapshot
    predictions: Mapping[str, Path]
    result: JobResult | None
    online_worker: Worker | None

    def of_fixture(self) -> list[Observation]:
        """Observations from the predictions of the fixture, and from the declarations; does not call the model."""
        making = self.context.record.making
        found = self._of_recorded_paths()
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
        """Observations with rows that the fixture lacks, in different wire formats, and with concurrent requests.

        Args:
            earlier: observations of the earlier checks; with an unsteady model nothing is called here.

        Raises:
            NoAnswerError: the model ended its Python process in the harness, or is too slow.
            SandboxError: a path does not answer.
        """
        if any(observation.check.entry.is_unsteady for observation in earlier):
            return []
        is_rowwise = not any(observation.group in BATCH for observation in earlier)
        with ThreadPoolExecutor(1, thread_name_prefix="pyml-threads") as pool:
            answering = pool.submit(self._by_threads)
            found = [*self._further_rows(is_rowwise=is_rowwise), *self._wire_formats(), *self._names()]
            return [*found, *self._concurrent(), *self._thread_safe(answering)]

    # ---- the fixture

    def _of_recorded_paths(self) -> list[Observation]:
        found: list[Observation] = []
        for path, predicted in self.predictions.items():
            if record_file(predicted).exists():
                found += self._of_recorded_path(path, predicted)
        return found

    def _of_recorded_path(self, path: str, predicted: Path) -> list[Observation]:
        asked, record = StoredRows(self.snapshot.file), StoredRows(record_file(predicted))
        making = self.context.record.making
        with paired_parts(asked, record, self.snapshot.key) as parts:
            with making({Check.LOST: asked.num_rows}) as lost:
                if unmatched := sum(unmatched_keys_in(*pair, self.snapshot.key) for pair in parts):
                    lost.append(self._of_unmatched_keys(path, record.num_rows - asked.num_rows, unmatched))
            if lost or record.num_rows != StoredRows(predicted).num_rows:
                return lost
            with making(dict.fromkeys((Check.FRAMES, Check.STORED), asked.num_rows)) as seen:
                seen += self._of_parts(path, parts)
        return seen

    def _of_parts(self, path: str, parts: PairedParts) -> Iterator[Observation]:
        changed: Counter[tuple[bool, str]] = Counter()
        message = ""
        try:
            for asked, record in parts:
                for mismatch in mismatches(path, self.signature, asked, record, record):
                    changed[mismatch.is_input, mismatch.column] += len(mismatch.rows)
        except InputError as error:  # the arrived types differ, not only the values
            message = error.message
        for is_input, names in ((True, self.signature.inputs.names), (False, self.signature.outputs.names)):
            for name in names:
                if rows := changed[is_input, name]:
                    yield self._of_mismatch(path, name, rows, is_input=is_input)
        if message:
            yield Observation(Check.STORED, "", (no_difference(self.context.fixture[0]),), message=message)

    def _of_unmatched_keys(self, path: str, more: int, unmatched: int) -> Observation:
        row = self.context.fixture[0]
        size = f"{counted(abs(more), 'row')} too {'many' if more > 0 else 'few'}" if more else "as many rows as given"
        are = "is" if unmatched == 1 else "are"
        message = f"{path}, {size}; {counted(unmatched, 'key')} {are} missing, additional or repeated"
        return Observation(Check.LOST, "", (no_difference(row),), rows=unmatched, message=message)

    def _of_mismatch(self, path: str, column: str, rows: int, *, is_input: bool) -> Observation:
        row = self.context.fixture[0]
        inputs, output = ((column,), "") if is_input else ((), column)
        check = Check.FRAMES if is_input else Check.STORED
        message = f"`{column}` {path}, in {counted(rows, 'row')}"
        return Observation(check, output, (no_difference(row, output),), inputs, rows=rows, message=message)

    def _workers(self) -> tuple[Worker, Worker] | None:
        """The worker of each path: offline, online; None if one of them did not describe itself."""
        offline = self.result.workers[0] if self.result and self.result.workers else None
        return None if offline is None or self.online_worker is None else (offline, self.online_worker)

    def _packages(self, offline: Worker, online: Worker) -> Iterator[Observation]:
        """Packages that have different versions on the two paths."""
        left, right = offline.packages, online.packages
        names = [name for name in sorted({*left, *right}) if left.get(name) != right.get(name)]
        if names:
            versions = [(name, left.get(name, "absent"), right.get(name, "absent")) for name in names[:5]]
            message = ", ".join(f"{name} {here} offline and {there} online" for name, here, there in versions)
            row = self.context.fixture[0]
            yield Observation(Check.PACKAGES, "", (no_difference(row),), message=message)

    def _versions(self) -> Iterator[Observation]:
        """Files of parameters that record the version of the library that wrote them."""
        installed = self.context.harness.load_report.packages.get("scikit-learn")
        if installed is None:
            return
        for file in sorted((self.paths.version.package / "parameters").rglob("*")):
            others = [each for each in sklearn_versions_in(file) if each != installed] if file.is_file() else []
            if others:
                row = self.context.fixture[0]
                message = f"{file.name} was written by scikit-learn {others[0]}, {installed} is installed"
                yield Observation(Check.VERSIONS, "", (no_difference(row),), message=message)

    def _metadata(self) -> Iterator[Observation]:
        """The declared inputs and outputs: as uploaded, as served, and as loaded in the harness."""
        uploaded = _schemas(self.signature)
        loaded = Signature.from_json(dict(self.context.harness.load_report.signature or self.signature.to_json()))
        elsewhere = {"served": self.paths.model.served_schemas(), "loaded again": _schemas(loaded)}
        message = [
            f"{what} uploaded as {uploaded[what]}, {where} as {found[what]}"
            for where, found in elsewhere.items()
            for what in uploaded
            if found[what] != uploaded[what]
        ]
        if message:
            row = self.context.fixture[0]
            yield Observation(Check.METADATA, "", (no_difference(row),), message=message[0])

    # ---- the sample in different wire formats

    def _wire_formats(self) -> list[Observation]:
        """The sample in every wire format: Arrow, one tensor for each column, and JSON."""
        accepted = [
            row for row, output in zip(self.context.fixture, self.context.alone, strict=False) if is_answer(output)
        ]
        plain = [row for row in accepted if all(value is not None for value in row.values.values())]
        if not plain:
            return []
        with self.context.record.making({Check.FORMS: len(plain)}) as seen:
            answers = self.paths.in_wire_formats(plain)
            seen += self._of_wire_formats(plain, answers)
        if len(answers) < 2:  # there is nothing to compare with
            self.context.record.withdraw(Check.FORMS)
        return seen

    def _of_wire_formats(
        self, plain: Sequence[InputRow], answers: Mapping[str, Sequence[Output]]
    ) -> Iterator[Observation]:
        first, *others = answers.items() or [("", [])]
        for form, outputs in others:
            found: dict[str, list[int]] = defaultdict(list)
            for position, (left, right) in enumerate(zip(first[1], outputs, strict=True)):
                for name in self.context.differing(left, right):
                    found[name].append(position)
            for name, positions in found.items():
                position = positions[0]
                left, right = first[1][position], outputs[position]
                tags = frozenset(tags_of_pairs(name, [(first[1][at], outputs[at]) for at in positions]))
                example = no_difference(plain[position], name)
                message = f"as {first[0]} {_shown(left, name)}, as {form} {_shown(right, name)}"
                yield Observation(Check.FORMS, name, (example,), tags=tags, rows=len(positions), message=message)

    def _names(self) -> list[Observation]:
        """A request that lacks a column, or has an additional one, must be refused, since its meaning is unknown."""
        row, name = self.context.ordinary[0], self.context.inputs.names[0]
        cases = {
            f"a request without column `{name}` gets predictions": {"without": name},
            "a request with the undeclared column `not_declared` gets predictions": {"beside": "not_declared"},
        }
        with self.context.record.making({Check.NAMES: 1}) as seen:
            for message, change in cases.items():
                if self.paths.is_answered_online(row, **change):
                    seen.append(Observation(Check.NAMES, "", (no_difference(row),), (name,), message=message))
        return seen

    # ---- rows that the fixture lacks

    def _further_rows(self, *, is_rowwise: bool) -> list[Observation]:
        """Rows of the sample and synthetic rows on both paths: all in one batch offline, each alone online.

        Their columns are in a different order than declared, and offline also with names in upper case: both paths
        match columns by declared name, so this must not matter. If the output of a row depends on its batch, batches
        of one row are used offline, too.
        """
        rows = self.context.all_input_rows
        accepted = [
            row for row, output in zip(rows, self.context.alone, strict=True) if not isinstance(output, Refusal)
        ]
        if not accepted:
            return []
        with self.context.record.making({Check.PATHS: len(accepted)}) as seen:
            with ThreadPoolExecutor(1, thread_name_prefix="pyml-online") as pool:
                answering = pool.submit(self.paths.online, [[row] for row in accepted], is_reversed=True)
                offline = self.paths.offline(accepted, batch_rows=None if is_rowwise else 1, is_reversed=True)
                online = [answers[0] for answers in answering.result()]
            seen += self._of_paths(accepted, offline, online)
        return seen

    def _of_paths(
        self, accepted: Sequence[InputRow], offline: Sequence[Output], online: Sequence[Output]
    ) -> Iterator[Observation]:
        found: dict[str, list[int]] = defaultdict(list)
        for position, (left, right) in enumerate(zip(offline, online, strict=True)):
            for name in self.context.differing(left, right):
                found[name].append(position)
        for name, positions in found.items():
            first = positions[:MAX_EXAMPLES]
            examples = tuple(no_difference(accepted[position], name) for position in first)
            outputs = tuple((online[position], offline[position]) for position in first)
            shown = set(positions)
            silent = [row for position, row in enumerate(accepted) if position not in shown]
            tags = tags_of_pairs(name, [(offline[position], online[position]) for position in positions])
            message = refusal_in(offline[positions[0]]) or refusal_in(online[positions[0]])
            yield Observation(
                Check.PATHS,
                name,
                examples,
                varied_columns(accepted[position] for position in positions),
                frozenset(tags),
                len(positions),
                message,
                outputs,
                frozenset(kinds_of([accepted[position] for position in positions], silent)),
            )

    # ---- at the same time

    @property
    def _singles(self) -> list[list[InputRow]]:
        """The calls that are made at the same time: each row of the sample alone, several times."""
        return [[row] for row in self.context.fixture] * ROUNDS

    def _concurrent(self) -> list[Observation]:
        """Concurrent requests against the same ones, one after the other."""
        rows = self.context.fixture
        with self.context.record.making({Check.CONCURRENT: len(rows)}) as seen:
            one_by_one = [answer[0] for answer in self.paths.online(self._singles[: len(rows)])]
            at_once = [answer[0] for answer in self.paths.online(self._singles, threads=THREADS)]
            seen += self._against(Check.CONCURRENT, rows, one_by_one, at_once)
        return seen

    def _by_threads(self) -> list[Output]:
        """The outputs of calls of `predict` from several threads of a new process.

        What the first calls of a process build, they may build at once.
        """
        with self.context.harnesses.start() as fresh:
            return [answer[0] for answer in calls(fresh, self.context.inputs, self._singles, threads=THREADS)]

    def _thread_safe(self, answering: Future[list[Output]]) -> list[Observation]:
        """Calls from several threads against each row alone.

        Args:
            answering: the outputs, as of `_by_threads`; waits for them.
        """
        rows = self.context.fixture
        with self.context.record.making({Check.THREAD_SAFE: len(rows)}) as seen:
            seen += self._against(Check.THREAD_SAFE, rows, self.context.alone[: len(rows)], answering.result())
        return seen

    def _against(
        self, check: Check, rows: Sequence[InputRow], expected: Sequence[Output], found: Sequence[Output]
    ) -> Iterator[Observation]:
        positions: dict[str, list[int]] = defaultdict(list)
        for number, output in enumerate(found):
            for name in self.context.differing(expected[number % len(rows)], output):
                positions[name].append(number % len(rows))
        for name, at in positions.items():
            others = tuple(rows[:THREADS])
            examples = tuple(
                Example(name, one_row(rows[position]), Condition((rows[position],), 0, (others,), threads=THREADS))
                for position in at[:MAX_EXAMPLES]
            )
            refusal = next((output for output in found if isinstance(output, Refusal)), None)
            tags = frozenset(tags_of_refusal(refusal) & {Tag.ROW_COUNT})
            message = refusal.message if refusal and not name else f"{len(at)} of {len(found)} calls"
            odds = len(at), len(found)
            yield Observation(check, name, examples, rows=len(set(at)), message=message, tags=tags, odds=odds)


def _shown(output: Output, name: str) -> str:
    if not is_answer(output):
        return f"it is refused: {refusal_in(output)}"
    return f"it is {output[name]!r}" if name else "it is answered"


def _schemas(signature: Signature) -> dict[str, str]:
    return {"inputs": signature.inputs.ddl, "outputs": signature.outputs.ddl}

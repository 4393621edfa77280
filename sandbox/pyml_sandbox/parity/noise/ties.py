"""Labels that flip because the scores that decide them differ by less than the model's noise.

The largest of several scores decides a label, or a threshold on one score does. If two scores are equal, or a score is
on its threshold, within the noise of the model's own arithmetic, then rounding decides: a correct model gives such a
row different labels alone and in a batch. This can be seen only if the scores are among the outputs; otherwise the
labels count as different.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from pyml_sandbox.compare import Comparison, Tolerance, Tolerances


@dataclass(frozen=True)
class Ties:
    """The rows of one label column that differ between two sides.

    Attributes:
        column: the label.
        differing: rows that differ, by number.
        tied: those of them that are ties.
        scores: output columns whose values tie, by name.
    """

    column: str
    differing: tuple[int, ...]
    tied: tuple[int, ...]
    scores: tuple[str, ...] = ()

    @classmethod
    def joined(cls, column: str, found: Sequence[Ties]) -> Ties:
        """Several comparisons of one column: a row is tied if it is tied in every comparison in which it differs."""
        differing = {row for each in found for row in each.differing}
        untied = {row for each in found for row in set(each.differing) - set(each.tied)}
        scores = {name for each in found for name in each.scores}
        return cls(column, tuple(sorted(differing)), tuple(sorted(differing - untied)), tuple(sorted(scores)))

    def numbered(self, numbers: np.ndarray) -> Ties:
        """The same ties with `numbers[i]` as the number of row `i`."""
        differing, tied = (tuple(numbers[list(rows)].tolist()) for rows in (self.differing, self.tied))
        return Ties(self.column, differing, tied, self.scores)

    @property
    def explains(self) -> bool:
        """Whether there are differing rows and all of them are ties."""
        return bool(self.tied) and self.tied == self.differing


def ties_in(left: pa.Table, right: pa.Table, column: str, noise: Mapping[str, Tolerance]) -> Ties:
    """Find the differing labels that are ties.

    Args:
        left: predictions of one side, shape (rows, outputs).
        right: predictions of the other side, with the same keys in the same order.
        column: name of the label's column, of a type without floats.
        noise: how far each float column may differ, by name; only these columns can be scores.
    """
    labels = [_labels(table, column) for table in (left, right)]
    differing = np.flatnonzero(labels[0] != labels[1])
    tied = np.zeros(len(differing), bool)
    scores: set[str] = set()
    for names, found in _tests(left, labels, differing, noise) if len(differing) else ():
        if (found & ~tied).any():
            scores |= set(names)
        tied |= found
    return Ties(column, tuple(differing.tolist()), tuple(differing[tied].tolist()), tuple(sorted(scores)))


def labels_in(
    left: Path, right: Path, key: Sequence[str], comparison: Comparison, tolerances: Tolerances
) -> dict[str, Ties]:
    """The ties in each label column that differs between two Parquet files.

    Args:
        left: key and predictions of one side.
        right: key and predictions of the other side.
        key: columns that identify a row.
        comparison: of the two files.
        tolerances: how far floats may differ; only columns with a tolerance of their own can be scores.
    """
    import pyarrow.parquet as pq

    exact = (column.name for column in comparison.differing_columns() if column.tolerance is None)
    # A score whose type is different on both sides is compared exactly, and is no label.
    names = [name for name in exact if name not in tolerances.columns]
    if not names or not tolerances.columns:
        return {}
    there = set(pq.read_schema(left).names) & set(pq.read_schema(right).names)
    read = [*key, *names, *(name for name in tolerances.columns if name in there)]
    sides = aligned(pq.read_table(left, columns=read), pq.read_table(right, columns=read), key)
    return {name: ties_in(*sides, name, tolerances.columns) for name in names}


def aligned(left: pa.Table, right: pa.Table, key: Sequence[str]) -> tuple[pa.Table, pa.Table]:
    """The rows of two tables with a common key, in the same order; a repeated key makes pairs of all its rows."""
    import pyarrow as pa

    numbered = [
        table.select(list(key)).append_column(name, pa.array(np.arange(table.num_rows)))
        for table, name in ((left, "__left"), (right, "__right"))
    ]
    positions = numbered[0].join(numbered[1], keys=list(key), join_type="inner").sort_by("__left")
    return left.take(positions["__left"]), right.take(positions["__right"])


def top_two_tie(scores: np.ndarray, tolerance: Tolerance) -> bool:
    """Whether the two largest of one row's scores, float64 of one dimension, differ by no more than the noise."""
    finite = scores[np.isfinite(scores)]
    if len(finite) < 2:
        return False
    second, first = np.partition(finite, -2)[-2:]
    return bool(first - second <= tolerance.at(abs(first)))


def _tests(
    table: pa.Table, labels: Sequence[np.ndarray], differing: np.ndarray, noise: Mapping[str, Tolerance]
) -> Iterator[tuple[Sequence[str], np.ndarray]]:
    """For each set of scores, which of the differing rows are ties.

    Cases: the elements of a list; all plain columns together; one column and a threshold.
    """
    names = [name for name in noise if name in table.column_names]
    single = {name: _numbers(table, name) for name in names if _is_number(table, name)}
    for name in names:
        if name not in single:
            yield [name], _flags(top_two_tie(_vector(table, name, row), noise[name]) for row in differing)
    if len(single) > 1:
        widest = max((noise[name] for name in single), key=lambda each: (each.rtol, each.atol))
        together = np.stack(list(single.values()), axis=1)
        yield list(single), _flags(top_two_tie(together[row], widest) for row in differing)
    for name, values in single.items():
        yield [name], _flags(_is_on_threshold(values, labels, row, noise[name]) for row in differing)


def _is_on_threshold(scores: np.ndarray, labels: Sequence[np.ndarray], row: int, tolerance: Tolerance) -> bool:
    """Whether the label changes at a row's score: the next row above has one of its labels, the next below the other.

    Rows whose scores differ from this one by no more than the noise are left out.
    """
    allowed = tolerance.at(abs(scores[row]))
    above, below = np.flatnonzero(scores > scores[row] + allowed), np.flatnonzero(scores < scores[row] - allowed)
    if not len(above) or not len(below):
        return False
    nearest = (above[scores[above].argmin()], below[scores[below].argmax()])
    is_steady = all(labels[0][at] == labels[1][at] for at in nearest)
    return is_steady and {labels[0][at] for at in nearest} == {labels[0][row], labels[1][row]}


def _is_number(table: pa.Table, name: str) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_floating(table.schema.field(name).type))


def _labels(table: pa.Table, name: str) -> np.ndarray:
    """The values of a column as text, of which also lists can be compared; shape (rows,)."""
    return np.array([repr(value) for value in table[name].to_pylist()], np.str_)


def _numbers(table: pa.Table, name: str) -> np.ndarray:
    return np.asarray(table[name].to_numpy(), np.float64)


def _vector(table: pa.Table, name: str, row: int) -> np.ndarray:
    """The floats of a list; empty if it contains anything else."""
    values = table[name][int(row)].as_py()
    plain = isinstance(values, list) and all(isinstance(value, float) for value in values)
    return np.asarray(values if plain else [], np.float64)


def _flags(found: Iterator[bool]) -> np.ndarray:
    return np.fromiter(found, bool)

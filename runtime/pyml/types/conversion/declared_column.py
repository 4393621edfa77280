"""One column as it is declared: converted if nothing is lost, and refused with the row and a hint for the caller."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import pyarrow as pa

from pyml.error_code import ErrorCode
from pyml.errors import Problem
from pyml.types.conversion.lossless import LossError, WrongKindError, conversion, days_of
from pyml.types.conversion.row_source import (
    RowSource,
    missing_hint,
    null_hint,
    type_hint,
    undeclared_hint,
    value_hint,
    zone_hint,
)
from pyml.types.field import Field
from pyml.types.spark_types import ddl_type_of


class UnfitError(Exception):
    """One column does not fit its declaration; the caller reports it together with all others.

    Attributes:
        problem: what is wrong, and how to fix it.
    """

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.problem = problem


def fitted(fields: Iterable[Field], column_for: Callable[[Field], pa.Array]) -> tuple[list[pa.Array], list[Problem]]:
    """Make a column for each field, and collect what is wrong with those that do not fit.

    Args:
        fields: the declared columns.
        column_for: makes the column of a field, or raises UnfitError.

    Returns:
        The columns that fit, in the order of `fields`, and a problem for each that does not.
    """
    columns: list[pa.Array] = []
    problems: list[Problem] = []
    for field in fields:
        try:
            columns.append(column_for(field))
        except UnfitError as unfit:
            problems.append(unfit.problem)
    return columns, problems


def as_declared(column: pa.Array, field: Field, source: RowSource, found: str = "") -> pa.Array:
    """Convert a column to its declared type, and check that it holds null only if it may.

    Args:
        column: values of any type.
        field: the declared column.
        source: where the values come from, for the hint.
        found: name of the column's type as the caller knows it; by default that of its Spark type.

    Returns:
        The same values in the declared Arrow type; `column` itself if it has that type.

    Raises:
        UnfitError: the types do not allow a conversion, a value would change, or a NOT NULL column holds null.
    """
    if column.type == field.arrow.type:
        refuse_nulls(column, field, source)
        return column
    convert = conversion(column.type, field.arrow.type)
    if convert is None:
        raise UnfitError(type_problem(found or ddl_type_of(column.type), field, source))
    with unfit_if_lost(field, source):
        converted = convert(column)
    refuse_nulls(converted, field, source)
    return converted


def times_as_declared(stamps: pa.Array, field: Field, found: str) -> pa.Array:
    """Convert the datetimes of a frame to a declared DATE, TIMESTAMP or TIMESTAMP_NTZ.

    A frame has no dtype for days: they are midnights without a zone.

    Args:
        stamps: timestamps of any unit.
        field: the declared column.
        found: name of their dtype.

    Raises:
        UnfitError: as :func:`as_declared`.
    """
    has_zone = stamps.type.tz is not None
    if has_zone != (field.ddl_type == "TIMESTAMP"):
        problem = type_problem(found, field, RowSource.FRAME)
        raise UnfitError(Problem(problem.message, zone_hint(field, has_zone=has_zone), problem.code))
    if field.ddl_type != "DATE":
        return as_declared(stamps, field, RowSource.FRAME, found)
    with unfit_if_lost(field, RowSource.FRAME):
        return as_declared(days_of(stamps), field, RowSource.FRAME)


def type_problem(found: str, field: Field, source: RowSource) -> Problem:
    """The problem of a column whose type is not converted to the declared one.

    Args:
        found: name of its type.
        field: the declared column.
        source: where the values come from.
    """
    message = f"column `{field.name}` is {found}, declared {field.ddl_type}"
    return Problem(message, type_hint(field, source), ErrorCode.COLUMN_TYPE)


@contextmanager
def unfit_if_lost(field: Field, source: RowSource) -> Iterator[None]:
    """Raise UnfitError in place of a LossError: its declared type cannot hold a value.

    Args:
        field: the declared column.
        source: where the value comes from.
    """
    try:
        yield
    except LossError as loss:
        raise UnfitError(_value_problem(loss, field, source)) from loss


def _value_problem(loss: LossError, field: Field, source: RowSource) -> Problem:
    message = f"column `{field.name}` is declared {field.ddl_type}, which cannot hold {loss} (row {loss.row})"
    if isinstance(loss, WrongKindError):
        return Problem(message, type_hint(field, source, loss.value), ErrorCode.COLUMN_TYPE)
    return Problem(message, value_hint(field, source, loss.value), ErrorCode.COLUMN_VALUE)


def refuse_nulls(column: pa.Array, field: Field, source: RowSource) -> None:
    """Refuse a NOT NULL column that holds null.

    Args:
        column: the values of one batch.
        field: the declared column.
        source: where the values come from.

    Raises:
        UnfitError: it holds null, and is declared NOT NULL.
    """
    if field.nullable or not column.null_count:
        return
    first = column.is_null().index(True).as_py()
    message = (
        f"column `{field.name}` is declared NOT NULL and holds {column.null_count} nulls, the first in row {first}"
    )
    raise UnfitError(Problem(message, null_hint(field, source), ErrorCode.COLUMN_NULL))


def refuse_missing(
    names: Sequence[str], field: Field, source: RowSource, listed: Iterable[str] | None = None, declared: str = ""
) -> None:
    """Refuse rows in which a declared column is not there exactly once.

    Args:
        names: of all columns, a repeated one each time.
        field: the declared column.
        source: where the rows come from.
        listed: the names that the hint lists; None for all.
        declared: what the message says of the declaration.

    Raises:
        UnfitError: the column is missing or repeated.
    """
    if names.count(field.name) != 1:
        problem = missing_problem(names, field.name, source, listed)
        raise UnfitError(replace(problem, message=problem.message + declared))


def missing_problem(
    names: Sequence[str], declared: str, source: RowSource, listed: Iterable[str] | None = None
) -> Problem:
    """The problem of a declared column that is not there exactly once.

    Args:
        names: of all columns, a repeated one each time.
        declared: name of the declared column.
        source: where the rows come from.
        listed: the names that the hint lists; None for all.
    """
    hint = missing_hint(names if listed is None else list(listed), source)
    if declared in names:
        return Problem(f"column `{declared}` appears more than once", hint, ErrorCode.COLUMN_REPEATED)
    return Problem(f"column `{declared}` is missing", hint, ErrorCode.COLUMN_MISSING)


def undeclared_problems(names: Iterable[str], declared: Sequence[str], source: RowSource) -> list[Problem]:
    """A problem for each column that is not declared.

    Args:
        names: of all columns.
        declared: names of the declared columns.
        source: where the rows come from.
    """
    hint = undeclared_hint(declared, source)
    return [
        Problem(f"column `{name}` is not declared", hint, ErrorCode.COLUMN_UNDECLARED)
        for name in dict.fromkeys(names)
        if name not in declared
    ]

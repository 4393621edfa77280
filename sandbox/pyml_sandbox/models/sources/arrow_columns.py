"""The declared columns for Arrow columns: the Spark type that holds each, and what was assumed. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from functools import partial
from typing import TYPE_CHECKING

from pyml.error_code import ErrorCode
from pyml.errors import InputError, Problem, SchemaError, UsageError
from pyml.types.schema import Schema
from pyml.types.spark_types import ddl_type_of, nearest_in_spark, quoted, with_leaves

if TYPE_CHECKING:
    import pyarrow as pa


def declared(columns: pa.Schema, excluded: Collection[str] = ()) -> tuple[Schema, tuple[str, ...]]:
    """Declare the inputs of a model that takes Arrow columns.

    A column is nullable unless its schema rules nulls out: that it holds none today is no promise.

    Args:
        columns: names, types and nullability.
        excluded: names of columns that are not inputs, such as a key or a label.

    Returns:
        The inputs, and a sentence for each thing that was assumed.

    Raises:
        UsageError: a name of `excluded` is not a column, or no column is left.
        InputError: Spark has no type for a column, or two columns have the same name; lists each.
    """
    import pyarrow as pa

    unknown = [name for name in excluded if name not in columns.names]
    if unknown:
        raise UsageError(f"there is no column {', '.join(unknown)} to exclude", f"it has: {', '.join(columns.names)}")
    kept = [field for field in columns if field.name not in excluded]
    if not kept:
        raise UsageError("no column is left for the inputs of the model", "exclude fewer columns")
    problems = _repeated(kept)
    notes: list[str] = []
    parts: list[str] = []
    for field in kept:
        try:
            ddl_type = ddl_type_of(carried(field.type, partial(_noted, notes, field.name)))
            parts.append(f"{quoted(field.name)} {ddl_type}{'' if field.nullable else ' NOT NULL'}")
            Schema(parts[-1])
        except pa.ArrowNotImplementedError as error:
            problems.append(Problem(f"column `{field.name}`: {error}", _exclude(field.name), ErrorCode.COLUMN_TYPE))
        except SchemaError as error:
            problems.append(Problem(f"column `{field.name}`: {error.message}", _exclude(field.name)))
    if problems:
        raise InputError("these columns cannot be declared", problems)
    may_be_null = sum(field.nullable for field in kept)
    if may_be_null:
        notes.insert(0, _nullable_note(may_be_null, len(kept)))
    return Schema(", ".join(parts)), tuple(notes)


def _noted(notes: list[str], column: str, note: str) -> None:
    notes.append(f"{column}: {note}")


def _nullable_note(nullable: int, total: int) -> str:
    count = "every column is" if nullable == total else f"{nullable} of {total} columns are"
    return (
        f"{count} declared nullable, since the source allows nulls; add NOT NULL in model.py where there never is one: "
        "numbers then arrive as float64 and int64, not as Float64 and Int64"
    )


def _repeated(columns: list[pa.Field]) -> list[Problem]:
    names = Counter(field.name.lower() for field in columns)
    return [
        Problem(f"{times} columns are named `{name}` (Spark ignores case)", "rename them", ErrorCode.COLUMN_REPEATED)
        for name, times in names.items()
        if times > 1
    ]


def _exclude(name: str) -> str:
    from pyml.command_line import command

    return f"{command('--exclude', name)}; or write the column in a type that Spark has"


def carried(kind: pa.DataType, note: Callable[[str], None]) -> pa.DataType:
    """The Arrow type of a Spark type to which a type is converted without loss.

    Args:
        kind: any Arrow type.
        note: called with a sentence if only values decide whether the conversion loses nothing.

    Raises:
        ArrowNotImplementedError: Spark has no such type.
    """
    return with_leaves(kind, partial(_leaf, note))


def _leaf(note: Callable[[str], None], kind: pa.DataType) -> pa.DataType:
    import pyarrow as pa

    if pa.types.is_timestamp(kind) and kind.unit == "ns":
        note("nanoseconds are declared as microseconds; a value with a part of a microsecond is refused")
    if pa.types.is_uint64(kind):
        note("unsigned 64-bit integers are declared BIGINT; a value above 2^63 - 1 is refused")
        return pa.int64()
    found = nearest_in_spark(kind)
    if ddl_type_of(found) == str(found):
        raise pa.ArrowNotImplementedError(f"Spark has no type for {kind}")
    return found

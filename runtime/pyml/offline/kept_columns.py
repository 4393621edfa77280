"""The columns that a job keeps beside the predictions: whether a table can hold them, and how they pass the workers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyml.error_code import ErrorCode
from pyml.errors import Problem
from pyml.offline.spark_schema import declared_type, nested_types
from pyml.types.spark_types import backticked, quoted

if TYPE_CHECKING:
    from pyspark.sql import Column
    from pyspark.sql.types import DataType, StructField


def storage_problem(name: str, data_type: DataType) -> Problem | None:
    """Why no table holds a column of this type; None if one does.

    Args:
        name: of the column.
        data_type: its type.
    """
    found = list(nested_types(data_type))
    kinds = {type(each).__name__ for each in found}
    why = next(filter(None, map(_unstored, found)), "")
    if any(each.typeName() == "void" for each in found[1:]):
        why = "a type of which only null is known, inside another"
    if {"VariantType", "YearMonthIntervalType"} <= kinds:
        why = "both a VARIANT and an INTERVAL of years and months"
    if not why:
        return None
    message = f"column `{name}` is {declared_type(data_type)}, which cannot be kept in a table: it has {why}"
    hint = f"leave it out of the query, or give it a different type: CAST({quoted(name)} AS STRING) AS {quoted(name)}"
    return Problem(message, hint, ErrorCode.COLUMN_TYPE)


def _unstored(data_type: DataType) -> str:
    from pyspark.sql.types import StructType

    if isinstance(data_type, StructType):
        names = Counter(name.lower() for name in data_type.names)
        if not names:
            return "a STRUCT without fields"
        return "two fields of one name in a STRUCT, whatever their case" if max(names.values()) > 1 else ""
    return _UNSTORED.get(type(data_type).__name__, "")


_UNSTORED = {
    "CalendarIntervalType": "an INTERVAL of months and days at once",
    "TimeType": "a TIME",
}
"""By the name of Spark's class: not every release has each."""


@dataclass(frozen=True)
class KeptColumn:
    """A column that passes the workers unchanged.

    Arrow has no interval of years and months: its months pass as INT.

    Attributes:
        name: in the query and in the table.
        data_type: in the query and in the table.
        passed_as: its name where it passes the workers.
    """

    name: str
    data_type: DataType
    passed_as: str

    @property
    def field(self) -> StructField:
        """Its name and type where it passes the workers."""
        from pyspark.sql.types import IntegerType, StructField

        return StructField(self.passed_as, _with_months(self.data_type, IntegerType()))

    @property
    def given(self) -> Column:
        """The column of the query, as the workers get it."""
        from pyspark.sql import functions as F  # noqa: N812 - Spark's own name for it

        column = F.col(backticked(self.name))
        if self.field.dataType != self.data_type:
            column = column.cast(_in_months(self.data_type)).cast(self.field.dataType)
        return column.alias(self.passed_as)

    @property
    def restored(self) -> Column:
        """The column that the workers returned, in its own type again."""
        from pyspark.sql import functions as F  # noqa: N812

        column = F.col(self.passed_as)
        if self.field.dataType == self.data_type:
            return column
        return column.cast(_in_months(self.data_type)).cast(self.data_type)

    @property
    def hashable(self) -> Column | None:
        """The column where it passes the workers, as something that Spark can hash; None if there is nothing.

        Spark hashes neither MAP nor VARIANT, so that their JSON stands for them, and no geometry.
        """
        from pyspark.sql import functions as F  # noqa: N812

        names = {type(each).__name__ for each in nested_types(self.data_type)}
        column = F.col(self.passed_as)
        if names & {"GeometryType", "GeographyType"}:
            return None
        if names & {"MapType", "VariantType"}:
            return F.to_json(F.struct(column), {"timestampFormat": _MICROSECONDS, "timestampNTZFormat": _MICROSECONDS})
        return column


_MICROSECONDS = "yyyy-MM-dd HH:mm:ss.SSSSSS"


def _in_months(data_type: DataType) -> DataType:
    """The type with intervals of months alone: only these are cast to and from INT."""
    from pyspark.sql.types import YearMonthIntervalType

    return _with_months(data_type, YearMonthIntervalType(YearMonthIntervalType.MONTH, YearMonthIntervalType.MONTH))


def _with_months(data_type: DataType, months: DataType) -> DataType:
    from pyspark.sql.types import ArrayType, MapType, StructField, StructType, YearMonthIntervalType

    if isinstance(data_type, ArrayType):
        return ArrayType(_with_months(data_type.elementType, months), data_type.containsNull)
    if isinstance(data_type, MapType):
        key, value = (_with_months(each, months) for each in (data_type.keyType, data_type.valueType))
        return MapType(key, value, data_type.valueContainsNull)
    if isinstance(data_type, StructType):
        fields = [StructField(f.name, _with_months(f.dataType, months), f.nullable) for f in data_type.fields]
        return StructType(fields)
    return months if isinstance(data_type, YearMonthIntervalType) else data_type

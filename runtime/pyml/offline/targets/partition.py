"""The partition of a table that an offline job writes: `ds=2026-11-28`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyml.error_code import ErrorCode
from pyml.errors import UsageError

_HINT = "write it as NAME=VALUE, such as ds=2026-11-28; one for each partition column"


def parse_partition(texts: Sequence[str]) -> Mapping[str, str]:
    """The values by partition column, from `NAME=VALUE` of each.

    Raises:
        UsageError: a text is different, or has the name of an earlier one.
    """
    pairs = [text.partition("=") for text in texts]
    bad = [text for text, (name, separator, _) in zip(texts, pairs, strict=True) if not (name and separator)]
    if bad:
        raise UsageError(f"{bad[0]!r} is not a partition", _HINT, ErrorCode.TARGET)
    if len({name.lower() for name, _, _ in pairs}) < len(pairs):
        raise UsageError(f"{' '.join(texts)} has two values for one partition column", _HINT, ErrorCode.TARGET)
    return partition_of({name: value for name, _, value in pairs})


def partition_of(values: Mapping[str, object]) -> Mapping[str, str]:
    """The values by partition column, as texts that Spark casts to the column's type.

    Args:
        values: strings, numbers or dates.

    Raises:
        UsageError: a value is empty, which Spark stores as null, or null.
    """
    for name, value in values.items():
        if value is None or not str(value).strip():
            raise UsageError(f"partition column `{name}` has no value", _HINT, ErrorCode.TARGET)
    return {name: str(value) for name, value in values.items()}

"""Perturbations: pure changes to the form of the frame that `predict` is given, and none to its values.

Each kind models something that a boundary between two programs can do to rows: it loses a dtype, an order, a name.
The runtime keeps all of them. A model's own code may not, and its predictions under a perturbation show what it lost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

import numpy as np
import pandas as pd

from pyml.types.exact_values import is_null

Change: TypeAlias = "Callable[[pd.DataFrame, Perturbation], pd.DataFrame]"


@dataclass(frozen=True)
class Perturbation:
    """A change to the frame that `predict` is given.

    Attributes:
        kind: a name in `KINDS`, "evaluation" or "again"; empty for no change.
        columns: the input columns that it changes; for `order` all of them, in their new order.
        value: argument of the kind `index`: the first label of the new index.
    """

    kind: str = ""
    columns: tuple[str, ...] = ()
    value: int = 0

    def __str__(self) -> str:
        return f"{self.kind}({', '.join(self.columns)})"


def changed(frame: pd.DataFrame, perturbation: Perturbation) -> pd.DataFrame:
    """The frame after a perturbation; the frame itself if the kind does not change frames.

    Raises:
        KeyError: the frame lacks a column.
    """
    change = KINDS.get(perturbation.kind)
    return frame if change is None else change(frame, perturbation)


def _by_column(convert: Callable[[pd.Series], pd.Series | pd.Categorical]) -> Change:
    def change(frame: pd.DataFrame, perturbation: Perturbation) -> pd.DataFrame:
        return frame.assign(**{name: convert(frame[name]) for name in perturbation.columns})

    return change


def _floats(series: pd.Series) -> pd.Series:
    """Numbers as float64, null as NaN: as pandas converts integers beside a null, and JSON decimals."""
    if series.dtype == object:
        return pd.Series([_floated(value) for value in series], index=series.index, dtype=_dtype_of(series))
    return pd.Series(series.to_numpy("float64", na_value=np.nan), index=series.index)


def _dtype_of(series: pd.Series) -> str:
    is_decimal = all(value is None or isinstance(value, Decimal) for value in series)
    return "float64" if is_decimal else "object"


def _floated(value: object) -> object:
    """A value with each number in it as a float; other values stay."""
    if isinstance(value, bool | str | bytes):
        return value
    if isinstance(value, int | Decimal):
        return float(value)
    if isinstance(value, dict):
        return {name: _floated(part) for name, part in value.items()}
    return [_floated(part) for part in value] if isinstance(value, list) else value


def _objects(series: pd.Series) -> pd.Series:
    values = [None if is_null(value) else value for value in series.astype(object)]
    return pd.Series(values, index=series.index, dtype=object)


def _nan(series: pd.Series) -> pd.Series:
    values = [float("nan") if is_null(value) else value for value in series.astype(object)]
    return pd.Series(values, index=series.index, dtype=object)


def _bytes(series: pd.Series) -> pd.Series:
    values = [value.encode() if isinstance(value, str) else value for value in series]
    return pd.Series(values, index=series.index, dtype=object)


def _text(series: pd.Series) -> pd.Series:
    values = [value.decode(errors="replace") if isinstance(value, bytes) else value for value in series]
    return pd.Series(values, index=series.index, dtype=object)


def _arrays(series: pd.Series) -> pd.Series:
    values = np.empty(len(series), dtype=object)
    for row, value in enumerate(series):
        values[row] = np.array(value) if isinstance(value, list) else value
    return pd.Series(values, index=series.index)


def _order(frame: pd.DataFrame, perturbation: Perturbation) -> pd.DataFrame:
    return frame[list(perturbation.columns)]


def _missing(frame: pd.DataFrame, perturbation: Perturbation) -> pd.DataFrame:
    return frame.drop(columns=list(perturbation.columns))


def _extra(frame: pd.DataFrame, perturbation: Perturbation) -> pd.DataFrame:
    return frame.assign(**dict.fromkeys(perturbation.columns, 1.0))


def _other_case(frame: pd.DataFrame, perturbation: Perturbation) -> pd.DataFrame:
    return frame.rename(
        columns={name: name.upper() if name.islower() else name.lower() for name in perturbation.columns}
    )


def _index(frame: pd.DataFrame, perturbation: Perturbation) -> pd.DataFrame:
    return frame.set_axis(pd.RangeIndex(perturbation.value, perturbation.value + len(frame)), axis=0)


KINDS: Mapping[str, Change] = {
    "floats": _by_column(_floats),
    "objects": _by_column(_objects),
    "nan": _by_column(_nan),
    "bytes": _by_column(_bytes),
    "text": _by_column(_text),
    "arrays": _by_column(_arrays),
    "categories": _by_column(lambda series: series.astype("category")),
    "naive": _by_column(lambda series: series.dt.tz_localize(None)),
    "order": _order,
    "missing": _missing,
    "extra": _extra,
    "other-case": _other_case,
    "index": _index,
}

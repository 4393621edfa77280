"""The columns in which a path records what `predict` got and returned."""

from __future__ import annotations

RECORD_NAMES = ("__seen", "__gave", "__call", "__position")
"""The columns of a record: a digest for each input and for each output, the number of the `predict` call, and the
position of the row in that call."""


RECORD_DDL = "__seen ARRAY<BIGINT>, __gave ARRAY<BIGINT>, __call BIGINT, __position INT"
"""The same as Spark DDL."""

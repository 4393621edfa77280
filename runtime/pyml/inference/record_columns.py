"""The columns in which a path writes down what `predict` saw and gave."""

from __future__ import annotations

RECORD_NAMES = ("__seen", "__gave", "__call", "__position")
"""The columns of a record: a digest for each input and for each output, which call of `predict` it was, and the row's
place in that call."""


RECORD_DDL = "__seen ARRAY<BIGINT>, __gave ARRAY<BIGINT>, __call BIGINT, __position INT"
"""The same in Spark's words."""

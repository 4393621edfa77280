"""Every cause of a difference between the two paths: its code, its name, the level that it breaks, and what to change.

`docs/causes` has a page for each, which `pyml explain CODE` prints. The letter is the family, see `FAMILIES`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from pyml_sandbox.parity.verdict import NOTEBOOK

FAMILIES: Mapping[str, str] = MappingProxyType(
    {
        "B": "batch context leaks into a row",
        "R": "rows",
        "T": "types at the boundary",
        "S": "schema",
        "D": "determinism",
        "P": "process state",
        "E": "environment",
        "N": "the notebook",
    }
)
"""The family by the first letter of a code, in the order in which families are listed."""


@dataclass(frozen=True)
class Cause:
    """One reason why the paths differ.

    Attributes:
        code: a letter and a number, such as ``B1``.
        name: a few words, such as ``batch statistics``.
        level: the lowest parity level, ``P1`` to ``P5``, that a model with this cause cannot reach; ``notebook`` if
            both paths agree with each other.
        advice: one sentence that says what to change.
    """

    code: str
    name: str
    level: str
    advice: str


_ALL = (
    Cause("B1", "batch statistics", "P2", "Compute the statistics in training, store them, and use them in predict."),
    Cause("B2", "batch imputation", "P2", "Store the fill value in training, and fill nulls with it in predict."),
    Cause(
        "B3",
        "category codes from the batch",
        "P2",
        "Store the list of categories in training, and take codes from that list in predict.",
    ),
    Cause(
        "B4",
        "one-hot from the batch",
        "P2",
        "Store the list of categories in training, and make one column for each of them, whatever values a batch has.",
    ),
    Cause(
        "B5",
        "rank / top-k / quantile",
        "P2",
        "Store the quantiles of the training rows, and look up each row in them instead of ranking the batch.",
    ),
    Cause(
        "B6",
        "order or position",
        "P2",
        "Compute each row from its own columns, and values of earlier rows in the query, with a window function.",
    ),
    Cause(
        "B7",
        "index",
        "P2",
        "Do not use the index, which starts at 0 in every batch; declare the row number as an input.",
    ),
    Cause(
        "B8",
        "one-row shape collapse",
        "P2",
        "Name the axis that you squeeze, or reshape to (-1, n), so that one row stays a batch of one row.",
    ),
    Cause(
        "B9",
        "padding / truncation to batch",
        "P2",
        "Pad and truncate to a length fixed in training, and mask the padding, so that other rows cannot change it.",
    ),
    Cause(
        "B10",
        "kernel choice by batch size",
        "P2",
        "Accept the measured noise as a tolerance, and round scores before they are compared with a threshold.",
    ),
    Cause(
        "B11",
        "server-side batching",
        "P5",
        "Send parameters that differ between requests as columns of each row, and do not let a server merge requests.",
    ),
    Cause(
        "B12",
        "empty batch",
        "P4",
        "Remove `predicts_empty`, or return an empty frame with the declared columns if there are no rows.",
    ),
    Cause(
        "B13",
        "carried over from the row before",
        "P2",
        "Compute each row from its own columns, and take values of the row before from the query, with lag().",
    ),
    Cause(
        "B14",
        "normalised over the batch",
        "P2",
        "Normalise over the features of each row, or by totals that were stored in training.",
    ),
    Cause(
        "R1",
        "drops rows",
        "P2",
        "Return one row for each given row, with null in a nullable output if there is no prediction.",
    ),
    Cause(
        "R2",
        "drops and pads (misaligned)",
        "P2",
        "Write predictions back by a mask or by index, never by position after rows were dropped.",
    ),
    Cause(
        "R3",
        "reorders or returns no key",
        "P2",
        "Return rows in the order in which they came, since predictions are matched by position.",
    ),
    Cause(
        "R4",
        "rows lost or repeated by the job",
        "P1",
        "Give the job a key that identifies each row, and count rows and keys before and after the model.",
    ),
    Cause(
        "R5",
        "mapped back by an id that is not unique",
        "P2",
        "Write predictions back by position or by a unique key, and never by a column whose values repeat.",
    ),
    Cause(
        "T1",
        "a null turns the whole int column to float",
        "P2",
        "Use the declared dtype of each column, and never infer dtypes again from the values in predict.",
    ),
    Cause(
        "T2",
        "big integers through float64",
        "P2",
        "Keep integers in int64 or Int64 throughout, and never convert them to float64.",
    ),
    Cause(
        "T3",
        "number used as text key",
        "P2",
        "Use numbers as keys, or cast to an integer type before making a string key.",
    ),
    Cause(
        "T4",
        "None vs NaN vs NA vs NaT",
        "P2",
        "Test for missing values only with isna(), never with `is None`, `==` or the truth value.",
    ),
    Cause(
        "T5",
        "NaN becomes NULL, inf becomes null",
        "P1",
        "Return finite numbers, and null in a nullable output if there is no prediction.",
    ),
    Cause(
        "T6",
        "float32 vs float64 at a threshold",
        "P2",
        "Compare in the width that was used in training, and cast both the column and the threshold to it.",
    ),
    Cause(
        "T7",
        "Decimal",
        "P2",
        "Choose one type for the arithmetic: Decimal throughout, or float64 after one cast at the top of predict.",
    ),
    Cause("T8", "str vs bytes", "P2", "Declare strings as STRING, and do not mix bytes and str in predict."),
    Cause(
        "T9",
        "guessed types",
        "P2",
        "Parse strings with an explicit format, and never infer types from the values of a batch.",
    ),
    Cause(
        "T10",
        "time zone of naive timestamps",
        "P2",
        "Declare instants as TIMESTAMP, and convert to a named zone in predict before taking the hour or the day.",
    ),
    Cause(
        "T11",
        "process time zone",
        "P3",
        "Give a time zone to every conversion, and never use the local time of the process.",
    ),
    Cause(
        "T12",
        "arrays, structs",
        "P2",
        "Treat a nested value by its declared type, and name the dtype of every array or frame that is made from it.",
    ),
    Cause(
        "T13",
        "categorical dtype lost",
        "P2",
        "Store the categories in training, and make the column categorical with exactly these categories in predict.",
    ),
    Cause(
        "T14",
        "missing vs zero",
        "P2",
        "Distinguish null from zero: fill nulls with a stored value or pass NaN on, and never drop zeros.",
    ),
    Cause(
        "T15",
        "empty string vs NULL",
        "P2",
        "Decide once whether an empty string is a missing value, and map it in predict before anything else.",
    ),
    Cause(
        "T16",
        "output type varies by batch",
        "P2",
        "Cast each output to its declared dtype before returning it, whatever values a batch has.",
    ),
    Cause(
        "T17",
        "JSON float parsing",
        "P2",
        "Parse numbers with json.loads or float(), and never with a reader that rounds.",
    ),
    Cause(
        "T18",
        "integer overflow",
        "P2",
        "Widen integers to int64 before sums and products, whatever values a batch has.",
    ),
    Cause("S1", "positional features", "P2", "Pick features by name in a stored order, never by position."),
    Cause(
        "S2",
        "extra or narrowed columns",
        "P2",
        "Name every column that is used, and raise an error if one is missing instead of filling it.",
    ),
    Cause(
        "S3",
        "name case",
        "P2",
        "Write column names in lower case everywhere, as Hive does, and never look a column up with a default.",
    ),
    Cause(
        "S4",
        "enforcement vanished",
        "P1",
        "Declare inputs and outputs with names and types, and read both from the declaration, not from sample rows.",
    ),
    Cause(
        "S5",
        "declared null refused",
        "P4",
        "Declare the column NOT NULL, or predict a row without the value.",
    ),
    Cause(
        "D1",
        "RNG, dropout",
        "P1",
        "Switch random layers off in predict, or draw from a generator that is seeded with the row's own values.",
    ),
    Cause("D2", "clock", "P1", "Make the time an input column, and never read the clock in predict."),
    Cause(
        "D3",
        "Python hash, set order",
        "P3",
        "Replace hash() with a stable digest such as zlib.crc32, and sort sets before iterating over them.",
    ),
    Cause(
        "D4",
        "thread count",
        "P3",
        "Pin the number of threads, or reduce in a fixed order that does not depend on it.",
    ),
    Cause("D5", "CPU", "P3", "Run the check on the kind of CPU that production uses, and pin the instruction set."),
    Cause(
        "D6",
        "uninitialised memory",
        "P3",
        "Fill every element of an array that np.empty() makes, or make it with np.zeros().",
    ),
    Cause(
        "P1",
        "state across calls",
        "P3",
        "Keep no state between calls: compute everything from the rows and the parameters.",
    ),
    Cause("P2", "fitted on first batch", "P3", "Fit in training, store the result, and load it in the constructor."),
    Cause("P3", "mutates its input", "P3", "Work on a copy, and return a new frame instead of the given one."),
    Cause(
        "P4", "not thread-safe", "P5", "Keep temporary values in local variables of predict, never in the model object."
    ),
    Cause(
        "P5",
        "cache by the wrong key",
        "P3",
        "Use the whole content of a row as the key of the cache, or remove the cache.",
    ),
    Cause(
        "E1",
        "version drift",
        "P3",
        "Pin the versions that trained the model in requirements.txt, and refuse parameters of a different version.",
    ),
    Cause(
        "E2",
        "working directory",
        "P3",
        "Open files in the folder that the constructor is given, never relative to the working directory.",
    ),
    Cause(
        "E3",
        "env, locale",
        "P3",
        "Put settings into the parameters, and read neither environment variables nor the locale in predict.",
    ),
    Cause(
        "E4",
        "train/export mode",
        "P3",
        "Call `model.eval()` of PyTorch in the constructor, or the model of Keras with `training=False`; export every "
        "model in inference mode.",
    ),
    Cause(
        "E5",
        "two codes",
        "P1",
        "Move the preparation of rows into predict, so that both paths run the same code.",
    ),
    Cause(
        "N1",
        "differs from the notebook",
        NOTEBOOK,
        "Train and measure on the frame that `Schema.frame` gives, with the packages of requirements.txt.",
    ),
)

CAUSES: Mapping[str, Cause] = MappingProxyType({cause.code: cause for cause in _ALL})
"""All causes by code, in the order in which they are listed: by family, then by number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from pyml.error_code import ErrorCode
from pyml.errors import InputError, UsageError
from pyml.offline.job import OfflineJob
from pyml.offline.targets.partition import parse_partition, partition_of
from pyml.offline.targets.table_swap import split_table_name
from pyml.offline.targets.target import EXTERNAL, VIEW, Target, check_target, partition_types
from pyml.types.schema import Schema

COLUMNS = {"id": "BIGINT", "y": "DOUBLE"}
PLAIN = Target("MANAGED", COLUMNS, {})
DAYS = Target("MANAGED", COLUMNS, {"ds": "DATE", "n": "INT"})
DAY = {"DS": "2026-11-28", "n": "1"}


def job(**changes: Any) -> OfflineJob:
    return OfflineJob("", Schema("x DOUBLE"), Schema("y DOUBLE"), "SELECT 1", "ml.t", **changes)


@pytest.mark.parametrize(
    ("target", "changes"),
    [
        (None, {}),
        (None, {"partition": DAY}),
        (None, {"append": True}),
        (PLAIN, {}),
        (PLAIN, {"append": True}),
        (DAYS, {"partition": DAY}),
        (DAYS, {"partition": DAY, "append": True}),
        (Target(EXTERNAL, COLUMNS, {}), {"append": True}),
        (Target(EXTERNAL, COLUMNS, DAYS.partitioned_by), {"partition": DAY}),
        (Target("MANAGED", COLUMNS, {}, is_read=True), {"append": True}),
    ],
)
def test_a_target_that_can_be_written_is_accepted(target: Target | None, changes: Mapping[str, Any]) -> None:
    check_target(target, job(**changes), COLUMNS)


@pytest.mark.parametrize(
    ("target", "changes", "words"),
    [
        (Target(VIEW, {}, {}), {}, "it is a view"),
        (Target(VIEW, {}, {}), {"append": True}, "it is a view"),
        (DAYS, {}, "it is partitioned by ds, n"),
        (DAYS, {"append": True}, "it is partitioned by `ds`, which has no value"),
        (DAYS, {"partition": {"ds": "2026-11-28"}}, "--partition n=VALUE"),
        (DAYS, {"partition": {**DAY, "m": "1"}}, "not partitioned by `m`"),
        (PLAIN, {"partition": DAY}, "not partitioned by `DS`"),
        (Target(EXTERNAL, COLUMNS, {}), {}, "external"),
        (Target("MANAGED", COLUMNS, {}, is_read=True), {}, "the query reads it"),
        (Target("MANAGED", {"id": "INT", "y": "DOUBLE"}, {}), {"append": True}, "`id` is INT, written BIGINT"),
        (Target("MANAGED", {"id": "BIGINT"}, {}), {"append": True}, "it has no column `y` DOUBLE"),
        (Target("MANAGED", {**COLUMNS, "z": "INT"}, {}), {"append": True}, "its column `z` INT is not written"),
        (None, {"partition": {"Y": "1"}}, "`Y` has the name of an output"),
    ],
)
def test_a_target_that_must_not_be_written_is_refused_with_the_reason(
    target: Target | None, changes: Mapping[str, Any], words: str
) -> None:
    with pytest.raises(InputError) as raised:
        check_target(target, job(**changes), COLUMNS)
    assert words in str(raised.value)
    assert {problem.code for problem in raised.value.problems} == {ErrorCode.TARGET}


def test_a_column_of_the_query_with_the_name_of_the_partition_is_not_written_twice() -> None:
    check_target(DAYS, job(partition=DAY), {**COLUMNS, "ds": "STRING"})


def test_partition_columns_have_the_types_and_the_order_of_the_table() -> None:
    assert list(partition_types(DAYS, job(partition={"n": "1", "DS": "x"})).items()) == [("DS", "DATE"), ("n", "INT")]
    assert partition_types(None, job(partition={"n": "1"})) == {"n": "STRING"}


@pytest.mark.parametrize(
    ("texts", "values"),
    [
        ([], {}),
        (["ds=2026-11-28"], {"ds": "2026-11-28"}),
        (["a=b=c", "my col= x "], {"a": "b=c", "my col": " x "}),
    ],
)
def test_a_partition_is_read_from_name_and_value(texts: list[str], values: dict[str, str]) -> None:
    assert parse_partition(texts) == values


@pytest.mark.parametrize("texts", [["ds"], ["=1"], ["ds="], ["ds= "], ["a=1", "A=2"]])
def test_a_partition_without_a_name_or_a_value_is_refused(texts: list[str]) -> None:
    with pytest.raises(UsageError) as raised:
        parse_partition(texts)
    assert raised.value.code is ErrorCode.TARGET


def test_a_null_is_not_a_partition() -> None:
    with pytest.raises(UsageError):
        partition_of({"ds": None})


@pytest.mark.parametrize("table", ["a b", "a.b.c", "x;y", "", "a.", "é.t", "a-b", "t" * 129, "a.`b`"])
def test_a_name_that_hive_does_not_have_is_refused(table: str) -> None:
    with pytest.raises(UsageError, match="is not the name of a Hive table"):
        split_table_name(table)

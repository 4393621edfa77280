"""`clusters.toml`: which clusters there are, and what is wrong with a table."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyml.errors import SettingsError, UsageError
from pyml_sandbox.clusters.cluster import Cluster, find_cluster
from pyml_sandbox.clusters.cluster_spark import access_of
from pyml_sandbox.services.remote_spark import RemoteAccess

WHOLE = """
[prod]
connect = "spark.example:15002"
gateway = "gateway.example:8470"
tls = true
ca_file = "ca.pem"
token_variable = "PROD_TOKEN"
database = "Checks"
workers = "image"
spark = { "spark.sql.shuffle.partitions" = "8" }

[night]
master = "spark://night.example:7077"
metastore = "hive.example:9083"
warehouse = "hdfs://night.example/warehouse"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "clusters.toml"
    file.write_text(WHOLE)
    (tmp_path / "ca.pem").write_text("PEM")
    return file


def test_a_table_is_a_cluster(file: Path) -> None:
    assert find_cluster("prod", file.parent, file) == Cluster(
        "prod",
        connect="spark.example:15002",
        gateway="gateway.example:8470",
        tls=True,
        ca_file=file.parent / "ca.pem",
        token_variable="PROD_TOKEN",
        database="checks",
        workers="image",
        spark={"spark.sql.shuffle.partitions": "8"},
    )
    where = "hdfs://night.example/warehouse"
    night = Cluster("night", master="spark://night.example:7077", metastore="hive.example:9083", warehouse=where)
    assert find_cluster("night", file.parent, file) == night


def test_the_file_of_the_current_folder_goes_before_that_of_the_home(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    home = tmp_path / "home"
    home.mkdir()
    (home / "clusters.toml").write_text('[only]\nconnect = "home.example:1"\n')
    assert find_cluster("prod", home).connect == "spark.example:15002"
    file.unlink()
    assert find_cluster("only", home).connect == "home.example:1"


def test_a_token_comes_from_the_environment(file: Path) -> None:
    prod = find_cluster("prod", file.parent, file)
    assert access_of(prod, {"PROD_TOKEN": "abc"}) == RemoteAccess(True, b"PEM", "abc")
    assert "abc" not in repr(access_of(prod, {"PROD_TOKEN": "abc"}))
    with pytest.raises(UsageError, match=r"asks for a token, and \$PROD_TOKEN is not set"):
        access_of(prod, {})
    (file.parent / "ca.pem").unlink()
    with pytest.raises(UsageError, match=r"the certificates .*ca\.pem of the cluster prod cannot be read"):
        access_of(prod, {"PROD_TOKEN": "abc"})


def test_an_unknown_name_is_told_with_those_that_are_known(file: Path) -> None:
    with pytest.raises(UsageError, match="has no cluster 'prd'") as raised:
        find_cluster("prd", file.parent, file)
    assert raised.value.hint == "did you mean prod?"
    with pytest.raises(UsageError, match=r"there is no clusters\.toml and no .*gone"):
        find_cluster("prod", file.parent / "gone")


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("", "expected one of connect"),
        ('connect = "a:1"\nmaster = "yarn"', "expected one of connect"),
        ('master = "yarn"', "master needs metastore and warehouse"),
        ('connect = "sc://a:1"', "connect: String should match pattern"),
        ('connect = "a"', "connect: String should match pattern"),
        ('connect = "a:1"\ncolour = "red"', "colour: Extra inputs are not permitted"),
        ('connect = "a:1"\nworkers = "both"', "workers: Input should be 'archive' or 'image'"),
        ('connect = "a:1"\nca_file = "ca.pem"', "ca_file is for tls = true"),
        ('connect = "a:1"\ntoken_variable = "T"', "a token is sent over TLS alone"),
        ('connect = "127.0.0.1:1"\ngateway = "a:1"\ntoken_variable = "T"', "a token is sent over TLS alone"),
        ('connect = "a:1"\ndatabase = "a.b"', "database: String should match pattern"),
    ],
)
def test_a_wrong_table_is_refused_with_what_is_wrong(tmp_path: Path, table: str, words: str) -> None:
    file = tmp_path / "clusters.toml"
    file.write_text(f"[c]\n{table}\n")
    with pytest.raises(SettingsError, match=words):
        find_cluster("c", tmp_path, file)


@pytest.mark.parametrize("text", ["[c", "\x00", "c = 1"])
def test_what_is_no_file_of_clusters_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "clusters.toml"
    file.write_text(text)
    with pytest.raises((UsageError, SettingsError)):
        find_cluster("c", tmp_path, file)

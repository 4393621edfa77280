"""A cluster: a table in `clusters.toml` that says where its Spark, metastore and gateway are."""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError, model_validator

from pyml.errors import Problem, SettingsError, UsageError
from pyml.package.settings import PLAIN_NAME, is_plain_name
from pyml_sandbox.proof.check_statement import problems_of
from pyml_sandbox.workspace.ports import is_here

FILE_NAME = "clusters.toml"
EXAMPLE = 'a table such as   [prod]   connect = "spark.example:15002"   gateway = "gateway.example:8470"'
DATABASE = "pyml_parity"
NOT_A_NAME = "endpoint"
"""Under this name lie the reports of systems that are not ours."""
HOST_PORT = r"^[^\s/:]+:\d{1,5}$"


@dataclass(frozen=True)
class Cluster:
    """A cluster that is not the sandbox's own.

    Attributes:
        name: of its table.
        connect: host:port of its Spark Connect server; empty if `master` is given.
        master: its Spark master, such as `spark://HOST:PORT` or `yarn`; a driver then runs on this machine.
        metastore: host:port of its Hive metastore; with `connect`, its Spark knows it.
        warehouse: with `master`, where new databases lie, such as `hdfs://…`; the folder of a laptop is no such place.
        gateway: host:port of its gateway's gRPC side; empty if nothing is served there.
        tls: whether Spark Connect and the gateway are reached over TLS.
        ca_file: certificates to trust, as PEM; None for those of this machine.
        token_variable: environment variable with the token that both ask for; empty for none.
        database: the database of the tables that a parity check makes there.
        workers: "archive" if a version's environment travels to the workers, "image" if they run in its image.
        spark: more settings of Spark; of a session with `connect`, of the driver with `master`.
    """

    name: str
    connect: str = ""
    master: str = ""
    metastore: str = ""
    warehouse: str = ""
    gateway: str = ""
    tls: bool = False
    ca_file: Path | None = None
    token_variable: str = ""
    database: str = DATABASE
    workers: Literal["archive", "image"] = "archive"
    spark: Mapping[str, str] = field(default_factory=dict)

    def token(self, environ: Mapping[str, str] | None = None) -> str:
        """The token that the cluster asks for; empty if it asks for none.

        Raises:
            UsageError: its variable is not set.
        """
        if not self.token_variable:
            return ""
        token = (os.environ if environ is None else environ).get(self.token_variable, "")
        if not token:
            raise UsageError(
                f"the cluster {self.name} asks for a token, and ${self.token_variable} is not set",
                f"export {self.token_variable}=…",
            )
        return token

    def certificates(self) -> bytes | None:
        """The certificates to trust, as PEM; None for those of this machine.

        Raises:
            UsageError: the file cannot be read.
        """
        if self.ca_file is None:
            return None
        try:
            return self.ca_file.read_bytes()
        except OSError as error:
            message = f"the certificates {self.ca_file} of the cluster {self.name} cannot be read: {error.strerror}"
            raise UsageError(message, f"set ca_file in {FILE_NAME}") from error


def find_cluster(name: str, home: Path, file: Path | None = None) -> Cluster:
    """The cluster of a name.

    Args:
        name: of its table.
        home: `$PYML_HOME`, whose file is read where the current folder has none.
        file: that the user names; None for `clusters.toml` here, else in `home`.

    Raises:
        UsageError: there is no such file or no such table.
        SettingsError: the file has an unknown key, or a value of the wrong kind.
    """
    places = (file,) if file else (Path(FILE_NAME), home / FILE_NAME)
    found = next((each for each in places if each.is_file()), None)
    if found is None:
        raise UsageError(f"there is no {' and no '.join(map(str, places))}", f"write it, with {EXAMPLE}")
    tables = _tables(found)
    if not is_plain_name(name) or name == NOT_A_NAME:
        raise UsageError(f"{name!r} is not the name of a cluster", PLAIN_NAME)
    if name not in tables:
        close = difflib.get_close_matches(name, tables, n=1)
        known = f"did you mean {close[0]}?" if close else f"known: {', '.join(tables) or 'none'}; {EXAMPLE}"
        raise UsageError(f"{found} has no cluster {name!r}", known)
    try:
        return _Table.model_validate(tables[name]).cluster(name, found.parent)
    except ValidationError as error:
        problems = [Problem(each) for each in problems_of(error)]
        raise SettingsError(f"the cluster {name} in {found} is not one:", problems) from error


def _tables(file: Path) -> Mapping[str, object]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}", f"chmod u+r {file}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} is not TOML: {error}", f"write {EXAMPLE}") from error


_Address = Annotated[str, StringConstraints(pattern=HOST_PORT)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid")

    connect: _Address | None = None
    master: str = ""
    metastore: _Address | None = None
    warehouse: str = ""
    gateway: _Address | None = None
    tls: bool = False
    ca_file: Path | None = None
    token_variable: Annotated[str, StringConstraints(pattern=r"^(\w+)?$")] = ""
    database: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]{1,128}$")] = DATABASE
    workers: Literal["archive", "image"] = "archive"
    spark: dict[str, str] = {}

    @model_validator(mode="after")
    def _fits(self) -> _Table:
        if bool(self.connect) == bool(self.master):
            raise ValueError("expected one of connect (a Spark Connect server) and master")
        if self.master and not (self.metastore and self.warehouse):
            raise ValueError("master needs metastore and warehouse: a driver on this machine has to know them")
        if self.ca_file and not self.tls:
            raise ValueError("ca_file is for tls = true")
        places = [each for each in (self.connect, self.gateway) if each]
        if self.token_variable and not self.tls and not all(map(is_here, places)):
            raise ValueError("a token is sent over TLS alone: tls = true")
        return self

    def cluster(self, name: str, folder: Path) -> Cluster:
        return Cluster(
            name,
            self.connect or "",
            self.master,
            self.metastore or "",
            self.warehouse,
            self.gateway or "",
            self.tls,
            folder / self.ca_file if self.ca_file else None,
            self.token_variable,
            self.database.lower(),
            self.workers,
            self.spark,
        )

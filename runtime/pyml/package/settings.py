"""`pyml.toml`: the settings of a model repository."""

from __future__ import annotations

import difflib
import math
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypeVar

from pyml.errors import Problem, SettingsError

T = TypeVar("T")
FILE_NAME = "pyml.toml"
LEVELS = ("P1", "P2", "P3", "P4", "P5")
EXPECTED_FILES = (".parquet", ".csv")
"""Suffixes of files with the predictions of a notebook, in lower case."""
ROW_FILES = (".parquet", ".csv", ".jsonl", ".json")
"""Suffixes of files with the rows of a parity check, in lower case."""
PLAIN_NAME = "letters, digits, _ and - only, at most 40, and no dash at the beginning"
"""What the name of a model consists of, for hints; see `is_plain_name`."""
AUTO, NEVER = "auto", "never"
"""The values of `batching`."""
MIB = 1024 * 1024
"""Bytes in the unit of every setting whose name ends in `_mb`."""


@dataclass(frozen=True)
class ServingSettings:
    """Table `[serving]`.

    Attributes:
        max_queue: number of requests that may wait for `predict`; further ones are refused.
        max_request_mb: size of the largest accepted request, in MiB.
        replicas: number of servers that share the requests; containers only.
        memory_mb: memory limit of each server, in MiB; containers only.
        cpus: number of cores that each server may use; containers only.
        batching: "auto" to predict requests that wait together where the parity check has shown that this changes no
            bit of an answer, or "never".
    """

    max_queue: int = 64
    max_request_mb: int = 64
    replicas: int = 1
    memory_mb: int = 2048
    cpus: int = 2
    batching: str = AUTO


@dataclass(frozen=True)
class AllowanceSettings:
    """How far the floats of a column may lie apart: `|a - b| <= max(atol, rtol * max(|a|, |b|))`.

    Attributes:
        rtol: relative allowance; if it is left out, that of the column's type.
        atol: absolute allowance, for values near zero; if it is left out, that of the column's type.
    """

    rtol: float | None = None
    atol: float | None = None

    @property
    def is_given(self) -> bool:
        """Whether it says anything."""
        return self.rtol is not None or self.atol is not None


@dataclass(frozen=True)
class ToleranceSettings(AllowanceSettings):
    """Table `[parity.tolerance]`: the allowance of every float column, whatever its type and its measured noise allow.

    Attributes:
        columns: allowances of single output columns, by name, in place of the one for all.
    """

    columns: Mapping[str, AllowanceSettings] = field(default_factory=dict)

    def of(self, column: str) -> AllowanceSettings:
        """The allowance of a column; each part that its own entry leaves out is that of all columns."""
        own = self.columns.get(column, AllowanceSettings())
        return AllowanceSettings(
            self.rtol if own.rtol is None else own.rtol, self.atol if own.atol is None else own.atol
        )


@dataclass(frozen=True)
class ParitySettings:
    """Table `[parity]`.

    Attributes:
        sql: query whose rows are predicted on both paths; it gives the key and the inputs.
        table: instead of `sql`: a Hive table; its key and input columns are read.
        rows: instead of `sql`: a Parquet, CSV or JSON Lines file beside `pyml.toml`. Its rows are numbered if there is
            no key. The file is test data: it is no part of a model version.
        key: columns that identify a row.
        level: parity level that this model needs, P1 to P5 (docs/reference/parity-report.md).
        batch_rows: number of rows in one online request when all rows are sent.
        sample_rows: number of rows that are also sent one by one.
        tolerance: how far floats may lie apart, for those who know better than the measured noise.
        expected: what the notebook predicted for these rows: a Parquet or CSV file beside `pyml.toml`, or a Hive
            table; empty for none. The file is test data: it is no part of a model version.
        budget_s: about how many seconds the checks beside the two real paths may take with a slow model or many rows;
            what is left undone in it is said in the report (docs/reference/parity-report.md).
    """

    sql: str = ""
    table: str = ""
    rows: str = ""
    key: tuple[str, ...] = ()
    level: str = "P3"
    batch_rows: int = 1000
    sample_rows: int = 200
    tolerance: ToleranceSettings = field(default_factory=ToleranceSettings)
    expected: str = ""
    budget_s: float = 90.0

    @property
    def has_expected_file(self) -> bool:
        """Whether `expected` names a file, and not a Hive table."""
        return self.expected.lower().endswith(EXPECTED_FILES)

    def with_rows(self, *, sql: str = "", table: str = "") -> ParitySettings:
        """The same settings for different rows.

        What the notebook predicted belongs to the rows that `pyml.toml` names, if it names any: then it is left out.

        Args:
            sql: the query that selects the rows.
            table: instead of `sql`: a Hive table; both are empty if the rows are given in a different way.
        """
        expected = "" if self.sql or self.table or self.rows else self.expected
        return replace(self, sql=sql, table=table, rows="", expected=expected)


@dataclass(frozen=True)
class PromoteSettings:
    """Table `[promote]`.

    Attributes:
        level: parity level that an image must have earned before `pyml promote` lets it go to a registry, P1 to P5;
            by default that of `[parity]`.
    """

    level: str = ""


@dataclass(frozen=True)
class Settings:
    """The whole file.

    Attributes:
        name: name of the model; by default that of the folder.
        serving: limits of its servers.
        parity: rows and level of its parity check.
        promote: what `pyml promote` asks for.
    """

    name: str = ""
    serving: ServingSettings = field(default_factory=ServingSettings)
    parity: ParitySettings = field(default_factory=ParitySettings)
    promote: PromoteSettings = field(default_factory=PromoteSettings)

    @property
    def promotion_level(self) -> str:
        """The level that an image must have earned before it is promoted."""
        return self.promote.level or self.parity.level

    @classmethod
    def load(cls, folder: Path) -> Settings:
        """Read `pyml.toml` in a folder; the defaults if there is none.

        Raises:
            SettingsError: the file is not TOML, or holds unknown keys or values of the wrong type; lists each.
        """
        path = folder / FILE_NAME
        default_name = folder.resolve().name
        if not path.exists():
            return cls(name=default_name)
        if not path.is_file():  # reading a pipe would wait for its writer
            raise SettingsError(f"{FILE_NAME} cannot be read", [Problem(f"{FILE_NAME} is not a file", "remove it")])
        try:
            document = tomllib.loads(path.read_text(encoding="utf-8-sig"))  # a byte order mark is not part of TOML
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            problem = Problem(f"{FILE_NAME}: {error}", "write valid TOML, and save it as UTF-8")
            raise SettingsError(f"{FILE_NAME} cannot be read", [problem]) from error
        except OSError as error:
            problem = Problem(f"{FILE_NAME}: {error.strerror}", f"chmod u+r {FILE_NAME}, or remove it")
            raise SettingsError(f"{FILE_NAME} cannot be read", [problem]) from error
        problems = list(_problems(cls, document, ""))
        if problems:
            raise SettingsError(f"invalid {FILE_NAME}", problems)
        settings = _built(cls, {"name": default_name, **document})
        _refuse_bad_values(settings)
        return settings


_TABLES: Mapping[str, type] = {
    "ServingSettings": ServingSettings,
    "ParitySettings": ParitySettings,
    "PromoteSettings": PromoteSettings,
    "ToleranceSettings": ToleranceSettings,
}
"""Dataclasses of tables, by the type of the field that holds them."""
_TABLE_OF_TABLES = "Mapping[str, AllowanceSettings]"


def _problems(table: type, document: Mapping[str, object], prefix: str) -> Iterator[Problem]:
    known = {entry.name: str(entry.type) for entry in fields(table)}
    for key, value in document.items():
        name = f"{prefix}{key}"
        wanted = known.get(key)
        if wanted is None:
            close = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean `{prefix}{close[0]}`?" if close else f"known: {', '.join(known)}"
            yield Problem(f"unknown key `{name}`", hint)
        elif wanted in _TABLES or wanted == _TABLE_OF_TABLES:
            if not isinstance(value, dict):
                yield Problem(f"`{name}` is a table", f"write [{name}]")
            elif wanted in _TABLES:
                yield from _problems(_TABLES[wanted], value, f"{name}.")
            else:
                yield from _problems_of_columns(value, name)
        elif not _has_type(value, wanted):
            yield Problem(f"`{name}` is {value!r}, expected {_EXPECTED[wanted]}")


def _problems_of_columns(document: Mapping[str, object], name: str) -> Iterator[Problem]:
    for column, value in document.items():
        if isinstance(value, dict):
            yield from _problems(AllowanceSettings, value, f"{name}.{column}.")
        else:
            yield Problem(f"`{name}.{column}` is a table", f"write {column} = {{ rtol = 1e-6 }} below [{name}]")


_EXPECTED = {
    "str": "a string",
    "int": "a positive whole number",
    "float": "a number above 0, such as 90",
    "float | None": "a finite number of at least 0",
    "tuple[str, ...]": 'a list of strings, like ["trip_id"]',
}


def _has_type(value: object, wanted: str) -> bool:
    if wanted == "int":
        return isinstance(value, int) and not isinstance(value, bool) and value > 0
    if wanted in ("float", "float | None"):
        if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
            return False
        return value > 0 or (value == 0 and wanted != "float")
    if wanted == "str":
        return isinstance(value, str)
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _built(table: type[T], document: Mapping[str, Any]) -> T:
    """A dataclass of checked values: a table becomes its own dataclass, a list a tuple."""
    known = {entry.name: str(entry.type) for entry in fields(table)}  # type: ignore[arg-type]  # no bound says dataclass
    return table(**{key: _value(known[key], value) for key, value in document.items()})


def _value(wanted: str, value: Any) -> object:
    if wanted in _TABLES:
        return _built(_TABLES[wanted], value)
    if wanted == _TABLE_OF_TABLES:
        return {column: _built(AllowanceSettings, entry) for column, entry in value.items()}
    if wanted == "float":
        return float(value)
    return tuple(value) if isinstance(value, list) else value


def _refuse_bad_values(settings: Settings) -> None:
    problems = []
    if not is_plain_name(settings.name):
        problems.append(Problem(f"the model's name is {settings.name!r}", f'name = "…" with {PLAIN_NAME}'))
    chosen = (
        ("parity.level", settings.parity.level, LEVELS),
        ("promote.level", settings.promotion_level, LEVELS),
        ("serving.batching", settings.serving.batching, (AUTO, NEVER)),
    )
    problems += [
        Problem(f"`{name}` is {value!r}", f"one of {', '.join(known)}")
        for name, value, known in chosen
        if value not in known
    ]
    given = [f"`parity.{name}`" for name in ("sql", "table", "rows") if getattr(settings.parity, name)]
    if len(given) > 1:
        each = "both" if len(given) == 2 else "all"
        problems.append(Problem(f"{' and '.join(given)} are {each} given", "keep one of them"))
    if settings.parity.rows and not settings.parity.rows.lower().endswith(ROW_FILES):
        problems.append(
            Problem(f"`parity.rows` is {settings.parity.rows!r}", f"the name of a file: {', '.join(ROW_FILES)}")
        )
    if settings.parity.expected and not _is_file_or_table(settings.parity):
        problems.append(
            Problem(
                f"`parity.expected` is {settings.parity.expected!r}",
                f"the name of a file ({' or '.join(EXPECTED_FILES)}) beside {FILE_NAME}, or of a Hive table: db.table",
            )
        )
    if problems:
        raise SettingsError(f"invalid {FILE_NAME}", problems)


def _is_file_or_table(parity: ParitySettings) -> bool:
    return parity.has_expected_file or re.fullmatch(r"\w+(\.\w+)?", parity.expected) is not None


def is_plain_name(name: str) -> bool:
    """True if a string can be the name of a model: a part of folder, socket and service names, and of commands."""
    return (
        0 < len(name) <= 40
        and not name.startswith("-")
        and name.isascii()
        and name.replace("_", "").replace("-", "").isalnum()
    )

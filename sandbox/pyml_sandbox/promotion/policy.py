"""What a proof must say, and who must have signed it: the file of a policy."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator

from pyml.errors import Problem, SettingsError, UsageError
from pyml_sandbox.proof.check_statement import LEVEL, problems_of
from pyml_sandbox.proof.public_key import PublicKey

LOWEST = "P1"


@dataclass(frozen=True)
class TrustedKey:
    """A key whose signature counts.

    Attributes:
        key: its public half.
        expires: the day from which it counts no longer, in UTC; None if it does not expire.
    """

    key: PublicKey
    expires: date | None = None


@dataclass(frozen=True)
class Policy:
    """What a proof must say, and who must have signed it.

    Attributes:
        keys: the keys that are trusted.
        level: the parity level that an image must have earned at least.
        checker: versions of pyml whose check counts.
        max_age: how long ago the check may have been; None for any time.
    """

    keys: tuple[TrustedKey, ...]
    level: str = LOWEST
    checker: SpecifierSet = SpecifierSet()  # noqa: RUF009 - it does not change
    max_age: timedelta | None = None

    @classmethod
    def of_key(cls, key: PublicKey) -> Policy:
        """The policy that trusts one key, and asks for no more than a PASS."""
        return cls((TrustedKey(key),))

    @classmethod
    def from_file(cls, file: Path) -> Policy:
        """The policy in a TOML file; key files are beside it.

        Raises:
            UsageError: the file cannot be read, or a key file in it.
            SettingsError: it has an unknown key, or a value of the wrong kind.
        """
        try:
            read = tomllib.loads(file.read_text(encoding="utf-8"))
        except OSError as error:
            raise UsageError(f"the policy {file} cannot be read: {error.strerror}", EXPECTED) from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise UsageError(f"the policy {file} is not TOML: {error}", EXPECTED) from error
        try:
            return _File.model_validate(read).policy(file.parent)
        except ValidationError as error:
            problems = [Problem(each) for each in problems_of(error)]
            raise SettingsError(f"the policy {file} is not one:", problems) from error


EXPECTED = "a TOML file with [[keys]], level, checker and max_age_days"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Key(_Strict):
    file: Path
    expires: date | None = None


class _File(_Strict):
    keys: Annotated[list[_Key], Field(min_length=1)]
    level: Annotated[str, StringConstraints(pattern=LEVEL)] = LOWEST
    checker: str = ""
    max_age_days: Annotated[float, Field(gt=0, le=36_500, allow_inf_nan=False)] | None = None

    @field_validator("checker")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            SpecifierSet(value)
        except InvalidSpecifier as error:
            raise ValueError(f"expected versions such as '>=0.1,<2', found {value!r}") from error
        return value

    def policy(self, folder: Path) -> Policy:
        keys = tuple(TrustedKey(PublicKey.from_file(folder / key.file), key.expires) for key in self.keys)
        age = None if self.max_age_days is None else timedelta(days=self.max_age_days)
        return Policy(keys, self.level, SpecifierSet(self.checker), age)

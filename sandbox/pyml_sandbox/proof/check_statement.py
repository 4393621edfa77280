"""What a parity check said of an image, as an in-toto statement with the predicate `test-result`."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from pyml.errors import ProofError

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://in-toto.io/attestation/test-result/v0.1"
VERDICTS = Literal["PASS", "FAIL", "CANNOT-CERTIFY"]
RESULTS: dict[VERDICTS, Literal["PASSED", "FAILED"]] = {"PASS": "PASSED", "FAIL": "FAILED", "CANNOT-CERTIFY": "FAILED"}
"""The result in the words of the predicate, which has none for what could not be asked."""
LEVEL = r"^P[1-5]$"


@dataclass(frozen=True)
class Subject:
    """What a statement is about.

    Attributes:
        name: `NAME@VERSION` of a model's image, or the repository of a manifest.
        digest: `sha256:…`, of the image's configuration or of the manifest.
    """

    name: str
    digest: str


@dataclass(frozen=True)
class Statement:
    """The result of one parity check of one image.

    Attributes:
        image: the version that was checked, and the digest of its image's configuration.
        manifest: the repository and the manifest under which it was promoted; None if the check itself says this.
        verdict: PASS, FAIL or CANNOT-CERTIFY.
        level: highest parity level earned; None if none was.
        asked: the level that the check had to reach.
        rows: how many rows both paths predicted.
        rows_digest: of these rows, `sha256:…`, like each of the digests.
        settings_digest: of the settings of the check.
        report_digest: of the bytes of the report.
        checker: version of pyml that made the check.
        checker_digest: of the code of the check.
        driver: `container`, how both paths ran.
        platform: operating system and machine, such as `linux/x86_64`.
        checked_at: when the check ended.
        passed: checks that saw no difference.
        failed: checks that saw one.
    """

    image: Subject
    verdict: VERDICTS
    level: str | None
    asked: str
    rows: int
    rows_digest: str
    settings_digest: str
    report_digest: str
    checker: str
    checker_digest: str
    driver: str
    platform: str
    checked_at: datetime
    passed: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    manifest: Subject | None = None

    def to_json(self) -> bytes:
        """The statement as JSON, the same bytes for equal statements."""
        run = {
            "verdict": self.verdict,
            "asked": self.asked,
            "driver": self.driver,
            "platform": self.platform,
            "checkedAt": self.checked_at.astimezone(UTC).isoformat(),
            **({"level": self.level} if self.level else {}),
        }
        document = {
            "_type": STATEMENT_TYPE,
            "subject": [_subject(each) for each in (self.image, self.manifest) if each],
            "predicateType": PREDICATE_TYPE,
            "predicate": {
                "result": RESULTS[self.verdict],
                "configuration": [
                    _described("rows", self.rows_digest, {"count": self.rows}),
                    _described("settings", self.settings_digest, {}),
                    _described("report", self.report_digest, run),
                    _described("checker", self.checker_digest, {"version": self.checker}),
                ],
                "passedTests": list(self.passed),
                "failedTests": list(self.failed),
            },
        }
        return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()

    @classmethod
    def from_json(cls, document: bytes) -> Statement:
        """The statement in a JSON document.

        Raises:
            ProofError: it is not JSON, names a field twice, or is not a statement of a parity check.
        """
        read = json_object(document, "the statement")
        kind, predicate = read.get("_type"), read.get("predicateType")
        if (kind, predicate) != (STATEMENT_TYPE, PREDICATE_TYPE):
            raise ProofError(f"expected a statement {PREDICATE_TYPE}, found {predicate or kind or 'none'}")
        try:
            return _Document.model_validate(read).statement()
        except ValidationError as error:
            raise ProofError(f"the statement is not one of a parity check: {problems_of(error)[0]}") from error


def json_object(document: bytes, what: str) -> dict[str, object]:
    """The object in a JSON document, in which no name stands twice: two readers could take a different one.

    Args:
        document: UTF-8.
        what: what it is, for messages.

    Raises:
        ProofError: it is not JSON, not an object, or names a field twice.
    """

    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        read = dict(pairs)
        if len(read) < len(pairs):
            times = Counter(name for name, _ in pairs)
            named = ", ".join(sorted(name for name in times if times[name] > 1))
            raise ProofError(f"{what} names {named} twice, so that two readers could read it differently")
        return read

    try:
        found = json.loads(document, object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        raise ProofError(f"{what} is not whole: {error}") from error
    if not isinstance(found, dict):
        raise ProofError(f"{what} is not a JSON object")
    return found


def problems_of(error: ValidationError) -> list[str]:
    """What is wrong, and where in the document."""
    return [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors(include_url=False)]


def _subject(subject: Subject) -> dict[str, object]:
    return {"name": subject.name, "digest": _digests(subject.digest)}


def _described(name: str, digest: str, annotations: Mapping[str, object]) -> dict[str, object]:
    return {"name": name, "digest": _digests(digest), **({"annotations": annotations} if annotations else {})}


def _digests(digest: str) -> dict[str, str]:
    algorithm, _, digits = digest.partition(":")
    return {algorithm: digits}


# ---- the document, as strict as it is written


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Digest(_Strict):
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]

    def __str__(self) -> str:
        return f"sha256:{self.sha256}"


class _Named(_Strict):
    name: str
    digest: _Digest

    @property
    def subject(self) -> Subject:
        return Subject(self.name, str(self.digest))


class _Count(_Strict):
    count: Annotated[int, Field(ge=0, strict=True)]


class _Version(_Strict):
    version: str


class _Run(_Strict):
    verdict: VERDICTS
    asked: Annotated[str, StringConstraints(pattern=LEVEL)]
    driver: str
    platform: str
    checkedAt: AwareDatetime  # noqa: N815 - a name in the document
    level: Annotated[str, StringConstraints(pattern=LEVEL)] | None = None


class _Rows(_Named):
    name: Literal["rows"]
    annotations: _Count


class _Settings(_Named):
    name: Literal["settings"]


class _Report(_Named):
    name: Literal["report"]
    annotations: _Run


class _Checker(_Named):
    name: Literal["checker"]
    annotations: _Version


class _Predicate(_Strict):
    result: Literal["PASSED", "FAILED"]
    configuration: tuple[_Rows, _Settings, _Report, _Checker]
    passedTests: tuple[str, ...] = ()  # noqa: N815 - names of the predicate
    failedTests: tuple[str, ...] = ()  # noqa: N815


class _Document(_Strict):
    kind: Annotated[str, Field(alias="_type")]
    subject: Annotated[tuple[_Named, ...], Field(min_length=1, max_length=2)]
    predicateType: str  # noqa: N815 - a name in the document
    predicate: _Predicate

    def statement(self) -> Statement:
        rows, settings, report, checker = self.predicate.configuration
        run = report.annotations
        if RESULTS[run.verdict] != self.predicate.result:
            raise ProofError(f"the statement contradicts itself: verdict {run.verdict}, result {self.predicate.result}")
        image, *manifest = (each.subject for each in self.subject)
        return Statement(
            image=image,
            manifest=manifest[0] if manifest else None,
            verdict=run.verdict,
            level=run.level,
            asked=run.asked,
            rows=rows.annotations.count,
            rows_digest=str(rows.digest),
            settings_digest=str(settings.digest),
            report_digest=str(report.digest),
            checker=checker.annotations.version,
            checker_digest=str(checker.digest),
            driver=run.driver,
            platform=run.platform,
            checked_at=run.checkedAt,
            passed=self.predicate.passedTests,
            failed=self.predicate.failedTests,
        )

"""Promotion to a real registry: a proven image with its proof, another not, and what breaks half-way is repeated."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from pyml.errors import ProofError, PymlError, RegistryError, UsageError
from pyml_sandbox.promotion.oci.attachments import attach, attached
from pyml_sandbox.promotion.oci.image_reference import Reference
from pyml_sandbox.promotion.oci.image_repository import INDEX, MANIFEST, Manifest, Repository
from pyml_sandbox.promotion.policy import Policy, TrustedKey
from pyml_sandbox.promotion.promote import Candidate, Promotion, Push, admission_of, promote
from pyml_sandbox.promotion.verify import verify
from pyml_sandbox.proof.check_statement import Statement, Subject
from pyml_sandbox.proof.envelope import Envelope
from pyml_sandbox.proof.proof_store import ProofStore, digest_of
from pyml_sandbox.proof.signing_key import SigningKey, find_signing_key
from support.proofs import FAILED, PASSED, REPORT, key_in
from support.pushed_images import SmallImage
from support.registries import docker_registry
from support.small_disk import FILLED, fill, small_disk

IMAGE = SmallImage()
NOW = PASSED.checked_at + timedelta(hours=1)
OWN_TAG = "fare-0123456789ab"


@dataclass(frozen=True)
class Desk:
    """Where one promotes: an image, its proofs, a key, and a registry."""

    repository: Repository
    key: SigningKey
    store: ProofStore
    push: Push = IMAGE.push

    def told(self, statement: Statement = PASSED, key: SigningKey | None = None) -> Desk:
        """A check leaves its proof."""
        about = replace(statement, image=Subject(PASSED.image.name, IMAGE.digest))
        self.store.keep(Envelope.seal(about, key or self.key), REPORT)
        return self

    @property
    def candidate(self) -> Candidate:
        return Candidate(PASSED.image.name, IMAGE.digest, self.store.of_image(IMAGE.digest), self.push)

    def promote(self, policy: Policy | None = None) -> Promotion:
        return promote(self.candidate, self.repository, policy or self.policy, self.key, NOW)

    @property
    def policy(self) -> Policy:
        return Policy.of_key(self.key.public)

    def at(self, tag: str = "", digest: str = "") -> Repository:
        return Repository(replace(self.repository.reference, tag=tag, digest=digest), plain_http=True)


@pytest.fixture
def desk(repository: Repository, key: SigningKey, tmp_path: Path) -> Desk:
    reference = replace(repository.reference, tag="prod")
    return Desk(Repository(reference, plain_http=True), key, ProofStore(tmp_path / "proofs"))


def test_a_proven_image_goes_there_with_its_proof_and_is_verified_there(desk: Desk) -> None:
    promoted = desk.told().promote()
    assert (promoted.own_tag, promoted.reference.tag) == (OWN_TAG, "prod")
    tags = [desk.repository.manifest(tag) for tag in (OWN_TAG, "prod", promoted.reference.digest)]
    assert tags == [Manifest(IMAGE.manifest(), MANIFEST)] * 3
    found = verify(desk.at(digest=promoted.reference.digest), desk.policy, NOW)
    assert found.config_digest == IMAGE.digest
    assert found.admission.statement == replace(
        PASSED,
        image=Subject(PASSED.image.name, IMAGE.digest),
        manifest=Subject(desk.repository.reference.name, promoted.reference.digest),
    )


def key_in_memory(desk: Desk) -> SigningKey:
    """One more key of this desk."""
    folder = desk.store.folder.parent / "second"
    return find_signing_key(folder, {}) or key_in(folder)


def test_without_a_tag_the_version_has_its_own_alone(desk: Desk) -> None:
    plain = replace(desk, repository=desk.at()).told()
    assert plain.promote().reference.tag == OWN_TAG
    assert desk.repository.manifest("latest") is None


def test_twice_is_as_good_as_once(desk: Desk) -> None:
    first = desk.told().promote()

    def never(_: Reference, __: object) -> None:
        raise AssertionError("it is there already")

    assert replace(desk, push=never).promote() == first
    assert len(attached(desk.repository, first.reference.digest)) == 1


@pytest.mark.usefixtures("many_writers")
def test_eight_at_once_leave_one_image_with_its_proof(desk: Desk) -> None:
    desk.told()

    def one(number: int) -> Promotion:
        return replace(desk, repository=desk.at(f"prod-{number}")).promote()

    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(one, range(8)))
    assert {each.reference.digest for each in done} == {digest_of(IMAGE.manifest())}
    for number in range(8):
        assert desk.repository.manifest(f"prod-{number}") == Manifest(IMAGE.manifest(), MANIFEST)
    assert verify(desk.at(digest=done[0].reference.digest), desk.policy, NOW)


REFUSED: dict[str, tuple[Callable[[Desk], object], str]] = {
    "without a proof": (lambda desk: None, "nothing proves"),
    "that failed": (lambda desk: desk.told(FAILED), "says FAIL"),
    "at a lower level": (lambda desk: desk.told(replace(PASSED, level="P2")), "the image has earned P2, and P3 is asked for"),
    "whose report was edited": (lambda desk: desk.told().candidate.proofs[0].report_file.write_text("{}"), "is not the report"),
    "whose proof was cut off": (lambda desk: _cut(desk.told().candidate.proofs[0].file), "is not whole"),
}  # fmt: skip


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-20])


@pytest.mark.parametrize(("prepare", "words"), REFUSED.values(), ids=REFUSED)
def test_an_image_is_refused_and_nothing_is_pushed(prepare: Callable[[Desk], object], words: str, desk: Desk) -> None:
    prepare(desk)
    with pytest.raises(ProofError) as refused:
        desk.promote(replace(desk.policy, level="P3"))
    assert words in refused.value.message
    assert desk.repository.manifest(OWN_TAG) is None
    with pytest.raises(ProofError):
        admission_of(desk.candidate, replace(desk.policy, level="P3"), NOW)


def test_a_key_that_the_policy_does_not_trust_signs_nothing(desk: Desk, tmp_path: Path) -> None:
    stranger = replace(desk.told(), key=key_in(tmp_path / "stranger"))
    with pytest.raises(UsageError, match="is none of those that the policy trusts"):
        stranger.promote(desk.policy)
    assert desk.repository.manifest(OWN_TAG) is None


@pytest.mark.parametrize("tag", ["sha256-" + "a" * 64, "sha256-" + "a" * 64 + ".att", "another-0123456789ab"])
def test_a_tag_that_belongs_to_others_is_refused(tag: str, desk: Desk) -> None:
    SmallImage("another").push(replace(desk.repository.reference, tag=tag))
    with pytest.raises(UsageError) as refused:
        replace(desk.told(), repository=desk.at(tag)).promote()
    assert refused.value.hint == "choose a different tag"
    assert desk.repository.manifest(OWN_TAG) is None


def test_a_key_that_has_expired_signs_nothing(desk: Desk) -> None:
    trusted = desk.policy.keys[0]
    policy = replace(desk.policy, keys=(trusted, TrustedKey(key_in_memory(desk).public, date(2026, 11, 30))))
    with pytest.raises(UsageError, match="has expired"):
        promote(desk.told().candidate, desk.repository, policy, key_in_memory(desk), NOW)
    assert desk.repository.manifest(OWN_TAG) is None


def test_the_tag_of_a_version_is_never_moved(desk: Desk) -> None:
    """A version's image that was built again, on a newer base, has a tag of its own."""
    earlier = SmallImage("another")
    earlier.push(replace(desk.repository.reference, tag=OWN_TAG))
    promoted = desk.told().promote()
    assert promoted.own_tag == f"{OWN_TAG}-{IMAGE.digest.removeprefix('sha256:')[:12]}"
    found = [desk.repository.manifest(tag) for tag in (OWN_TAG, promoted.own_tag, "prod")]
    assert found == [Manifest(each.manifest(), MANIFEST) for each in (earlier, IMAGE, IMAGE)]


def test_an_engine_that_pushes_a_different_image_is_noticed(desk: Desk) -> None:
    with pytest.raises(ProofError, match="and not the one that was proven"):
        replace(desk.told(), push=SmallImage("another").push).promote()
    assert desk.repository.manifest("prod") is None


def test_the_tag_comes_last(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever it breaks, the tag names no image without its proof; the next try finishes."""
    from pyml_sandbox.promotion import promote as module

    def breaks(*_: object) -> None:
        raise RegistryError("the cable is out")

    desk.told()
    with monkeypatch.context() as patch:
        patch.setattr(module, "attach", breaks)
        with pytest.raises(RegistryError):
            desk.promote()
    assert desk.repository.manifest(OWN_TAG) is not None
    assert desk.repository.manifest("prod") is None
    assert verify(desk.at(digest=desk.promote().reference.digest), desk.policy, NOW)


# ---- the other side


@dataclass(frozen=True)
class Registry:
    """An image in a registry, and whoever tampers with it."""

    desk: Desk
    stranger: SigningKey
    digest: str

    @property
    def name(self) -> str:
        return self.desk.repository.reference.name

    @property
    def manifest(self) -> Manifest:
        found = self.desk.repository.manifest(self.digest)
        assert found is not None
        return found

    @property
    def statement(self) -> Statement:
        return replace(PASSED, image=Subject(PASSED.image.name, IMAGE.digest), manifest=Subject(self.name, self.digest))

    def attach(self, statement: Statement, key: SigningKey | None = None) -> Registry:
        return self.attach_envelope(Envelope.seal(statement, key or self.desk.key))

    def attach_envelope(self, envelope: Envelope) -> Registry:
        attach(self.desk.repository, self.manifest, envelope)
        return self

    def delete_bundles(self) -> Registry:
        """As somebody does who deletes what refers to the image."""
        repository, tag = self.desk.repository, self.digest.replace(":", "-")
        if repository.manifest(tag) is not None:
            emptied = {"schemaVersion": 2, "mediaType": INDEX, "manifests": []}
            repository.put_manifest(tag, json.dumps(emptied).encode(), INDEX)
        for page in repository.referrers(self.digest) or []:
            for entry in json.loads(page)["manifests"]:
                repository._asked("delete", f"manifests/{entry['digest']}")
        return self

    def put_layers(self, *contents: bytes) -> Registry:
        """The tag of proofs, with these bytes in place of envelopes."""
        repository = self.desk.repository
        config = repository.put_blob(b"{}")
        layers = [
            {
                "mediaType": "application/vnd.dsse.envelope.v1+json",
                "digest": repository.put_blob(content),
                "size": len(content),
            }
            for content in contents
        ]
        document = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": 2},
            "layers": layers,
        }
        tag = f"{self.digest.replace(':', '-')}.att"
        repository.put_manifest(tag, json.dumps(document).encode(), MANIFEST)
        return self


@pytest.fixture
def registry(desk: Desk, tmp_path: Path) -> Registry:
    """An image that was pushed without a proof."""
    IMAGE.push(desk.repository.reference)
    return Registry(desk, key_in(tmp_path / "stranger"), digest_of(IMAGE.manifest()))


LATER = PASSED.checked_at + timedelta(minutes=1)
ELSEWHERE = "sha256:" + "e" * 64


def _twice(registry: Registry) -> None:
    envelope = Envelope.seal(registry.statement, registry.desk.key).to_json()
    registry.put_layers(envelope.replace('"payload":', '"payload": "e30=", "payload":', 1).encode())


def _one_bad(registry: Registry) -> None:
    good, bad = (Envelope.seal(registry.statement, key) for key in (registry.desk.key, registry.stranger))
    registry.attach_envelope(
        replace(good, signatures=good.signatures + bad.signatures, keyids=good.keyids + bad.keyids)
    )


def _edited(registry: Registry, **change: object) -> None:
    """A field of the signed statement is different from what was signed."""
    envelope = Envelope.seal(registry.statement, registry.desk.key)
    registry.attach_envelope(replace(envelope, payload=replace(registry.statement, **change).to_json()))  # type: ignore[arg-type]


def _other_payload(registry: Registry, **change: object) -> None:
    document = json.loads(registry.statement.to_json()) | change
    sealed = Envelope(json.dumps(document).encode())
    signature = registry.desk.key.signer.sign(sealed.signed_bytes)
    registry.attach_envelope(
        replace(sealed, signatures=(bytes.fromhex(signature.signature),), keyids=(signature.keyid,))
    )


TAMPERED: dict[str, tuple[Callable[[Registry], object], str]] = {
    "no proof": (lambda it: None, "nothing proves that the paths of"),
    "a proof that was deleted": (lambda it: it.attach(it.statement).put_layers().delete_bundles(), "nothing proves that the paths of"),
    "a stranger signed": (lambda it: it.attach(it.statement, it.stranger), "of no key that is trusted"),
    "nobody signed": (lambda it: it.put_layers(Envelope.seal(it.statement, None).to_json().encode()), "the proof is not signed"),
    "failed": (lambda it: it.attach(replace(it.statement, verdict="FAIL")), "says FAIL"),
    "failed after it passed": (lambda it: it.attach(it.statement).attach(replace(it.statement, verdict="FAIL", checked_at=LATER)), "says FAIL"),
    "failed beside passed": (lambda it: it.attach(replace(it.statement, verdict="FAIL")).attach(it.statement), "says FAIL"),
    "nothing certified after it passed": (lambda it: it.attach(it.statement).attach(replace(it.statement, verdict="CANNOT-CERTIFY", checked_at=LATER)), "could certify nothing"),
    "a different image": (lambda it: it.attach(replace(it.statement, image=Subject("fare@0", ELSEWHERE))), "the proof is of a different image"),
    "the right image and a different manifest": (lambda it: it.attach(replace(it.statement, manifest=Subject(it.name, ELSEWHERE))), "the proof is of the manifest"),
    "the right manifest and a different image": (lambda it: it.attach(replace(it.statement, image=Subject(PASSED.image.name, it.digest))), "the proof is of a different image"),
    "replayed from a different repository": (lambda it: it.attach(replace(it.statement, manifest=Subject("elsewhere.example/fare", it.digest))), "and was found at"),
    "the statement of the laptop": (lambda it: it.attach(replace(it.statement, manifest=None)), "speaks of an image on a laptop"),
    "a level that was raised": (lambda it: _edited(it, level="P4"), "or the proof was changed"),
    "a verdict that was changed": (lambda it: _edited(it, verdict="CANNOT-CERTIFY"), "or the proof was changed"),
    "rows that were edited": (lambda it: _edited(it, rows_digest=ELSEWHERE), "or the proof was changed"),
    "a report that was edited": (lambda it: _edited(it, report_digest=ELSEWHERE), "or the proof was changed"),
    "settings that were edited": (lambda it: _edited(it, settings_digest=ELSEWHERE), "or the proof was changed"),
    "a checker that was edited": (lambda it: _edited(it, checker="9.9"), "or the proof was changed"),
    "a time that was edited": (lambda it: _edited(it, checked_at=LATER), "or the proof was changed"),
    "a level that is too low": (lambda it: it.attach(replace(it.statement, level="P1")), "the image has earned P1, and P2 is asked for"),
    "an older checker": (lambda it: it.attach(replace(it.statement, checker="0.0.9")), "made by pyml 0.0.9"),
    "an old check": (lambda it: it.attach(replace(it.statement, checked_at=NOW - timedelta(days=31))), "may be 30 days old at most"),
    "a check of tomorrow": (lambda it: it.attach(replace(it.statement, checked_at=NOW + timedelta(days=1))), "the proof is of the future"),
    "an envelope that is cut off": (lambda it: it.put_layers(Envelope.seal(it.statement, it.desk.key).to_json().encode()[:-9]), "the envelope is not whole"),
    "a cut one beside a good one": (lambda it: it.attach(it.statement).put_layers(b"{"), "the envelope is not whole"),
    "no envelope": (lambda it: it.put_layers(b"[]"), "the envelope is not a JSON object"),
    "names that stand twice": (_twice, "names payload twice"),
    "one bad signature beside a good one": (_one_bad, "signature 2 of 2"),
    "a different predicate": (lambda it: _other_payload(it, predicateType="https://slsa.dev/provenance/v1"), "expected a statement https://in-toto.io/attestation/test-result/v0.1"),
    "a different kind of statement": (lambda it: _other_payload(it, _type="https://in-toto.io/Statement/v0.1"), "expected a statement"),
    "no subject": (lambda it: _other_payload(it, subject=[]), "is not one of a parity check: subject"),
    "a predicate with more in it": (lambda it: _other_payload(it, extra=1), "is not one of a parity check: extra"),
}  # fmt: skip


def asked(registry: Registry) -> Policy:
    from packaging.specifiers import SpecifierSet

    return replace(registry.desk.policy, level="P2", checker=SpecifierSet(">=0.1"), max_age=timedelta(days=30))


@pytest.mark.parametrize(("tamper", "words"), TAMPERED.values(), ids=TAMPERED)
def test_who_tampers_is_noticed(tamper: Callable[[Registry], object], words: str, registry: Registry) -> None:
    tamper(registry)
    with pytest.raises(ProofError) as refused:
        verify(registry.desk.at(digest=registry.digest), asked(registry), NOW)
    assert words in refused.value.message


def test_there_are_thirty_and_more_with_messages_of_their_own() -> None:
    assert len(TAMPERED) >= 30


def test_the_same_statement_untouched_is_admitted(registry: Registry) -> None:
    registry.attach(registry.statement)
    assert verify(registry.desk.at(digest=registry.digest), asked(registry), NOW).config_digest == IMAGE.digest


def test_an_image_that_is_not_there_is_named(registry: Registry) -> None:
    with pytest.raises(ProofError, match="there is no image"):
        verify(registry.desk.at(digest=ELSEWHERE), asked(registry), NOW)


def test_a_tag_is_not_enough_and_its_digest_is_named(registry: Registry) -> None:
    with pytest.raises(UsageError, match="a tag can be moved") as refused:
        verify(registry.desk.at("prod"), asked(registry), NOW)
    assert refused.value.hint == f"pyml verify {registry.name}@{registry.digest}"


def test_a_tag_that_was_moved_is_a_different_digest(registry: Registry) -> None:
    registry.attach(registry.statement)
    another = SmallImage("another")
    another.push(registry.desk.repository.reference)
    with pytest.raises(ProofError, match="nothing proves"):
        verify(registry.desk.at(digest=digest_of(another.manifest())), asked(registry), NOW)


def test_the_proof_of_one_manifest_is_not_that_of_a_second_one_of_the_same_image(registry: Registry) -> None:
    registry.attach(registry.statement)
    second = IMAGE.manifest(note="pushed by somebody else")
    registry.desk.repository.put_manifest("second", second, MANIFEST)
    proof = Envelope.seal(registry.statement, registry.desk.key)
    attach(registry.desk.repository, Manifest(second, MANIFEST), proof)
    with pytest.raises(ProofError, match="the proof is of the manifest"):
        verify(registry.desk.at(digest=digest_of(second)), asked(registry), NOW)


VERIFY = """
import sys
from pyml_cli.main import run

code = run(["verify", *sys.argv[1:]])
print(sorted({"duckdb", "grpc", "numpy", "pandas", "pyarrow", "pyspark", "sqlglot"} & sys.modules.keys()))
sys.exit(code)
"""


def test_to_verify_needs_nothing_of_what_a_sandbox_needs(registry: Registry, tmp_path: Path) -> None:
    registry.attach(replace(registry.statement, checked_at=datetime.now(UTC)))
    (public := tmp_path / "signing.pub").write_text(registry.desk.key.public.pem)
    image = f"{registry.name}@{registry.digest}"
    command = [sys.executable, "-c", VERIFY, image, "--key", str(public), "--plain-http"]
    environment = {"PATH": "/usr/bin:/bin"}  # without a HOME
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert f"{image} is {PASSED.image.name}." in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"


# ---- a registry that is in trouble


def test_a_registry_that_is_killed_in_the_middle_leaves_no_tag_and_the_next_try_finishes(
    key: SigningKey, tmp_path: Path
) -> None:
    with docker_registry(tmp_path) as process:
        reference = Reference(process.host, "models/fare", "prod")
        desk = Desk(Repository(reference, plain_http=True), key, ProofStore(tmp_path / "proofs")).told()

        def pushes_and_dies(to: Reference, _: object) -> None:
            IMAGE.push(to)
            process.kill()

        with pytest.raises(PymlError) as refused:
            replace(desk, push=pushes_and_dies).promote()
        assert "does not answer" in refused.value.message
        process.start()
        assert desk.repository.manifest("prod") is None
        assert verify(desk.at(digest=desk.promote().reference.digest), desk.policy, NOW)


def test_a_registry_whose_disk_is_full_leaves_no_tag_and_the_next_try_finishes(key: SigningKey, tmp_path: Path) -> None:
    with small_disk(tmp_path / "data") as disk, docker_registry(tmp_path) as process:
        reference = Reference(process.host, "models/fare", "prod")
        desk = Desk(Repository(reference, plain_http=True), key, ProofStore(tmp_path / "proofs")).told()

        def pushes_and_fills(to: Reference, _: object) -> None:
            IMAGE.push(to)
            fill(disk)

        with pytest.raises(RegistryError) as refused:
            replace(desk, push=pushes_and_fills).promote()
        assert "500" in refused.value.message
        (disk / FILLED).unlink()
        assert desk.repository.manifest("prod") is None
        assert verify(desk.at(digest=desk.promote().reference.digest), desk.policy, NOW)

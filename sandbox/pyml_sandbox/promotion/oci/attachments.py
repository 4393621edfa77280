"""Proofs attached to an image in a registry, in the forms that cosign, policy-controller and Kyverno read.

- A sigstore bundle whose manifest refers to the image's: cosign 3 and oras read it. The registry lists it, or an index
  under the tag `sha256-HEX` does.
- The tag `sha256-HEX.att`, a manifest whose layers are envelopes: cosign 2 and 3 read it.

Whoever attaches reads what a tag names, changes it and writes it again; a registry cannot refuse the second of two.
So each change is looked for again, some moments later, and made again where a second writer has undone it.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pyml.errors import ProofError, RegistryError
from pyml_sandbox.promotion.oci.image_repository import DELETE_SOME, INDEX, MANIFEST, Manifest, Repository
from pyml_sandbox.proof.check_statement import PREDICATE_TYPE, json_object
from pyml_sandbox.proof.envelope import Envelope
from pyml_sandbox.proof.proof_store import digest_of

BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
ENVELOPE = "application/vnd.dsse.envelope.v1+json"
EMPTY, EMPTY_TYPE = b"{}", "application/vnd.oci.empty.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LOOKS_S = (0.0, 0.1, 0.3, 0.6)
"""Pauses before the looks at a change, in seconds: longer than a second writer needs from reading to writing."""
MOST_LOOKS = 100
PROMOTE_AGAIN = "delete it from the registry, then pyml promote"
MOST_PROOFS = 1000
"""More proofs on one image than this are not read: each is a request."""

Document = dict[str, Any]


def attach(repository: Repository, image: Manifest, envelope: Envelope) -> None:
    """Attach a proof to an image, in every form; nothing changes if it is attached already. Blocks for a second.

    Args:
        repository: of the image.
        image: its manifest.
        envelope: the proof, signed.

    Raises:
        RegistryError: the registry does not answer, or refuses.
    """
    _make(repository, [*_bundle_changes(repository, image, envelope), _layer_change(repository, image, envelope)])


def attached(repository: Repository, digest: str) -> list[Envelope]:
    """The proofs of an image, each once, in whichever form they are attached; their signatures are not verified.

    Args:
        repository: of the image.
        digest: of its manifest, `sha256:…`.

    Raises:
        RegistryError: the registry does not answer, or refuses.
        ProofError: one of them is damaged.
    """
    return list(dict.fromkeys([*_bundles(repository, digest), *_layers(repository, digest)]))


# ---- a bundle that refers to the image


def _bundle_changes(repository: Repository, image: Manifest, envelope: Envelope) -> Iterator[_Change]:
    """Store the bundle; then the change that lists it, if the registry does not list it by itself."""
    bundle = _compact(
        {
            "mediaType": BUNDLE,
            "verificationMaterial": {"publicKey": {"hint": envelope.keyids[0]}},
            "dsseEnvelope": json.loads(envelope.to_json()),
        }
    )
    annotations = {"dev.sigstore.bundle.content": "dsse-envelope", "dev.sigstore.bundle.predicateType": PREDICATE_TYPE}
    manifest = _compact(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "artifactType": BUNDLE,
            "config": _stored(repository, EMPTY, EMPTY_TYPE),
            "layers": [_stored(repository, bundle, BUNDLE)],
            "subject": _descriptor(image.content, image.media_type),
            "annotations": annotations,
        }
    )
    if not repository.put_manifest(digest_of(manifest), manifest, MANIFEST):
        entry = _descriptor(manifest, MANIFEST) | {"artifactType": BUNDLE, "annotations": annotations}
        yield _Change(_index_tag(image.digest), INDEX, lambda index: _with_entry(index, "manifests", entry))


def _bundles(repository: Repository, digest: str) -> Iterator[Envelope]:
    pages = repository.referrers(digest)
    if pages is None:
        listed = repository.manifest(_index_tag(digest))
        pages = [] if listed is None else [listed.content]
    entries = [entry for page in pages for entry in _list_in(json_object(page, "the list of referrers"), "manifests")]
    for entry in _few([entry for entry in entries if entry.get("artifactType") == BUNDLE and _is_of_check(entry)]):
        manifest = repository.manifest(str(entry.get("digest")))
        if manifest is None:
            raise ProofError(f"the proof {entry.get('digest')} is listed, and is not there", PROMOTE_AGAIN)
        for layer in _few(_list_in(json_object(manifest.content, "the manifest of the proof"), "layers")):
            bundle = json_object(_content(repository, layer), "the bundle")
            yield Envelope.from_json(json.dumps(bundle.get("dsseEnvelope")).encode())


# ---- a manifest with a layer for each envelope


def _layer_change(repository: Repository, image: Manifest, envelope: Envelope) -> _Change:
    annotations = {"dev.cosignproject.cosign/signature": "", "predicateType": PREDICATE_TYPE}
    layer = _stored(repository, envelope.to_json().encode(), ENVELOPE) | {"annotations": annotations}

    def with_layer(manifest: Document) -> Document:
        changed = _with_entry(manifest, "layers", layer)
        if changed is manifest:
            return manifest
        root = {"type": "layers", "diff_ids": [each["digest"] for each in changed["layers"]]}
        config = _compact({"architecture": "", "os": "", "config": {}, "rootfs": root})
        return changed | {"config": _stored(repository, config, CONFIG)}

    return _Change(_layers_tag(image.digest), MANIFEST, with_layer)


def _layers(repository: Repository, digest: str) -> Iterator[Envelope]:
    manifest = repository.manifest(_layers_tag(digest))
    if manifest is None:
        return
    layers = _list_in(json_object(manifest.content, "the manifest of proofs"), "layers")
    for layer in _few([layer for layer in layers if layer.get("mediaType") == ENVELOPE and _is_of_check(layer)]):
        yield Envelope.from_json(_content(repository, layer))


def _is_of_check(entry: Document) -> bool:
    """Whether an entry says that it is a parity check, or says nothing: attestations of every kind stand beside it."""
    annotations = entry.get("annotations")
    if not isinstance(annotations, dict):
        return True
    kinds = [annotations.get(name) for name in ("predicateType", "dev.sigstore.bundle.predicateType")]
    content = annotations.get("dev.sigstore.bundle.content", "dsse-envelope")
    return content == "dsse-envelope" and all(kind in (None, PREDICATE_TYPE) for kind in kinds)


# ---- what a tag names, changed beside other writers


@dataclass(frozen=True)
class _Change:
    """A change of what a tag names.

    Attributes:
        tag: the tag.
        media_type: of what it names.
        of: the changed document; the same object if there is nothing to change.
    """

    tag: str
    media_type: str
    of: Callable[[Document], Document]

    def is_made(self, repository: Repository) -> bool:
        """Whether it was made earlier; if not, it is made."""
        known = repository.manifest(self.tag)
        empty = {"schemaVersion": 2, "mediaType": self.media_type}
        document = empty if known is None else json_object(known.content, self.tag)
        changed = self.of(document)
        if changed is document:
            return True
        repository.put_manifest(self.tag, _compact(changed), self.media_type)
        return False


def _make(repository: Repository, changes: Sequence[_Change]) -> None:
    """Make changes, until all are found made at each of several looks."""
    seen = 0
    for _ in range(MOST_LOOKS):
        time.sleep(LOOKS_S[seen] * random.uniform(0.5, 1.0))  # noqa: S311 - parts writers; no secret
        seen = seen + 1 if all(change.is_made(repository) for change in changes) else 0
        if seen == len(LOOKS_S):
            return
    names = ", ".join(change.tag for change in changes)
    raise RegistryError(f"somebody else writes {names} of {repository.reference.name} all the time", "try again")


def _with_entry(document: Document, field: str, entry: Document) -> Document:
    entries = document.get(field) or []
    return document if entry in entries else document | {field: [*entries, entry]}


# ---- parts


def _stored(repository: Repository, content: bytes, media_type: str) -> Document:
    """Store a blob; its descriptor."""
    repository.put_blob(content)
    return _descriptor(content, media_type)


def _descriptor(content: bytes, media_type: str) -> Document:
    return {"mediaType": media_type, "digest": digest_of(content), "size": len(content)}


def _content(repository: Repository, descriptor: Document) -> bytes:
    content = repository.blob(str(descriptor.get("digest")))
    if content is None:
        raise ProofError(f"the proof {descriptor.get('digest')} is named, and is not there", PROMOTE_AGAIN)
    return content


def _list_in(document: Document, field: str) -> list[Document]:
    found = document.get(field) or []
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise ProofError(
            f"{field} of {document.get('mediaType', 'a manifest')} is not a list of objects", PROMOTE_AGAIN
        )
    return found


def _few(entries: Sequence[Document]) -> Sequence[Document]:
    if len(entries) > MOST_PROOFS:
        raise ProofError(f"the image has {len(entries)} proofs; at most {MOST_PROOFS} are read", DELETE_SOME)
    return entries


def _index_tag(digest: str) -> str:
    return digest.replace(":", "-")


def _layers_tag(digest: str) -> str:
    return f"{_index_tag(digest)}.att"


def _compact(document: Document) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()

"""Small images for tests of promotion, and a push that needs no engine."""

from __future__ import annotations

import json
from dataclasses import dataclass

from pyml_sandbox.promotion.oci.image_reference import Reference
from pyml_sandbox.promotion.oci.image_repository import MANIFEST, Repository
from pyml_sandbox.proof.proof_store import digest_of
from pyml_sandbox.workspace.events import OnEvent, ignore

CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"


@dataclass(frozen=True)
class SmallImage:
    """An image without layers.

    Attributes:
        name: parts it from others.
    """

    name: str = "one"

    @property
    def config(self) -> bytes:
        """Its configuration."""
        root = {"type": "layers", "diff_ids": []}
        return json.dumps({"architecture": "amd64", "os": "linux", "author": self.name, "rootfs": root}).encode()

    @property
    def digest(self) -> str:
        """The digest of its configuration."""
        return digest_of(self.config)

    def manifest(self, **annotations: str) -> bytes:
        """Its manifest; different annotations make a different one of the same image."""
        config = {"mediaType": CONFIG_TYPE, "digest": self.digest, "size": len(self.config)}
        document = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": []}
        return json.dumps(document | ({"annotations": annotations} if annotations else {})).encode()

    def push(self, to: Reference, on_event: OnEvent = ignore) -> None:
        """Push it, over plain HTTP."""
        with Repository(to, plain_http=True) as repository:
            repository.put_blob(self.config)
            repository.put_manifest(to.tag, self.manifest(), MANIFEST)

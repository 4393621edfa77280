"""The promoted image that manifests are rendered for, and the names that a cluster takes."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyml.errors import UsageError
from pyml.package.settings import Settings
from pyml_sandbox.models import registry
from pyml_sandbox.promotion.history import Promoted, promotions
from pyml_sandbox.proof.public_key import PublicKey

if TYPE_CHECKING:
    from pyml_sandbox.models.version import ModelVersion
    from pyml_sandbox.promotion.oci.image_reference import Reference
    from pyml_sandbox.workspace.home import SandboxHome

LONGEST_NAME = 63
"""Characters that a name or label may have in Kubernetes."""
MARK = 6
"""Digits that tell models apart whose names differ in what Kubernetes does not take."""
SERVER, JOB = "server", "offline-job"
"""The two parts that a cluster runs of a model."""


@dataclass(frozen=True)
class PromotedImage:
    """An image that was promoted, and what its pods need.

    Attributes:
        version: the model version in it.
        reference: host and repository, and the digest of the manifest.
        config_digest: of the image's configuration, which is its id in an engine; empty if that is not known.
        settings: its `pyml.toml`: the limits of its servers, and the level that a proof must have.
        key: the public half of the key that signed its proof; None to render no policies.
    """

    version: ModelVersion
    reference: Reference
    config_digest: str
    settings: Settings
    key: PublicKey | None = None

    @property
    def image(self) -> str:
        """How pods name it: by its digest, never by a tag."""
        return f"{self.reference.name}@{self.reference.digest}"

    @property
    def name(self) -> str:
        """The name of the model as Kubernetes takes names: small letters, digits and dashes."""
        return kubernetes_name(self.version.name)

    @property
    def labels(self) -> Mapping[str, str]:
        """Recommended labels; https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/."""
        own = {"app.kubernetes.io/version": self.version.version, "app.kubernetes.io/managed-by": "pyml"}
        return {**self.selector, **own}

    @property
    def job_labels(self) -> Mapping[str, str]:
        """The labels of the pods of an offline job, which no policy or service of the servers may select."""
        return {**self.labels, "app.kubernetes.io/component": JOB}

    @property
    def selector(self) -> Mapping[str, str]:
        """The labels of the pods that serve the model, the same from version to version."""
        return {"app.kubernetes.io/name": self.name, "app.kubernetes.io/component": SERVER}


def kubernetes_name(name: str) -> str:
    """A name for Kubernetes from that of a model; one that has to be changed gets a mark, since two may become one.

    Names begin with a letter there, and have small letters, digits and dashes: `fare` stays, `Fare_2` is `fare-2-…`.
    """
    plain = re.sub(r"[^a-z0-9-]", "-", name.lower()).strip("-")
    if plain == name and plain[0].isalpha():
        return plain[:LONGEST_NAME]
    mark = hashlib.sha256(name.encode()).hexdigest()[:MARK]
    begin = plain if plain[:1].isalpha() else f"m-{plain}".rstrip("-")
    return f"{begin[: LONGEST_NAME - MARK - 1].rstrip('-')}-{mark}"


def find_promoted(
    home: SandboxHome, model: str, image: Reference | None = None, key: PublicKey | None = None
) -> PromotedImage:
    """The image of the last promotion of a model.

    Args:
        home: the sandbox that promoted it.
        model: `NAME@VERSION`, or a name alone for whichever version was promoted last.
        image: by its digest, where it was promoted to several repositories; None for the last promotion.
        key: the public half of the key that signed the proof; None if no policies are wanted.

    Raises:
        UsageError: no such promotion is known.
    """
    name, _, version = model.partition("@")
    found = [each for each in promotions(home, name) if _is_wanted(each, name, version, image)]
    if not found:
        what = f"{image} is no image that {model} was promoted to" if image else f"{model} was never promoted"
        raise UsageError(f"{what} from this sandbox", f"pyml promote {model} --to HOST/REPOSITORY, or pyml log {name}")
    last = found[-1]
    stored = registry.find_version(home, last.model_id)
    return PromotedImage(stored, last.reference, last.image, Settings.load(stored.package), key)


def _is_wanted(promoted: Promoted, name: str, version: str, image: Reference | None) -> bool:
    is_version = not version or promoted.model_id == f"{name}@{version}"
    return is_version and (image is None or _same_image(promoted.reference, image))


def _same_image(one: Reference, other: Reference) -> bool:
    return (one.name, one.digest) == (other.name, other.digest)

"""Policies with which a cluster admits proven images alone, for Kyverno and Sigstore's policy-controller. Pure."""

from __future__ import annotations

from pyml.package.settings import LEVELS
from pyml_sandbox.export.promoted_image import PromotedImage
from pyml_sandbox.proof.check_statement import PREDICATE_TYPE
from pyml_sandbox.proof.public_key import PublicKey
from pyml_sandbox.workspace.events import JSON

ATTESTOR, ATTESTATION = "pyml", "parity"
KINDS = ("containers", "initContainers", "ephemeralContainers")


def kyverno(image: PromotedImage, key: PublicKey) -> dict[str, JSON]:
    """Kyverno's ImageValidatingPolicy, which takes the place of its ClusterPolicy since 1.19.

    https://kyverno.io/docs/policy-types/image-validating-policy/

    Args:
        image: names the repository, and the level that a proof must have.
        key: whose signature counts.
    """
    name = f"{image.name}-is-proven"
    signed = f"verifyAttestationSignatures(image, attestations.{ATTESTATION}, [attestors.{ATTESTOR}]) > 0"
    payload = f"extractPayload(image, attestations.{ATTESTATION}).predicate"
    passed = f"{payload}.result == 'PASSED'"
    levels = ", ".join(f"'{level}'" for level in _levels(image))
    earned = f"{payload}.configuration.exists(c, c.name == 'report' && c.annotations.level in [{levels}])"
    return {
        "apiVersion": "policies.kyverno.io/v1",
        "kind": "ImageValidatingPolicy",
        "metadata": {"name": name},
        "spec": {
            "validationActions": ["Deny"],
            "webhookConfiguration": {"timeoutSeconds": 15},
            "matchConstraints": {
                "resourceRules": [
                    {
                        "apiGroups": [""],
                        "apiVersions": ["v1"],
                        "operations": ["CREATE", "UPDATE"],
                        "resources": ["pods", "pods/ephemeralcontainers"],
                    }
                ]
            },
            "matchImageReferences": [{"glob": f"{image.reference.name}{mark}*"} for mark in ("@", ":")],
            "attestors": [
                {
                    "name": ATTESTOR,
                    "cosign": {
                        "key": {"data": key.pem},
                        "ctlog": {"insecureIgnoreTlog": True, "insecureIgnoreSCT": True},
                    },
                }
            ],
            "attestations": [{"name": ATTESTATION, "intoto": {"type": PREDICATE_TYPE}}],
            "validations": [
                _validation(signed, "no parity proof by the trusted key: pyml promote"),
                _validation(passed, "the parity check did not pass: pyml parity-check"),
                _validation(earned, f"the parity check did not earn {image.settings.promotion_level}"),
            ],
        },
    }


def cluster_image_policy(image: PromotedImage, key: PublicKey) -> dict[str, JSON]:
    """The ClusterImagePolicy of Sigstore's policy-controller; https://docs.sigstore.dev/policy-controller/overview/.

    Args:
        image: names the repository, and the level that a proof must have.
        key: whose signature counts.
    """
    levels = " | ".join(f'"{level}"' for level in _levels(image))
    cue = "\n".join(
        (
            f'predicateType: "{PREDICATE_TYPE}"',
            'predicate: result: "PASSED"',
            "// rows, settings, report, checker",
            f"predicate: configuration: [_, _, {{annotations: level: {levels}, ...}}, ...]",
            "",
        )
    )
    return {
        "apiVersion": "policy.sigstore.dev/v1beta1",
        "kind": "ClusterImagePolicy",
        "metadata": {"name": f"{image.name}-is-proven"},
        "spec": {
            "images": [{"glob": f"{image.reference.name}{mark}**"} for mark in ("@", ":")],
            "authorities": [
                {
                    "name": ATTESTOR,
                    "key": {"data": key.pem, "hashAlgorithm": "sha256"},
                    "attestations": [
                        {
                            "name": ATTESTATION,
                            "predicateType": PREDICATE_TYPE,
                            "policy": {"type": "cue", "data": cue},
                        }
                    ],
                }
            ],
        },
    }


def _levels(image: PromotedImage) -> tuple[str, ...]:
    """The levels that are enough: the one that promotion asks for, and those above it."""
    return LEVELS[LEVELS.index(image.settings.promotion_level) :]


def _validation(holds: str, message: str) -> dict[str, JSON]:
    """One rule for every container of a pod."""
    return {"expression": " && ".join(f"images.{kind}.all(image, {holds})" for kind in KINDS), "message": message}

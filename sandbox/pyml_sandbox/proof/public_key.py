"""The public half of a key that signs: read from a PEM file, and asked whether it has signed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pyml.errors import UsageError

if TYPE_CHECKING:
    from securesystemslib.signer import SSlibKey

NEW_PAIR = "pyml keys init"
GIVEN_BY_SIGNER = "whoever signs prints it with   pyml keys show"


def ecdsa(key: SSlibKey, where: str) -> SSlibKey:
    """The key, if it is of the kind that all readers of proofs take.

    Raises:
        UsageError: it is of a different kind.
    """
    if key.keytype != "ecdsa":
        message = f"{where} is a key for {key.keytype}; expected one for ECDSA, which every reader of proofs takes"
        raise UsageError(message, NEW_PAIR)
    return key


@dataclass(frozen=True)
class PublicKey:
    """A public key.

    Attributes:
        key: as securesystemslib has it; ECDSA, which cosign, Kyverno and policy-controller take.
        where: the file that it was read from, for messages.
    """

    key: SSlibKey
    where: str = ""

    @classmethod
    def from_pem(cls, pem: str, where: str) -> PublicKey:
        """The key in a PEM text.

        Args:
            pem: SubjectPublicKeyInfo, `-----BEGIN PUBLIC KEY-----`.
            where: what the text was read from, for messages.

        Raises:
            UsageError: the text holds no public key, or one of a different kind.
        """
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.serialization import load_pem_public_key
        from securesystemslib.signer import SSlibKey

        if "PRIVATE KEY" in pem:
            raise UsageError(f"{where} holds a private key; expected a public one", "give the file that ends with .pub")
        try:
            key = SSlibKey.from_crypto(load_pem_public_key(pem.encode()))
        except (ValueError, UnsupportedAlgorithm) as error:
            raise UsageError(f"{where} holds no public key in PEM: {error}", GIVEN_BY_SIGNER) from error
        return cls(ecdsa(key, where), where)

    @classmethod
    def from_file(cls, file: Path) -> PublicKey:
        """The key in a PEM file.

        Raises:
            UsageError: the file cannot be read, or holds no public key.
        """
        try:
            return cls.from_pem(file.read_text(encoding="ascii"), str(file))
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not a PEM file"
            raise UsageError(f"the public key {file} cannot be read: {reason}", GIVEN_BY_SIGNER) from error

    @property
    def keyid(self) -> str:
        """A digest of the key, which signatures carry; 64 hexadecimal digits."""
        return str(self.key.keyid)

    @property
    def pem(self) -> str:
        """The key as PEM, SubjectPublicKeyInfo."""
        return str(self.key.keyval["public"])

    def has_signed(self, message: bytes, signature: bytes) -> bool:
        """Whether the signature is of this key, over this message."""
        from securesystemslib.exceptions import UnverifiedSignatureError
        from securesystemslib.signer import Signature

        try:
            self.key.verify_signature(Signature(self.keyid, signature.hex()), message)
        except UnverifiedSignatureError:
            return False
        return True

"""A statement in its envelope (DSSE): signed, written, and read as strictly as it is written."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError

from pyml.errors import ProofError
from pyml_sandbox.proof.check_statement import Statement, json_object, problems_of
from pyml_sandbox.proof.public_key import PublicKey

if TYPE_CHECKING:
    from pyml_sandbox.proof.signing_key import SigningKey

PAYLOAD_TYPE = "application/vnd.in-toto+json"
MOST_BYTES = 4 << 20
"""A larger envelope is refused before it is read; those of pyml have a few thousand bytes."""


class _Signature(BaseModel):
    model_config = ConfigDict(extra="forbid")
    sig: str
    keyid: str = ""


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid")
    payload: str
    payloadType: str  # noqa: N815 - a name in the document
    signatures: list[_Signature]


@dataclass(frozen=True)
class Envelope:
    """A statement and who signed it.

    Attributes:
        payload: the bytes of the statement.
        signatures: over `payload` and its type; none if there was no key.
    """

    payload: bytes
    signatures: tuple[bytes, ...] = ()
    keyids: tuple[str, ...] = ()

    @classmethod
    def seal(cls, statement: Statement, key: SigningKey | None) -> Envelope:
        """Put a statement into an envelope, and sign it.

        Args:
            statement: the statement.
            key: the key; None to leave it unsigned.

        Raises:
            SetupError: the service that holds the key does not sign.
        """
        sealed = cls(statement.to_json())
        if key is None:
            return sealed
        return cls(sealed.payload, (key.sign(sealed.signed_bytes),), (key.public.keyid,))

    @classmethod
    def from_json(cls, document: bytes) -> Envelope:
        """The envelope in a JSON document; its signatures are not verified.

        Raises:
            ProofError: it is damaged, or holds something different from an in-toto statement.
        """
        if len(document) > MOST_BYTES:
            raise ProofError(f"the envelope has {len(document):,} bytes; at most {MOST_BYTES:,} are read")
        try:
            read = _Document.model_validate(json_object(document, "the envelope"))
        except ValidationError as error:
            raise ProofError(f"the envelope is not whole: {problems_of(error)[0]}") from error
        if read.payloadType != PAYLOAD_TYPE:
            raise ProofError(f"expected an envelope with {PAYLOAD_TYPE}, found {read.payloadType!r}")
        signatures = tuple(_decoded(each.sig) for each in read.signatures)
        return cls(_decoded(read.payload), signatures, tuple(each.keyid for each in read.signatures))

    def to_json(self) -> str:
        """The envelope as a JSON document."""
        signatures = [
            {"keyid": keyid, "sig": base64.b64encode(signature).decode()}
            for keyid, signature in zip(self.keyids, self.signatures, strict=True)
        ]
        payload = base64.b64encode(self.payload).decode()
        return json.dumps({"payload": payload, "payloadType": PAYLOAD_TYPE, "signatures": signatures})

    @property
    def signed_bytes(self) -> bytes:
        """What is signed: payload and type, in DSSE's pre-authentication encoding."""
        from securesystemslib.dsse import Envelope as Encoding

        return Encoding(self.payload, PAYLOAD_TYPE, {}).pae()

    def statement(self) -> Statement:
        """The statement.

        Raises:
            ProofError: the payload is not a statement of a parity check.
        """
        return Statement.from_json(self.payload)

    def is_signed_by(self, key: PublicKey) -> bool:
        """Whether this key, and no other one, has signed it."""
        message = self.signed_bytes
        return len(self.signatures) == 1 and key.has_signed(message, self.signatures[0])

    def signed_by(self, trusted: Sequence[PublicKey]) -> PublicKey:
        """The trusted key that has signed it. Each of its signatures must be of a trusted key.

        DSSE itself takes an envelope with one good signature whatever stands beside it; a bad one is a sign of damage.

        Raises:
            ProofError: it is not signed, or a signature is of no trusted key.
        """
        if not self.signatures:
            raise ProofError("the proof is not signed")
        message, found = self.signed_bytes, []
        for number, signature in enumerate(self.signatures, start=1):
            keys = [key for key in trusted if key.has_signed(message, signature)]
            if not keys:
                which = f"signature {number} of {len(self.signatures)}" if len(self.signatures) > 1 else "the signature"
                raise ProofError(f"{which} is of no key that is trusted ({_names(trusted)}), or the proof was changed")
            found += keys
        return found[0]


def _names(trusted: Sequence[PublicKey]) -> str:
    return ", ".join(key.where or key.keyid[:12] for key in trusted) or "none is"


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ProofError(f"the envelope is not whole: {error}") from error

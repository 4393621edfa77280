"""The private half of a key: made once, kept for this user alone, and found where `pyml` is to sign."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pyml.command_line import quoted_word
from pyml.errors import SetupError, UsageError
from pyml_sandbox.proof.public_key import NEW_PAIR, PublicKey, ecdsa
from pyml_sandbox.workspace.files import write_atomically

if TYPE_CHECKING:
    from securesystemslib.signer import Signer

KEY_VARIABLE = "PYML_SIGNING_KEY"
"""A PEM text, the path of a PEM file, or the URI of a key in a KMS or HSM, as securesystemslib names it."""
KEY_SERVICES = ("awskms", "azurekms", "gcpkms", "hsm", "hv")
"""Schemes of such URIs."""
BEGINS = "-----BEGIN"
LONGEST_PATH = 200
"""What is longer is taken for a key, and never shown."""
PUBLIC_VARIABLE = "PYML_SIGNING_PUBLIC_KEY"
"""The public half of a key that is named by a URI: a PEM text, or the path of a PEM file."""
PASSPHRASE_VARIABLE = "PYML_SIGNING_PASSPHRASE"  # noqa: S105 - the name of a variable
FOLDER = "keys"
PRIVATE_FILE, PUBLIC_FILE = "signing.key", "signing.pub"
PRIVATE, PUBLIC = 0o600, 0o644
KEY_SERVICE = "check the URI of the key, and the credentials of its service"

AskPassphrase = Callable[[str], str]
"""Asks a person for the passphrase of the key that the argument names; empty if there is nobody to ask."""


class PassphraseMissingError(UsageError):
    """A key has a passphrase, and there is nobody to ask for it."""


@dataclass(frozen=True)
class SigningKey:
    """A key that can sign.

    Attributes:
        signer: signs; of a PEM key, a KMS or an HSM.
        public: its public half, named by the file, variable or URI that names the key.
    """

    signer: Signer
    public: PublicKey

    @property
    def where(self) -> str:
        """The file, variable or URI that names it, for messages."""
        return self.public.where

    def sign(self, message: bytes) -> bytes:
        """The signature of a message.

        Raises:
            SetupError: the service that holds the key does not sign.
        """
        try:
            return bytes.fromhex(self.signer.sign(message).signature)
        except Exception as error:  # each signer raises errors of its own service
            raise SetupError(f"the key {self.where} did not sign: {error}", KEY_SERVICE) from error


def create_key_pair(home: Path, passphrase: str = "") -> PublicKey:
    """Make an ECDSA P-256 pair, the kind that cosign, Kyverno and policy-controller take, and write both halves.

    Args:
        home: `$PYML_HOME`, the folder of all sandboxes of this user.
        passphrase: encrypts the private half; empty for none.

    Returns:
        The public half.

    Raises:
        UsageError: there is a key already; it is never replaced.
    """
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        NoEncryption,
        PrivateFormat,
        PublicFormat,
    )

    folder = home / FOLDER
    private, public = folder / PRIVATE_FILE, folder / PUBLIC_FILE
    if private.exists():
        raise UsageError(
            f"there is a key already, {private}; whoever trusts it would trust the new one no longer",
            f"mv {quoted_word(str(private))} {quoted_word(str(private) + '.old')} && {NEW_PAIR}",
        )
    key = ec.generate_private_key(ec.SECP256R1())
    encryption = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_atomically(folder / ".gitignore", "*\n")  # a home inside a repository keeps its key out of it
    private_pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
    public_pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    write_atomically(public, public_pem.decode(), PUBLIC)
    write_atomically(private, private_pem.decode(), PRIVATE)
    return PublicKey.from_file(public)


def find_signing_key(
    home: Path, environ: Mapping[str, str] | None = None, ask: AskPassphrase = lambda _: ""
) -> SigningKey | None:
    """The key to sign with: that of `$PYML_SIGNING_KEY`, else the file of `pyml keys init`; None if there is neither.

    Args:
        home: `$PYML_HOME`.
        environ: environment variables; None for those of this process.
        ask: asks for a passphrase that is not in `$PYML_SIGNING_PASSPHRASE`.

    Raises:
        UsageError: the key cannot be read, others can read it, or its passphrase is wrong or missing.
    """
    environ = os.environ if environ is None else environ
    named = environ.get(KEY_VARIABLE, "").strip().strip("\"'")
    if not named:
        file = home / FOLDER / PRIVATE_FILE
        return _of_pem(_read_private(file), str(file), environ, ask) if file.exists() else None
    if named.partition(":")[0] in KEY_SERVICES:
        return _of_uri(named, environ, ask)
    if BEGINS in named:
        return _of_pem(named[named.index(BEGINS) :], f"${KEY_VARIABLE}", environ, ask)
    return _of_path(named, environ, ask)


def public_key_of(home: Path) -> PublicKey | None:
    """The public half of the pair of `pyml keys init`; None if there is none."""
    file = home / FOLDER / PUBLIC_FILE
    return PublicKey.from_file(file) if file.exists() else None


def _of_path(named: str, environ: Mapping[str, str], ask: AskPassphrase) -> SigningKey:
    """The key in a file that the variable names. What may be a key in a form of its own is not shown in a message."""
    file = Path(named).expanduser() if len(named) <= LONGEST_PATH and "\n" not in named else None
    if file is None or not file.exists():
        raise UsageError(
            f"${KEY_VARIABLE} holds neither a key in PEM, nor the path of a file that is there, nor a URI",
            f'export {KEY_VARIABLE}="$(cat signing.key)"',
        )
    return _of_pem(_read_private(file), str(file), environ, ask)


def _read_private(file: Path) -> str:
    """The PEM text of a private key that this user alone can read."""
    try:
        with file.open(encoding="ascii") as opened:
            mode = stat.S_IMODE(os.fstat(opened.fileno()).st_mode)
            if mode & 0o077:
                raise UsageError(
                    f"the private key {file} can be read by others (mode {mode:04o})",
                    f"chmod 600 {quoted_word(str(file))}; if others may have read it: make a new one",
                )
            return opened.read()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not a PEM file"
        raise UsageError(f"the private key {file} cannot be read: {reason}", NEW_PAIR) from error


def _of_pem(pem: str, where: str, environ: Mapping[str, str], ask: AskPassphrase) -> SigningKey:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    from securesystemslib.signer import CryptoSigner

    if "SIGSTORE" in pem:
        raise UsageError(f"{where} is a key in cosign's own form, which cosign alone reads", NEW_PAIR)
    passphrase = _passphrase(where, environ, ask) if "ENCRYPTED" in pem else None
    try:
        signer = CryptoSigner(load_pem_private_key(pem.encode(), passphrase))
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        if passphrase is not None:
            message = f"the passphrase does not open the private key {where}"
            raise UsageError(message, f"export {PASSPHRASE_VARIABLE}=…") from error
        raise UsageError(f"{where} holds no private key in PEM that can sign", NEW_PAIR) from error
    return SigningKey(signer, PublicKey(ecdsa(signer.public_key, where), where))


def _passphrase(where: str, environ: Mapping[str, str], ask: AskPassphrase) -> bytes:
    passphrase = environ.get(PASSPHRASE_VARIABLE) or ask(where)
    if not passphrase:
        message = f"the private key {where} has a passphrase, and nobody can be asked for it"
        raise PassphraseMissingError(message, f"export {PASSPHRASE_VARIABLE}=…")
    return passphrase.encode()


def _of_uri(uri: str, environ: Mapping[str, str], ask: AskPassphrase) -> SigningKey:
    """A key in a KMS or HSM, by the signers of securesystemslib."""
    from securesystemslib.signer import Signer

    given = environ.get(PUBLIC_VARIABLE, "").strip()
    if not given:
        raise UsageError(
            f"${KEY_VARIABLE} names a key by a URI, and ${PUBLIC_VARIABLE} does not say what its public half is",
            f"export {PUBLIC_VARIABLE}=FILE",
        )
    is_text = given.startswith(BEGINS)
    public = PublicKey.from_pem(given, f"${PUBLIC_VARIABLE}") if is_text else PublicKey.from_file(Path(given))
    try:
        signer = Signer.from_priv_key_uri(uri, public.key, lambda _: _passphrase(uri, environ, ask).decode())
    except UsageError:
        raise
    except Exception as error:  # each signer raises errors of its own service
        raise UsageError(f"the key {uri} cannot be used: {error}", KEY_SERVICE) from error
    return SigningKey(signer, replace(public, where=uri))

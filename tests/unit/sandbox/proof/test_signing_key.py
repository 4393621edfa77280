"""Keys: made for this user alone, found where they are, and refused with a reason where they cannot be used."""

from __future__ import annotations

import base64
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from securesystemslib.signer import SIGNER_FOR_URI_SCHEME, CryptoSigner, Key

from pyml.errors import SetupError, UsageError
from pyml_sandbox.proof.public_key import PublicKey
from pyml_sandbox.proof.signing_key import SigningKey, create_key_pair, find_signing_key, public_key_of

SIGNED = b"what is signed"


class OfService(CryptoSigner):
    """A key in a service, as far as tests can have one: the URI names a PEM file."""

    @classmethod
    def from_priv_key_uri(cls, priv_key_uri: str, public_key: Key, secrets_handler: object = None) -> CryptoSigner:
        pem = Path(priv_key_uri.partition(":")[2]).read_bytes()
        return cls(load_pem_private_key(pem, None), public_key)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SIGNER_FOR_URI_SCHEME, "awskms", OfService)


def signs(key: SigningKey | None, public: PublicKey) -> bool:
    assert key is not None
    return public.has_signed(SIGNED, bytes.fromhex(key.signer.sign(SIGNED).signature))


def test_a_pair_is_of_the_kind_that_cosign_takes_and_its_private_half_is_for_this_user_alone(tmp_path: Path) -> None:
    public = create_key_pair(tmp_path)
    key = load_pem_public_key(public.pem.encode())
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert key.curve.name == "secp256r1"
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "keys").iterdir()}
    assert modes == {"signing.key": 0o600, "signing.pub": 0o644, ".gitignore": 0o600}
    assert (tmp_path / "keys" / ".gitignore").read_text() == "*\n"
    assert public_key_of(tmp_path) == public


def test_a_pair_signs_and_a_different_one_does_not_verify_it(tmp_path: Path) -> None:
    public, stranger = create_key_pair(tmp_path / "own"), create_key_pair(tmp_path / "other")
    key = find_signing_key(tmp_path / "own", {})
    assert signs(key, public)
    assert not signs(key, stranger)
    assert key is not None
    assert (key.public.keyid, key.public.pem) == (public.keyid, public.pem)


def test_a_key_is_never_replaced(tmp_path: Path) -> None:
    public = create_key_pair(tmp_path)
    with pytest.raises(UsageError, match="there is a key already"):
        create_key_pair(tmp_path)
    assert public_key_of(tmp_path) == public


def test_without_a_key_there_is_none(tmp_path: Path) -> None:
    assert find_signing_key(tmp_path, {}) is None
    assert public_key_of(tmp_path) is None


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_key_that_others_can_read_is_refused(mode: int, tmp_path: Path) -> None:
    create_key_pair(tmp_path)
    (tmp_path / "keys" / "signing.key").chmod(mode)
    with pytest.raises(UsageError, match=f"can be read by others .mode {mode:04o}") as refused:
        find_signing_key(tmp_path, {})
    assert refused.value.hint.startswith("chmod 600 ")


class TestPassphrase:
    def test_it_opens_the_key(self, tmp_path: Path) -> None:
        public = create_key_pair(tmp_path, "three words long")
        assert "ENCRYPTED" in (tmp_path / "keys" / "signing.key").read_text()
        assert signs(find_signing_key(tmp_path, {"PYML_SIGNING_PASSPHRASE": "three words long"}), public)
        assert signs(find_signing_key(tmp_path, {}, ask=lambda where: "three words long"), public)

    @pytest.mark.parametrize(
        ("given", "words"),
        [("", "nobody can be asked"), ("a different one", "the passphrase does not open the private key")],
    )
    def test_without_it_the_key_is_refused(self, given: str, words: str, tmp_path: Path) -> None:
        create_key_pair(tmp_path, "three words long")
        with pytest.raises(UsageError, match=words) as refused:
            find_signing_key(tmp_path, {"PYML_SIGNING_PASSPHRASE": given})
        assert "PYML_SIGNING_PASSPHRASE" in refused.value.hint


class TestVariable:
    def test_it_may_hold_the_key_itself(self, tmp_path: Path) -> None:
        public = create_key_pair(tmp_path)
        pem = (tmp_path / "keys" / "signing.key").read_text()
        key = find_signing_key(tmp_path / "different", {"PYML_SIGNING_KEY": pem})
        assert signs(key, public)
        assert key is not None
        assert key.where == "$PYML_SIGNING_KEY"

    def test_it_may_name_a_file_and_goes_before_the_key_of_the_home(self, tmp_path: Path) -> None:
        create_key_pair(tmp_path)
        public = create_key_pair(tmp_path / "ci")
        file = tmp_path / "ci" / "keys" / "signing.key"
        assert signs(find_signing_key(tmp_path, {"PYML_SIGNING_KEY": str(file)}), public)

    def test_it_may_name_a_signer_of_securesystemslib(self, tmp_path: Path) -> None:
        public = create_key_pair(tmp_path)
        environ = {
            "PYML_SIGNING_KEY": f"awskms:{tmp_path / 'keys' / 'signing.key'}",
            "PYML_SIGNING_PUBLIC_KEY": public.where,
        }
        assert signs(find_signing_key(tmp_path / "different", environ), public)
        as_text = environ | {"PYML_SIGNING_PUBLIC_KEY": public.pem}
        assert signs(find_signing_key(tmp_path / "different", as_text), public)

    @pytest.mark.parametrize(
        ("environ", "words"),
        [
            ({"PYML_SIGNING_KEY": "nowhere.pem"}, "holds neither a key in PEM, nor the path of a file that is there"),
            ({"PYML_SIGNING_KEY": "-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\nxx"}, "in cosign's own form"),
            ({"PYML_SIGNING_KEY": "awskms:alias/pyml"}, "does not say what its public half is"),
            ({"PYML_SIGNING_KEY": "-----BEGIN PRIVATE KEY-----\nxx"}, "holds no private key in PEM that can sign"),
        ],
        ids=["no file", "a key of cosign", "a URI alone", "no key"],
    )
    def test_what_cannot_be_used_is_named(self, environ: dict[str, str], words: str, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match=words) as refused:
            find_signing_key(tmp_path, environ)
        assert refused.value.hint

    def test_a_signer_that_fails_is_named(self, tmp_path: Path) -> None:
        public = create_key_pair(tmp_path)
        environ = {"PYML_SIGNING_KEY": f"awskms:{tmp_path / 'gone'}", "PYML_SIGNING_PUBLIC_KEY": public.where}
        with pytest.raises(UsageError, match=r"the key awskms:.*gone cannot be used"):
            find_signing_key(tmp_path, environ)

    @pytest.mark.parametrize("form", ["{pem}", '"{pem}"', "  {pem}\n", "Bag Attributes\n{pem}"])
    def test_a_key_with_something_around_it_is_read(self, form: str, tmp_path: Path) -> None:
        public = create_key_pair(tmp_path)
        pem = (tmp_path / "keys" / "signing.key").read_text()
        assert signs(find_signing_key(tmp_path / "different", {"PYML_SIGNING_KEY": form.format(pem=pem)}), public)

    def test_a_key_in_a_form_of_its_own_is_never_shown(self, tmp_path: Path) -> None:
        create_key_pair(tmp_path)
        pem = (tmp_path / "keys" / "signing.key").read_bytes()
        body = pem.decode().splitlines()[1]
        for form in (base64.b64encode(pem).decode(), body, pem.decode().replace("-----BEGIN", "BEGIN")):
            with pytest.raises(UsageError) as refused:
                find_signing_key(tmp_path, {"PYML_SIGNING_KEY": form})
            assert form[:20] not in str(refused.value)

    def test_a_service_that_does_not_sign_is_named(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def away(*_: object) -> None:
            raise ConnectionError("the service is away")

        public = create_key_pair(tmp_path)
        uri = f"awskms:{tmp_path / 'keys' / 'signing.key'}"
        key = find_signing_key(tmp_path, {"PYML_SIGNING_KEY": uri, "PYML_SIGNING_PUBLIC_KEY": public.where})
        assert key is not None
        monkeypatch.setattr(OfService, "sign", away)
        with pytest.raises(SetupError, match="did not sign: the service is away"):
            key.sign(SIGNED)


OF_OTHER_KINDS: dict[str, ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey] = {
    "ed25519": ed25519.Ed25519PrivateKey.generate(),
    "rsa": rsa.generate_private_key(65537, 2048),
}


@pytest.mark.parametrize("kind", OF_OTHER_KINDS)
def test_a_key_that_not_every_reader_takes_is_refused(kind: str, tmp_path: Path) -> None:
    key = OF_OTHER_KINDS[kind]
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    with pytest.raises(UsageError, match=f"is a key for {kind}; expected one for ECDSA"):
        find_signing_key(tmp_path, {"PYML_SIGNING_KEY": private})
    with pytest.raises(UsageError, match=f"is a key for {kind}; expected one for ECDSA"):
        PublicKey.from_pem(public, "some.pub")


class TestPublicKey:
    def test_a_private_key_is_not_taken_for_a_public_one(self, tmp_path: Path) -> None:
        create_key_pair(tmp_path)
        with pytest.raises(UsageError, match="holds a private key"):
            PublicKey.from_file(tmp_path / "keys" / "signing.key")

    @pytest.mark.parametrize(
        ("content", "words"), [(b"nothing", "holds no public key"), (b"\xff", "it is not a PEM file")]
    )
    def test_what_is_none_is_named(self, content: bytes, words: str, tmp_path: Path) -> None:
        file = tmp_path / "some.pub"
        file.write_bytes(content)
        with pytest.raises(UsageError, match=words):
            PublicKey.from_file(file)

"""`pyml keys`: the key that signs what a parity check says of an image."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from pyml.errors import UsageError
from pyml_cli.output import AsJson, choose_output

if TYPE_CHECKING:
    from pyml_sandbox.proof.public_key import PublicKey
    from pyml_sandbox.workspace.events import JSON

app = typer.Typer(rich_markup_mode=None)


@app.callback()
def keys() -> None:
    """Make and show the key that signs proofs."""


@app.command()
def init(
    passphrase: Annotated[
        bool,
        typer.Option("--passphrase", help="Encrypt the private half; asks, or takes $PYML_SIGNING_PASSPHRASE."),
    ] = False,
    json: AsJson = False,
) -> None:
    """Make an ECDSA P-256 pair in $PYML_HOME; parity checks of images are then signed. Never replaces a key."""
    from pyml_sandbox.proof.signing_key import create_key_pair
    from pyml_sandbox.workspace.home import SandboxHome

    output = choose_output(json)
    made = create_key_pair(SandboxHome.find().root, _new_passphrase() if passphrase else "")
    output.result(KeyView(made))


@app.command()
def show(json: AsJson = False) -> None:
    """Print the public half, for whoever is to trust what this key signs."""
    public = own_public_key()
    if public is None:
        raise UsageError("there is no key yet", "pyml keys init")
    choose_output(json).result(PublicHalf(public))


def own_public_key() -> PublicKey | None:
    """The public half of the key that signs here; None if there is no key.

    Raises:
        UsageError: the key that a variable names cannot be read.
    """
    import os

    from pyml_sandbox.proof.signing_key import KEY_VARIABLE, find_signing_key, public_key_of
    from pyml_sandbox.workspace.home import SandboxHome

    home = SandboxHome.find().root
    if not os.environ.get(KEY_VARIABLE):
        return public_key_of(home)
    key = find_signing_key(home, ask=ask_passphrase)
    return key.public if key else None


def ask_passphrase(where: str) -> str:
    """Ask on a terminal; empty without one."""
    if not sys.stdin.isatty():
        return ""
    return str(typer.prompt(f"Passphrase of {where}", hide_input=True, err=True, default="", show_default=False))


def _new_passphrase() -> str:
    import os

    from pyml_sandbox.proof.signing_key import PASSPHRASE_VARIABLE

    given = os.environ.get(PASSPHRASE_VARIABLE, "")
    if not given and sys.stdin.isatty():
        given = str(typer.prompt("Passphrase of the new key", hide_input=True, confirmation_prompt=True, err=True))
    if not given:
        raise UsageError("--passphrase was given, and nobody can be asked for it", f"export {PASSPHRASE_VARIABLE}=…")
    return given


@dataclass(frozen=True)
class KeyView:
    """A new pair."""

    made: PublicKey

    @property
    def json(self) -> Mapping[str, JSON]:
        """The id of the key, its public half, and the file of that."""
        return {"keyid": self.made.keyid, "public_file": self.made.where, "public": self.made.pem}

    @property
    def text(self) -> str:
        """Where the public half is, and what signs now."""
        return (
            f" Made a key. Its public half, for whoever is to trust it: {self.made.where}\n"
            " Checks of images are signed from now on:  pyml parity-check"
        )


@dataclass(frozen=True)
class PublicHalf:
    """The public half of a key."""

    key: PublicKey

    @property
    def json(self) -> Mapping[str, JSON]:
        """The id of the key, and its public half."""
        return {"keyid": self.key.keyid, "public": self.key.pem}

    @property
    def text(self) -> str:
        """The PEM alone, so that it can be written to a file."""
        return self.key.pem.rstrip("\n")

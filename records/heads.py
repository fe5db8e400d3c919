"""Signed heads of a journal's chain: who can write the file but cannot read the key cannot rewrite it unseen.

A head names an entry and its hash; its signature (Ed25519, RFC 8032) is over `Head.text`. The private key is made at
first use, `journal.key` in the data folder, readable by the controller's account alone. Its public half stands in the
journal at every start, in every batch record, and in `journal.pub`: the keys that this data folder trusts.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from vesiflow.errors import ConfigError

KEY, KNOWN = "journal.key", "journal.pub"
UNSIGNED = "unsigned"
EVERY = 1000
"""Entries after which a head is kept, besides those at start, at the end of a batch and at shutdown."""


@dataclass(frozen=True, slots=True)
class Head:
    """Entry `seq` and its hash, signed at `utc` with the key whose public half is `key` (both in hex)."""

    seq: int
    hash: str
    key: str
    signature: str
    utc: str

    @property
    def text(self) -> bytes:
        """What is signed."""
        return f"vesiflow journal head\n{self.seq}\n{self.hash}\n{self.utc}\n".encode()

    @property
    def signed(self) -> bool:
        """Whether it claims a signature; `holds` says whether that is true."""
        return self.key != UNSIGNED

    def holds(self) -> bool:
        """Whether the signature was made with its key."""
        try:
            Ed25519PublicKey.from_public_bytes(bytes.fromhex(self.key)).verify(bytes.fromhex(self.signature), self.text)
        except (InvalidSignature, ValueError):
            return False
        return True


class Signer:
    """Signs heads with the key of one data folder; `key` is its public half in hex, `known` all that are trusted."""

    def __init__(self, private: Ed25519PrivateKey, known: tuple[str, ...] = ()) -> None:
        self._private = private
        self.key = private.public_key().public_bytes_raw().hex()
        self.known = known or (self.key,)

    @classmethod
    def of(cls, folder: Path) -> Signer:
        """With the key of the data folder, which is made when there is none.

        ConfigError when it cannot be read or made, is no key, or others can read it.
        """
        path = folder / KEY
        try:
            if not path.exists():
                _make(path)
            private = _private(path)
            return cls(private, _trusted(folder, cls(private).key))
        except OSError as error:
            raise ConfigError(
                error.strerror or str(error), device=str(path), action="sign the journal",
                remedy="give the data folder to the account that runs the controller",
            ) from error  # fmt: skip

    def head(self, seq: int, digest: str, utc: str) -> Head:
        """The signed head of entry `seq`."""
        text = Head(seq, digest, self.key, "", utc).text
        return Head(seq, digest, self.key, self._private.sign(text).hex(), utc)


def keep(db: sqlite3.Connection, signer: Signer | None, seq: int, digest: str, utc: str) -> None:
    """Put the head of entry `seq` into the journal, signed if there is a `signer`; one that is there already stays."""
    head = signer.head(seq, digest, utc) if signer else Head(seq, digest, UNSIGNED, "", utc)
    row = (head.seq, head.hash, head.key, bytes.fromhex(head.signature), head.utc)
    db.execute("INSERT OR IGNORE INTO head VALUES (?, ?, ?, ?, ?)", row)


def kept(db: sqlite3.Connection, after: int) -> dict[int, Head]:
    """The heads of entries beyond `after` by their number."""
    rows = db.execute("SELECT seq, hash, key_id, sig, utc FROM head WHERE seq > ? ORDER BY seq", (after,))
    return {seq: Head(seq, digest, key, bytes(sig).hex(), utc) for seq, digest, key, sig, utc in rows}


def known_keys(folder: Path) -> tuple[str, ...]:
    """The public keys that the data folder trusts, oldest first; none when nothing was ever signed there."""
    path = folder / KNOWN
    return tuple(dict.fromkeys(path.read_text(encoding="ascii").split())) if path.is_file() else ()


def _make(path: Path) -> None:
    """Whole or not at all, and the first of two that try at once wins."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.") as file:  # of mode 0600
        file.write(pem)
        file.flush()
        os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(file.name, path)


def _private(path: Path) -> Ed25519PrivateKey:
    if os.name == "posix" and path.stat().st_mode & 0o077:
        raise ConfigError("others can read this key", device=str(path), remedy="chmod 600, or a new key if it was read")
    with suppress(ValueError):
        private = load_pem_private_key(path.read_bytes(), password=None)
        if isinstance(private, Ed25519PrivateKey):
            return private
    raise ConfigError("this is no Ed25519 key", device=str(path), remedy="put it back, or move it away for a new one")


def _trusted(folder: Path, key: str) -> tuple[str, ...]:
    known = known_keys(folder)
    if key in known:
        return known
    with (folder / KNOWN).open("a", encoding="ascii") as file:
        file.write(f"{key}\n")
    return *known, key

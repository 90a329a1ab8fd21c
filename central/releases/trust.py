"""The public root keys whose releases this centre takes; private ones are never here."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection, delete, insert, select

from central import schema
from central.errors import CentralStartError
from drivers.vocabulary import codec
from drivers.vocabulary.release import fingerprint_of

__all__ = ["Trusted", "distrust", "trust", "trusted"]

_ROW = "release_roots"


class Trusted(Struct, frozen=True, kw_only=True):
    """Root keys in base64, and fingerprints of keys, root or signing, that count no more."""

    roots: tuple[str, ...] = ()
    revoked: tuple[str, ...] = ()


def trusted(connection: Connection) -> Trusted:
    """As they are now."""
    text = connection.scalar(select(schema.meta.c.value).where(schema.meta.c.name == _ROW))
    return Trusted() if text is None else codec.decode(text, Trusted)


def trust(connection: Connection, public: str) -> str:
    """Take releases of this root key from now on; its fingerprint.

    Raises:
        CentralStartError: the text is no public key, or it was revoked.
    """
    name = fingerprint_of(public)
    if not name or len(public) != 44:
        raise CentralStartError("not a public root key: 32 bytes in base64, or the .pub file of `release keys root`")
    kept = trusted(connection)
    if name in kept.revoked:
        raise CentralStartError(f"root key {name} was revoked here, for good; make another: release keys root NAME")
    _save(connection, Trusted(roots=tuple(dict.fromkeys((*kept.roots, public))), revoked=kept.revoked))
    return name


def distrust(connection: Connection, name: str) -> None:
    """Take no more releases of this key, root or signing, by its fingerprint.

    Raises:
        CentralStartError: the text is no fingerprint.
    """
    if len(name) != 16 or any(digit not in "0123456789abcdef" for digit in name):
        raise CentralStartError(f"{name[:40]!r} is no fingerprint; it has 16 hex digits, `release trust` shows them")
    kept = trusted(connection)
    roots = tuple(one for one in kept.roots if fingerprint_of(one) != name)
    _save(connection, replace(kept, roots=roots, revoked=tuple(dict.fromkeys((*kept.revoked, name)))))


def _save(connection: Connection, kept: Trusted) -> None:
    connection.execute(delete(schema.meta).where(schema.meta.c.name == _ROW))
    connection.execute(insert(schema.meta).values(name=_ROW, value=codec.encode(kept).decode()))

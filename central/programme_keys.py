"""The keys the centre signs programmes with: made at the first start, rotated by hand; one or two at once.

They lie in the table `meta`, as the tenant key does: whoever has the database file can sign. A chain that does not want
that signs with a key of its own, which never comes near the server (docs/decisions/008). The row "programme_keys" holds
the private keys, the newest last; "programme_signatures" what people signed of the newest programme.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection, delete, insert, select

from agent.signatures import (
    KEY_RING,
    PROGRAMME,
    SignatureError,
    check_any,
    fingerprint,
    new_private_key,
    public_text,
    ring_bytes,
    sign_with,
)
from central import schema
from central.errors import CentralStartError
from drivers.vocabulary import codec
from drivers.vocabulary.signed import KeyRing, Signature, SignedProgramme

__all__ = [
    "SIGNED",
    "add_key",
    "drop_key",
    "keep_signatures",
    "make_first_key",
    "ring_of",
    "signed_document",
    "signer_for_tills",
]

SIGNED: Final = ("programme", "signed")  # the document of the feed
KEYS_AT_ONCE: Final = 2
KEYS_ROW: Final = "programme_keys"
SIGNATURES_ROW: Final = "programme_signatures"


class _Keys(Struct, frozen=True, kw_only=True):
    """Private keys in base64, the newest last; `serial` grows with each change."""

    serial: int
    private: tuple[str, ...]


class _Signatures(Struct, frozen=True, kw_only=True):
    """What people signed of one version."""

    version: int
    signatures: tuple[Signature, ...]


def make_first_key(connection: Connection) -> bool:
    """Make the first key of a database that has none; True when it was made."""
    if _text(connection, KEYS_ROW) is not None:
        return False
    _save(connection, _Keys(serial=1, private=(new_private_key(),)))
    return True


def ring_of(connection: Connection) -> KeyRing:
    """The public keys tills trust, for an enrolment and for whoever asks."""
    keys = _keys(connection)
    return KeyRing(serial=keys.serial, keys=tuple(public_text(one) for one in keys.private))


def add_key(connection: Connection) -> str:
    """A new key beside the one in use; both sign until the old one is dropped. Returns its fingerprint.

    Raises:
        CentralStartError: there are two already.
    """
    keys = _keys(connection)
    if len(keys.private) >= KEYS_AT_ONCE:
        raise CentralStartError("there are two keys already; drop the old one first, once every till was on line")
    fresh = new_private_key()
    _save(connection, _Keys(serial=keys.serial + 1, private=(*keys.private, fresh)))
    return fingerprint(public_text(fresh))


def drop_key(connection: Connection, name: str) -> None:
    """Sign with this key no more; tills that never heard of the other one must be enrolled again.

    Raises:
        CentralStartError: there is no such key, or no other one.
    """
    keys = _keys(connection)
    kept = tuple(one for one in keys.private if fingerprint(public_text(one)) != name)
    if len(kept) == len(keys.private):
        raise CentralStartError(f"there is no key {name}; `tillpoint central programme keys` lists them")
    if not kept:
        raise CentralStartError(f"{name} is the only key; make another first: `tillpoint central programme new-key`")
    _save(connection, _Keys(serial=keys.serial + 1, private=kept))


def keep_signatures(
    connection: Connection, source: bytes, *, version: int, signature: bytes | None, trusted: str
) -> None:
    """Keep what a person signed of the programme that is being set, checked with that person's public key.

    Raises:
        CentralStartError: the signature is none, or not of this file by this key.
    """
    signatures: tuple[Signature, ...] = ()
    if signature is not None:
        try:
            signatures = (codec.decode(signature, Signature),)
            check_any(source, PROGRAMME, signatures, (trusted,))
        except codec.WireError as error:
            raise CentralStartError(f"not a signature file: {error}") from None
        except SignatureError as error:
            raise CentralStartError(f"the signature cannot be used: {error}; sign the file again") from None
    _put(connection, SIGNATURES_ROW, codec.encode(_Signatures(version=version, signatures=signatures)))


def signed_document(connection: Connection) -> bytes | None:
    """The newest programme as its author wrote it, signed by every key, with the ring signed by every key."""
    table = schema.programme
    newest = connection.execute(
        select(table.c.version, table.c.source).order_by(table.c.version.desc()).limit(1)
    ).first()
    if newest is None:
        return None
    keys, ring = _keys(connection), ring_of(connection)
    told = _text(connection, SIGNATURES_ROW)
    people = codec.decode(told, _Signatures) if told is not None else _Signatures(version=0, signatures=())
    # Byte for byte: a mark of Windows editors and its line ends are part of what a person signed.
    source: bytes = newest.source
    signed = SignedProgramme(
        programme=source.decode(),
        signatures=tuple(sign_with(source, PROGRAMME, one) for one in keys.private),
        ring=ring,
        ring_signatures=tuple(sign_with(ring_bytes(ring), KEY_RING, one) for one in keys.private),
    )
    if people.version == newest.version:
        signed = replace(signed, signatures=(*people.signatures, *signed.signatures))
    return codec.encode(signed)


def signer_for_tills(connection: Connection, purpose: bytes) -> Callable[[bytes], tuple[Signature, ...]]:
    """Signs with every key the tills trust, for something else than a programme; the keys are read once."""
    private = _keys(connection).private
    return lambda data: tuple(sign_with(data, purpose, one) for one in private)


def _keys(connection: Connection) -> _Keys:
    text = _text(connection, KEYS_ROW)
    if text is None:
        raise CentralStartError("the centre has no key to sign programmes with; restart it once to make one")
    return codec.decode(text, _Keys)


def _save(connection: Connection, keys: _Keys) -> None:
    _put(connection, KEYS_ROW, codec.encode(keys))


def _text(connection: Connection, name: str) -> str | None:
    return connection.scalar(select(schema.meta.c.value).where(schema.meta.c.name == name))


def _put(connection: Connection, name: str, value: bytes) -> None:
    connection.execute(delete(schema.meta).where(schema.meta.c.name == name))
    connection.execute(insert(schema.meta).values(name=name, value=value.decode()))

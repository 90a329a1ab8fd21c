"""The tenant's keys at the centre: that of the keyed hashes, the one that follows it, and the one boxes are sealed to.

Kept in the table `meta` and read in each transaction, so that every process of a centre knows them at once.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from sqlalchemy import Connection, delete, insert, select

from central import schema
from central.changes import publish
from central.errors import CentralStartError
from drivers.vocabulary.sealing import sealing_public_key

__all__ = ["KEYS_NEWS", "TenantKeys", "begin_following", "end_following", "sealing_key", "tenant_keys"]

#: The document whose change tells every till to ask for keys; it says nothing itself.
KEYS_NEWS = ("keys", "current")
_CURRENT, _FOLLOWING, _GENERATION, _SEALING = "tenant_key", "tenant_key_next", "tenant_generation", "sealing_key"


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantKeys:
    """What keyed hashes are made under.

    Attributes:
        generation: of `current`; `following` has the next one.
        following: None when no key follows.
    """

    current: bytes = field(repr=False)
    generation: int
    following: bytes | None = field(repr=False)

    @property
    def live(self) -> tuple[tuple[int, bytes], ...]:
        """Every key customers are found by now, with its generation."""
        first = (self.generation, self.current)
        return (first,) if self.following is None else (first, (self.generation + 1, self.following))

    @property
    def newest_generation(self) -> int:
        """What a till holds that holds everything."""
        return self.live[-1][0]


def tenant_keys(connection: Connection) -> TenantKeys:
    """As they are in this transaction."""
    table = schema.meta
    wanted = select(table).where(table.c.name.in_((_CURRENT, _FOLLOWING, _GENERATION)))
    found = {row.name: row.value for row in connection.execute(wanted)}
    following = found.get(_FOLLOWING)
    return TenantKeys(
        current=bytes.fromhex(found[_CURRENT]),
        generation=int(found.get(_GENERATION, "1")),
        following=None if following is None else bytes.fromhex(following),
    )


def begin_following(connection: Connection) -> TenantKeys:
    """Make the key that follows, and let every till fetch it.

    Raises:
        CentralStartError: one follows already.
    """
    if tenant_keys(connection).following is not None:
        raise CentralStartError("a tenant key follows already; `rotate-tenant-key finish` ends that")
    _set(connection, _FOLLOWING, secrets.token_hex(32))
    publish(connection, [KEYS_NEWS])
    return tenant_keys(connection)


def end_following(connection: Connection) -> TenantKeys:
    """The key that follows is the key from now on.

    Raises:
        CentralStartError: none follows.
    """
    keys = tenant_keys(connection)
    if keys.following is None:
        raise CentralStartError("no tenant key follows; begin with `rotate-tenant-key start`")
    _set(connection, _CURRENT, keys.following.hex())
    _set(connection, _GENERATION, str(keys.generation + 1))
    connection.execute(delete(schema.meta).where(schema.meta.c.name == _FOLLOWING))
    publish(connection, [KEYS_NEWS])
    return tenant_keys(connection)


def sealing_key(connection: Connection) -> tuple[bytes, str]:
    """The X25519 key that personal data is sealed to: (private, public in hex)."""
    wanted = select(schema.meta.c.value).where(schema.meta.c.name == _SEALING)
    private = bytes.fromhex(connection.execute(wanted).scalar_one())
    return private, sealing_public_key(private)


def _set(connection: Connection, name: str, value: str) -> None:
    connection.execute(delete(schema.meta).where(schema.meta.c.name == name))
    connection.execute(insert(schema.meta).values(name=name, value=value))

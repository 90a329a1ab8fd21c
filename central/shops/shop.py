"""Which shops there are: each is a till too, whose chain of envelopes the centre writes itself; answers nobody."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, insert, select, update

from central import schema
from central.errors import CentralStartError

__all__ = ["Shop", "add_shop", "note_trouble", "remove_shop", "shop_of", "shops"]

TILL_PREFIX: Final = "shop:"  # no till of a person can have it: their names have no colon
#: Newer than any tenant key: what the centre holds itself it always holds.
ALL_KEYS: Final = 2_000_000_000
_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,39}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """One shop.

    Attributes:
        name: in addresses (``/shops/<name>``) and commands.
        system: the till system's room.
        till: its name among the tills.
        key: what its cloud must show.
        token: what we show to its cloud; "" where it is not read.
        settings: the room's own, as they were given.
        cursor: how far its cloud has been read.
        trouble: what is wrong, "" when nothing is.
    """

    name: str
    system: str
    till: str
    key: str = field(repr=False)
    token: str = field(repr=False)
    zone: str = "Europe/Moscow"
    region: str = "RU"
    settings: dict[str, Any] = field(default_factory=dict)
    made_at: datetime | None = None
    cursor: str = ""
    read_at: datetime | None = None
    read_next: datetime | None = None
    trouble: str = ""


def add_shop(connection: Connection, shop: Shop, *, now: datetime) -> None:
    """Make a shop, or take up again one that was removed.

    Raises:
        CentralStartError: the name, the zone or the key cannot be used, or the shop is there already.
    """
    _require_usable(shop)
    table = schema.shop
    before = connection.execute(select(table).where(table.c.name == shop.name).with_for_update()).first()
    if before is not None and not before.removed:
        raise CentralStartError(f"there is a shop {shop.name!r} already; remove it first, or choose another name")
    if before is not None and before.system != shop.system:
        raise CentralStartError(
            f"{shop.name!r} was a shop of {before.system}, and its receipts are kept; choose another name"
        )
    row = {
        "name": shop.name,
        "system": shop.system,
        "till": shop.till,
        "key": shop.key,
        "token": shop.token,
        "zone": shop.zone,
        "region": shop.region,
        "settings": shop.settings,
        "removed": False,
        "trouble": "",
    }
    if before is not None:
        connection.execute(update(table).where(table.c.name == shop.name).values(**row))
        return
    connection.execute(insert(table), [{**row, "made_at": now, "cursor": shop.cursor}])
    connection.execute(insert(schema.till), [_till_row(shop, now)])


def _require_usable(shop: Shop) -> None:
    if _NAME.fullmatch(shop.name) is None or shop.till != TILL_PREFIX + shop.name:
        raise CentralStartError(
            f"the shop's name {shop.name!r} must be 1 to 40 small letters, digits or '-', a letter first"
        )
    try:
        ZoneInfo(shop.zone)
    except (KeyError, ValueError, OSError):
        raise CentralStartError(f"no time zone is called {shop.zone!r}; write one as Europe/Moscow") from None
    if len(shop.region) != 2 or not shop.region.isalpha() or not shop.region.isupper():
        raise CentralStartError(f"the region {shop.region!r} must be two capital letters, as RU")
    if not shop.key:
        raise CentralStartError("a shop needs a key: nobody else may send its receipts")


def _till_row(shop: Shop, now: datetime) -> dict[str, Any]:
    """A till nobody can speak as: the hash is of a token that was thrown away."""
    return {
        "id": shop.till,
        "shop": shop.name,
        "epoch": 1,
        "token_hash": hashlib.sha256(secrets.token_bytes(32)).hexdigest(),
        "token_used": True,
        "machine": "centre",
        "enrolled_at": now,
        "tenant_generation": ALL_KEYS,
    }


def remove_shop(connection: Connection, name: str) -> None:
    """Answer this shop no more. Its receipts stay, and so does its name among the tills.

    Raises:
        CentralStartError: there is no such shop.
    """
    table = schema.shop
    gone = connection.execute(
        update(table).where(table.c.name == name, table.c.removed.is_(False)).values(removed=True, key="", token=""),
    )
    if not gone.rowcount:
        raise CentralStartError(f"no shop {name!r}; `tillpoint central shops list` names them")


def shops(connection: Connection) -> list[Shop]:
    """Every shop that is answered, by name."""
    table = schema.shop
    wanted = select(table).where(table.c.removed.is_(False)).order_by(table.c.name)
    return [_shop(row) for row in connection.execute(wanted)]


def shop_of(connection: Connection, name: str) -> Shop | None:
    """One shop by its name, None when nobody is answered under it."""
    table = schema.shop
    row = connection.execute(select(table).where(table.c.name == name, table.c.removed.is_(False))).first()
    return None if row is None else _shop(row)


def note_trouble(connection: Connection, shop: Shop, trouble: str) -> None:
    """Keep what is wrong for whoever looks; "" when it is well again."""
    if trouble != shop.trouble:
        connection.execute(update(schema.shop).where(schema.shop.c.name == shop.name).values(trouble=trouble))


def _shop(row: Row[Any]) -> Shop:
    values = dict(row._mapping)  # noqa: SLF001 - the documented way to a row's names, underscored by SQLAlchemy
    del values["removed"]
    return Shop(**values)

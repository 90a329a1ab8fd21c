"""Coupons at the centre: who holds which, how often each was used, and what a return gives back; decides no discount.

A receipt is never stopped: a use beyond what a coupon allows (two tills without a line, a restored till) is written
down as overspent, for the operator to see, and the tills are told that the coupon is used up.

A coupon that a customer holds is told inside the customer's document. Any other that was issued, or that may be used
only so often, is a document of its own (collection "coupon"). A public coupon without a limit is only counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import Connection, Row, and_, insert, or_, select, update

from central import schema
from drivers.vocabulary import codec
from drivers.vocabulary.customer import CouponFact, coupon_key
from drivers.vocabulary.decision import CouponIssued, CouponUsed

__all__ = ["WITHDRAWN", "CouponShelf", "OverspentCoupon", "coupon_documents", "held_coupons", "overspent_coupons"]

WITHDRAWN: Final = "coupon_withdrawn"  # why a till must not take a coupon whose purchase was returned
OVER_KEPT: Final = timedelta(days=45)  # how long a till is told of a held coupon that is over: to say that it is
KEYS_CHUNK: Final = 400  # keys in one statement; databases bound the number of parameters


@dataclass(slots=True, kw_only=True)
class CouponShelf:
    """What one transaction does to coupons; each is locked from its first touch to the commit.

    Attributes:
        changed: documents to tell the tills of, after the transaction's last effect.
    """

    connection: Connection
    till: str
    now: datetime
    changed: dict[tuple[str, str], None] = field(default_factory=dict)

    def use(self, effect: CouponUsed, *, receipt_uid: str, customer: str | None, at: datetime) -> bool:
        """One more use; False when it was one too many."""
        row = self._locked(effect.code)
        if row is None:
            self._insert(effect.code, effect.coupon, uses=effect.uses)
        # Of a coupon the centre gave, the centre knows best; of a signed or public one, the till.
        most = row.uses if row is not None and row.uses is not None else effect.uses
        used = (row.used if row is not None else 0) + 1
        overspent = (most is not None and used > most) or (row is not None and row.withdrawn)
        values: dict[str, Any] = {"used": used, "used_at": at, "uses": most}
        self._update(effect.code, values)
        use = {
            "serial": effect.code,
            "receipt_uid": receipt_uid,
            "till": self.till,
            "customer": customer,
            "at": at,
            "overspent": overspent,
            "restored": False,
        }
        self.connection.execute(insert(schema.coupon_use), [use])
        holder = row.customer if row is not None else None
        self._tell(effect.code, holder, is_told=most is not None or (row is not None and row.issued_by is not None))
        return not overspent

    def issue(self, effect: CouponIssued, *, receipt_uid: str, customer: str | None) -> None:
        """A coupon for a later purchase; the same serial again is the same coupon."""
        if customer is not None:
            self._put_away(customer)
        row = self._locked(effect.code)
        if row is None:
            self._insert(
                effect.code,
                effect.coupon,
                customer=customer,
                valid_from=effect.valid_from,
                valid_until=effect.valid_until,
                issued_by=receipt_uid,
            )
        elif row.withdrawn:
            self._update(effect.code, {"withdrawn": False, "issued_by": receipt_uid})
        self._tell(effect.code, customer if row is None else row.customer, is_told=True)

    def restore(self, sale_uid: str, codes: Sequence[str]) -> None:
        """The sale was returned: these of the coupons it used are good once more."""
        uses = schema.coupon_use
        stands = and_(uses.c.receipt_uid == sale_uid, uses.c.serial.in_(codes), uses.c.restored.is_(False))
        serials = self.connection.scalars(select(uses.c.serial).where(stands).order_by(uses.c.serial)).all()
        self.connection.execute(update(uses).where(stands).values(restored=True, overspent=False))
        for serial in serials:
            row = self._locked(serial)
            if row is None:
                continue
            used = max(0, row.used - 1)
            self._update(serial, {"used": used, "used_at": row.used_at if used else None})
            self._tell(serial, row.customer, is_told=row.uses is not None or row.issued_by is not None)

    def withdraw(self, sale_uid: str) -> None:
        """The sale was returned: what it issued and nobody has used is gone."""
        table = schema.coupon
        found = self.connection.execute(
            select(table)
            .where(table.c.issued_by == sale_uid, table.c.used == 0, table.c.withdrawn.is_(False))
            .order_by(table.c.serial)
            .with_for_update(),
        ).all()
        for row in found:
            self._update(row.serial, {"withdrawn": True})
            self._tell(row.serial, row.customer, is_told=True)

    def _put_away(self, customer: str) -> None:
        """Tell no more of what has long been over, so that a customer's document does not grow for ever."""
        table, long_ago = schema.coupon, self.now - OVER_KEPT
        over = or_(table.c.valid_until < long_ago, and_(table.c.used >= table.c.uses, table.c.used_at < long_ago))
        self.connection.execute(update(table).where(table.c.customer == customer, over).values(withdrawn=True))

    def _locked(self, serial: str) -> Row[Any] | None:
        table = schema.coupon
        return self.connection.execute(select(table).where(table.c.serial == serial).with_for_update()).first()

    def _insert(self, serial: str, coupon: str, **values: Any) -> None:
        self.connection.execute(insert(schema.coupon), [coupon_row(serial, coupon, **values)])

    def _update(self, serial: str, values: Mapping[str, Any]) -> None:
        table = schema.coupon
        self.connection.execute(update(table).where(table.c.serial == serial).values(**values))

    def _tell(self, serial: str, holder: str | None, *, is_told: bool) -> None:
        if holder is not None:
            self.changed["customer", holder] = None
        elif is_told:
            self.changed["coupon", coupon_key(serial)] = None


def coupon_row(serial: str, coupon: str, **values: Any) -> dict[str, Any]:
    """A coupon as a row; what is not said is "not known" or "not yet"."""
    row: dict[str, Any] = {
        "serial": serial,
        "key": coupon_key(serial),
        "coupon": coupon,
        "customer": None,
        "valid_from": None,
        "valid_until": None,
        "uses": None,
        "used": 0,
        "used_at": None,
        "issued_by": None,
        "withdrawn": False,
    }
    return {**row, **values}


def held_coupons(connection: Connection, ids: Sequence[str]) -> dict[str, tuple[CouponFact, ...]]:
    """What each of these customers holds."""
    table = schema.coupon
    wanted = select(table).where(table.c.customer.in_(ids), table.c.withdrawn.is_(False))
    found: dict[str, list[CouponFact]] = {}
    for row in connection.execute(wanted.order_by(table.c.customer, table.c.serial)):
        found.setdefault(row.customer, []).append(_fact(row))
    return {customer: tuple(facts) for customer, facts in found.items()}


def coupon_documents(connection: Connection, keys: Sequence[str]) -> dict[tuple[str, str], bytes]:
    """The documents of coupons that nobody holds, by their keys."""
    table = schema.coupon
    found: dict[tuple[str, str], bytes] = {}
    for start in range(0, len(keys), KEYS_CHUNK):
        chunk = keys[start : start + KEYS_CHUNK]
        for row in connection.execute(select(table).where(table.c.key.in_(chunk), table.c.customer.is_(None))):
            found["coupon", row.key] = codec.encode(_fact(row))
    return found


def _fact(row: Row[Any]) -> CouponFact:
    return CouponFact(
        code=row.serial,
        coupon=row.coupon,
        valid_from=row.valid_from,
        valid_until=row.valid_until,
        uses=row.uses,
        used=row.used,
        used_at=row.used_at,
        refused=WITHDRAWN if row.withdrawn else "",
    )


class OverspentCoupon(Struct, frozen=True, kw_only=True):
    """One use of a coupon beyond what it allows."""

    serial: str
    coupon: str
    receipt_uid: str
    till: str
    customer: str | None
    at: datetime


def overspent_coupons(connection: Connection, *, limit: int = 1_000) -> tuple[OverspentCoupon, ...]:
    """The uses that were too many, newest first."""
    uses, table = schema.coupon_use, schema.coupon
    wanted = (
        select(uses.c.serial, table.c.coupon, uses.c.receipt_uid, uses.c.till, uses.c.customer, uses.c.at)
        .join(table, table.c.serial == uses.c.serial)
        .where(uses.c.overspent.is_(True))
        .order_by(uses.c.id.desc())
        .limit(limit)
    )
    return tuple(OverspentCoupon(**row._mapping) for row in connection.execute(wanted))  # noqa: SLF001 - public, underscored by SQLAlchemy

"""What a sale and its returns do besides the customer's own points: facts, coupons, certificates, friends, funds.

Each is done once, because a receipt has its effect once; a return undoes what the stored decision did, in the share
that `agent.loyalty.refund` works out. A donation is final, and a gift that was handed out stays counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Table, insert, select, update

from agent.loyalty import RefundEffect
from agent.loyalty import lots as pots
from agent.loyalty.facts import after_return, after_sale, granted_lots
from central import certificates, schema
from central.accounts import Account, Accounts, Cause, Reason
from central.coupons import CouponShelf
from drivers.vocabulary.customer import Customer
from drivers.vocabulary.decision import CertificateUsed, CouponIssued, CouponUsed, Decision, GiftDue, PointsDonated

__all__ = ["SideEffects"]

NAME_MAX: Final = 80  # of a gift or a fund, as wide as its column


@dataclass(frozen=True, slots=True, kw_only=True)
class SideEffects:
    """One transaction's view; `shelf` gathers what the tills must be told about coupons."""

    connection: Connection
    accounts: Accounts
    shelf: CouponShelf

    def sold(self, decision: Decision, account: Account | None, *, receipt_uid: str, at: datetime) -> list[str]:
        """A sale; what a person should know of it, in words."""
        told: list[str] = []
        for effect in decision.effects:
            if isinstance(effect, PointsDonated) and account is not None:
                self._donate(effect, account, receipt_uid=receipt_uid, at=at)
            else:
                told.append(self._do(effect, account, receipt_uid=receipt_uid, at=at))
        for customer, lot in granted_lots(decision, receipt_uid):
            friend = self.accounts.get(customer)
            if friend is None:
                told.append(f"{lot.amount} {lot.unit} were granted to {customer}, who is not known here")
                continue
            lots, deficits = pots.earn(friend.lots, friend.deficits, lot)
            friend.move(lots, deficits, Cause(reason=Reason.GRANTED, at=at, receipt_uid=receipt_uid))
        if account is not None:
            _keep(account, after_sale(_facts(account), decision, now=at))
        return [words for words in told if words]

    def _do(self, effect: Any, account: Account | None, *, receipt_uid: str, at: datetime) -> str:
        """One effect that needs no customer."""
        customer = account.id if account is not None else None
        if isinstance(effect, CouponUsed):
            if not self.shelf.use(effect, receipt_uid=receipt_uid, customer=customer, at=at):
                return f"coupon {effect.code} was used once too often"
        elif isinstance(effect, CouponIssued):
            self.shelf.issue(effect, receipt_uid=receipt_uid, customer=customer)
        elif isinstance(effect, CertificateUsed):
            paid, burned = effect.amount, effect.burned
            return certificates.pay(
                self.connection, effect.code, paid, burned, receipt_uid=receipt_uid, customer=customer, at=at
            )
        elif isinstance(effect, GiftDue):
            named = {"gift": effect.gift[:NAME_MAX], "kind": effect.kind.value}
            _add(self.connection, schema.gift, named, "given", effect.count)
        return ""

    def _donate(self, effect: PointsDonated, account: Account, *, receipt_uid: str, at: datetime) -> None:
        lots, deficits, _ = pots.spend(account.lots, account.deficits, effect.unit, effect.amount, at)
        account.move(lots, deficits, Cause(reason=Reason.DONATED, at=at, receipt_uid=receipt_uid))
        _add(
            self.connection, schema.fund, {"fund": effect.fund[:NAME_MAX], "unit": effect.unit}, "points", effect.amount
        )

    def returned(
        self,
        effect: RefundEffect,
        decision: Decision,
        account: Account | None,
        *,
        receipt_uid: str,
        sale_uid: str,
        at: datetime,
    ) -> None:
        """A return of a sale that is known here; `decision` is the sale's."""
        for grant in effect.granted_taken_back:
            friend = self.accounts.get(grant.customer)
            if friend is None:
                continue
            lots, deficits = pots.take_back(
                friend.lots, friend.deficits, grant.unit, grant.amount, receipt_uid=sale_uid, now=at
            )
            cause = Cause(reason=Reason.GRANT_BACK, at=at, receipt_uid=receipt_uid, base_uid=sale_uid)
            friend.move(lots, deficits, cause)
        if effect.coupons_back:
            self.shelf.restore(sale_uid, effect.coupons_back)
        if effect.coupons_void:
            self.shelf.withdraw(sale_uid)
        if any(isinstance(one, CertificateUsed) for one in decision.effects):
            self._refill(effect, receipt_uid=receipt_uid, sale_uid=sale_uid, at=at)
        if account is not None:
            _keep(account, after_return(_facts(account), effect))

    def _refill(self, effect: RefundEffect, *, receipt_uid: str, sale_uid: str, at: datetime) -> None:
        """Money goes back onto what paid; what was burned comes back with the last part."""
        left = {one.certificate: one for one in certificates.returnable(self.connection, sale_uid)}
        paid = dict.fromkeys(left, 0)
        for refilled in effect.certificates:
            name = certificates.name_of(self.connection, refilled.code)
            if name in left:
                paid[name] += refilled.amount.minor
        for name, one in left.items():
            certificates.give_back(
                self.connection,
                name,
                paid_minor=min(paid[name], one.paid_minor),
                burned_minor=one.burned_minor if effect.last else 0,
                receipt_uid=receipt_uid,
                sale_uid=sale_uid,
                at=at,
            )


def _facts(account: Account) -> Customer:
    """What the engine's bookkeeping needs of an account; held coupons are on the shelf."""
    return Customer(
        id=account.id,
        purchases=account.purchases,
        membership_until=account.membership_until,
        counters=account.counters,
    )


def _keep(account: Account, customer: Customer) -> None:
    account.purchases = customer.purchases
    account.membership_until = customer.membership_until
    account.counters = customer.counters
    account.touched = True


def _add(connection: Connection, table: Table, named: Mapping[str, str], column: str, amount: int) -> None:
    """Raise a total, made at its first use."""
    where = [table.c[name] == value for name, value in named.items()]
    if connection.scalar(select(table.c[column]).where(*where).with_for_update()) is None:
        connection.execute(insert(table), [{**named, column: amount}])
    else:
        connection.execute(update(table).where(*where).values({column: table.c[column] + amount}))

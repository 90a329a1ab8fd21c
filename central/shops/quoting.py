"""What would a shop's sale cost, and what is kept for it until it is closed; all in one transaction."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from sqlalchemy import select, update

from agent.loyalty import SpendAsk, fiscal_discounts, unit_groups
from agent.loyalty.rules import DonatePoints, SpendPoints
from central import schema
from central.holds import grant_hold
from central.leases import recall_leases
from central.receipts import Receipts
from central.restoration import promises_nothing
from central.shops.sitting import Open, Sitting
from central.shops.values import coupon_facts, keep_coupons, let_go, refuse_coupons, show_certificates
from drivers.vocabulary import checkout as contract
from drivers.vocabulary import codec
from drivers.vocabulary.centre import HoldWanted
from drivers.vocabulary.customer import CertificateFact, Customer
from drivers.vocabulary.decision import Decision, PointsDonated, PointsSpent
from drivers.vocabulary.errors import CheckoutRefused
from drivers.vocabulary.money import Money
from drivers.vocabulary.receipt import DocumentKind, Receipt

__all__ = ["hold", "holds_of", "quote"]


def quote(sitting: Sitting, request: contract.QuoteRequest, *, keep_s: int) -> contract.QuoteAnswer:
    """Decide on the basket as it is now; the last quote is what confirm goes by.

    Args:
        sitting: the transaction.
        request: the basket.
        keep_s: for how long points, coupons and certificates are kept for it.
    """
    receipt = request.receipt
    sitting.check(receipt, DocumentKind.SALE)
    if Receipts(sitting.connection).get(receipt.uid) is not None:
        raise CheckoutRefused(f"receipt {receipt.uid} is closed already", code="already_closed", field="receipt.uid")
    before = sitting.opened(receipt.uid)
    name = request.customer_id or (before.customer_id if before is not None else None)
    customer = sitting.customer_or_refuse(name)
    shown = show_certificates(sitting, receipt.uid, request.certificate_codes, keep_s=keep_s)
    paying = (*request.certificates, *(one.certificate for one in shown if one.certificate is not None))
    until = sitting.now + timedelta(seconds=keep_s)
    decision, leases = _decide(sitting, request, customer, before, paying, until_s=keep_s)
    let_go(sitting, set(before.coupons.values()) - set(leases.values()) if before is not None else ())
    held = _keep_points(sitting, receipt.uid, customer, decision, keep_s=keep_s)
    mark = hashlib.sha256(codec.encode(receipt) + codec.encode(decision)).hexdigest()[:16]
    opened = Open(
        uid=receipt.uid,
        touched_at=sitting.now,
        customer_id=customer.id if customer is not None else None,
        receipt=receipt,
        decision=decision,
        mark=mark,
        hold=held,
        coupons=leases,
    )
    sitting.keep(opened, keeps_until=until if leases else None)
    return contract.QuoteAnswer(
        receipt_uid=receipt.uid,
        decision_mark=mark,
        decision=decision,
        lines=_lines(sitting, receipt, decision),
        payable=decision.payable,
        customer_id=opened.customer_id,
        certificates=shown,
    )


def _decide(
    sitting: Sitting,
    request: contract.QuoteRequest,
    customer: Customer | None,
    before: Open | None,
    certificates: tuple[CertificateFact, ...],
    *,
    until_s: int,
) -> tuple[Decision, dict[str, str]]:
    """The decision on what is to be had, and the leases on its coupons."""
    facts = coupon_facts(sitting, request.receipt.coupons, customer)
    refused: dict[str, str] = {}
    until = sitting.now + timedelta(seconds=until_s)
    while True:
        buyer, shown = refuse_coupons(customer, facts, refused)
        decision = sitting.decide(
            request.receipt,
            buyer,
            ask=_spend_ask(sitting, request, customer),
            announced_tenders=request.announced_tenders,
            coupons=shown,
            certificates=certificates,
            donation=_donation(sitting, request, customer),
        )
        leases, more = keep_coupons(sitting, decision, before, until=until)
        if not more:
            return decision, leases
        # Each round refuses one coupon more at least, so it ends.
        let_go(sitting, set(leases.values()) - set(before.coupons.values() if before is not None else ()))
        refused |= more


def _spend_ask(sitting: Sitting, request: contract.QuoteRequest, customer: Customer | None) -> SpendAsk:
    if customer is None or not (request.points_max or request.points):
        return SpendAsk.none()
    unit = request.unit or _first_unit(sitting, SpendPoints)
    asked = None if request.points_max else request.points
    limit = _limit(sitting, customer, unit, request.receipt.uid, asked=asked)
    if request.points_max:
        return SpendAsk.most(unit=unit, limit=limit, reason="capped_by_balance")
    return SpendAsk.exactly(request.points or 0, unit=unit, limit=limit, reason="capped_by_balance")


def _donation(sitting: Sitting, request: contract.QuoteRequest, customer: Customer | None) -> SpendAsk:
    if customer is None or not request.donate:
        return SpendAsk.none()
    unit = request.donate_unit or _first_unit(sitting, DonatePoints)
    limit = _limit(sitting, customer, unit, request.receipt.uid, asked=request.donate)
    return SpendAsk.exactly(request.donate, unit=unit, limit=limit, reason="capped_by_balance")


def _limit(sitting: Sitting, customer: Customer, unit: str, uid: str, *, asked: int | None) -> int:
    """What may be promised now; when that is less than asked (None: all), what tills hold is asked back."""
    if promises_nothing(sitting.connection, sitting.now):
        return 0
    free = sitting.free(customer, unit, uid)
    if asked is None or asked > free:
        recall_leases(sitting.connection, customer.id, unit)
    return free


def _first_unit(sitting: Sitting, wanted: type[SpendPoints | DonatePoints]) -> str:
    """The points that are meant when nobody says which."""
    programme = sitting.programme
    rules = programme.file.rules if programme is not None else ()
    return next((rule.unit for rule in rules if isinstance(rule, wanted)), "")


def _keep_points(sitting: Sitting, uid: str, customer: Customer | None, decision: Decision, *, keep_s: int) -> str:
    """Keep what the decision takes of the balance; the name of the hold, "" for none."""
    taken: tuple[PointsSpent | PointsDonated, ...] = (*decision.spent, *decision.donated)
    points = sum(one.amount for one in taken if one.unit == taken[0].unit)
    if customer is None or not points:
        _release_points(sitting, uid)
        return ""
    wanted = HoldWanted(receipt_uid=uid, customer_id=customer.id, unit=taken[0].unit, points=points, ttl_s=keep_s)
    grant = grant_hold(
        sitting.connection, wanted, till=sitting.shop.till, new_id=secrets.token_hex(16), now=sitting.now
    )
    if grant.points < points:
        raise CheckoutRefused(
            f"{points} points cannot be kept for receipt {uid} ({grant.reason}); ask again", code="not_held"
        )
    return grant.id


def _release_points(sitting: Sitting, uid: str) -> None:
    table = schema.hold
    mine = (table.c.till == sitting.shop.till) & (table.c.receipt_uid == uid) & (table.c.state == "open")
    sitting.connection.execute(update(table).where(mine).values(state="released"))


def hold(sitting: Sitting, request: contract.HoldRequest, *, keep_s: int) -> contract.HoldAnswer:
    """Reserve points for a receipt: all or none."""
    uid = request.receipt_uid
    if Receipts(sitting.connection).get(uid) is not None:
        raise CheckoutRefused(f"receipt {uid} is closed already", code="already_closed", field="receipt_uid")
    customer = sitting.customer_or_refuse(request.customer_id)
    wanted = HoldWanted(
        receipt_uid=uid,
        customer_id=customer.id if customer is not None else request.customer_id,
        unit=request.unit,
        points=request.points,
        ttl_s=keep_s,
    )
    grant = grant_hold(
        sitting.connection, wanted, till=sitting.shop.till, new_id=secrets.token_hex(16), now=sitting.now
    )
    return contract.HoldAnswer(
        receipt_uid=uid, points=grant.points, expires_at=grant.expires_at, reason=grant.reason, online=True
    )


def holds_of(sitting: Sitting, uid: str) -> list[str]:
    """The open holds on points and certificates of a receipt."""
    points, money = schema.hold, schema.certificate_hold
    found: list[str] = []
    for table in (points, money):
        mine = (table.c.till == sitting.shop.till) & (table.c.receipt_uid == uid) & (table.c.state == "open")
        found += sitting.connection.scalars(select(table.c.id).where(mine)).all()
    return found


def _lines(sitting: Sitting, receipt: Receipt, decision: Decision) -> tuple[contract.LineQuote, ...]:
    """What to take off each line, and how a fiscal receipt prints it."""
    programme = sitting.programme
    least = programme.file.line_left_least if programme is not None else None
    off = fiscal_discounts(receipt, decision.line_discounts(), left_least=least.minor if least is not None else 0)
    return tuple(
        contract.LineQuote(
            number=line.number,
            discount=discount,
            total=line.total - discount,
            groups=unit_groups(line, discount) if discount else (),
        )
        for line, discount in ((line, Money(off.get(line.number, 0), receipt.currency)) for line in receipt.lines)
    )

"""Before the receipt is closed: what would it cost, and which points are kept back for it."""

from __future__ import annotations

import hashlib

from msgspec.structs import replace

from agent.checkout.knowledge import Known
from agent.checkout.records import Closed, Hold, Open, read, write
from agent.checkout.state import DeskState
from agent.loyalty import SpendAsk, unit_groups
from agent.loyalty.rules import SpendPoints
from agent.snapshot import LinkState
from drivers.vocabulary import checkout as contract
from drivers.vocabulary import codec
from drivers.vocabulary.centre import HoldGrant
from drivers.vocabulary.decision import Decision
from drivers.vocabulary.errors import CheckoutRefused
from drivers.vocabulary.money import Money
from drivers.vocabulary.receipt import DocumentKind, Receipt

__all__ = ["hold", "quote"]


def quote(desk: DeskState, request: contract.QuoteRequest) -> contract.QuoteAnswer:
    """Decide on the basket as it is now; the last quote is what confirm goes by."""
    receipt = request.receipt
    if receipt.kind is not DocumentKind.SALE:
        raise CheckoutRefused(f"only a sale can be quoted, not a {receipt.kind.value}", code="wrong_kind", field="kind")
    desk.check_currency(receipt)
    if read(desk.store, "closed", receipt.uid, Closed) is not None:
        raise CheckoutRefused(f"receipt {receipt.uid} is closed already", code="already_closed", field="receipt.uid")
    opened = read(desk.store, "checkout", receipt.uid, Open)
    customer_id = desk.customer_of(request.customer_id, opened)
    known = _known_or_refuse(desk, customer_id, receipt.uid)
    ask = SpendAsk.none()
    if known is not None and (request.points_max or request.points):
        ask = _spend_ask(desk, request, known, receipt.uid)
    now = desk.clock.now()
    decision = desk.decide(
        receipt,
        known,
        now,
        ask=ask,
        announced_tenders=request.announced_tenders,
        certificates=request.certificates,
    )
    mark = hashlib.sha256(codec.encode(receipt) + codec.encode(decision)).hexdigest()[:16]
    opened = Open(
        uid=receipt.uid,
        touched_at=now,
        customer_id=customer_id,
        presented=desk.current.presented if desk.current else False,
        receipt=receipt,
        decision=decision,
        mark=mark,
    )
    current = desk.current
    if current is not None and current.customer_id == customer_id:
        current = replace(current, touched_at=now)
    with desk.store.transaction() as tx:
        write(tx, "checkout", receipt.uid, opened)
        if current is not None:
            write(tx, "desk", "current", current)
    desk.current = current
    return contract.QuoteAnswer(
        receipt_uid=receipt.uid,
        decision_mark=mark,
        decision=decision,
        lines=_line_quotes(desk, receipt, decision),
        payable=decision.payable,
        customer_id=customer_id,
    )


def _known_or_refuse(desk: DeskState, customer_id: str | None, receipt_uid: str) -> Known | None:
    if customer_id is None:
        return None
    known = desk.known(customer_id, for_receipt=receipt_uid)
    if known is None:
        raise CheckoutRefused(
            f"customer {customer_id} is not known here; identify first",
            code="unknown_customer",
            field="customer_id",
        )
    return known


def _spend_ask(desk: DeskState, request: contract.QuoteRequest, known: Known, uid: str) -> SpendAsk:
    """How many points may be promised: what is held for this receipt, else the balance, else the offline cap."""
    unit = request.unit or spend_unit(desk)
    limit, reason = spend_limit(desk, known, unit, uid)
    if request.points_max:
        return SpendAsk.most(unit=unit, limit=limit, reason=reason)
    return SpendAsk.exactly(request.points or 0, unit=unit, limit=limit, reason=reason)


def spend_unit(desk: DeskState) -> str:
    """The points that are meant when nobody says which: the first the programme lets people spend."""
    rules = desk.programme.file.rules if desk.programme is not None else ()
    return next((rule.unit for rule in rules if isinstance(rule, SpendPoints)), "")


def spend_limit(desk: DeskState, known: Known, unit: str, uid: str) -> tuple[int, str]:
    """(points, reason): the most this till may let this customer spend on this receipt now."""
    hold = read(desk.store, "hold", f"{known.customer.id}/{uid}", Hold)
    if hold is not None and hold.unit == unit and hold.expires_at > desk.clock.now():
        return hold.points, "hold"
    free = next((balance.available for balance in known.balances(desk.clock.now()) if balance.unit == unit), 0)
    if desk.link is LinkState.ONLINE:
        return max(0, free), "balance"
    left = desk.rules.points_cap - known.unreflected_spent.get(unit, 0) - known.held.get(unit, 0)
    return max(0, min(free, left)), "offline_cap"


def hold(desk: DeskState, request: contract.HoldRequest, grant: HoldGrant | None) -> contract.HoldAnswer:
    """Reserve points: as the centre granted, or within the offline cap when it could not be asked."""
    now = desk.clock.now()
    uid = request.receipt_uid
    if read(desk.store, "closed", uid, Closed) is not None:
        raise CheckoutRefused(f"receipt {uid} is closed already", code="already_closed", field="receipt_uid")
    known = _known_or_refuse(desk, request.customer_id, uid)
    if known is None:
        raise CheckoutRefused("a hold names its customer", code="unknown_customer", field="customer_id")
    if grant is not None and grant.points < request.points:
        return contract.HoldAnswer(receipt_uid=uid, points=0, reason=grant.reason or "balance", online=True)
    if grant is None:
        limit, reason = spend_limit(desk, known, request.unit, uid)
        already = read(desk.store, "hold", f"{request.customer_id}/{uid}", Hold)
        if limit < request.points and (already is None or already.points < request.points):
            return contract.HoldAnswer(receipt_uid=uid, points=0, reason=reason)
    reserved = Hold(
        receipt_uid=uid,
        customer_id=request.customer_id,
        unit=request.unit,
        points=request.points,
        expires_at=(grant.expires_at if grant is not None else None) or now + desk.rules.hold_for,
        id=grant.id if grant is not None else "",
    )
    with desk.store.transaction() as tx:
        write(tx, "hold", f"{request.customer_id}/{uid}", reserved)
    return contract.HoldAnswer(
        receipt_uid=uid, points=reserved.points, expires_at=reserved.expires_at, online=grant is not None
    )


def _line_quotes(desk: DeskState, receipt: Receipt, decision: Decision) -> tuple[contract.LineQuote, ...]:
    """What to take off each line, and how a fiscal receipt prints it."""
    off = desk.charged_off(receipt, decision)
    quotes: list[contract.LineQuote] = []
    for line in receipt.lines:
        discount = Money(off.get(line.number, 0), receipt.currency)
        quotes.append(
            contract.LineQuote(
                number=line.number,
                discount=discount,
                total=line.total - discount,
                groups=unit_groups(line, discount) if discount else (),
            )
        )
    return tuple(quotes)

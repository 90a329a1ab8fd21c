"""Before the receipt is closed: what would it cost, and which points are kept back for it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from msgspec.structs import replace

from agent.checkout.customers.knowledge import Known
from agent.checkout.in_hand import certificates
from agent.checkout.in_hand.coupon_guard import coupons_lacking, refusals_of
from agent.checkout.in_hand.leases import left_under_leases
from agent.checkout.in_hand.value_leases import keep_leases, promise_values
from agent.checkout.panel.wishes import with_wish
from agent.checkout.records import Closed, Hold, Open, read, write
from agent.checkout.state import DeskState
from agent.loyalty import SpendAsk, unit_groups
from agent.loyalty.points import PointsScale
from agent.loyalty.rules import DonatePoints, SpendPoints
from agent.snapshot import LinkState
from drivers.vocabulary import checkout as contract
from drivers.vocabulary import codec
from drivers.vocabulary.centre import HoldGrant
from drivers.vocabulary.certificates import CertificateGrant
from drivers.vocabulary.decision import Decision, PointsDonated, PointsSpent
from drivers.vocabulary.errors import CheckoutRefused
from drivers.vocabulary.money import Money
from drivers.vocabulary.receipt import DocumentKind, Receipt
from drivers.vocabulary.value_leases import CouponsGrant, CouponsWanted
from offline_queue.transaction import Transaction

__all__ = ["coupons_wanted", "hold", "hold_wanted", "quote", "secure", "secure_coupons"]


def quote(
    desk: DeskState,
    request: contract.QuoteRequest,
    grants: Sequence[CertificateGrant | None] = (),
    *,
    at_most: int | None = None,
    coupons_refused: Mapping[str, str] = MappingProxyType({}),
) -> contract.QuoteAnswer:
    """Decide on the basket as it is now; the last quote is what confirm goes by.

    Args:
        desk: changed: the quote is kept.
        request: the basket.
        grants: what the centre said of each of `request.certificate_codes`; None, or nothing, when it did not.
        at_most: points that may be spent, whatever this till would say; None leaves it to the till.
        coupons_refused: why coupons are not to be had for this receipt, by serial, as the centre has just said.
    """
    receipt = request.receipt
    if receipt.kind is not DocumentKind.SALE:
        raise CheckoutRefused(f"only a sale can be quoted, not a {receipt.kind.value}", code="wrong_kind", field="kind")
    desk.check_currency(receipt)
    if read(desk.store, "closed", receipt.uid, Closed) is not None:
        raise CheckoutRefused(f"receipt {receipt.uid} is closed already", code="already_closed", field="receipt.uid")
    opened = read(desk.store, "checkout", receipt.uid, Open)
    customer_id = desk.customer_of(request.customer_id, opened)
    known = _known_or_refuse(desk, customer_id, receipt.uid)
    request = with_wish(desk, request, customer_id)
    ask = SpendAsk.none()
    if known is not None and (request.points_max or request.points or request.points_worth):
        ask = _spend_ask(desk, request, known, at_most)
    now = desk.clock.now()
    partner = desk.partner_of(opened)
    shown = certificates.shown(desk, receipt.uid, request.certificate_codes, grants)
    decision = desk.decide(
        receipt,
        known,
        now,
        ask=ask,
        announced_tenders=request.announced_tenders,
        certificates=(*request.certificates, *(one.certificate for one in shown if one.certificate is not None)),
        partner=partner,
        donation=_donation(desk, request, known),
        coupons_refused=coupons_refused,
    )
    mark = hashlib.sha256(codec.encode(receipt) + codec.encode(decision)).hexdigest()[:16]
    opened = Open(
        uid=receipt.uid,
        touched_at=now,
        customer_id=customer_id,
        presented=desk.current.presented if desk.current else False,
        partner=partner,
        certificate_hold=next(
            (one.hold for one in grants if one is not None and one.hold), opened.certificate_hold if opened else ""
        ),
        certificates_held={**(opened.certificates_held if opened else {}), **certificates.held_of(grants)},
        coupons_refused=dict(coupons_refused),
        receipt=receipt,
        decision=decision,
        mark=mark,
    )
    kept = certificates.kept_by_centre(desk, receipt.uid, grants)
    current = desk.current
    if current is not None and current.customer_id == customer_id:
        current = replace(current, touched_at=now)
    with desk.store.transaction() as tx:
        write(tx, "checkout", receipt.uid, opened)
        promise_values(desk, tx, receipt.uid, decision, kept)
        if known is not None:
            _keep_back(desk, tx, known.customer.id, decision, receipt.uid)
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
        certificates=shown,
        spendable_worth=_worth(desk, receipt, decision),
    )


def _scale(desk: DeskState, unit: str) -> PointsScale | None:
    units = desk.programme.file.units if desk.programme is not None else {}
    return PointsScale.of(unit, units[unit]) if unit in units else None


def _worth(desk: DeskState, receipt: Receipt, decision: Decision) -> dict[str, Money]:
    """What the points that may be spent stand for."""
    scales = {unit: _scale(desk, unit) for unit in decision.spendable}
    return {
        unit: receipt.total.with_minor(scale.worth(decision.spendable[unit]))
        for unit, scale in scales.items()
        if scale is not None
    }


def _keep_back(desk: DeskState, tx: Transaction, customer_id: str, decision: Decision, uid: str) -> None:
    """Write down what is about to be promised, so that no other receipt of this till is promised the same points."""
    key = f"{customer_id}/{uid}"
    before = read(desk.store, "hold", key, Hold)
    taken = _taken(decision)
    if taken is None:
        if before is not None and not before.id:
            tx.delete("hold", key)
        return
    unit, points = taken
    same = before if before is not None and before.unit == unit else None
    kept = Hold(
        receipt_uid=uid,
        customer_id=customer_id,
        unit=unit,
        points=max(points, same.by_centre if same is not None else 0),
        expires_at=desk.clock.now() + desk.rules.hold_for,
        id=same.id if same is not None else "",
        granted=same.by_centre if same is not None else 0,
    )
    write(tx, "hold", key, kept)


def _taken(decision: Decision) -> tuple[str, int] | None:
    """(unit, points) that leave the customer's balance, spent or given away; a receipt takes one unit."""
    taken: tuple[PointsSpent | PointsDonated, ...] = (*decision.spent, *decision.donated)
    if not taken:
        return None
    unit = taken[0].unit
    return unit, sum(one.amount for one in taken if one.unit == unit)


def hold_wanted(desk: DeskState, answer: contract.QuoteAnswer) -> contract.HoldRequest | None:
    """What the centre is to keep for a quote beyond what is in this till's own hand; None when that is enough."""
    taken = _taken(answer.decision)
    known = desk.known(answer.customer_id, for_receipt=answer.receipt_uid) if answer.customer_id is not None else None
    if taken is None or known is None:
        return None
    unit, points = taken
    short = points - _without_asking(desk, known, unit, 0)
    if short <= 0:
        return None
    return contract.HoldRequest(receipt_uid=answer.receipt_uid, customer_id=known.customer.id, unit=unit, points=short)


def secure(
    desk: DeskState,
    request: contract.QuoteRequest,
    answer: contract.QuoteAnswer,
    grants: Sequence[CertificateGrant | None],
    grant: HoldGrant | None,
) -> contract.QuoteAnswer:
    """The quote, now that the centre has said whether it keeps the points: as it was, or with fewer points.

    Args:
        desk: changed.
        request: as it was quoted.
        answer: the quote that spends points.
        grants: of certificates, as for `quote`.
        grant: the centre's word; None when it did not answer in time, and the till is as good as without a line.
    """
    wanted = hold_wanted(desk, answer)
    if wanted is None:
        return answer
    if grant is not None and grant.points >= wanted.points:
        _granted(desk, wanted, grant)
        return answer
    known = _known_or_refuse(desk, answer.customer_id, request.receipt.uid)
    if known is None:
        return answer
    cap = desk.rules.points_cap if grant is None else 0
    opened = read(desk.store, "checkout", request.receipt.uid, Open)
    refused = opened.coupons_refused if opened is not None else {}
    at_most = _without_asking(desk, known, wanted.unit, cap)
    return quote(desk, request, grants, at_most=at_most, coupons_refused=refused)


def coupons_wanted(
    desk: DeskState, request: contract.QuoteRequest, answer: contract.QuoteAnswer
) -> CouponsWanted | None:
    """Which coupons the centre is to put into this till's hand before this quote is told."""
    known = desk.known(answer.customer_id, for_receipt=answer.receipt_uid) if answer.customer_id is not None else None
    facts = desk.coupons_of(request.receipt, known)
    customer = known.customer if known is not None else None
    return coupons_lacking(desk, answer.receipt_uid, customer, facts, answer.decision)


def secure_coupons(
    desk: DeskState,
    request: contract.QuoteRequest,
    grants: Sequence[CertificateGrant | None],
    asked: CouponsWanted,
    grant: CouponsGrant | None,
) -> contract.QuoteAnswer:
    """The quote, now that the centre has said which coupons are in this till's hand; without the others.

    Args:
        desk: changed.
        request: as it was quoted.
        grants: of certificates, as for `quote`.
        asked: what the centre was asked for.
        grant: its word; None when it did not answer in time, and the till is as good as without a line.
    """
    if grant is not None and grant.leases:
        with desk.store.transaction() as tx:
            keep_leases(desk, tx, grant.leases)
    return quote(desk, request, grants, coupons_refused=refusals_of(desk, asked, grant))


def _granted(desk: DeskState, wanted: contract.HoldRequest, grant: HoldGrant) -> None:
    """Write down which of the promised points the centre keeps."""
    key = f"{wanted.customer_id}/{wanted.receipt_uid}"
    promised = read(desk.store, "hold", key, Hold)
    if promised is None:
        return
    expires_at = grant.expires_at or promised.expires_at
    with desk.store.transaction() as tx:
        write(tx, "hold", key, replace(promised, id=grant.id, granted=grant.points, expires_at=expires_at))


def _donation(desk: DeskState, request: contract.QuoteRequest, known: Known | None) -> SpendAsk:
    """How much is given away, as asked; never more than this customer has here."""
    if known is None or not request.donate:
        return SpendAsk.none()
    unit = request.donate_unit or donation_unit(desk)
    limit, reason = spend_limit(desk, known, unit, request.receipt.uid)
    return SpendAsk.exactly(request.donate, unit=unit, limit=limit, reason=reason)


def donation_unit(desk: DeskState) -> str:
    """The points that are meant when nobody says which: the first the programme lets people give."""
    rules = desk.programme.file.rules if desk.programme is not None else ()
    return next((rule.unit for rule in rules if isinstance(rule, DonatePoints)), "")


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


def _spend_ask(desk: DeskState, request: contract.QuoteRequest, known: Known, at_most: int | None) -> SpendAsk:
    """How many points may be promised: what is held for this receipt, else the balance, else the offline cap."""
    unit = request.unit or spend_unit(desk)
    limit, reason = spend_limit(desk, known, unit, request.receipt.uid)
    if at_most is not None and at_most < limit:
        limit, reason = at_most, "offline_cap" if at_most else "balance"
    if request.points_worth is not None:
        scale = _scale(desk, unit)
        points = scale.affordable(max(0, request.points_worth.minor)) if scale is not None else 0
        return SpendAsk.exactly(points, unit=unit, limit=limit, reason=reason)
    if request.points_max:
        return SpendAsk.most(unit=unit, limit=limit, reason=reason)
    return SpendAsk.exactly(request.points or 0, unit=unit, limit=limit, reason=reason)


def spend_unit(desk: DeskState) -> str:
    """The points that are meant when nobody says which: the first the programme lets people spend."""
    rules = desk.programme.file.rules if desk.programme is not None else ()
    return next((rule.unit for rule in rules if isinstance(rule, SpendPoints)), "")


def spend_limit(desk: DeskState, known: Known, unit: str, uid: str) -> tuple[int, str]:
    """(points, reason): the most this till may let this customer spend on this receipt now.

    With a line the whole balance may be quoted, because the centre is asked for a hold before the quote is told
    (`secure`). Without one: what is under leases, and beyond them what the owner takes the risk for.
    """
    free = next((balance.available for balance in known.balances(desk.clock.now()) if balance.unit == unit), 0)
    if desk.link is LinkState.ONLINE:
        return max(0, free), "balance"
    left = _without_asking(desk, known, unit, desk.rules.points_cap)
    hold = read(desk.store, "hold", f"{known.customer.id}/{uid}", Hold)
    by_centre = hold.by_centre if hold is not None and hold.unit == unit else 0
    if by_centre and by_centre + left <= free:
        return by_centre + left, "hold"
    return max(0, min(free, by_centre + left)), "offline_cap"


def _without_asking(desk: DeskState, known: Known, unit: str, cap: int) -> int:
    """What is under leases, and what is left of the owner's cap, less what other receipts here were promised."""
    leased = left_under_leases(desk, known.customer.id, unit)
    left_of_cap = max(0, cap - known.unreflected_spent.get(unit, 0))
    return max(0, leased + left_of_cap - known.held_here.get(unit, 0))


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

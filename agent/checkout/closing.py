"""Closing a sale: one transaction writes the envelope, the ledger entry and the answer; only then is anybody told."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import Final

from msgspec.structs import replace

from agent.checkout import leases, matching, returning, writing
from agent.checkout.claims import claim_code
from agent.checkout.coupons import remember_coupons
from agent.checkout.knowledge import Known, apply_entry
from agent.checkout.records import AwaitingPrint, Closed, Entry, Hold, Open, read, read_all, write
from agent.checkout.state import DeskState
from agent.loyalty import SpendAsk
from agent.loyalty.facts import counted_by
from agent.loyalty.lots import earned_lot
from agent.loyalty.sale import STORED_VALUE
from agent.slips.compose import sale_slip
from agent.slips.text import lay_out, words
from drivers.transport.recording import redact
from drivers.vocabulary import checkout as contract
from drivers.vocabulary import codec, facts
from drivers.vocabulary.checkout import PointsBalance
from drivers.vocabulary.customer import CertificateFact
from drivers.vocabulary.decision import (
    CertificateUsed,
    Counted,
    CouponIssued,
    CouponUsed,
    Decision,
    LineDiscount,
    MembershipGranted,
    PointsDonated,
    PointsEarned,
    PointsSpent,
)
from drivers.vocabulary.events import Document
from drivers.vocabulary.receipt import DocumentKind, Receipt
from offline_queue.transaction import Transaction

__all__ = ["confirm", "printed"]

#: What the till carried out as it was quoted, whatever it charged in the end.
_AS_QUOTED: Final = (LineDiscount, PointsSpent, PointsDonated, CouponUsed, CertificateUsed)
#: What a customer's own entry keeps of a decision.
_MOVES_FACTS: Final = (Counted, CouponUsed, CouponIssued, MembershipGranted)


def confirm(desk: DeskState, request: contract.ConfirmRequest, *, source: str) -> contract.ConfirmAnswer:
    """A till confirms a sale over the contract; repeating it answers the same, another body is refused."""
    receipt = request.receipt
    writing.require_kind(receipt, DocumentKind.SALE)
    desk.check_currency(receipt)
    closed = read(desk.store, "closed", receipt.uid, Closed)
    if closed is not None:
        return codec.decode(writing.answered_before(closed, receipt), contract.ConfirmAnswer)
    opened = read(desk.store, "checkout", receipt.uid, Open)
    asked = request.customer_id or _customer_by_code(desk, request.code)
    customer_id = desk.customer_of(asked, opened)
    return _close_sale(desk, receipt, opened=opened, customer_id=customer_id, mark=request.decision_mark, source=source)


def printed(desk: DeskState, device: str, document: Document) -> tuple[str, ...]:
    """A document ended on a printer's stream: a sale, a return, or nothing of ours; the lines to print with it."""
    return lay_out(_printed(desk, device, document), document.columns or desk.rules.columns)


def _printed(desk: DeskState, device: str, document: Document) -> tuple[str, ...]:
    if document.kind not in {DocumentKind.SALE, DocumentKind.RETURN}:
        return ()
    if document.receipt is None:
        _keep_unread(desk, device, document)
        return ()
    source = f"print:{device}"
    if document.kind is DocumentKind.RETURN:
        answer = returning.refund(desk, contract.RefundRequest(receipt=document.receipt), source=source)
        return returning.refund_lines(desk, answer)
    return _sale_printed(desk, document.receipt, source)


def _sale_printed(desk: DeskState, receipt: Receipt, source: str) -> tuple[str, ...]:
    """A printed sale is a reprint, the print of a sale the POS asked us about, or a new sale."""
    alias = desk.store.get("printed", receipt.uid)
    before = read(desk.store, "closed", alias.decode() if alias is not None else receipt.uid, Closed)
    if before is not None:
        return before.slip
    print_uid = receipt.uid
    awaiting = [one for _, one in read_all(desk.store, "print", AwaitingPrint)]
    quoted = [one for _, one in read_all(desk.store, "checkout", Open)]
    match = matching.match(receipt, awaiting, quoted, desk.clock.now())
    if isinstance(match, AwaitingPrint):
        return _print_of(desk, match, print_uid)
    opened, mark = None, None
    customer_id = desk.current.customer_id if desk.current is not None else None
    if match is not None and match.receipt is not None and match.decision is not None:
        opened, mark, customer_id = match, match.mark, match.customer_id
        receipt = matching.as_printed(match.receipt, desk.charged_off(match.receipt, match.decision), receipt)
    _close_sale(desk, receipt, opened=opened, customer_id=customer_id, mark=mark, source=source, print_uid=print_uid)
    closed = read(desk.store, "closed", receipt.uid, Closed)
    return closed.slip if closed is not None else ()


def _close_sale(
    desk: DeskState,
    receipt: Receipt,
    *,
    opened: Open | None,
    customer_id: str | None,
    mark: str | None,
    source: str,
    print_uid: str = "",
) -> contract.ConfirmAnswer:
    """Decide, write everything at once, answer."""
    now = desk.clock.now()
    known = desk.known(customer_id, for_receipt=receipt.uid) if customer_id is not None else None
    decision, difference = _decision(desk, receipt, opened=opened, known=known, mark=mark, now=now)
    claim = claim_code(desk.name.till, receipt.uid)
    hold = read(desk.store, "hold", f"{customer_id}/{receipt.uid}", Hold) if customer_id else None
    fact = facts.ReceiptConfirmed(
        receipt=receipt,
        decision=decision,
        claim_code=claim,
        source=source,
        customer_id=customer_id,
        hold=hold.id if hold is not None else "",
        difference_minor=difference,
    )
    entry = _sale_entry(receipt, decision, now)
    before, after = _before_after(known, entry, now)
    slip = sale_slip(
        desk.slip_style(),
        decision,
        customer_mask=_shown_name(known),
        tier=desk.tier_title(known.customer.tier) if known is not None else "",
        before=before,
        after=after,
        claim=claim,
        counted=_counted(known, decision, now),
    )
    answer = contract.ConfirmAnswer(
        receipt_uid=receipt.uid,
        claim_code=claim,
        decision=decision,
        customer_id=customer_id,
        balances=after,
        slip=lay_out(slip, desk.rules.columns),
        difference=receipt.total.with_minor(difference) if difference else None,
    )
    closed = Closed(
        uid=receipt.uid,
        digest=writing.digest(receipt),
        source=source,
        closed_at=now,
        receipt=receipt,
        decision=decision,
        answer=codec.encode(answer).decode(),
        customer_id=customer_id,
        slip=slip,
        print_uid=print_uid,
    )
    with desk.store.transaction() as tx:
        if known is not None:
            secured, used = _secure(desk, tx, known.customer.id, entry, hold)
            kept_until = leases.keep_earned(desk, tx, known.customer.id, receipt.uid, decision)
            fact = replace(fact, leases=used, kept_until=kept_until)
            entry = replace(entry, secured=secured)
            leases.note_wanted(tx, known.customer.id, now)
        envelope = writing.append(desk, tx, fact, writing.marks(receipt, claim, customer_id))
        writing.remember(desk, tx, closed, entry=entry, envelope=envelope)
        remember_coupons(desk.store, tx, decision, now, envelope)
        tx.delete("checkout", receipt.uid)
        if hold is not None:
            tx.delete("hold", f"{customer_id}/{receipt.uid}")
        if print_uid not in {"", receipt.uid}:
            # The print may come again after a cut in power, when nothing else says which sale it was.
            tx.put("printed", print_uid, receipt.uid.encode())
        if source == "api" and desk.prints_are_seen:
            waiting = AwaitingPrint(uid=receipt.uid, total=receipt.total, closed_at=now)
            write(tx, "print", receipt.uid, waiting)
        tx.delete("desk", "current")
        tx.put("desk", "last", codec.encode(_glance(receipt, decision, claim)))
    desk.current = None
    desk.notice = ""
    desk.last_receipt = _glance(receipt, decision, claim)
    return answer


def _decision(
    desk: DeskState,
    receipt: Receipt,
    *,
    opened: Open | None,
    known: Known | None,
    mark: str | None,
    now: datetime,
) -> tuple[Decision, int]:
    """(what this receipt did, paid less quoted in minor units).

    A quote counts when its total was charged, or when the till names it. Otherwise the receipt is taken as it is:
    nothing was taken off by us, points are earned on what was paid, and the difference is written down.
    """
    quoted = opened.decision if opened is not None else None
    if opened is None or quoted is None or (mark is not None and mark != opened.mark):
        return desk.decide(receipt, known, now, closed=True, partner=desk.partner_of(opened)), 0
    difference = (receipt.total - matching.expected_total(quoted)).minor
    if difference == 0:
        return _as_paid(desk, opened, quoted, receipt, known), 0
    fresh = desk.decide(receipt, known, now, closed=True, partner=desk.partner_of(opened))
    value_tendered = any(tender.kind in STORED_VALUE and tender.amount for tender in receipt.tenders)
    if mark is None and not value_tendered:
        return fresh, difference
    kept = tuple(effect for effect in quoted.effects if isinstance(effect, _AS_QUOTED))
    rest = tuple(effect for effect in fresh.effects if not isinstance(effect, _AS_QUOTED))
    return replace(fresh, discount=quoted.discount, effects=(*kept, *rest)), difference


def _as_paid(desk: DeskState, opened: Open, quoted: Decision, receipt: Receipt, known: Known | None) -> Decision:
    """The quoted decision; what is earned is worked out again where it depends on how it was really paid.

    The same basket at the same moment, with the same points asked for: only the way of paying may differ.
    """
    heeds = desk.programme is not None and desk.programme.compiled.heeds_tenders
    if not heeds or not receipt.tenders or opened.receipt is None:
        return quoted
    basket = replace(opened.receipt, tenders=(), change=None)
    spent = quoted.spent[0] if quoted.spent else None
    ask = SpendAsk.exactly(spent.amount, unit=spent.unit) if spent is not None else SpendAsk.none()
    kinds = tuple(tender.kind for tender in receipt.tenders if tender.amount)
    paid = [effect for effect in quoted.effects if isinstance(effect, CertificateUsed)]
    certificates = tuple(CertificateFact(code=one.code, balance=one.amount) for one in paid)
    at = opened.touched_at
    fresh = desk.decide(
        basket,
        known,
        at,
        ask=ask,
        announced_tenders=kinds,
        certificates=certificates,
        partner=desk.partner_of(opened),
    )
    if (fresh.line_discounts(), fresh.payable) != (quoted.line_discounts(), quoted.payable):
        # A discount itself hung on the way of paying, and the quoted price was charged: what was charged earns.
        fresh = desk.decide(receipt, known, at, closed=True)
    others = tuple(effect for effect in quoted.effects if not isinstance(effect, PointsEarned))
    return replace(quoted, effects=(*others, *fresh.earned))


def _sale_entry(receipt: Receipt, decision: Decision, now: datetime) -> Entry:
    """What a sale does to its customer; the place (epoch, sequence) is filled in with the envelope."""
    spent: dict[str, int] = {}
    taken: tuple[PointsSpent | PointsDonated, ...] = (*decision.spent, *decision.donated)
    for effect in taken:
        spent[effect.unit] = spent.get(effect.unit, 0) + effect.amount
    lots = tuple(earned_lot(receipt.uid, effect) for effect in decision.earned if effect.amount)
    facts_moved = tuple(effect for effect in decision.effects if isinstance(effect, _MOVES_FACTS))
    sold = replace(decision, effects=facts_moved, explanations=(), spendable={}, hints=())
    return Entry(epoch=0, sequence=0, spent_points=spent, lots=lots, spent_money=receipt.total, sold=sold, at=now)


def _secure(
    desk: DeskState, tx: Transaction, customer_id: str, entry: Entry, hold: Hold | None
) -> tuple[dict[str, int], dict[str, int]]:
    """(points per unit that a hold or a lease answers for, points per lease); what is missing is the owner's cap."""
    secured: dict[str, int] = {}
    used: dict[str, int] = {}
    for unit, points in entry.spent_points.items():
        by_hold = min(points, hold.by_centre) if hold is not None and hold.unit == unit else 0
        by_lease = leases.use_leases(desk, tx, customer_id, unit, points - by_hold)
        used |= by_lease
        secured[unit] = by_hold + sum(by_lease.values())
    return secured, used


def _print_of(desk: DeskState, awaiting: AwaitingPrint, print_uid: str) -> tuple[str, ...]:
    """The print of a receipt that was confirmed over the contract: its slip, and no second sale."""
    closed = read(desk.store, "closed", awaiting.uid, Closed)
    with desk.store.transaction() as tx:
        tx.delete("print", awaiting.uid)
        tx.put("printed", print_uid, awaiting.uid.encode())
        if closed is not None:
            write(tx, "closed", closed.uid, replace(closed, print_uid=print_uid))
    return closed.slip if closed is not None else ()


def _keep_unread(desk: DeskState, device: str, document: Document) -> None:
    """A receipt that does not add up is kept raw for a person, unless it is the print of a sale we know."""
    now = desk.clock.now()
    waiting = [
        one
        for _, one in read_all(desk.store, "print", AwaitingPrint)
        if now - one.closed_at <= matching.CONFIRMED_PRINTS_WITHIN
    ]
    if waiting:
        with desk.store.transaction() as tx:
            tx.delete("print", waiting[0].uid)
        return
    # A receipt may print the customer's phone or card: masked before it touches the disk, its length kept.
    raw = redact(document.raw)
    fact = facts.ReceiptUnread(device=device, raw=raw, problems=document.problems, printed_at=now)
    with desk.store.transaction() as tx:
        writing.append(desk, tx, fact, [f"device:{device}"])
    desk.notice = words(desk.rules.slip.language)["unread"]


def _customer_by_code(desk: DeskState, code: str | None) -> str | None:
    if code is None:
        return None
    recognised = desk.recogniser.recognise(code, presented=False)
    return desk.knowledge.find(recognised.identifier) if recognised.identifier is not None else None


def _before_after(
    known: Known | None,
    entry: Entry,
    now: datetime,
) -> tuple[tuple[PointsBalance, ...], tuple[PointsBalance, ...]]:
    if known is None:
        return (), ()
    after = replace_customer(known, entry, now)
    return known.balances(now), after.balances(now)


def replace_customer(known: Known, entry: Entry, now: datetime) -> Known:
    """The same knowledge after one more entry."""
    return dataclasses.replace(known, customer=apply_entry(known.customer, entry, now))


def _counted(known: Known | None, decision: Decision, now: datetime) -> dict[str, int]:
    """What the counters that this sale moved hold after it."""
    if known is None:
        return {}
    held: dict[str, int] = {}
    for effect in decision.effects:
        if isinstance(effect, Counted):
            before = held.get(effect.counter)
            if before is None:
                before = counted_by(known.customer, effect.counter, now)
            held[effect.counter] = before + effect.amount
    return held


def _shown_name(known: Known | None) -> str:
    if known is None:
        return ""
    return known.customer.phone or known.customer.name or known.customer.id


def _glance(receipt: Receipt, decision: Decision, claim: str) -> dict[str, str]:
    """The closed receipt in a few words for the panel."""
    return {
        "uid": receipt.uid,
        "total": str(receipt.total),
        "discount": str(decision.discount),
        "earned": str(sum(effect.amount for effect in decision.earned)),
        "spent": str(sum(effect.amount for effect in decision.spent)),
        "claim": claim,
    }

"""Closing a sale: one transaction writes the envelope, the ledger entry and the answer; only then is anybody told."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import Final

from msgspec.structs import replace

from agent.checkout import slips_again, writing
from agent.checkout.charged import decision_of
from agent.checkout.customers import limits
from agent.checkout.customers.identity import customer_by_code
from agent.checkout.customers.knowledge import Known, apply_entry
from agent.checkout.in_hand import lease_reports, leases, value_leases
from agent.checkout.in_hand.coupons import remember_coupons
from agent.checkout.records import AwaitingPrint, Closed, Entry, Hold, Open, Unnamed, read, write
from agent.checkout.state import DeskState
from agent.loyalty.facts import counted_by
from agent.loyalty.lots import earned_lot
from agent.slips.compose import sale_slip
from agent.slips.text import lay_out
from drivers.vocabulary import checkout as contract
from drivers.vocabulary import codec, facts
from drivers.vocabulary.checkout import PointsBalance
from drivers.vocabulary.claims import claim_code
from drivers.vocabulary.decision import (
    Counted,
    CouponIssued,
    CouponUsed,
    Decision,
    MembershipGranted,
    PointsDonated,
    PointsSpent,
)
from drivers.vocabulary.inside import WhatTillBelieves
from drivers.vocabulary.receipt import DocumentKind, Receipt
from offline_queue.transaction import Transaction

__all__ = ["close_sale", "confirm", "slip_of"]

#: What a customer's own entry keeps of a decision.
_MOVES_FACTS: Final = (Counted, CouponUsed, CouponIssued, MembershipGranted)


def confirm(
    desk: DeskState, request: contract.ConfirmRequest, *, source: str, unnamed: tuple[str, ...] = ()
) -> contract.ConfirmAnswer:
    """A till confirms a sale over the contract; repeating it answers the same, another body is refused.

    `unnamed` is by which keyed hashes the centre may know whom it names, and nobody else does.
    """
    receipt = request.receipt
    writing.require_kind(receipt, DocumentKind.SALE)
    desk.check_currency(receipt)
    closed = read(desk.store, "closed", receipt.uid, Closed)
    if closed is not None:
        return codec.decode(writing.answered_before(closed, receipt), contract.ConfirmAnswer)
    opened = read(desk.store, "checkout", receipt.uid, Open)
    asked = request.customer_id or (customer_by_code(desk, request.code) if request.code is not None else None)
    if request.late:
        customer_id = asked or (opened.customer_id if opened is not None else None)
    else:
        customer_id = desk.customer_of(asked, opened)
    return close_sale(
        desk,
        receipt,
        opened=opened,
        customer_id=customer_id,
        mark=request.decision_mark,
        source=source,
        is_late=request.late,
        unnamed=unnamed if customer_id is None else (),
    )


def close_sale(
    desk: DeskState,
    receipt: Receipt,
    *,
    opened: Open | None,
    customer_id: str | None,
    mark: str | None,
    source: str,
    print_uid: str = "",
    believed: WhatTillBelieves | None = None,
    is_late: bool = False,
    unnamed: tuple[str, ...] = (),
) -> contract.ConfirmAnswer:
    """Decide, write everything at once, answer.

    A sale that `is_late` was read out of a memory some time after it was closed: it is decided as of then, and who
    stands at the till now has nothing to do with it.
    """
    now = desk.clock.now()
    decided_at = min(now, receipt.closed_at or now) if is_late else now
    partner = (opened.partner if opened is not None else "") if is_late else desk.partner_of(opened)
    known = desk.known(customer_id, for_receipt=receipt.uid) if customer_id is not None else None
    decision, difference = decision_of(
        desk, receipt, opened=opened, known=known, mark=mark, now=decided_at, partner=partner
    )
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
        believed=believed,
    )
    entry = _sale_entry(receipt, decision, now)
    slip, after = slip_of(desk, receipt, decision, known, claim=claim, now=now)
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
            lease_reports.note_wanted(tx, known.customer.id, now)
            if not is_late:
                presented = opened.presented if opened is not None else desk.is_presented(known.customer.id)
                limits.note_visit(desk, tx, known.customer.id, cashier=receipt.cashier, presented=presented, now=now)
        uses = value_leases.plan_uses(desk, receipt.uid, decision)
        fact = replace(fact, values=uses.used)
        envelope = writing.append(desk, tx, fact, writing.marks(receipt, claim, customer_id))
        uses.write(tx, envelope)
        limit = None if is_late else limits.met(desk, receipt, customer_id)
        if limit is not None:
            writing.append(desk, tx, limit, [f"receipt:{receipt.uid}", f"customer:{limit.customer_id}"])
        _forget_open(desk, tx, receipt.uid, customer_id if hold is not None else None)
        writing.remember(desk, tx, closed, entry=entry, envelope=envelope)
        remember_coupons(desk.store, tx, decision, now, envelope)
        if unnamed:
            write(tx, "unnamed", receipt.uid, Unnamed(aliases=unnamed, at=now))
        if print_uid not in {"", receipt.uid}:
            # The print may come again after a cut in power, when nothing else says which sale it was.
            tx.put("printed", print_uid, receipt.uid.encode())
        if not source.startswith("print:") and desk.prints_are_seen:  # a POS told of it, and its print is to come
            waiting = AwaitingPrint(uid=receipt.uid, total=receipt.total, closed_at=now)
            write(tx, "print", receipt.uid, waiting)
        if not is_late:
            tx.delete("desk", "current")
            tx.put("desk", "last", codec.encode(_glance(receipt, decision, claim)))
    if not is_late:
        desk.current = None
        desk.notice = ""
        desk.last_receipt = _glance(receipt, decision, claim)
    slips_again.tell(desk, source, closed)
    return answer


def _forget_open(desk: DeskState, tx: Transaction, uid: str, held_by: str | None) -> None:
    """What was kept for a receipt in progress is over."""
    value_leases.drop_promises(desk, tx, uid)
    tx.delete("checkout", uid)
    if held_by is not None:
        tx.delete("hold", f"{held_by}/{uid}")


def slip_of(
    desk: DeskState, receipt: Receipt, decision: Decision, known: Known | None, *, claim: str, now: datetime
) -> tuple[tuple[str, ...], tuple[PointsBalance, ...]]:
    """(the loyalty lines of a sale, the balances after it); changes nothing."""
    before, after = _before_after(known, _sale_entry(receipt, decision, now), now)
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
    return slip, after


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

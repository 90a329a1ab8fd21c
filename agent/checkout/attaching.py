"""A closed receipt of nobody becomes somebody's: points are earned late, as of the day of the receipt, and once.

The customer comes back with the receipt and shows its QR code, or our claim code; the cashier scans it while they are
at the till. Discounts are not made good: the goods were paid for.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace

from agent.checkout import writing
from agent.checkout.closing import slip_of
from agent.checkout.codes.receipt_codes import SALE, ReceiptCode, read_receipt_code
from agent.checkout.customers.identity import customer_by_code
from agent.checkout.records import Closed, Entry, read
from agent.checkout.state import DeskState
from agent.loyalty.lots import earned_lot
from agent.slips.text import lay_out
from drivers.vocabulary import checkout as contract
from drivers.vocabulary import facts
from drivers.vocabulary.claims import claim_code
from drivers.vocabulary.decision import Counted, Decision, PointsEarned
from drivers.vocabulary.errors import CheckoutRefused
from drivers.vocabulary.receipt import DocumentKind

__all__ = ["attach_receipt", "find_receipt"]

#: What is done late. Coupons, gifts and grants belong to the moment of the sale.
_LATE: Final = (PointsEarned, Counted)
NEAR: Final = timedelta(minutes=3)  # between the fiscal printer's clock and ours, and between print and confirm
LOOKED_AT_MAX: Final = 5_000  # receipts of three days: a busy till closes a thousand a day


def attach_receipt(desk: DeskState, request: contract.AttachRequest) -> contract.AttachAnswer:
    """Give a closed receipt to a customer; repeating it answers the same.

    Raises:
        CheckoutRefused: ``no_customer``, ``unknown_receipt``, ``not_a_sale``, ``already_attached``,
            ``already_returned``, ``too_late``.
    """
    now = desk.clock.now()
    closed = find_receipt(desk, request.receipt)
    customer_id = _customer(desk, request)
    known = desk.known(customer_id) if customer_id is not None else None
    if known is None:
        raise CheckoutRefused(
            "nobody to give the receipt to: show the customer's card or type the phone first", code="no_customer"
        )
    if closed.customer_id is not None:
        return _had_before(desk, closed, known.customer.id, now)
    _require_fresh(desk, closed, now)
    at = closed.receipt.closed_at or closed.closed_at
    fresh = desk.decide(closed.receipt, known, min(at, now), closed=True)
    late = tuple(effect for effect in fresh.effects if isinstance(effect, _LATE))
    decision = _with(closed.decision, late)
    claim = _claim(desk, closed)
    fact = facts.ReceiptAttached(
        receipt=closed.receipt,
        decision=decision,
        claim_code=claim,
        source=closed.source,
        customer_id=known.customer.id,
    )
    sold = replace(decision, effects=late, explanations=(), spendable={}, hints=())
    lots = tuple(
        earned_lot(closed.uid, effect) for effect in late if isinstance(effect, PointsEarned) and effect.amount
    )
    entry = Entry(epoch=0, sequence=0, lots=lots, spent_money=closed.receipt.total, sold=sold, at=at)
    slip, after = slip_of(desk, closed.receipt, sold, known, claim=claim, now=now)
    given = replace(closed, customer_id=known.customer.id, decision=decision, slip=slip)
    with desk.store.transaction() as tx:
        envelope = writing.append(desk, tx, fact, writing.marks(closed.receipt, claim, known.customer.id))
        writing.remember(desk, tx, given, entry=entry, envelope=envelope)
    return contract.AttachAnswer(
        receipt_uid=closed.uid,
        customer_id=known.customer.id,
        earned=_earned(decision),
        balances=after,
        slip=lay_out(slip, desk.rules.columns),
    )


def find_receipt(desk: DeskState, text: str) -> Closed:
    """The closed receipt a code or a uid names; raises CheckoutRefused when this till does not know it."""
    code = read_receipt_code(text)
    closed = _by_uid(desk, text) if code is None else _by_code(desk, code)
    if closed is None:
        raise CheckoutRefused(
            "this receipt is not known here; it must have been closed at this till, and not long ago",
            code="unknown_receipt",
            field="receipt",
        )
    if closed.receipt.kind is not DocumentKind.SALE or (code is not None and code.kind != SALE):
        raise CheckoutRefused("this is the receipt of a return; only sales earn", code="not_a_sale", field="receipt")
    return closed


def _by_uid(desk: DeskState, uid: str) -> Closed | None:
    alias = desk.store.get("printed", uid)
    return read(desk.store, "closed", alias.decode() if alias is not None else uid, Closed)


def _by_code(desk: DeskState, code: ReceiptCode) -> Closed | None:
    if code.uid:
        closed = _by_uid(desk, code.uid)
        if closed is not None:
            return closed
    near = [one for one in _recent(desk, code) if _fits(desk, one, code)]
    # Two receipts of one sum within minutes: which one it is, nobody can know.
    return near[0] if len(near) == 1 else None


def _recent(desk: DeskState, code: ReceiptCode) -> list[Closed]:
    """The receipts of the days around the one on the code; for a claim, all that are kept."""
    days = [""]
    if code.printed_at is not None:
        days = [(code.printed_at + timedelta(days=shift)).date().isoformat() for shift in (-1, 0, 1)]
    uids = [uid.decode() for day in days for _, uid in desk.store.scan("closed_on", day, limit=LOOKED_AT_MAX)]
    found = (read(desk.store, "closed", uid, Closed) for uid in uids)
    return [one for one in found if one is not None and one.receipt.kind is DocumentKind.SALE]


def _fits(desk: DeskState, closed: Closed, code: ReceiptCode) -> bool:
    if code.claim:
        return _claim(desk, closed) == code.claim
    if code.printed_at is None or closed.receipt.total.minor != code.total_minor:
        return False
    told = code.printed_at.replace(tzinfo=desk.rules.slip.zone)
    moments = (closed.closed_at, closed.receipt.closed_at)
    return any(moment is not None and abs(moment - told) <= NEAR for moment in moments)


def _customer(desk: DeskState, request: contract.AttachRequest) -> str | None:
    if request.customer_id is not None:
        return request.customer_id
    if request.code is not None:
        return customer_by_code(desk, request.code)
    return desk.current.customer_id if desk.current is not None else None


def _require_fresh(desk: DeskState, closed: Closed, now: datetime) -> None:
    if closed.returned:
        raise CheckoutRefused(
            "goods of this receipt were returned already; it earns nothing any more",
            code="already_returned",
            field="receipt",
        )
    if now - closed.closed_at > desk.rules.attach_within:
        days = desk.rules.attach_within.days
        raise CheckoutRefused(
            f"this receipt is older than {days} days; it earns nothing any more", code="too_late", field="receipt"
        )


def _had_before(desk: DeskState, closed: Closed, customer_id: str, now: datetime) -> contract.AttachAnswer:
    if desk.knowledge.resolve(closed.customer_id or "") != desk.knowledge.resolve(customer_id):
        raise CheckoutRefused(
            "this receipt has earned for another customer already; it counts once",
            code="already_attached",
            field="receipt",
        )
    known = desk.known(customer_id)
    return contract.AttachAnswer(
        receipt_uid=closed.uid,
        customer_id=customer_id,
        earned=_earned(closed.decision),
        balances=known.balances(now) if known is not None else (),
        slip=lay_out(closed.slip, desk.rules.columns),
        duplicate=True,
    )


def _with(decision: Decision, late: tuple[PointsEarned | Counted, ...]) -> Decision:
    """What the receipt did, with what it does late; what nobody could have earned is taken out."""
    before = tuple(effect for effect in decision.effects if not isinstance(effect, _LATE))
    return replace(decision, effects=(*before, *late))


def _earned(decision: Decision) -> dict[str, int]:
    found: dict[str, int] = {}
    for effect in decision.earned:
        found[effect.unit] = found.get(effect.unit, 0) + effect.amount
    return found


def _claim(desk: DeskState, closed: Closed) -> str:
    return claim_code(desk.name.till, closed.uid)

"""Returns: a return replays what the sale did, not today's rules; an unknown sale is settled by the centre."""

from __future__ import annotations

from msgspec.structs import replace

from agent.checkout import slips_again, writing
from agent.checkout.in_hand.coupons import forget_coupons
from agent.checkout.records import Closed, Entry, read, write
from agent.checkout.state import DeskState
from agent.loyalty import RefundEffect
from agent.loyalty import refund as refund_effect
from agent.slips.compose import refund_slip
from agent.slips.text import lay_out
from drivers.vocabulary import checkout as contract
from drivers.vocabulary import codec, facts
from drivers.vocabulary.claims import claim_code
from drivers.vocabulary.customer import PointsLot
from drivers.vocabulary.decision import Decision
from drivers.vocabulary.errors import CheckoutRefused
from drivers.vocabulary.receipt import DocumentKind, Receipt

__all__ = ["refund", "refund_lines"]


def refund(desk: DeskState, request: contract.RefundRequest, *, source: str) -> contract.RefundAnswer:
    """A return: replays what the sale did; a sale that is not known here is settled by the centre."""
    receipt = request.receipt
    writing.require_kind(receipt, DocumentKind.RETURN)
    desk.check_currency(receipt)
    before = read(desk.store, "closed", receipt.uid, Closed)
    if before is not None:
        return codec.decode(writing.answered_before(before, receipt), contract.RefundAnswer)
    base = read(desk.store, "closed", receipt.base_uid, Closed) if receipt.base_uid else None
    effect = RefundEffect()
    if base is not None:
        _require_returnable(base, receipt)
        effect = refund_effect(base.decision, base.receipt, receipt, base.returned)
    given, taken = effect.points_given_back, effect.points_taken_back
    customer_id = base.customer_id if base is not None else request.customer_id
    claim = claim_code(desk.name.till, receipt.uid)
    slip = refund_slip(
        desk.slip_style(),
        effect,
        sale=base.decision if base is not None else None,
        settled_by_centre=base is None,
        claim=claim,
    )
    answer = contract.RefundAnswer(
        receipt_uid=receipt.uid,
        claim_code=claim,
        points_given_back=given,
        points_taken_back=taken,
        certificates=tuple(contract.CertificateRefill(code=one.code, amount=one.amount) for one in effect.certificates),
        settled_by_centre=base is None,
        slip=lay_out(slip, desk.rules.columns),
    )
    fact = facts.ReceiptRefunded(
        receipt=receipt,
        claim_code=claim,
        source=source,
        customer_id=customer_id,
        base_uid=receipt.base_uid,
        points_given_back=given,
        points_taken_back=taken,
        settled_by_centre=base is None,
    )
    now = desk.clock.now()
    closed = Closed(
        uid=receipt.uid,
        digest=writing.digest(receipt),
        source=source,
        closed_at=now,
        receipt=receipt,
        decision=Decision(
            programme_version=desk.programme.version if desk.programme else 0,
            total=receipt.total,
            discount=receipt.total.with_minor(0),
            payable=receipt.total,
        ),
        answer=codec.encode(answer).decode(),
        customer_id=customer_id,
        slip=slip,
    )
    # Given-back points come without an expiry until the centre says which lots they return to.
    lots = tuple(PointsLot(id=f"{receipt.uid}:back:{unit}", unit=unit, amount=points) for unit, points in given.items())
    entry = Entry(epoch=0, sequence=0, spent_points=taken, lots=lots, spent_money=-receipt.total, undone=effect)
    with desk.store.transaction() as tx:
        envelope = writing.append(desk, tx, fact, writing.marks(receipt, claim, customer_id))
        writing.remember(desk, tx, closed, entry=entry if base is not None else None, envelope=envelope)
        if base is not None:
            write(tx, "closed", base.uid, replace(base, returned=(*base.returned, receipt)))
            forget_coupons(desk.store, tx, effect, envelope)
    slips_again.tell(desk, source, closed)
    return answer


def _require_returnable(base: Closed, receipt: Receipt) -> None:
    """A return may not take back more than was sold."""
    returned = sum(part.total.minor for part in base.returned)
    if returned + receipt.total.minor > base.receipt.total.minor:
        left = base.receipt.total.with_minor(base.receipt.total.minor - returned)
        raise CheckoutRefused(
            f"the return of {receipt.total} is more than what is left of receipt {base.uid} ({left})",
            code="more_than_sold",
            field="receipt.total",
        )


def refund_lines(desk: DeskState, answer: contract.RefundAnswer) -> tuple[str, ...]:
    """The slip of a return, as it was made when it closed."""
    closed = read(desk.store, "closed", answer.receipt_uid, Closed)
    return closed.slip if closed is not None else ()

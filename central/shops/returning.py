"""A return at a shop: it undoes what the sale did, wherever that was sold; an unknown sale is waited for."""

from __future__ import annotations

from agent.loyalty import RefundEffect
from agent.loyalty import refund as refund_effect
from central.database import lock_receipts
from central.receipts import Receipts, ReceiptState, Recorded
from central.shops.closing import different_body
from central.shops.sitting import Sitting, digest
from drivers.vocabulary import checkout as contract
from drivers.vocabulary import facts
from drivers.vocabulary.claims import claim_code
from drivers.vocabulary.errors import CheckoutRefused
from drivers.vocabulary.receipt import DocumentKind, Receipt

__all__ = ["refund"]


def refund(sitting: Sitting, request: contract.RefundRequest) -> contract.RefundAnswer:
    """A return is closed; repeating it answers the same, another body under its uid is refused."""
    receipt = request.receipt
    sitting.check(receipt, DocumentKind.RETURN)
    bases = (receipt.base_uid,) if receipt.base_uid else ()
    lock_receipts(sitting.connection, sales=(receipt.uid,), bases=bases)
    receipts = Receipts(sitting.connection)
    before = receipts.get(receipt.uid)
    if before is not None:
        return _answered_before(receipts, before, receipt)
    base = receipts.get(receipt.base_uid) if receipt.base_uid else None
    effect, customer = RefundEffect(), request.customer_id
    if base is not None:
        effect, customer = _effect(receipts, base, receipt), base.customer
    claim = claim_code(sitting.shop.till, receipt.uid)
    fact = facts.ReceiptRefunded(
        receipt=receipt,
        claim_code=claim,
        source=f"shop:{sitting.shop.name}",
        customer_id=customer,
        base_uid=receipt.base_uid,
        points_given_back=effect.points_given_back,
        points_taken_back=effect.points_taken_back,
        settled_by_centre=base is None,
    )
    sitting.write(fact)
    return _answer(fact, effect)


def _effect(receipts: Receipts, base: Recorded, receipt: Receipt) -> RefundEffect:
    """What this return undoes.

    Raises:
        CheckoutRefused: the base is no sale, or more would come back than was sold.
    """
    sale = receipts.fact_of(base)
    if not isinstance(sale, facts.ReceiptConfirmed):
        raise CheckoutRefused(
            f"receipt {base.uid} is not a sale and cannot be taken back", code="not_a_sale", field="receipt.base_uid"
        )
    settled = [one for one in receipts.returns_of(base.uid) if one.state is ReceiptState.SETTLED]
    earlier = tuple(receipts.fact_of(one).receipt for one in settled)
    left = sale.receipt.total.minor - sum(one.total.minor for one in earlier)
    if receipt.total.minor > left:
        raise CheckoutRefused(
            f"the return of {receipt.total} is more than what is left of receipt {base.uid} "
            f"({receipt.total.with_minor(max(0, left))})",
            code="more_than_sold",
            field="receipt.total",
        )
    return refund_effect(sale.decision, sale.receipt, receipt, earlier)


def _answered_before(receipts: Receipts, before: Recorded, receipt: Receipt) -> contract.RefundAnswer:
    fact = receipts.fact_of(before)
    if not isinstance(fact, facts.ReceiptRefunded) or digest(fact.receipt) != digest(receipt):
        raise different_body(receipt.uid)
    return _answer(fact, RefundEffect(), duplicate=True)


def _answer(fact: facts.ReceiptRefunded, effect: RefundEffect, *, duplicate: bool = False) -> contract.RefundAnswer:
    return contract.RefundAnswer(
        receipt_uid=fact.receipt.uid,
        claim_code=fact.claim_code,
        points_given_back=fact.points_given_back,
        points_taken_back=fact.points_taken_back,
        certificates=tuple(contract.CertificateRefill(code=one.code, amount=one.amount) for one in effect.certificates),
        settled_by_centre=fact.settled_by_centre,
        duplicate=duplicate,
    )

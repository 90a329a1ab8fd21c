"""A receipt that is still open in the register: what may be taken off it, and which lines go into it.

The receipt is quoted as one that a till asks about would be, under a name of its own; the document that ends it names
the quote again. The loyalty lines have to be laid out before the register closes the receipt, both for the case that
the discount is taken off and for the case that the sums stay.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from agent.checkout.closing import slip_of
from agent.checkout.customers.identity import customer_by_code
from agent.checkout.observed.matching import expected_total
from agent.checkout.records import Open, read
from agent.slips.text import lay_out
from drivers.vocabulary import checkout as contract
from drivers.vocabulary.claims import claim_code
from drivers.vocabulary.decision import Decision
from drivers.vocabulary.inside import InsideOffer
from drivers.vocabulary.receipt import Receipt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.checkout.state import DeskState
    from drivers.vocabulary.events import Document

__all__ = ["named", "offer_of", "request_of"]


def request_of(document: Document) -> contract.QuoteRequest | None:
    """The question about an open receipt; None for a document that is none."""
    receipt = document.receipt
    if receipt is None:
        return None
    kinds = tuple(dict.fromkeys(tender.kind for tender in receipt.tenders if tender.amount))
    return contract.QuoteRequest(receipt=replace(receipt, tenders=(), change=None), announced_tenders=kinds)


def named(desk: DeskState, request: contract.QuoteRequest, codes: Sequence[str]) -> contract.QuoteRequest:
    """The same question for whom the receipt names by a card or phone we know; who is at the till goes before."""
    if desk.current is not None and desk.current.customer_id is not None:
        return request
    found = next((one for one in (customer_by_code(desk, code) for code in codes) if one is not None), None)
    return request if found is None else replace(request, customer_id=found)


def offer_of(desk: DeskState, answer: contract.QuoteAnswer, document: Document) -> InsideOffer | None:
    """What the quote comes to in the register; None when the receipt was closed meanwhile."""
    opened = read(desk.store, "checkout", answer.receipt_uid, Open)
    if opened is None or opened.receipt is None or document.receipt is None:
        return None
    columns = document.columns or desk.rules.columns
    decision = answer.decision
    # What is paid in points would be a tender of the register, which the till has not sent.
    is_discount = decision.payable == expected_total(decision)
    off = desk.charged_off(opened.receipt, decision) if is_discount else {}
    applied = _lines(desk, opened.receipt, decision, answer.customer_id, columns) if off else ()
    known = desk.known(answer.customer_id) if answer.customer_id is not None else None
    as_it_is = desk.decide(document.receipt, known, desk.clock.now(), closed=True, partner=desk.partner_of(opened))
    return InsideOffer(
        quoted=answer.receipt_uid,
        off={number: minor for number, minor in off.items() if minor},
        lines=applied,
        lines_untouched=_lines(desk, document.receipt, as_it_is, answer.customer_id, columns),
    )


def _lines(
    desk: DeskState, receipt: Receipt, decision: Decision, customer_id: str | None, columns: int
) -> tuple[str, ...]:
    known = desk.known(customer_id, for_receipt=receipt.uid) if customer_id is not None else None
    claim = claim_code(desk.name.till, receipt.uid)
    slip, _balances = slip_of(desk, receipt, decision, known, claim=claim, now=desk.clock.now())
    return lay_out(slip, columns)

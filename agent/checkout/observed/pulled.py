"""A closed document read out of a device's memory: counted as its print would be, and its number kept, each once.

The number is kept after the document. Should the process die between the two, the same document comes again: its
receipt is known by its name then, and what cannot be read was kept together with its number.
"""

from __future__ import annotations

import logging
from hashlib import sha256
from typing import Final

from msgspec.structs import replace

from agent.checkout import returning, writing
from agent.checkout.closing import close_sale
from agent.checkout.observed import matching, prints, reported
from agent.checkout.records import AwaitingPrint, Closed, Open, PulledPlace, read, read_all, write
from agent.checkout.state import DeskState
from agent.slips.text import lay_out, words
from drivers.polled import Memory, Pulled
from drivers.transport.recording import redact
from drivers.vocabulary import checkout as contract
from drivers.vocabulary import facts
from drivers.vocabulary.errors import CheckoutRefused
from drivers.vocabulary.events import Document
from drivers.vocabulary.receipt import DocumentKind, Receipt
from offline_queue.errors import StoreError

__all__ = ["count", "place", "pulled", "told"]

log = logging.getLogger(__name__)

_RECEIPTS: Final = frozenset({DocumentKind.SALE, DocumentKind.RETURN})


def place(desk: DeskState, device: str, memory: Memory, *, begin_after: int | None) -> int:
    """The number after which a device is read.

    A memory that this till has not seen before is read from now on, or after `begin_after`: what is in it may have been
    counted by another till, or before this one was there.
    """
    kept = read(desk.store, "pulled", device, PulledPlace)
    if kept is not None and kept.memory == memory.name:
        return kept.number
    number = memory.last if begin_after is None else begin_after
    if kept is not None:
        log.warning("pull.memory device=%s was=%s is=%s after=%d", device, kept.memory, memory.name, number)
    with desk.store.transaction() as tx:
        at = desk.clock.now()
        write(tx, "pulled", device, PulledPlace(memory=memory.name, number=number, last=memory.last, at=at))
    return number


def pulled(desk: DeskState, device: str, one: Pulled) -> tuple[str, ...]:
    """Count a document and keep its number; the lines to print for it, () for one that was counted before."""
    kept = read(desk.store, "pulled", device, PulledPlace)
    if kept is not None and kept.memory == one.memory and one.number <= kept.number:
        return ()
    there = PulledPlace(memory=one.memory, number=one.number, last=one.last, at=desk.clock.now())
    return count(desk, device, one, key=device, there=there)


def told(desk: DeskState, device: str, document: Document) -> None:
    """Count a document that has no number among others, once however often it is told.

    Its receipt is known by its name; what cannot be counted is known by its content.
    """
    name = writing.digest(document.receipt) if document.receipt is not None else sha256(document.raw).hexdigest()
    key = f"{device}:unread/{name}"
    if desk.store.get("pulled", key) is not None:
        return
    there = PulledPlace(memory="", number=0, last=0, at=desk.clock.now())
    count(desk, device, Pulled(memory="", number=0, last=0, document=document), key=key, there=there, is_placed=False)


def count(
    desk: DeskState, device: str, one: Pulled, *, key: str, there: PulledPlace, is_placed: bool = True
) -> tuple[str, ...]:
    """Count a document that was not counted yet and keep its place under `key`; the lines to print for it.

    One that is not placed leaves its key only when it cannot be counted.
    """
    document = one.document
    if document.kind in _RECEIPTS and document.receipt is None:
        _keep_unread(desk, device, one, document.problems, key=key, there=there)
        return ()
    lines: tuple[str, ...] = ()
    try:
        lines = _count(desk, device, one)
    except StoreError:
        raise
    except Exception as error:
        # A document that is refused, or breaks us, must not keep back those behind it.
        if not isinstance(error, CheckoutRefused):
            log.exception("pull.fault device=%s number=%d", device, one.number)
        _keep_unread(desk, device, one, (f"document {one.number}: {error}",), key=key, there=there)
        return ()
    if is_placed:
        with desk.store.transaction() as tx:
            write(tx, "pulled", key, there)
    return lay_out(lines, document.columns or desk.rules.columns)


def _count(desk: DeskState, device: str, one: Pulled) -> tuple[str, ...]:
    receipt = one.document.receipt
    if one.document.kind not in _RECEIPTS or receipt is None:
        return ()
    desk.check_currency(receipt)
    if one.is_fresh:
        desk.turn += 1
        return prints.printed(desk, device, one.document)
    source = f"print:{device}"
    if desk.reports_are_read and reported.is_known(desk, one.document, receipt):
        return ()
    if one.document.kind is DocumentKind.RETURN:
        receipt = reported.with_base(desk, one.document, receipt)
        customer_id = reported.customer_of(desk, one.document)
        returning.refund(desk, contract.RefundRequest(receipt=receipt, customer_id=customer_id), source=source)
    else:
        _count_late_sale(desk, one.document, receipt, source)
    return ()  # whoever bought it has gone


def _count_late_sale(desk: DeskState, document: Document, receipt: Receipt, source: str) -> None:
    """A sale of some time ago: one we know, the print of one the POS asked us about then, or one nobody was seen at."""
    alias = desk.store.get("printed", receipt.uid)
    if read(desk.store, "closed", alias.decode() if alias is not None else receipt.uid, Closed) is not None:
        return
    awaiting = [known for _, known in read_all(desk.store, "print", AwaitingPrint)]
    quoted = [known for _, known in read_all(desk.store, "checkout", Open)]
    match: AwaitingPrint | Open | None = None
    if desk.reports_are_read:
        awaiting = reported.may_be(desk, receipt, awaiting)
        match = reported.quote_of(desk, document, receipt)
    match = match or matching.match_late(receipt, awaiting, quoted)
    if isinstance(match, AwaitingPrint):
        prints.print_of(desk, match, receipt.uid)
        return
    print_uid, opened, mark, customer_id = receipt.uid, None, None, reported.customer_of(desk, document)
    if match is not None and match.receipt is not None and match.decision is not None:
        opened, customer_id = match, match.customer_id or customer_id
        if matching.expected_total(match.decision) == receipt.total:
            mark = match.mark
            receipt = matching.as_printed(match.receipt, desk.charged_off(match.receipt, match.decision), receipt)
        else:  # the same sale by its number, and something else was charged
            receipt = replace(receipt, uid=match.uid)
    close_sale(
        desk,
        receipt,
        opened=opened,
        customer_id=customer_id,
        mark=mark,
        source=source,
        print_uid=print_uid,
        is_late=True,
    )


def _keep_unread(
    desk: DeskState, device: str, one: Pulled, problems: tuple[str, ...], *, key: str, there: PulledPlace
) -> None:
    """What does not add up is kept raw for a person, together with its number."""
    # A receipt may hold the customer's phone or card: masked before it touches the disk, its length kept.
    raw = redact(one.document.raw)
    fact = facts.ReceiptUnread(device=device, raw=raw, problems=problems, printed_at=desk.clock.now())
    with desk.store.transaction() as tx:
        writing.append(desk, tx, fact, [f"device:{device}"])
        write(tx, "pulled", key, there)
    if one.is_fresh:
        desk.notice = words(desk.rules.slip.language)["unread"]

"""A document ended on a printer's stream: a sale, a return, a print of what we know, or nothing of ours."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from agent.checkout import returning, slips_again, writing
from agent.checkout.closing import close_sale
from agent.checkout.customers.identity import customer_by_code
from agent.checkout.observed import matching
from agent.checkout.records import AwaitingPrint, Closed, Open, read, read_all, write
from agent.checkout.state import DeskState
from agent.slips.text import lay_out, words
from drivers.transport.recording import redact
from drivers.vocabulary import checkout as contract
from drivers.vocabulary import facts
from drivers.vocabulary.events import Document
from drivers.vocabulary.receipt import DocumentKind, Receipt

__all__ = ["print_of", "printed"]


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
    if document.quoted:
        return _sale_quoted(desk, document, document.receipt, source)
    return _sale_printed(desk, document.receipt, source, document.codes)


def _sale_printed(desk: DeskState, receipt: Receipt, source: str, codes: Sequence[str] = ()) -> tuple[str, ...]:
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
        return print_of(desk, match, print_uid, source=source)
    opened, mark = None, None
    named = (customer_by_code(desk, code) for code in codes)
    customer_id = desk.customer_of(None, None) or next((one for one in named if one is not None), None)
    if match is not None and match.receipt is not None and match.decision is not None:
        opened, mark, customer_id = match, match.mark, match.customer_id
        receipt = matching.as_printed(match.receipt, desk.charged_off(match.receipt, match.decision), receipt)
    close_sale(desk, receipt, opened=opened, customer_id=customer_id, mark=mark, source=source, print_uid=print_uid)
    closed = read(desk.store, "closed", receipt.uid, Closed)
    return closed.slip if closed is not None else ()


def _sale_quoted(desk: DeskState, document: Document, receipt: Receipt, source: str) -> tuple[str, ...]:
    """A sale that was quoted while it was open in the register; by the quote's name it is known from now on."""
    opened = read(desk.store, "checkout", document.quoted, Open)
    if opened is None or opened.receipt is None or opened.decision is None:
        return _sale_printed(desk, receipt, source, document.codes)
    believed = document.believed
    off = desk.charged_off(opened.receipt, opened.decision)
    if believed is not None and receipt.total.minor == opened.receipt.total.minor - sum(off.values()):
        sold = matching.as_printed(opened.receipt, off, receipt)
    else:  # the sums stayed, or more was sold after the quote: the receipt is what the register has
        sold = replace(receipt, uid=opened.uid)
    close_sale(
        desk,
        sold,
        opened=opened,
        customer_id=opened.customer_id,
        mark=opened.mark if believed is not None else None,
        source=source,
        print_uid=receipt.uid,
        believed=believed,
    )
    if believed is not None:
        told = words(desk.rules.slip.language)["taken_off_inside"]
        desk.notice = told.format(off=receipt.total.with_minor(believed.off_minor), due=receipt.total)
    closed = read(desk.store, "closed", opened.uid, Closed)
    return closed.slip if closed is not None else ()


def print_of(desk: DeskState, awaiting: AwaitingPrint, print_uid: str, *, source: str = "") -> tuple[str, ...]:
    """The print of a receipt that was confirmed over the contract: its slip, and no second sale."""
    closed = read(desk.store, "closed", awaiting.uid, Closed)
    with desk.store.transaction() as tx:
        tx.delete("print", awaiting.uid)
        tx.put("printed", print_uid, awaiting.uid.encode())
        if closed is not None:
            write(tx, "closed", closed.uid, replace(closed, print_uid=print_uid))
    if closed is not None and source:
        slips_again.tell(desk, source, closed)
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

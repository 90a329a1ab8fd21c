"""One sale told twice, by a POS's call and by its report, under two names: recognised whichever comes first.

The report is read minutes or days after the call, and a call that waited in a POS's queue may come after the report.
The document's own number, its shift and its day say which sale it is; what neither has is matched by total and time
(`matching.match_late`). What the calls missed is counted from the report: that is the reconciliation.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace

from agent.checkout import attaching, writing
from agent.checkout.customers.identity import customer_by_code
from agent.checkout.observed import prints
from agent.checkout.records import AwaitingPrint, Closed, Open, read, read_all
from agent.checkout.state import DeskState
from drivers.vocabulary import checkout as contract
from drivers.vocabulary import codec
from drivers.vocabulary.errors import CheckoutRefused
from drivers.vocabulary.events import Document
from drivers.vocabulary.receipt import DocumentKind, Receipt

__all__ = [
    "confirmed",
    "customer_of",
    "is_known",
    "may_be",
    "quote_of",
    "refunded",
    "with_base",
]

log = logging.getLogger(__name__)

#: Between the clocks of POS and agent, and a call that waited: within half a day no number comes again in a shift.
NEAR: Final = timedelta(hours=12)
#: A sale of that number whose total is told otherwise is the same one only if all else agrees.
SAME_MOMENT: Final = timedelta(minutes=10)
_DAY: Final = timedelta(days=1)
_PRINT: Final = "print:"


# ── A document of a report ──────────────────────────────────────────────────────────────────────


def is_known(desk: DeskState, document: Document, receipt: Receipt) -> bool:
    """Whether this document was counted already, by a call or by an earlier report; notes that they are one."""
    for name in (receipt.uid, *document.also):
        closed = _closed(desk, name)
        if closed is not None:
            _join(desk, closed, document, receipt)
            return True
    closed = _numbered(desk, receipt, lambda one: not one.source.startswith(_PRINT) and not one.print_uid)
    if closed is None:
        return False
    _join(desk, closed, document, receipt)
    return True


def _join(desk: DeskState, closed: Closed, document: Document, receipt: Receipt) -> None:
    """The report's name is another name of a receipt we have; a customer only the report names gets it."""
    if closed.receipt.total != receipt.total:
        log.warning("report.differs receipt=%s told=%s report=%s", closed.uid, closed.receipt.total, receipt.total)
    if closed.uid != receipt.uid and not closed.print_uid:
        waiting = AwaitingPrint(uid=closed.uid, total=closed.receipt.total, closed_at=closed.closed_at)
        prints.print_of(desk, waiting, receipt.uid)
    customer_id = customer_of(desk, document)
    if closed.customer_id is None and customer_id is not None and receipt.kind is DocumentKind.SALE:
        _attach(desk, closed, customer_id)


def customer_of(desk: DeskState, document: Document) -> str | None:
    """Whom the document names, when we know one of its codes."""
    for code in document.codes:
        customer_id = customer_by_code(desk, code)
        if customer_id is not None:
            return customer_id
    return None


def may_be(desk: DeskState, receipt: Receipt, awaiting: Iterable[AwaitingPrint]) -> list[AwaitingPrint]:
    """Sales that wait for their print and are not known to be another one by their number."""
    found = []
    for one in awaiting:
        closed = read(desk.store, "closed", one.uid, Closed)
        if closed is None or not _differ(closed.receipt.number, receipt.number):
            found.append(one)
    return found


def quote_of(desk: DeskState, document: Document, receipt: Receipt) -> Open | None:
    """The quote of this very sale, whose confirm never came: by its uid, or by number, shift and time."""
    quoted = [one for _, one in read_all(desk.store, "checkout", Open) if one.decision is not None]
    for one in quoted:
        if one.uid in document.also:
            return one
    at = receipt.closed_at
    for one in quoted:
        told = one.receipt
        if told is None or at is None or not told.number or told.shift is None:
            continue
        is_same = not _differ(told.number, receipt.number) and told.shift == receipt.shift
        if is_same and abs(at - one.touched_at) <= SAME_MOMENT:
            return one
    return None


def with_base(desk: DeskState, document: Document, receipt: Receipt) -> Receipt:
    """The return with the uid under which we know its sale."""
    if document.base is None or receipt.base_uid:
        return receipt
    shift, number = document.base
    found = [
        closed
        for closed in _under(desk, f"{number[: writing.NUMBER_CHARS]}/")
        if closed.receipt.kind is DocumentKind.SALE
        and shift in {None, closed.receipt.shift}
        and closed.receipt.total.minor >= receipt.total.minor
    ]
    if not found:
        return receipt
    return replace(receipt, base_uid=max(found, key=lambda closed: closed.closed_at).uid)


# ── A call that comes after the report ──────────────────────────────────────────────────────────


def confirmed(desk: DeskState, request: contract.ConfirmRequest) -> contract.ConfirmAnswer | None:
    """The answer to a confirm of what a report has told already, None for one that is news."""
    closed = _told_already(desk, request.receipt)
    if closed is None:
        return None
    answer = codec.decode(closed.answer, contract.ConfirmAnswer)
    customer_id = request.customer_id or (customer_by_code(desk, request.code) if request.code is not None else None)
    if closed.customer_id is None and customer_id is not None:
        given = _attach(desk, closed, customer_id)
        if given is not None:
            answer = replace(answer, customer_id=given.customer_id, balances=given.balances, slip=given.slip)
    return replace(answer, receipt_uid=request.receipt.uid, duplicate=True)


def refunded(
    desk: DeskState, request: contract.RefundRequest
) -> tuple[contract.RefundRequest, contract.RefundAnswer | None]:
    """(the return under the name by which its sale is known, the answer if a report has told of it already)."""
    if not desk.reports_are_read:
        return request, None
    closed = _told_already(desk, request.receipt)
    if closed is not None:
        answer = codec.decode(closed.answer, contract.RefundAnswer)
        return request, replace(answer, receipt_uid=request.receipt.uid, duplicate=True)
    base_uid = request.receipt.base_uid
    base = _closed(desk, base_uid) if base_uid else None
    if base is not None and base.uid != base_uid:
        request = replace(request, receipt=replace(request.receipt, base_uid=base.uid))
    return request, None


def _told_already(desk: DeskState, receipt: Receipt) -> Closed | None:
    """What a report told of this receipt; its second name is kept."""
    if not desk.reports_are_read or read(desk.store, "closed", receipt.uid, Closed) is not None:
        return None
    closed = _closed(desk, receipt.uid)
    if closed is not None:
        return closed
    closed = _numbered(desk, receipt, lambda one: one.source.startswith(_PRINT))
    if closed is not None:
        with desk.store.transaction() as tx:
            tx.put("printed", receipt.uid, closed.uid.encode())
    return closed


# ── Finding ─────────────────────────────────────────────────────────────────────────────────────


def _closed(desk: DeskState, name: str) -> Closed | None:
    alias = desk.store.get("printed", name)
    return read(desk.store, "closed", alias.decode() if alias is not None else name, Closed)


def _numbered(desk: DeskState, receipt: Receipt, wanted: Callable[[Closed], bool]) -> Closed | None:
    """The closed receipt of that number, shift and day; the nearest in time."""
    if not receipt.number:
        return None
    at = receipt.closed_at or desk.clock.now()
    prefixes = {writing.numbered_prefix(receipt.number, day) for day in (at - _DAY, at, at + _DAY)}
    found = [
        one for prefix in sorted(prefixes) for one in _under(desk, prefix) if wanted(one) and _is(one, receipt, at)
    ]
    return min(found, key=lambda one: abs(at - _when(one)), default=None)


def _under(desk: DeskState, prefix: str) -> list[Closed]:
    uids = [key.rpartition("/")[2] for key, _ in desk.store.scan("numbered", prefix)]
    return [closed for uid in uids if (closed := read(desk.store, "closed", uid, Closed)) is not None]


def _is(closed: Closed, receipt: Receipt, at: datetime) -> bool:
    told, apart = closed.receipt, abs(at - _when(closed))
    if told.kind is not receipt.kind or apart > NEAR or told.currency != receipt.currency:
        return False
    if told.shift is not None and receipt.shift is not None and told.shift != receipt.shift:
        return False
    return told.total == receipt.total or (
        told.shift is not None and told.shift == receipt.shift and apart <= SAME_MOMENT
    )


def _when(closed: Closed) -> datetime:
    return closed.receipt.closed_at or closed.closed_at


def _differ(one: str, other: str) -> bool:
    return bool(one and other) and one.lstrip("0") != other.lstrip("0")


def _attach(desk: DeskState, closed: Closed, customer_id: str) -> contract.AttachAnswer | None:
    """Give a receipt of nobody to the customer; None when that cannot be any more."""
    try:
        return attaching.attach_receipt(desk, contract.AttachRequest(receipt=closed.uid, customer_id=customer_id))
    except CheckoutRefused as refused:
        log.info("report.unattached receipt=%s reason=%s", closed.uid, refused.code)
        return None

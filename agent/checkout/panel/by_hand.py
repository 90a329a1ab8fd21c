"""A sale without a till system: the cashier types the sum at the panel, and the agent is the till of that receipt.

The receipt has one line. It is quoted whenever the sum, the customer or what shall be spent has changed, and confirmed
like any other, so points, coupons, claim code and slip are the same. One is in progress at most; it is on disk.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from agent.checkout.panel.wishes import unit_title
from agent.checkout.records import ByHand, Closed, Open, read, write
from agent.snapshot import SaleView
from drivers.vocabulary.checkout import CancelRequest, ConfirmRequest, QuoteRequest
from drivers.vocabulary.errors import CheckoutRefused
from drivers.vocabulary.money import Money, Quantity
from drivers.vocabulary.receipt import DocumentKind, Line, Receipt, Tender, TenderKind

if TYPE_CHECKING:
    from agent.checkout.desk import Desk
    from agent.checkout.state import DeskState

__all__ = ["again", "closing", "drop", "enter", "forget", "in_progress", "sale_view"]

UID_BYTES: Final = 8
LINE_NAME: Final = "-"  # nobody said what was sold; a rule that asks for goods does not apply
CHANNEL: Final = "by_hand"


def in_progress(desk: DeskState) -> ByHand | None:
    """The sale whose sum was typed, until it is paid for or dropped."""
    sale = read(desk.store, "by_hand", "sale", ByHand)
    if sale is None or read(desk.store, "closed", sale.uid, Closed) is not None:
        return None
    return sale


def enter(desk: Desk, amount: str) -> QuoteRequest:
    """The sum is this; a sale in progress gets it, else one begins.

    Args:
        desk: changed.
        amount: as typed, "1240" or "1240,50".

    Raises:
        CheckoutRefused: ``not_standalone``: this till has a till system; ``no_sum``: nothing, or no money.
    """
    if not desk.rules.standalone:
        raise CheckoutRefused("this till's own system makes the receipts; panel.standalone is off", code="wrong_mode")
    currency = desk.programme.currency if desk.programme is not None else desk.rules.currency
    try:
        total = Money.of(amount.replace(",", "."), currency)
    except ValueError as error:
        raise CheckoutRefused(f"not a sum of money: {error}", code="no_sum", field="amount") from None
    if total.minor <= 0:
        raise CheckoutRefused("type the sum of the receipt", code="no_sum", field="amount")
    before = in_progress(desk)
    uid = before.uid if before is not None else f"by-hand-{desk.clock.random_bytes(UID_BYTES).hex()}"
    return _asked(desk, ByHand(uid=uid, total=total, touched_at=desk.clock.now()))


def again(desk: Desk) -> QuoteRequest | None:
    """The quote that is wanted now: another customer is at the till, or wants to spend something else; None for none.

    A quote for somebody who has gone is taken back first, and with it what was held.
    """
    sale = in_progress(desk)
    if sale is None:
        return None
    who = desk.current.customer_id if desk.current is not None else None
    wish = desk.current.wish if desk.current is not None else None
    opened = read(desk.store, "checkout", sale.uid, Open)
    quoted = opened.customer_id if opened is not None else None
    if opened is not None and quoted == who and wish == sale.wish:
        return None
    if quoted is not None and quoted != who:
        current = desk.current
        desk.cancel(CancelRequest(receipt_uid=sale.uid))
        desk.current = current
        with desk.store.transaction() as tx:
            if current is not None:
                write(tx, "desk", "current", current)
    return _asked(desk, sale)


def _asked(desk: DeskState, sale: ByHand) -> QuoteRequest:
    wish = desk.current.wish if desk.current is not None else None
    with desk.store.transaction() as tx:
        write(tx, "by_hand", "sale", replace(sale, wish=wish, touched_at=desk.clock.now()))
    return QuoteRequest(receipt=_receipt(desk, sale.uid, sale.total))


def _receipt(desk: DeskState, uid: str, total: Money) -> Receipt:
    line = Line(number=1, name=LINE_NAME, quantity=Quantity.ONE, price=total, total=total)
    return Receipt(
        uid=uid,
        kind=DocumentKind.SALE,
        total=total,
        lines=(line,),
        shop=desk.name.shop,
        till=desk.name.till,
        channel=CHANNEL,
    )


def closing(desk: Desk, tender: TenderKind) -> ConfirmRequest:
    """The customer has paid what the quote says: how the receipt is closed. Raises CheckoutRefused (``no_sum``)."""
    sale = in_progress(desk)
    opened = read(desk.store, "checkout", sale.uid, Open) if sale is not None else None
    if opened is None or opened.receipt is None or opened.decision is None:
        raise CheckoutRefused("type the sum of the receipt first", code="no_sum")
    off = desk.charged_off(opened.receipt, opened.decision)
    line = opened.receipt.lines[0]
    discount = line.total.with_minor(off.get(line.number, 0))
    left = line.total - discount
    paid = () if not left.minor else (Tender(kind=tender, amount=left),)
    receipt = replace(
        opened.receipt,
        lines=(replace(line, discount=discount if discount.minor else None, total=left),),
        total=left,
        tenders=paid,
        closed_at=desk.clock.now(),
    )
    return ConfirmRequest(receipt=receipt, customer_id=opened.customer_id, decision_mark=opened.mark)


def drop(desk: Desk) -> None:
    """The sale in progress will not happen."""
    sale = in_progress(desk)
    if sale is None:
        return
    desk.cancel(CancelRequest(receipt_uid=sale.uid))
    with desk.store.transaction() as tx:
        tx.delete("by_hand", "sale")


def forget(desk: Desk, before: datetime) -> None:
    """Drop a sale that nobody has touched since."""
    if desk.rules.standalone:
        sale = in_progress(desk)
        if sale is not None and sale.touched_at < before:
            drop(desk)


def sale_view(desk: DeskState) -> SaleView | None:
    """What the panel shows of the sale in progress; None where a till system makes the receipts."""
    if not desk.rules.standalone:
        return None
    sale = in_progress(desk)
    opened = read(desk.store, "checkout", sale.uid, Open) if sale is not None else None
    decision = opened.decision if opened is not None else None
    if decision is None:
        return SaleView()
    return SaleView(
        total=decision.total,
        discount=decision.discount,
        payable=decision.payable,
        earn={unit_title(desk, one.unit): one.amount for one in decision.earned},
    )

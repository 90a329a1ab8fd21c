"""Commands and their answers → documents: what was sold, as it was sold; it reads no clock and moves no byte.

One `Desk` belongs to one printer and outlives the connections of its till, because a till whose line was cut goes on
with the same receipt. Nothing counts before the device answered; what counts is what the status says is open:

* a command that is answered again under the number it had is the same command (the device does not execute it twice);
* a close whose answer was lost is known to have happened as soon as an answer says that no receipt is open.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from drivers.vocabulary.events import Document
from drivers.vocabulary.money import Money
from drivers.vocabulary.receipt import DocumentKind, TenderKind

from .commands import Effect, command_of
from .drafts import Draft
from .fields import (
    Opening,
    Payment,
    Sale,
    fields_of,
    read_opening,
    read_payment,
    read_sale,
    read_subtotal,
    text_of,
)
from .frames import Frame, encode
from .models import Dialect, Model
from .offered import Offered, about_to_be_paid
from .rewriting import is_refusal, stated_minor
from .status import Condition, condition_of

RAW_SIZE_MAX: Final = 524_288  # kept as evidence; in base64 it still fits one upload to the centre
TEXT_LINES_MAX: Final = 2_000


@dataclass(slots=True, kw_only=True)
class _Open:
    """The fiscal receipt that is open."""

    opening: Opening
    draft: Draft
    text: list[str] = field(default_factory=list)
    raw: bytearray = field(default_factory=bytearray)
    offered: Offered = field(default_factory=Offered)
    is_close_sent: bool = False


class Desk:
    """What one printer is busy with, from the commands that pass.

    Args:
        model: the row.
        device: the printer's name in the settings.
        currency: of every amount.
        new_uid: names a receipt that has no unique number of its own; must never repeat.

    Attributes:
        has_misread: the device once took another sum off than it was asked to; it is not asked again.
    """

    def __init__(self, *, model: Model, device: str, currency: str, new_uid: Callable[[], str]) -> None:
        self._model = model
        self._device = device
        self._currency = currency
        self._new_uid = new_uid
        self._tenders = {"": TenderKind.CASH, **model.tenders}
        self._open: _Open | None = None
        self._slip: list[str] | None = None
        self._answered: tuple[int, int] | None = None
        self.condition = Condition()
        self.has_misread = False

    def asked(self, request: Frame) -> None:
        """The till sent a command: from here on it may have been executed."""
        if self._open is not None and command_of(self._model, request.command).effect is Effect.CLOSE:
            self._open.is_close_sent = True

    def answered(self, request: Frame, answer: Frame) -> list[Document]:
        """The device answered a command; the documents that ended with it."""
        condition = self.condition = condition_of(answer.status or b"", self._model.status)
        name = (request.sequence, request.command)
        if self._answered == name:
            return []
        self._answered = name
        effect = command_of(self._model, request.command).effect
        fields = fields_of(self._model, answer.data)
        is_refused = is_refusal(self._model, answer)
        documents: list[Document] = []
        was_open = self._open is not None
        if self._open is not None:
            self._keep(request)
            ended = self._end(effect, condition, fields, is_refused=is_refused)
            documents += [ended] if ended is not None else []
        if not is_refused:
            other = self._carried_out(effect, request, fields, condition, was_open=was_open)
            documents += [other] if other is not None else []
        return documents

    # ── Before it is paid ───────────────────────────────────────────────────────────────────────

    @property
    def offered(self) -> Offered | None:
        """What a decision did to the sale that is open; None when there is none with items."""
        opened = self._open
        return opened.offered if opened is not None and opened.draft.items and not opened.opening.is_return else None

    @property
    def total_minor(self) -> int:
        """What the open receipt comes to, discounts of ours included."""
        return self._open.draft.total_minor if self._open is not None else 0

    def preview(self, payment: Payment) -> Document | None:
        """The sale as the till is about to pay it, without our discount.

        None when something was paid already, or was not understood.
        """
        opened, offered = self._open, self.offered
        if opened is None or offered is None or opened.draft.paid or opened.draft.problems:
            return None
        offered.uid = offered.uid or self._new_uid()
        draft = about_to_be_paid(opened.draft, offered, payment)
        receipt = draft.receipt(
            uid=offered.uid,
            kind=DocumentKind.SALE,
            tenders=self._tenders,
            cashier=opened.opening.operator[:40],
            till=opened.opening.till[:40],
        )
        if receipt is None:
            return None
        return Document(
            kind=DocumentKind.SALE,
            raw=bytes(opened.raw),
            text=tuple(opened.text),
            receipt=receipt,
            layout="isl",
            columns=self._model.text_columns,
        )

    def believe(self, subtotal_minor: int, *, at_most: int | None = None) -> bool:
        """Take the device's subtotal over when it is near enough to ours; whether it was. See `Draft.believe`."""
        return self._open is not None and self._open.draft.believe(subtotal_minor, at_most=at_most)

    # ── The fiscal receipt ──────────────────────────────────────────────────────────────────────

    def _end(self, effect: Effect, condition: Condition, fields: list[str], *, is_refused: bool) -> Document | None:
        """The document, when the open receipt is open no more."""
        opened = self._open
        is_new = effect in (Effect.OPEN, Effect.RETURN) and not is_refused
        if opened is None or (condition.is_receipt_open and not is_new):
            if opened is not None and effect is Effect.CLOSE:
                opened.is_close_sent = False  # the device said no: it is open and goes on
            return None
        self._open = None
        if effect is Effect.CANCEL and not is_refused:
            return self._document(opened, DocumentKind.VOID, "the receipt was cancelled: nothing was sold")
        if not opened.is_close_sent and effect is not Effect.CLOSE:
            return self._document(opened, DocumentKind.OTHER, "the receipt ended without a command of the till")
        numbers = fields if effect is Effect.CLOSE and not is_refused else []
        return self._closed(opened, numbers)

    def _closed(self, opened: _Open, numbers: list[str]) -> Document:
        kind = DocumentKind.RETURN if opened.opening.is_return else DocumentKind.SALE
        number = (numbers[1] if len(numbers) > 1 else "".join(numbers[:1])).strip()[:40]
        draft, opening = opened.draft, opened.opening
        if not draft.paid and draft.total_minor:
            draft.complain("no payment was seen")
        receipt = draft.receipt(
            uid=self._uid(opened, kind, number),
            kind=kind,
            tenders=self._tenders,
            number=number,
            cashier=opening.operator[:40],
            till=opening.till[:40],
        )
        return Document(
            kind=kind,
            raw=bytes(opened.raw),
            text=tuple(opened.text),
            receipt=receipt,
            problems=tuple(draft.problems),
            layout="isl",
            columns=self._model.columns,
            quoted=opened.offered.quote_of(draft),
            believed=opened.offered.believed(draft, self._tenders),
        )

    def _uid(self, opened: _Open, kind: DocumentKind, number: str) -> str:
        """Permanent where the till numbers its sales; the device's own numbers begin anew with each shift."""
        if not opened.opening.unp:
            return opened.offered.quote_of(opened.draft) or self._new_uid()
        parts = (self._device, kind.value, opened.opening.unp, number, str(opened.draft.total_minor))
        return "i-" + hashlib.sha256("|".join(parts).encode()).hexdigest()[:24]

    def _document(self, opened: _Open, kind: DocumentKind, problem: str) -> Document:
        return Document(
            kind=kind,
            raw=bytes(opened.raw),
            text=tuple(opened.text),
            problems=(problem,),
            layout="isl",
            columns=self._model.columns,
            quoted=opened.offered.quoted,
        )

    def _keep(self, request: Frame) -> None:
        if self._open is not None and len(self._open.raw) < RAW_SIZE_MAX:
            self._open.raw += encode(request, self._model.frame)

    # ── One command that was carried out ────────────────────────────────────────────────────────

    def _carried_out(
        self, effect: Effect, request: Frame, fields: list[str], condition: Condition, *, was_open: bool
    ) -> Document | None:
        if effect in (Effect.OPEN, Effect.RETURN):
            if condition.is_receipt_open:
                opening = read_opening(self._model, request.command, request.data)
                self._open = _Open(opening=opening, draft=Draft(currency=self._currency))
                self._keep(request)
        elif effect in _SLIP_EFFECTS:
            return self._service(effect, request)
        elif effect is Effect.CLOSE and not condition.is_receipt_open and not was_open:
            return self._paper(DocumentKind.OTHER, (), "the receipt was begun before anybody listened")
        elif effect is Effect.REPORT:
            return self._paper(DocumentKind.REPORT, ("report",), "a report, not a receipt")
        elif self._open is not None:
            self._fiscal(self._open, effect, request, fields)
        return None

    def _fiscal(self, opened: _Open, effect: Effect, request: Frame, fields: list[str]) -> None:
        model, draft = self._model, opened.draft
        if effect is Effect.SALE:
            sale = read_sale(model, request.data)
            if sale is None:
                draft.complain(f"an item was not understood: {text_of(request.data)[:80]!r}")
            else:
                draft.sell(sale)
                self._say(opened, _sale_text(sale))
        elif effect is Effect.SUBTOTAL:
            minor = draft.subtotal(read_subtotal(model, request.data))
            if minor:
                self._say(opened, f"adjustment {Money(minor, self._currency)}")
        elif effect is Effect.PAY:
            self._pay(opened, read_payment(model, request.data), fields)
        elif effect is Effect.TEXT:
            self._say(opened, text_of(request.data).strip("\t"))

    def _pay(self, opened: _Open, payment: Payment | None, fields: list[str]) -> None:
        draft = opened.draft
        # Datecs P and C answer D, R or a letter for what is wrong, and the sum; X the error, D or R, and the sum.
        answer = fields[1:3] if self._model.dialect is Dialect.TAB else [fields[0][:1], fields[0][1:]]
        if answer and answer[0] in ("F", "E", "I"):
            return
        if payment is None:
            draft.complain("a payment was not understood")
            return
        draft.pay(payment.letter, None if payment.amount is None else draft.minor_of(payment.amount))
        self._say(opened, f"paid {payment.letter} {payment.amount if payment.amount is not None else 'the rest'}")
        stated = stated_minor(self._model, answer[1], self._currency) if len(answer) > 1 else None
        if stated is not None and answer[0] in ("D", "R"):
            due = stated if answer[0] == "D" else -stated
            opened.offered.settle(draft, payment, due)
            draft.state_due(due)

    def _say(self, opened: _Open, line: str) -> None:
        if len(opened.text) < TEXT_LINES_MAX:
            opened.text.append(line)

    # ── Service receipts and reports ────────────────────────────────────────────────────────────

    def _service(self, effect: Effect, request: Frame) -> Document | None:
        if effect is Effect.SLIP_OPEN:
            self._slip = []
        elif effect is Effect.SLIP_TEXT and self._slip is not None:
            if len(self._slip) < TEXT_LINES_MAX:
                self._slip.append(text_of(request.data).partition("\t")[0])
        elif effect is Effect.SLIP_CLOSE and self._slip is not None:
            text, self._slip = tuple(self._slip), None
            return self._paper(DocumentKind.OTHER, text, "a service receipt, not a sale")
        return None

    def _paper(self, kind: DocumentKind, text: tuple[str, ...], problem: str) -> Document:
        return Document(kind=kind, raw=b"", text=text, problems=(problem,), layout="isl", columns=self._model.columns)


_SLIP_EFFECTS: Final = frozenset({Effect.SLIP_OPEN, Effect.SLIP_TEXT, Effect.SLIP_CLOSE})


def _sale_text(sale: Sale) -> str:
    text = f"{sale.name} {sale.quantity:f} x {sale.price:f}"
    if sale.modifier is not None:
        text += f" {sale.modifier.value:+f}" + ("%" if sale.modifier.is_percent else "")
    return text

"""The receipt as it is being sold, rebuilt from the commands a register has carried out; pure.

It is told only of commands whose answer was "done". When the answer to a close was lost, it waits for evidence: a
register that has no document open any more has closed it, one whose receipt is still open has not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from drivers.ffd.lines import fiscal_uid, make_line
from drivers.vocabulary.events import Document
from drivers.vocabulary.inside import WhatTillBelieves
from drivers.vocabulary.money import Money, Quantity
from drivers.vocabulary.receipt import DocumentKind, Receipt, Tender, TenderKind

from .commands import TEXT_SIZE, Answer
from .draft import OpenReceipt, carried_out
from .layout import Value
from .positions import Position, number
from .status import Mode

CLOSES: Final = frozenset({"close_receipt", "close_receipt_16", "close_receipt_v2"})
RECEIPT_CLOSED: Final = 0x55  # error: no receipt is open
_KINDS: Final = {1: DocumentKind.SALE, 2: DocumentKind.RETURN}
_TENDERS: Final = {
    1: TenderKind.CASH,
    14: TenderKind.PREPAID,
    15: TenderKind.CREDIT,
    16: TenderKind.OTHER,
}  # 2 to 13 are electronic


class Basket:
    """One register's receipt in progress.

    Args:
        currency: of every amount.
        columns: of the paper, for whoever prints.
        new_uid: names a receipt whose fiscal number does not pass by; must never repeat.
    """

    def __init__(self, *, currency: str, columns: int, new_uid: Callable[[], str]) -> None:
        self._currency = currency
        self._columns = columns
        self._new_uid = new_uid
        self._open: OpenReceipt | None = None
        self._memory = ""

    @property
    def is_open(self) -> bool:
        """Whether a receipt with positions is in progress."""
        return self._open is not None and bool(self._open.positions)

    def done(self, answer: Answer, values: dict[str, Value], body: bytes) -> Document | None:
        """A request and its answer; the document when this ended one."""
        name = answer.command.name
        if answer.error:
            if name in CLOSES and answer.error == RECEIPT_CLOSED:
                return self._settle_unknown()
            return None
        ended = self._evidence(name, answer)
        if name in CLOSES:
            return self._close(values, answer)
        self._open = carried_out(self._open, name, values, body)
        return ended

    def close_lost(self, values: dict[str, Value]) -> None:
        """The answer to a close never came; what became of it is seen from what follows."""
        if self._open is not None:
            self._open.unknown_close = values

    def abandon(self) -> Document | None:
        """The till is gone in the middle of a receipt: what was seen of it, without a receipt."""
        found, self._open = self._open, None
        if found is None or not found.positions:
            return None
        problem = "the till left while the receipt was open; the fiscal memory has it if it was closed"
        return self._document(DocumentKind.OTHER, found, problems=(*found.problems, problem))

    # ── before the close ────────────────────────────────────────────────────────────────────────

    @property
    def subtotal(self) -> int:
        """What the register must say when it is asked for the subtotal, minor units."""
        return self._open.total if self._open is not None else 0

    @property
    def loyalty(self) -> int:
        """What the register has less than the till believes, minor units."""
        return self._open.loyalty if self._open is not None else 0

    def taxes_of(self, target: Mapping[int, int]) -> tuple[int, ...]:
        """The tax groups that all positions with something off share; () when they share none."""
        positions = self._open.positions if self._open is not None else []
        groups = {positions[place - 1].taxes for place, off in target.items() if off and 1 <= place <= len(positions)}
        return groups.pop() if len(groups) == 1 else ()

    def due(self, values: dict[str, Value]) -> int:
        """What this close asks the customer for, minor units."""
        return self._open.due(values) if self._open is not None else 0

    def preview(self, values: dict[str, Value]) -> Document | None:
        """The receipt as the till is about to close it, without what we took off; None when it is no sale we know."""
        found = self._open
        if (
            found is None
            or not found.positions
            or found.problems
            or _KINDS.get(found.operation) is not DocumentKind.SALE
        ):
            return None
        found.uid = found.uid or self._new_uid()
        tenders = self.tenders(values)
        adjustment = found.due(values) - found.total + found.adjustment
        if found.as_till_sold is None:  # what we took off is off the whole receipt
            adjustment += found.loyalty
        change = sum(tender.amount.minor for tender in tenders) - found.due(values) - found.loyalty
        if change < 0:
            return None
        try:
            receipt = self._receipt(
                DocumentKind.SALE, found, tenders, adjustment=adjustment, change=change, answer=None,
                positions=found.as_till_sold,
            )  # fmt: skip
        except ValueError:
            return None
        document = self._document(DocumentKind.SALE, found, receipt=receipt)
        return replace(document, columns=min(document.columns, TEXT_SIZE))

    def take_off_receipt(self, off: int) -> None:
        """The register took so much off the receipt for us, minor units."""
        if self._open is not None:
            self._open.adjustment -= off
            self._open.loyalty += off
            self._open.is_after_position = False

    def note_offer(self, quoted: str, believed: WhatTillBelieves | None) -> None:
        """Which quote this receipt carries, and what the till takes it for."""
        if self._open is not None:
            self._open.quoted, self._open.believed = quoted, believed

    # ── sold anew ───────────────────────────────────────────────────────────────────────────────

    def put_aside(self) -> OpenReceipt | None:
        """The receipt as it is, for whoever cancels it to sell it anew."""
        return self._open

    def sold_anew(self, before: OpenReceipt) -> int:
        """The receipt that is open takes the place of `before`; what it has less, minor units."""
        found = self._open
        if found is None:
            return 0
        till_sold = before.positions if before.as_till_sold is None else before.as_till_sold
        found.uid, found.quoted = before.uid, before.quoted
        found.problems += before.problems
        found.as_till_sold = list(till_sold)
        found.loyalty = sum(position.total for position in till_sold) - sum(one.total for one in found.positions)
        return found.loyalty

    def lose(self) -> None:
        """The register has no receipt any more that the till would know."""
        self._open = None

    # ── evidence ────────────────────────────────────────────────────────────────────────────────

    def _evidence(self, name: str, answer: Answer) -> Document | None:
        if name in ("memory_status", "memory_number"):
            self._memory = str(answer.values.get("memory", ""))
        found = self._open
        if found is None or found.unknown_close is None:
            return None
        if name in ("short_status", "full_status"):
            mode = answer.number("mode") & 0x0F
            if mode == Mode.DOCUMENT_OPEN:
                found.unknown_close = None
            elif mode != Mode.DATA_OUTPUT:
                return self._settle_unknown()
        elif name == "open_receipt":  # a register opens none while one is open
            return self._settle_unknown()
        return None

    def _settle_unknown(self) -> Document | None:
        found = self._open
        if found is None or found.unknown_close is None:
            return None
        return self._close(found.unknown_close, None)

    # ── the end ─────────────────────────────────────────────────────────────────────────────────

    def _close(self, values: dict[str, Value], answer: Answer | None) -> Document | None:
        found, self._open = self._open, None
        if found is None or not found.positions:
            return None  # its beginning passed before we were there
        total = found.due(values)
        adjustment = total - found.total + found.adjustment
        tenders = self.tenders(values)
        paid = sum(tender.amount.minor for tender in tenders)
        change = answer.number("change") if answer is not None else paid - total
        if found.operation not in _KINDS:
            problem = f"a purchase from the customer (operation {found.operation}): nothing was sold"
            return self._document(DocumentKind.OTHER, found, problems=(problem,))
        kind = _KINDS[found.operation]
        if found.problems or paid - change != total or total < 0:
            sums = f"positions make {total / 100:.2f}, paid less change is {(paid - change) / 100:.2f}"
            return self._document(kind, found, problems=(*found.problems, sums))
        try:
            receipt = self._receipt(kind, found, tenders, adjustment=adjustment, change=change, answer=answer)
        except ValueError as error:
            return self._document(kind, found, problems=(str(error),))
        return self._document(kind, found, receipt=receipt)

    def _receipt(
        self,
        kind: DocumentKind,
        found: OpenReceipt,
        tenders: tuple[Tender, ...],
        *,
        adjustment: int,
        change: int,
        answer: Answer | None,
        positions: list[Position] | None = None,
    ) -> Receipt:
        sold = found.positions if positions is None else positions
        total = sum(position.total for position in sold) + adjustment
        document = answer.number("document") if answer is not None else 0
        sign = answer.number("sign") if answer is not None else 0
        is_named = bool(self._memory and document and sign)
        lines = tuple(
            make_line(
                index, position.name, Quantity(position.steps), self.money(position.price), self.money(position.total)
            )
            for index, position in enumerate(sold, start=1)
        )
        return Receipt(
            uid=fiscal_uid(self._memory, document, sign) if is_named else found.uid or self._new_uid(),
            kind=kind,
            total=self.money(total),
            lines=lines,
            tenders=tenders,
            change=self.money(change) if change else None,
            adjustment=self.money(adjustment) if adjustment else None,
            number=str(document) if document else "",
        )

    def tenders(self, values: dict[str, Value]) -> tuple[Tender, ...]:
        """The ways of paying of a close."""
        return tuple(
            Tender(
                kind=_TENDERS.get(place, TenderKind.CARD), amount=self.money(number(values, f"payment{place}"))
            )
            for place in range(1, 17)
            if number(values, f"payment{place}")
        )  # fmt: skip

    def _document(
        self, kind: DocumentKind, found: OpenReceipt, *, receipt: Receipt | None = None, problems: tuple[str, ...] = ()
    ) -> Document:
        return Document(
            kind=kind,
            raw=bytes(found.raw),
            text=tuple(found.text),
            receipt=receipt,
            problems=problems,
            layout="shtrih" if receipt is not None else "",
            columns=self._columns,
            quoted=found.quoted,
            believed=found.believed,
        )

    def money(self, minor: int) -> Money:
        """So many minor units."""
        return Money(minor, self._currency)

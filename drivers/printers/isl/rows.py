"""Rows of a closed receipt, as Datecs P (77h W) and C (7Dh 5) read it back, → our receipt; pure.

Datecs P: U, V, R, M, T, P, S, I, D rows, `*,` ends a receipt, amounts in whole units. Datecs C: `P,3` … `P,8`, amounts
as whole numbers of the currency's smallest part, quantities in thousandths. (P protocol 1.00, C protocol 2.04.)
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Final

import msgspec

from drivers.vocabulary.events import Document
from drivers.vocabulary.money import Money
from drivers.vocabulary.receipt import DocumentKind, Receipt, TenderKind

from .drafts import Draft
from .fields import Modifier, Sale, number_of
from .models import Model

ROWS_MAX: Final = 2_000  # 512 items and what goes with them; a device that never ends must not fill memory
_TAXES: Final = "ABCDEFGH"
#: The columns of the P row, in order; the rest are the shop's own.
_SUMS: Final = (TenderKind.CASH, TenderKind.OTHER, TenderKind.CARD, TenderKind.CREDIT)
_CANCELLED: Final = "4"


@dataclass(kw_only=True)
class _Sheet:
    """What the rows of one document said."""

    draft: Draft
    kind: DocumentKind = DocumentKind.SALE
    unp: str = ""
    operator: str = ""
    till: str = ""
    total_minor: int | None = None
    tenders: dict[str, TenderKind] = field(default_factory=dict)
    moment: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RowReader:
    """Reads the rows of one printer.

    Attributes:
        zone: the printer's wall clock, for closed_at.
    """

    model: Model
    device: str
    currency: str
    zone: tzinfo

    def journal(self, number: int, rows: Sequence[str]) -> Document:
        """A document of Datecs P; never raises for what a device may say."""
        sheet = _Sheet(draft=Draft(currency=self.currency))
        for row in rows:
            head, _, rest = row.partition(",")
            if head == "R":
                self._journal_item(sheet, rest)
            else:
                self._journal_row(sheet, head, rest.split(","))
        return self._document(sheet, number, rows)

    def document(self, number: int, head: str, rows: Sequence[str]) -> Document:
        """A document of Datecs C: the answer of option 0, and the rows of option 5."""
        sheet = _Sheet(draft=Draft(currency=self.currency))
        fields = [*head.split(","), "", "", "", ""]
        sheet.moment = _moment(fields[2])
        sheet.kind = {
            "1": DocumentKind.SALE,
            "7": DocumentKind.SALE,
            "8": DocumentKind.RETURN,
            "9": DocumentKind.RETURN,
        }.get(fields[3], DocumentKind.REPORT if fields[3] in ("2", "5") else DocumentKind.OTHER)
        has_item = False
        for row in rows:
            kind, _, rest = row.removeprefix("P,").partition(",")
            self._document_row(sheet, kind, rest, is_below_item=has_item)
            has_item = kind == "4"
        return self._document(sheet, number, rows)

    # ── Datecs P ────────────────────────────────────────────────────────────────────────────────

    def _journal_item(self, sheet: _Sheet, rest: str) -> None:
        # R,taxPos,taxRate,singlePrice,qty,discount,price,name: only the name may hold commas.
        fields = rest.split(",", 6)
        numbers = [number_of(text) for text in fields[2:6]]
        if len(fields) < 7 or any(number is None for number in numbers):
            sheet.draft.complain(f"an item was not understood: {rest[:80]!r}")
            return
        price, quantity, discount, net = (number or Decimal(0) for number in numbers)
        modifier = Modifier(value=discount, is_percent=False) if discount else None
        name = " ".join(fields[6].split())
        sheet.draft.sell(Sale(name=name, price=price, quantity=quantity, tax=_tax(fields[0]), modifier=modifier))
        stated = sheet.draft.minor_of(net)
        if price > 0 and sheet.draft.items:
            item = sheet.draft.items[-1]
            # The price column is the line's own sum; some firmware gives it before the discount.
            if min(abs(item.gross_minor + item.modifier_minor - stated), abs(item.gross_minor - stated)) > 1:
                sheet.draft.complain(f"{name}: the sum of the line does not fit its price")

    def _journal_row(self, sheet: _Sheet, head: str, fields: list[str]) -> None:
        fields = [*fields, *[""] * 9]
        if head == "U":
            sheet.unp, sheet.operator, sheet.till = fields[0], fields[1], fields[2]
            if fields[3] == _CANCELLED:
                sheet.kind = DocumentKind.VOID
            elif fields[3] in ("2", "3"):
                sheet.kind = DocumentKind.RETURN
        elif head == "M":
            self._adjust(sheet, number_of(fields[0]))
        elif head == "T":
            total = number_of(fields[7])
            sheet.total_minor = None if total is None else sheet.draft.minor_of(total)
        elif head == "P":
            for place, text in enumerate(fields):
                amount = number_of(text)
                if amount:
                    name = f"P{place}"
                    sheet.tenders[name] = _SUMS[place] if place < len(_SUMS) else TenderKind.OTHER
                    sheet.draft.pay(name, sheet.draft.minor_of(amount))
        elif head == "D":
            sheet.moment = _moment(fields[1]) or _moment(fields[0])

    def _adjust(self, sheet: _Sheet, amount: Decimal | None) -> None:
        if amount is None:
            sheet.draft.complain("a discount was not understood")
        else:
            sheet.draft.adjustment_minor += sheet.draft.minor_of(amount)

    # ── Datecs C ────────────────────────────────────────────────────────────────────────────────

    def _document_row(self, sheet: _Sheet, kind: str, rest: str, *, is_below_item: bool) -> None:
        fields = [*rest.split(",", 4), "", "", ""]
        numbers = [number_of(text) for text in fields[:3]]
        if kind == "3":
            sheet.unp = fields[2]
            if fields[0] == _CANCELLED:
                sheet.kind = DocumentKind.VOID
        elif kind == "4":
            price, quantity, _ = numbers
            if price is None or quantity is None:
                sheet.draft.complain(f"an item was not understood: {rest[:80]!r}")
                return
            sale = Sale(
                name=" ".join(fields[4].split()),
                price=self._units(price),
                quantity=quantity / 1000,
                tax=_tax(fields[3]),
            )
            sheet.draft.sell(sale)
        elif kind == "5":
            self._document_modifier(sheet, numbers[0], is_below_item=is_below_item and "subtotal" not in fields[1])
        elif kind == "6" and numbers[0] is not None:
            sheet.total_minor = int(numbers[0])

    def _document_modifier(self, sheet: _Sheet, minor: Decimal | None, *, is_below_item: bool) -> None:
        if minor is None:
            sheet.draft.complain("a discount was not understood")
            return
        item = sheet.draft.items[-1] if sheet.draft.items else None
        if is_below_item and item is not None and item.gross_minor + int(minor) >= 0:
            item.modifier_minor += int(minor)
        else:
            sheet.draft.adjustment_minor += int(minor)

    def _units(self, minor: Decimal) -> Decimal:
        return Decimal(Money(int(minor), self.currency).amount)

    # ── Both ────────────────────────────────────────────────────────────────────────────────────

    def _document(self, sheet: _Sheet, number: int, rows: Sequence[str]) -> Document:
        draft, receipt = sheet.draft, None
        problems = [_NO_RECEIPT[sheet.kind]] if sheet.kind in _NO_RECEIPT else []
        if not problems:
            if sheet.total_minor is not None and sheet.total_minor != draft.total_minor:
                draft.complain(f"the rows make {draft.total_minor}, the total says {sheet.total_minor} (minor units)")
            receipt = self._receipt(sheet, number)
            problems = draft.problems
        return Document(
            kind=sheet.kind,
            raw="\n".join(rows).encode(),
            text=tuple(rows),
            receipt=receipt,
            problems=tuple(problems),
            layout="isl",
            columns=self.model.columns,
        )

    def _receipt(self, sheet: _Sheet, number: int) -> Receipt | None:
        closed_at = sheet.moment.replace(tzinfo=self.zone) if sheet.moment is not None else None
        # The number of a journal never comes again on this device.
        parts = (self.device, "journal", str(number), str(closed_at), str(sheet.draft.total_minor))
        uid = "i-" + hashlib.sha256("|".join(parts).encode()).hexdigest()[:24]
        receipt = sheet.draft.receipt(
            uid=uid,
            kind=sheet.kind,
            tenders=sheet.tenders,
            number=str(number),
            cashier=sheet.operator[:40],
            till=sheet.till[:40],
        )
        return None if receipt is None else msgspec.structs.replace(receipt, closed_at=closed_at)


_NO_RECEIPT: Final = {
    DocumentKind.VOID: "the receipt was cancelled: nothing was sold",
    DocumentKind.REPORT: "a report, not a receipt",
    DocumentKind.OTHER: "a service document, not a sale",
}


def _tax(text: str) -> str:
    return _TAXES[int(text) - 1] if text in tuple("12345678") else ""


def _moment(text: str) -> datetime | None:
    """The device's wall clock; the zone is added where it is known."""
    for shape in ("%d-%m-%Y %H:%M:%S", "%d-%m-%y %H:%M:%S", "%d-%m-%Y %H:%M", "%d.%m.%Y %H:%M:%S"):
        try:
            return datetime.strptime(text.strip(), shape)  # noqa: DTZ007
        except ValueError:
            continue
    return None

"""A printed document to a `Document` with its receipt, or without one and with the reason; it reads no clock.

All layouts are tried. A receipt comes only from a layout whose numbers add up (arithmetic.py); the one that explains
most lines wins, the earlier one on a draw.

The uid: a document with a number and a time is called ``p-`` and a hash of device, kind, number, time and total, so a
reprint after a broken line is the same receipt. Without them every print is a new receipt, named by `new_uid`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone, tzinfo
from typing import Final

from drivers.vocabulary.events import Document
from drivers.vocabulary.money import Money
from drivers.vocabulary.receipt import DocumentKind, Receipt

from .arithmetic import Sums, Verdict, reconcile
from .document import Printed
from .layouts import Layout
from .reading import Role, Sheet, read_sheet

#: Why a document of this kind has no receipt.
_NO_RECEIPT: Final = {
    DocumentKind.VOID: "a voided receipt: nothing was sold",
    DocumentKind.REPORT: "a report or a cash movement, not a receipt",
    DocumentKind.KITCHEN: "a kitchen ticket, not a receipt",
    DocumentKind.COPY: "a copy of a receipt; the receipt itself was counted when it was printed first",
    DocumentKind.OTHER: "a bill before payment or a practice receipt, not a sale",
}
# Reading takes about 0.5 ms a line under all layouts, and the till waits: a longer document is kept unread.
LINES_READ_MAX: Final = 1_500
_TRADED: Final = frozenset({DocumentKind.SALE, DocumentKind.RETURN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Understanding:
    """What one document is, and how that was found out.

    Attributes:
        sheet: the readings under the layout that won, None when there was nothing to read.
        arithmetic: the sum that was checked, as text, "" without a receipt.
    """

    kind: DocumentKind
    receipt: Receipt | None
    problems: tuple[str, ...]
    layout: str
    sheet: Sheet | None
    arithmetic: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptReader:
    """Reads the documents of one printer.

    Attributes:
        layouts: tried in this order.
        zone: the till's wall clock, for closed_at.
        new_uid: names a receipt that has no number or no time; must never repeat.
    """

    device: str
    currency: str
    layouts: tuple[Layout, ...]
    zone: tzinfo
    new_uid: Callable[[], str]

    def read(self, printed: Printed, raw: bytes) -> Document:
        """The document as an event carries it."""
        understood = self.understand(printed)
        return Document(
            kind=understood.kind,
            raw=raw,
            text=printed.lines,
            receipt=understood.receipt,
            problems=understood.problems,
            layout=understood.layout,
        )

    def understand(self, printed: Printed) -> Understanding:
        """Try all layouts and keep the best; never raises for what may be printed."""
        if not any(line.strip() for line in printed.lines):
            what = "an image without text: set the till to print text" if printed.images else "only codes, no text"
            return Understanding(
                kind=DocumentKind.OTHER, receipt=None, problems=(f"the document is {what}",), layout="", sheet=None
            )
        if len(printed.lines) > LINES_READ_MAX:
            problem = f"the document has {len(printed.lines)} lines, more than the {LINES_READ_MAX} that are read"
            return Understanding(kind=DocumentKind.OTHER, receipt=None, problems=(problem,), layout="", sheet=None)
        tried = [self._try(printed, layout) for layout in self.layouts]
        if not tried:
            problem = "no layout is configured"
            return Understanding(kind=DocumentKind.OTHER, receipt=None, problems=(problem,), layout="", sheet=None)
        best = max(tried, key=lambda attempt: attempt.score)  # max keeps the first of equals
        # Another layout may know a word of another language, but not where the items begin: only whole lines count.
        kinds = [best.sheet.kind, *(attempt.sheet.kind_stated for attempt in tried)]
        marked = [kind for kind in kinds if kind is not None]
        return self._conclude(printed, best, marked)

    def _try(self, printed: Printed, layout: Layout) -> _Attempt:
        sheet = read_sheet(printed.lines, layout)
        verdict = reconcile(sheet, self.currency)
        # Any line with an amount can pass for an item; a word that is known is known.
        known = sum(reading.role not in (Role.UNKNOWN, Role.NAME, Role.BLANK, Role.ITEM) for reading in sheet.readings)
        has_total = any(reading.minor is not None for reading in sheet.of(Role.TOTAL))
        has_items = bool(sheet.of(Role.ITEM))
        # A printed price that agrees with its sum is the best evidence, a count that divides it the next best.
        evidence = sum(
            2 if reading.price_minor is not None else int(reading.is_counted) for reading in sheet.of(Role.ITEM)
        )
        score = (verdict.sums is not None, has_total and has_items, evidence, known)
        return _Attempt(sheet=sheet, verdict=verdict, score=score)

    def _conclude(self, printed: Printed, best: _Attempt, marked: Sequence[DocumentKind]) -> Understanding:
        sheet, sums = best.sheet, best.verdict.sums
        # Words of any language may mark a kind; a mark that forbids a receipt outweighs one that allows it.
        kind = _gravest(marked)
        is_receipt_like = best.score[1]
        if kind is DocumentKind.KITCHEN and sums is not None:
            kind = None  # "Домашняя кухня" is a good name for a restaurant; a kitchen ticket has no prices
        if not is_receipt_like and (kind is None or kind in _TRADED):
            problem = best.verdict.problems[0] if best.verdict.problems else "not a receipt"
            return Understanding(kind=DocumentKind.OTHER, receipt=None, problems=(problem,), layout="", sheet=sheet)
        layout = sheet.layout.name if is_receipt_like else ""
        fiscal = _fiscal_code(printed.codes)
        if kind is None and fiscal is not None and fiscal.kind is not DocumentKind.SALE:
            kind = fiscal.kind
        if kind is not None and kind not in _TRADED:
            return Understanding(kind=kind, receipt=None, problems=(_NO_RECEIPT[kind],), layout=layout, sheet=sheet)
        if kind is None:
            kind = DocumentKind.RETURN if sums is not None and sums.is_negative else DocumentKind.SALE
        problems = list(best.verdict.problems)
        if sums is not None and fiscal is not None:
            problems += fiscal.contradictions(kind, sums.total)
        if sums is None or problems:
            return Understanding(kind=kind, receipt=None, problems=tuple(problems), layout=layout, sheet=sheet)
        return Understanding(
            kind=kind,
            receipt=self._receipt(kind, sheet, sums, fiscal),
            problems=(),
            layout=layout,
            sheet=sheet,
            arithmetic=sums.arithmetic,
        )

    def _receipt(self, kind: DocumentKind, sheet: Sheet, sums: Sums, fiscal: _FiscalCode | None) -> Receipt:
        number = sheet.number or (fiscal.number if fiscal is not None else "")
        moment = _moment(sheet) or (fiscal.moment if fiscal is not None else None)
        closed_at = moment.replace(tzinfo=self.zone) if moment is not None else None
        if number and moment is not None:
            parts = (self.device, kind.value, number, moment.isoformat(), str(sums.total))
            uid = "p-" + hashlib.sha256("|".join(parts).encode()).hexdigest()[:24]
        else:
            uid = self.new_uid()
        return Receipt(
            uid=uid,
            kind=kind,
            total=sums.total,
            lines=sums.lines,
            tenders=sums.tenders,
            change=sums.change,
            adjustment=sums.adjustment,
            closed_at=closed_at,
            cashier=sheet.cashier,
            shift=sheet.shift,
            number=number,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attempt:
    sheet: Sheet
    verdict: Verdict
    score: tuple[bool, bool, int, int]


# A practice receipt of a return is practice; a copy of a voided receipt is a copy: what forbids most comes first.
_GRAVITY: Final = (
    DocumentKind.COPY,
    DocumentKind.VOID,
    DocumentKind.REPORT,
    DocumentKind.OTHER,
    DocumentKind.KITCHEN,
    DocumentKind.RETURN,
    DocumentKind.SALE,
)


def _gravest(marked: Sequence[DocumentKind]) -> DocumentKind | None:
    return min(marked, key=_GRAVITY.index, default=None)


def _moment(sheet: Sheet) -> datetime | None:
    """The printed wall clock; a day without a time names no moment."""
    return datetime.combine(sheet.day, sheet.clock) if sheet.day is not None and sheet.clock is not None else None


# ── The QR code of a Russian fiscal receipt ─────────────────────────────────────────────────────

_FISCAL: Final = re.compile(
    r"t=(?P<t>\d{8}T\d{4}(?:\d{2})?)&s=(?P<s>\d{1,12}(?:\.\d{1,2})?)&fn=\d+&i=(?P<i>\d+)&fp=\d+&n=(?P<n>[1-4])"
)
# n: 1 sale, 2 return of a sale, 3 and 4 purchase from the customer and its return.
_FISCAL_KINDS: Final = {"1": DocumentKind.SALE, "2": DocumentKind.RETURN}


@dataclass(frozen=True, slots=True, kw_only=True)
class _FiscalCode:
    """What the code states: it is signed by the fiscal memory, so paper that disagrees with it was misread."""

    moment: datetime
    total: str
    number: str
    kind: DocumentKind

    def contradictions(self, kind: DocumentKind, total: Money) -> list[str]:
        found = []
        if total.currency == "RUB" and Money.of(self.total, "RUB") != total:
            found.append(f"the fiscal QR code says {self.total}, the total says {total.amount}")
        if kind is not self.kind:
            found.append(f"the fiscal QR code says {self.kind.value}, the text says {kind.value}")
        return found


def _fiscal_code(codes: Sequence[str]) -> _FiscalCode | None:
    for code in codes:
        match = _FISCAL.fullmatch(code.strip())
        if match is None:
            continue
        stamp = match["t"]
        try:
            moment = datetime.strptime(stamp, "%Y%m%dT%H%M%S" if len(stamp) == 15 else "%Y%m%dT%H%M")  # noqa: DTZ007 - the code carries wall-clock time; the zone is added where it is known
        except ValueError:
            continue
        kind = _FISCAL_KINDS.get(match["n"], DocumentKind.OTHER)
        return _FiscalCode(moment=moment, total=match["s"], number=match["i"], kind=kind)
    return None


def fixed_zone(offset_minutes: int) -> tzinfo:
    """A zone that never changes its clock; `offset_minutes` east of UTC."""
    return timezone(timedelta(minutes=offset_minutes))

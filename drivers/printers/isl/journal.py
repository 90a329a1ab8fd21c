"""What the twin remembers of a receipt, and the rows in which Datecs P and C read it back; `rows.py` is the reverse."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from drivers.vocabulary.money import Money
from drivers.vocabulary.receipt import TenderKind

from .drafts import Draft
from .fields import Opening
from .models import Model

CLOSED_AT: Final = "22-11-2026 10:00:00"  # the twin reads no clock
_TAXES: Final = "ABCDEFGH"


@dataclass(slots=True, kw_only=True)
class ClosedReceipt:
    """One record of the journal."""

    number: int
    opening: Opening
    draft: Draft
    is_cancelled: bool = False
    subtotals: list[int] = field(default_factory=list)


def journal_rows(closed: ClosedReceipt, model: Model) -> list[str]:
    """77h W of Datecs P, up to the `*,` that ends the receipt."""
    opening, draft = closed.opening, closed.draft
    kind = 4 if closed.is_cancelled else 2 if opening.is_return else 0
    rows = [f"U,{opening.unp},{opening.operator},{opening.till or 1},{kind},{closed.number}", "V,1,2,0,20,20,9"]
    for item in draft.items:
        net = item.gross_minor + item.modifier_minor
        quantity = Decimal(item.quantity.steps) / 1_000_000
        rows.append(
            f"R,{_TAXES.find(item.sale.tax) + 1},20.00,{item.price.amount},{quantity:.3f},"
            f"{_units(draft, item.modifier_minor)},{_units(draft, net)},{item.sale.name}"
        )
    total = _units(draft, draft.total_minor)
    rows += [f"M,{_units(draft, minor)},,{total}" for minor in closed.subtotals]
    rows.append(f"T,0,0.00,0,0.00,0,0.00,{len(draft.items)},{total}")
    rows.append(f"P,{','.join(_units(draft, minor) for minor in _paid(draft, model))}")
    return [*rows, f"D,{CLOSED_AT},{CLOSED_AT}", "*,"]


def document_rows(closed: ClosedReceipt) -> list[str]:
    """7Dh 5 of Datecs C, without the F that ends the document."""
    draft = closed.draft
    rows = [f"P,3,{4 if closed.is_cancelled else 1},{closed.number},{closed.opening.unp},2"]
    for item in draft.items:
        rows.append(
            f"P,4,{item.price.minor},{item.quantity.steps // 1000},{item.gross_minor},"
            f"{_TAXES.find(item.sale.tax) + 1},{item.sale.name}"
        )
        if item.modifier_minor:
            rows.append(f"P,5,{item.modifier_minor},")
    rows += [f"P,5,{minor},subtotal" for minor in closed.subtotals]
    return [*rows, f"P,6,{draft.total_minor}"]


def _paid(draft: Draft, model: Model) -> list[int]:
    """Cash less change, cheque, card, credit."""
    sums = dict.fromkeys((TenderKind.CASH, TenderKind.OTHER, TenderKind.CARD, TenderKind.CREDIT), 0)
    for letter, minor in draft.paid:
        kind = model.tenders.get(letter, TenderKind.CASH)
        sums[kind if kind in sums else TenderKind.OTHER] += minor
    sums[TenderKind.CASH] -= draft.change_minor
    return list(sums.values())


def _units(draft: Draft, minor: int) -> str:
    return Money(minor, draft.currency).amount

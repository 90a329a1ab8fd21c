"""A closed receipt of Кассир's report from its transactions: lines, tenders and totals that add up, or why not; pure.

Types: 11 line, 12 storno, 13 line of a return, 37 and 38 discount and surcharge on the receipt, 70 and 71 what they are
made of, 40 and 41 payments, 55 the close. The sums of the close are not reliable: what was paid less the change is the
total, and what the lines have more than that is the discount, when a discount is told of.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from drivers.tills.report_lines import moment, places_of, quantity_steps, units
from drivers.tills.reports import ReportContext
from drivers.vocabulary.events import Document
from drivers.vocabulary.money import Money, Quantity, line_total
from drivers.vocabulary.receipt import DocumentKind, Line, Receipt, Tender, TenderKind

__all__ = ["Draft", "assemble"]

LAYOUT: Final = "kassir report"
_BY_CARD: Final = "3"  # a discount's kind: field 8 is the card
_CASH: Final = "1"  # payment kind
_DISCOUNTS: Final = frozenset({"37", "38", "70", "71"})
_NOT_UID: Final = re.compile(r"[^A-Za-z0-9._:-]")


@dataclass(slots=True)
class Draft:
    """The transactions of one receipt so far, by their numbers, so that a repeated one counts once."""

    shift: int | None
    lines: dict[int, list[str]] = field(default_factory=dict)


@dataclass(slots=True)
class _Goods:
    code: str
    price: int
    steps: int
    total: int


def _at(fields: Sequence[str], place: int) -> str:
    return fields[place - 1] if place <= len(fields) else ""


def assemble(draft: Draft, context: ReportContext, tenders: Mapping[str, str]) -> Document:
    """The document these transactions are; its receipt is None, with problems, when it does not add up."""
    rows = [fields for _, fields in sorted(draft.lines.items())]
    sold, back = (any(row[3] == kind for row in rows) for kind in ("11", "13"))
    kind = DocumentKind.RETURN if back and not sold else DocumentKind.SALE
    problems: list[str] = []
    receipt = None
    if sold and back:
        problems.append("it sells and takes back at once")
    else:
        try:
            receipt = _receipt(draft, rows, kind, context=context, names=tenders, problems=problems)
        except ValueError as error:
            problems.append(str(error))
    last = rows[-1]
    name = f"receipt {last[5]} of till {last[4]}"
    return Document(
        kind=kind,
        raw="\r\n".join(";".join(fields) for fields in rows).encode() if receipt is None else b"",
        text=(),
        receipt=receipt,
        problems=tuple(f"{name}: {problem}" for problem in problems) if receipt is None else (),
        layout=LAYOUT,
        codes=_cards(rows),
    )


def _receipt(
    draft: Draft,
    rows: Sequence[list[str]],
    kind: DocumentKind,
    *,
    context: ReportContext,
    names: Mapping[str, str],
    problems: list[str],
) -> Receipt | None:
    currency = context.currency
    close = next(row for row in reversed(rows) if row[3] == "55")
    places = places_of(currency)
    at = moment(close[1], close[2], context.zone)
    if at is None:
        problems.append(f"closed at {close[1][:20]!r} {close[2][:20]!r}, which is no time")
        return None
    goods = _goods(rows, places, problems)
    lines = tuple(_line(place, one, currency) for place, one in enumerate(goods, 1))
    paid, change = _paid(rows, places, names)
    total = sum(amount for _, amount in paid) - change if paid else abs(units(_at(close, 12), places))
    adjustment = total - sum(one.total for one in goods)
    if adjustment and not any(row[3] in _DISCOUNTS for row in rows):
        problems.append(f"its lines make {Money(total - adjustment, currency)}, {Money(total, currency)} was paid")
    if problems:
        return None
    uid = _NOT_UID.sub(".", f"kassir-{close[4]}-{close[5]}-{at:%Y%m%d%H%M%S}")[:80]
    return Receipt(
        uid=uid,
        kind=kind,
        total=Money(total, currency),
        lines=lines,
        tenders=tuple(Tender(kind=kind_of, amount=Money(amount, currency)) for kind_of, amount in paid),
        change=Money(change, currency) if change else None,
        adjustment=Money(adjustment, currency) if adjustment else None,
        closed_at=at,
        till=close[4][:400],
        cashier=close[6][:400],
        shift=draft.shift,
        number=close[5][:400],
    )


def _goods(rows: Sequence[list[str]], places: int, problems: list[str]) -> list[_Goods]:
    """What was sold or brought back; a storno removes the last line of the same goods and quantity."""
    goods: list[_Goods] = []
    for row in rows:
        if row[3] not in {"11", "12", "13"}:
            continue
        one = _Goods(
            code=_at(row, 8),
            price=abs(units(_at(row, 10), places)),
            steps=abs(quantity_steps(_at(row, 11))),
            total=abs(units(_at(row, 12), places)),
        )
        if row[3] != "12":
            goods.append(one)
            continue
        same = [place for place, each in enumerate(goods) if each.code == one.code]
        exact = [place for place in same if goods[place].steps == one.steps]
        larger = [place for place in same if goods[place].steps > one.steps and goods[place].total >= one.total]
        if exact:
            del goods[exact[-1]]
        elif larger:
            goods[larger[-1]].steps -= one.steps
            goods[larger[-1]].total -= one.total
        else:
            problems.append(f"takes back goods {one.code!r} that are not in it")
    return goods


def _line(place: int, one: _Goods, currency: str) -> Line:
    """One position; a sum below price × quantity has a discount of its own in it."""
    price, quantity, total = Money(one.price, currency), Quantity(one.steps), Money(one.total, currency)
    off = line_total(price, quantity).minor - one.total
    discount = Money(off, currency) if off > 0 else None
    return Line(
        number=place, name=one.code, quantity=quantity, price=price, total=total, discount=discount, product_id=one.code
    )


def _paid(rows: Sequence[list[str]], places: int, names: Mapping[str, str]) -> tuple[list[tuple[TenderKind, int]], int]:
    """(payments, change): 40 with the money the customer gave, 41 without."""
    paid: list[tuple[TenderKind, int]] = []
    change = 0
    for row in rows:
        if row[3] not in {"40", "41"}:
            continue
        code = _at(row, 11).partition(".")[0]
        usual = TenderKind.CASH if code == _CASH else TenderKind.CARD if _at(row, 8) else TenderKind.OTHER
        said = names.get(code)
        paid.append((TenderKind(said) if said is not None else usual, abs(units(_at(row, 12), places))))
        change += abs(units(_at(row, 10), places))
    return paid, change


def _cards(rows: Sequence[list[str]]) -> tuple[str, ...]:
    """Cards that gave a discount."""
    cards = (_at(row, 8) for row in rows if row[3] in _DISCOUNTS and _at(row, 9) == _BY_CARD)
    return tuple(dict.fromkeys(card for card in cards if 3 < len(card) <= 200))

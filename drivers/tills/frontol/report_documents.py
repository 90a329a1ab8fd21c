"""A closed document of Frontol's report from its transactions: lines, tenders and totals that add up, or why not; pure.

Transaction types and fields as the makers' guide for integrators numbers them (§17.2.2), fields from 1. The same money
stands in several transactions: 43 splits what 40 says, 82 what 32, 84 what 34, 85 and 87 what 35 and 37, 86 what 36;
each is counted in one of its forms. Returns write their sums with a minus, change is the payment of the other sign.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from drivers.ffd.lines import fiscal_uid
from drivers.tills.report_lines import moment, places_of, quantity_steps, units
from drivers.tills.reports import ReportContext
from drivers.vocabulary.events import Document
from drivers.vocabulary.money import Money, Quantity, line_total
from drivers.vocabulary.receipt import DocumentKind, Line, Receipt, Tender, TenderKind

__all__ = ["Draft", "assemble"]

LAYOUT: Final = "frontol report"
_CLOSES: Final = ("55", "58")  # 58: goods came back and their money went another way than through this document
_KIND_OF_OPERATION: Final = {"0": TenderKind.CASH, "1": TenderKind.CARD, "3": TenderKind.PREPAID,
    "6": TenderKind.CERTIFICATE, "8": TenderKind.CERTIFICATE}  # fmt: skip
_CASH_OUT: Final = "9"  # the customer takes money from a bank card: no payment of these goods
_UID: Final = re.compile(r"[A-Za-z0-9._:-]{8,80}")
_NOT_UID: Final = re.compile(r"[^A-Za-z0-9._:-]")
_PHONE: Final = re.compile(r"\+?[78]?9\d{9}")
_FISCAL_MEMORY: Final = re.compile(r"\d{16}")
_ROUNDING_MAX: Final = 100  # minor units: a receipt is rounded to a whole unit at most


@dataclass(slots=True)
class Draft:
    """The transactions of one document so far, by their numbers, so that a repeated one counts once."""

    counter: str
    lines: dict[int, list[str]] = field(default_factory=dict)


@dataclass(slots=True)
class _Goods:
    code: str
    barcode: str
    price: int
    steps: int
    total: int


def _at(fields: Sequence[str], place: int) -> str:
    """A field by its number; one that is not written is empty."""
    return fields[place - 1] if place <= len(fields) else ""


def assemble(draft: Draft, context: ReportContext, tenders: Mapping[str, str]) -> Document:
    """The document these transactions are; its receipt is None, with problems, when it does not add up."""
    rows = [fields for _, fields in sorted(draft.lines.items())]
    close = next(fields for fields in reversed(rows) if fields[3] in _CLOSES)
    kind = DocumentKind.RETURN if close[12] == "1" else DocumentKind.SALE
    problems: list[str] = []
    receipt = None
    try:
        receipt = _receipt(
            draft=draft, rows=rows, close=close, kind=kind, context=context, tenders=tenders, problems=problems
        )
    except ValueError as error:
        problems.append(str(error))
    name = f"document {close[5]} of shift {close[13]} at till {close[4]}"
    # What a client's card says of a person (65) is no reason why money does not add up.
    raw = "\r\n".join(";".join(fields) for fields in rows if fields[3] != "65").encode()
    return Document(
        kind=kind,
        raw=raw if receipt is None else b"",
        text=(),
        receipt=receipt,
        problems=tuple(f"{name}: {problem}" for problem in problems) if receipt is None else (),
        layout=LAYOUT,
        codes=_codes(rows),
        also=_also(rows),
        base=_base(rows) if kind is DocumentKind.RETURN else None,
    )


def _receipt(
    *,
    draft: Draft,
    rows: Sequence[list[str]],
    close: list[str],
    kind: DocumentKind,
    context: ReportContext,
    tenders: Mapping[str, str],
    problems: list[str],
) -> Receipt | None:
    currency = context.currency
    places = places_of(currency)
    at = moment(close[1], close[2], context.zone)
    if at is None:
        problems.append(f"closed at {close[1][:20]!r} {close[2][:20]!r}, which is no time")
        return None
    goods = _goods(rows, places, problems)
    total = units(_at(close, 12), places)
    sign = -1 if total < 0 else 1
    total *= sign
    lines = tuple(_line(place, one, currency, problems) for place, one in enumerate(goods, 1))
    paid, change = _paid(rows, places, sign, total=total, names=tenders, problems=problems)
    adjustment = total - sum(one.total for one in goods)
    if adjustment and not _is_explained(rows, places, adjustment):
        made = Money(total - adjustment, currency)
        problems.append(f"its lines make {made}, its total is {Money(total, currency)}")
    if problems:
        return None
    number, shift = close[5], close[13]
    uid = _NOT_UID.sub(".", f"frontol-{draft.counter}-{close[4]}-{shift}-{number}-{at:%Y%m%d}")[:80]
    coupons = dict.fromkeys(
        code for row in rows for code in _at(row, 43).split("|") if row[3] in {"1", "11", "42"} and code
    )
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
        shift=int(shift) if shift.isdecimal() else None,
        number=number[:400],
        coupons=tuple(coupons)[:20],
    )


# ── Goods ───────────────────────────────────────────────────────────────────────────────────────


def _goods(rows: Sequence[list[str]], places: int, problems: list[str]) -> list[_Goods]:
    """What was registered and not taken back (storno: 2 and 12)."""
    goods: list[_Goods] = []
    for row in rows:
        if row[3] not in {"1", "11", "2", "12"}:
            continue
        one = _Goods(
            code=_at(row, 8),
            barcode=_at(row, 19),
            price=abs(units(_at(row, 10), places)),
            steps=abs(quantity_steps(_at(row, 11))),
            total=abs(units(_at(row, 16) or _at(row, 12), places)),
        )
        if row[3] in {"1", "11"}:
            goods.append(one)
        elif not _take_back(goods, one):
            problems.append(f"takes back goods {one.code!r} that are not in it")
    return goods


def _take_back(goods: list[_Goods], back: _Goods) -> bool:
    same = [place for place, one in enumerate(goods) if one.code == back.code]
    exact = [place for place in same if goods[place].steps == back.steps]
    if exact:
        del goods[exact[-1]]
        return True
    larger = [place for place in same if goods[place].steps > back.steps and goods[place].total >= back.total]
    if not larger:
        return False
    one = goods[larger[-1]]
    one.steps -= back.steps
    one.total -= back.total
    return True


def _line(place: int, one: _Goods, currency: str, problems: list[str]) -> Line:
    """One position: price before discounts (10), quantity (11), final sum (16)."""
    quantity, price, total = Quantity(one.steps), Money(one.price, currency), Money(one.total, currency)
    off = line_total(price, quantity).minor - one.total
    if off < -1 and one.steps:  # a surcharge: what a piece really cost
        price = Money((one.total * 1_000_000 + one.steps // 2) // one.steps, currency)
        off = 0
    discount = Money(off, currency) if off > 0 else None
    try:
        return Line(
            number=place,
            name=one.barcode or one.code,
            quantity=quantity,
            price=price,
            total=total,
            discount=discount,
            product_id=one.code[:400],
            barcode=one.barcode[:400],
        )
    except ValueError as error:
        problems.append(str(error))
        return Line(number=place, name="", quantity=Quantity.ONE, price=total, total=total)


def _is_explained(rows: Sequence[list[str]], places: int, adjustment: int) -> bool:
    """Whether what the whole document has more or less than its lines is a discount or a rounding it tells of."""

    def told(*kinds: str) -> int:
        return sum(abs(units(_at(row, 12), places)) for row in rows if row[3] in kinds)

    of_document, rounding = told("35", "37") or told("85", "87"), told("38")
    of_lines, points = told("15", "17"), told("32") or told("82")
    if rounding > _ROUNDING_MAX:
        return False
    taken = {0, of_document, of_document + of_lines, of_lines, points, points + of_document}
    return any(adjustment + off in {0, rounding, -rounding} for off in taken)


# ── Money ───────────────────────────────────────────────────────────────────────────────────────


def _paid(
    rows: Sequence[list[str]],
    places: int,
    sign: int,
    *,
    total: int,
    names: Mapping[str, str],
    problems: list[str],
) -> tuple[list[tuple[TenderKind, int]], int]:
    """(tenders, change). What stands besides the fiscal payments was one, or was a discount: the total says which."""
    fiscal, change = _tenders(rows, ("40", "43"), places, sign, names)
    besides = [
        [(TenderKind.POINTS, amount) for amount in _sums(rows, ("32", "82"), places, sign)],
        [(TenderKind.PREPAID, amount) for amount in _sums(rows, ("34", "84"), places, sign)],
        _tenders(rows, ("36", "86"), places, sign, names)[0],
    ]
    besides = [group for group in besides if group]
    if not fiscal and not besides:
        return [], 0
    for count in range(len(besides), -1, -1):
        for chosen in itertools.combinations(besides, count):
            paid = [*fiscal, *(one for group in chosen for one in group)]
            if sum(amount for _, amount in paid) - change == total:
                return paid, change
    problems.append("its payments do not make its total")
    return [], 0


def _tenders(
    rows: Sequence[list[str]], kinds: tuple[str, str], places: int, sign: int, names: Mapping[str, str]
) -> tuple[list[tuple[TenderKind, int]], int]:
    """(payments, change) of the first of these types that is there: the other one splits it."""
    found: list[tuple[TenderKind, int]] = []
    change = 0
    for row in _first_of(rows, kinds):
        operation, code = _at(row, 10), _at(row, 9)
        if operation == _CASH_OUT:
            continue
        amount = sign * units(_at(row, 12) or _at(row, 11), places)
        if amount < 0:
            change -= amount
            continue
        said = names.get(code)
        kind = TenderKind(said) if said is not None else _KIND_OF_OPERATION.get(operation, TenderKind.OTHER)
        found.append((kind, amount))
    return found, change


def _sums(rows: Sequence[list[str]], kinds: tuple[str, str], places: int, sign: int) -> list[int]:
    amounts = [sign * units(_at(row, 12), places) for row in _first_of(rows, kinds)]
    return [amount for amount in amounts if amount > 0]


def _first_of(rows: Sequence[list[str]], kinds: tuple[str, str]) -> list[list[str]]:
    whole, split = ([row for row in rows if row[3] == kind] for kind in kinds)
    return whole or split


# ── Names ───────────────────────────────────────────────────────────────────────────────────────


def _codes(rows: Sequence[list[str]]) -> tuple[str, ...]:
    """Cards of the document (field 8 of 55, 42 and 65), the client's phone (34 of 65), cards that paid or discounted.

    How a card was read may stand before its number as @, # or $.
    """
    found: dict[str, None] = {}
    for kind in (*_CLOSES, "42", "65", "32", "35", "37"):
        for row in (row for row in rows if row[3] == kind):
            cards = (card.lstrip("@#$") for card in _at(row, 8).split("|"))
            found.update(dict.fromkeys(card for card in cards if 3 < len(card) <= 200))
            if kind == "65":
                found.update(dict.fromkeys(value for value in _at(row, 34).split("•") if _PHONE.fullmatch(value)))
    return tuple(found)


def _also(rows: Sequence[list[str]]) -> tuple[str, ...]:
    """The name the till gave it outside (33), and the fiscal document's (memory 22, document 24, sign 25 of 45)."""
    found: dict[str, None] = {}
    for row in rows:
        if row[3] in {"42", *_CLOSES}:
            name = _at(row, 33).strip("{}").lower()
            if _UID.fullmatch(name):
                found[name] = None
        elif row[3] == "45" and _FISCAL_MEMORY.fullmatch(_at(row, 22)):
            document, fiscal_sign = _at(row, 24), _at(row, 25)
            if document.isdecimal() and fiscal_sign.isdecimal():
                found[fiscal_uid(_at(row, 22), int(document), int(fiscal_sign))] = None
    return tuple(found)


def _base(rows: Sequence[list[str]]) -> tuple[int | None, str] | None:
    """(shift, number) of the sale a return takes back: field 25, a number or "till/shift/document"."""
    for row in rows:
        parts = _at(row, 25).split("/") if row[3] in {"42", *_CLOSES} else []
        if len(parts) == 3 and parts[1].isdecimal() and parts[2]:
            return int(parts[1]), parts[2]
        if len(parts) == 1 and parts[0].isdecimal() and parts[0].strip("0"):
            return None, parts[0]
    return None

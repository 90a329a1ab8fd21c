"""Reconciliation: a sheet of readings becomes a receipt only if its numbers add up; nothing is ever guessed.

What a discount line means differs by till: taken off the sum above it, or merely repeated for information. The
arithmetic says which; a reading that would take fewer printed amounts into account needs the tenders as a witness.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from drivers.vocabulary.money import Money, Quantity, line_total
from drivers.vocabulary.receipt import LINES_MAX, Line, Tender, TenderKind

from .reading import Reading, Role, Sheet

TENDERS_MAX: Final = 50  # Receipt.tenders of the vocabulary


@dataclass(slots=True)
class _Item:
    """An item with the discounts printed under it."""

    reading: Reading
    discounts: list[Reading] = field(default_factory=list)

    @property
    def sum_minor(self) -> int:
        return self.reading.minor or 0

    @property
    def discount_minor(self) -> int:
        return sum(abs(discount.minor or 0) for discount in self.discounts)


@dataclass(frozen=True, slots=True)
class _Way:
    """One way to take the printed discounts and taxes."""

    line_discounts: bool
    receipt_discounts: bool
    taxes: bool
    needs_witness: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """What adds up: the parts of a receipt."""

    lines: tuple[Line, ...]
    total: Money
    tenders: tuple[Tender, ...]
    change: Money | None
    adjustment: Money | None
    is_negative: bool
    arithmetic: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Sums, or the problems that forbid them."""

    sums: Sums | None = None
    problems: tuple[str, ...] = ()


class _DisagreementError(Exception):
    """The numbers of the sheet contradict one another; the message says how."""


def reconcile(sheet: Sheet, currency: str) -> Verdict:
    """Add the sheet up; every printed amount must agree, to the minor unit."""
    try:
        return Verdict(sums=_reconcile(sheet, currency))
    except _DisagreementError as problem:
        return Verdict(problems=(str(problem),))


def _reconcile(sheet: Sheet, currency: str) -> Sums:
    readings, is_negative = _upright(sheet.readings)
    items = _items(readings)
    if not items:
        raise _DisagreementError("no item lines were recognised")
    if len(items) > LINES_MAX:
        raise _DisagreementError(f"{len(items)} item lines are more than the {LINES_MAX} a receipt may have")
    total = _total(readings)
    tenders, change_minor = _tenders(readings, total.minor or 0, currency)
    reasons: list[str] = []
    for way in _ways(readings, items, sheet.layout.taxes):
        if way.needs_witness and not tenders:
            reasons.append("discounts do not fit and no tender confirms the total")
            continue
        try:
            lines = tuple(_line(number, item, way, currency) for number, item in enumerate(items, 1))
            adjustment = _adjustment(readings, items, lines, total, way, currency=currency)
        except _DisagreementError as problem:
            reasons.append(str(problem))
            continue
        return Sums(
            lines=lines,
            total=Money(total.minor or 0, currency),
            tenders=tuple(
                Tender(kind=reading.tender or TenderKind.OTHER, amount=Money(minor, currency))
                for reading, minor in tenders
            ),
            change=Money(change_minor, currency) if tenders and change_minor else None,
            adjustment=Money(adjustment, currency) if adjustment else None,
            is_negative=is_negative,
            arithmetic=_told(lines, adjustment, total.minor or 0, currency),
        )
    raise _DisagreementError(reasons[0])


def _told(lines: tuple[Line, ...], adjustment: int, total_minor: int, currency: str) -> str:
    """The sum as a person would write it."""
    told = " + ".join(line.total.amount for line in lines)
    if adjustment:
        told += f" {'-' if adjustment < 0 else '+'} {_amount(abs(adjustment), currency)}"
    return f"{told} = {_amount(total_minor, currency)}"


def _upright(readings: list[Reading]) -> tuple[list[Reading], bool]:
    """A return printed with minus signs throughout is turned round; a mixture of signs is left as it is."""
    sums = [reading for reading in readings if reading.role in (Role.ITEM, Role.TOTAL) and reading.minor is not None]
    if not sums or not all((reading.minor or 0) < 0 for reading in sums):
        return readings, False
    turned = []
    for reading in readings:
        minor, quantity, price = reading.minor, reading.quantity, reading.price_minor
        turned.append(
            Reading(
                index=reading.index, text=reading.text, role=reading.role,
                minor=-minor if minor is not None and (minor < 0 or reading.signed) else minor,
                signed=False, name=reading.name, quantity=quantity,
                price_minor=abs(price) if price is not None else None,
                is_counted=reading.is_counted, tender=reading.tender, kind=reading.kind,
            )
        )  # fmt: skip
    return turned, True


def _items(readings: list[Reading]) -> list[_Item]:
    """Items with their own discounts; a discount after a subtotal belongs to the receipt."""
    items: list[_Item] = []
    is_open = False
    for reading in readings:
        if reading.role is Role.ITEM:
            items.append(_Item(reading))
            is_open = True
        elif reading.role in (Role.SUBTOTAL, Role.TOTAL):
            is_open = False
        elif reading.role is Role.DISCOUNT_LINE and is_open and reading.minor is not None:
            items[-1].discounts.append(reading)
    return items


def _total(readings: list[Reading]) -> Reading:
    """The last total above the first tender; what stands below the tenders is advertisement."""
    found: Reading | None = None
    for reading in readings:
        if reading.role is Role.TOTAL and reading.minor is not None:
            found = reading
        elif reading.role in (Role.TENDER, Role.CHANGE, Role.RECEIVED) and found is not None:
            break
    if found is None or found.minor is None:
        raise _DisagreementError("no line with the total was recognised")
    if found.minor < 0:
        raise _DisagreementError(f"the total is negative and the items are not: {found.text.strip()!r}")
    return found


def _tenders(readings: list[Reading], total_minor: int, currency: str) -> tuple[list[tuple[Reading, int]], int]:
    """Tenders as (reading, handed over) and the change; they must make the total."""
    tenders = [
        (reading, reading.minor) for reading in readings if reading.role is Role.TENDER and (reading.minor or 0) > 0
    ]
    given = [(reading, minor) for reading, minor in tenders if minor is not None]
    change = [reading.minor for reading in readings if reading.role is Role.CHANGE and reading.minor is not None]
    received = [reading.minor for reading in readings if reading.role is Role.RECEIVED and reading.minor is not None]
    change_minor = abs(change[0]) if change else 0
    if any(abs(other) != change_minor for other in change[1:]):
        raise _DisagreementError("two different amounts of change are printed")
    if not given:
        return [], 0
    if len(given) > TENDERS_MAX:
        raise _DisagreementError(f"{len(given)} tenders are more than the {TENDERS_MAX} a receipt may have")
    if any(reading.minor is not None and reading.minor < 0 for reading in readings if reading.role is Role.TENDER):
        raise _DisagreementError("a tender is negative")
    paid = sum(minor for _, minor in given)
    cash = [index for index, (reading, _) in enumerate(given) if reading.tender is TenderKind.CASH]
    if received and paid == total_minor and len(cash) == 1:
        # "НАЛИЧНЫМИ 135.00, ПОЛУЧЕНО 200.00, СДАЧА 65.00": the tender line says what was kept, not what was given.
        kept = given[cash[0]][1]
        if received[0] - change_minor not in (kept, paid):
            raise _DisagreementError(f"received less change does not make {_amount(kept, currency)}")
        given[cash[0]] = (given[cash[0]][0], kept + change_minor)
        return given, change_minor
    if paid - change_minor != total_minor:
        raise _DisagreementError(
            f"tenders {_amount(paid, currency)} less change {_amount(change_minor, currency)} do not make"
            f" the total {_amount(total_minor, currency)}"
        )
    return given, change_minor


def _ways(readings: list[Reading], items: list[_Item], taxes: str) -> Iterator[_Way]:
    """Ways to take the amounts, the one that uses most of them first."""
    has_line = any(item.discounts for item in items)
    has_receipt = bool(_adjustments(readings, items, unsigned_only=True))
    has_tax = any(reading.role is Role.TAX and reading.minor for reading in readings)
    tax_choices = {"included": (False,), "added": (True,), "either": (False, True)}[taxes] if has_tax else (False,)
    for uses_line in (True, False) if has_line else (True,):
        for uses_receipt in (True, False) if has_receipt else (True,):
            for uses_tax in tax_choices:
                ignores = not (uses_line and uses_receipt)
                yield _Way(uses_line, uses_receipt, uses_tax, ignores)


def _adjustments(
    readings: list[Reading], items: list[_Item], *, unsigned_only: bool = False
) -> list[tuple[Reading, int]]:
    """What is taken off or put on the whole receipt, as (reading, signed minor)."""
    own = {id(discount) for item in items for discount in item.discounts}
    found: list[tuple[Reading, int]] = []
    for reading in readings:
        if reading.role in (Role.TENDER, Role.CHANGE, Role.RECEIVED):
            break  # below the tenders a discount is only told, not taken
        if reading.minor is None or reading.minor == 0 or id(reading) in own:
            continue
        if reading.role in (Role.DISCOUNT_LINE, Role.DISCOUNT_RECEIPT):
            if not (unsigned_only and reading.signed):
                found.append((reading, -abs(reading.minor)))
        elif reading.role is Role.SURCHARGE:
            found.append((reading, abs(reading.minor)))
        elif reading.role is Role.ROUNDING:
            found.append((reading, reading.minor if reading.signed else -reading.minor))
    return found


def _adjustment(
    readings: list[Reading],
    items: list[_Item],
    lines: tuple[Line, ...],
    total: Reading,
    way: _Way,
    *,
    currency: str,
) -> int:
    """What was taken off or put on the whole receipt this way; the lines and it must make the total."""
    adjustments = _adjustments(readings, items)
    if not way.receipt_discounts:
        adjustments = [
            pair for pair in adjustments if pair[0].signed or pair[0].role in (Role.SURCHARGE, Role.ROUNDING)
        ]
    adjustment = sum(minor for _, minor in adjustments)
    if way.taxes:
        adjustment += sum(abs(reading.minor or 0) for reading in readings if reading.role is Role.TAX)
    made = sum(line.total.minor for line in lines) + adjustment
    if made != total.minor:
        raise _DisagreementError(
            f"lines make {_amount(made, currency)}, the total says {_amount(total.minor or 0, currency)}"
        )
    _check_subtotals(readings, items, lines, adjustments, total)
    return adjustment


def _amount(minor: int, currency: str) -> str:
    return Money(minor, currency).amount


def _line(number: int, item: _Item, way: _Way, currency: str) -> Line:
    """One line of the receipt; quantity x price, discount and sum must agree."""
    reading = item.reading
    quantity = reading.quantity or Quantity.ONE
    stated, discount = item.sum_minor, item.discount_minor
    if stated < 0:
        raise _DisagreementError(f"line {number} {reading.name!r} is negative: {_amount(stated, currency)}")
    price = _price(number, reading, quantity, currency)
    gross = line_total(Money(price, currency), quantity).minor
    # Rounding may move a weighed line by one minor unit; pieces are exact.
    slack = 0 if quantity.is_whole else 1
    if discount and abs(gross - discount - stated) <= slack < discount:
        total = stated  # the sum is printed after its discount
    elif abs(gross - stated) > slack:
        raise _DisagreementError(
            f"line {number} {reading.name!r}: {quantity} x {_amount(price, currency)} is not"
            f" {_amount(stated, currency)}"
        )
    elif way.line_discounts:
        total = stated - discount
        if total < 0:
            raise _DisagreementError(f"line {number} {reading.name!r}: the discount is larger than the line")
    else:
        total, discount = stated, 0
    return Line(
        number=number,
        name=reading.name,
        quantity=quantity,
        price=Money(price, currency),
        discount=Money(discount, currency) if discount else None,
        total=Money(total, currency),
    )


def _price(number: int, reading: Reading, quantity: Quantity, currency: str) -> int:
    """Price of one, printed or worked out."""
    if quantity.steps <= 0:
        raise _DisagreementError(f"line {number} {reading.name!r}: the quantity is 0")
    if reading.price_minor is not None:
        if reading.price_minor < 0:
            raise _DisagreementError(f"line {number} {reading.name!r}: the price is negative")
        return reading.price_minor
    count = quantity.steps // 1_000_000
    price, rest = divmod(reading.minor or 0, count)
    if rest:
        raise _DisagreementError(
            f"line {number} {reading.name!r}: {_amount(reading.minor or 0, currency)} does not divide by {count}"
        )
    return price


def _check_subtotals(
    readings: list[Reading],
    items: list[_Item],
    lines: tuple[Line, ...],
    adjustments: list[tuple[Reading, int]],
    total: Reading,
) -> None:
    """Every subtotal, and every total above the last, must be what the lines above make, before or after discounts."""
    by_reading = {id(item.reading): (item, line) for item, line in zip(items, lines, strict=True)}
    of_receipt = {id(reading): minor for reading, minor in adjustments}
    gross = stated = net = applied = 0
    for reading in readings:
        if reading is total:
            return
        if id(reading) in by_reading:
            item, line = by_reading[id(reading)]
            gross += line.gross.minor
            stated += item.sum_minor
            net += line.total.minor
        elif id(reading) in of_receipt:
            applied += of_receipt[id(reading)]
        elif (
            reading.role in (Role.SUBTOTAL, Role.TOTAL)
            and reading.minor is not None
            and items[0].reading.index < reading.index
            and reading.minor not in (gross, stated, net, net + applied)
        ):
            raise _DisagreementError(f"the lines above do not make {reading.text.strip()!r}")

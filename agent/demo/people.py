"""Invented members and goods of the demo shop; the same every time, no real person and no real number among them."""

from __future__ import annotations

import csv
import io
import random
from dataclasses import dataclass
from typing import Final

from drivers.vocabulary.money import Money, Quantity, line_total
from drivers.vocabulary.receipt import DocumentKind, Line, Receipt

__all__ = ["Basket", "Member", "members", "members_csv", "next_basket"]

_FIRST: Final = ("Анна", "Иван", "Мария", "Пётр", "Ольга", "Сергей", "Елена", "Дмитрий", "Наталья", "Алексей")
PHONES_MAX: Final = 100
_LAST: Final = "АБВГДЕЖЗИКЛМНОПРСТ"
_GOODS: Final = (
    ("Хлеб бородинский", "45.90", "bakery", False),
    ("Молоко 2,5% 1 л", "89.00", "dairy", False),
    ("Сыр российский", "690.00", "dairy", True),
    ("Яблоки", "129.90", "fruit", True),
    ("Кофе молотый 250 г", "399.00", "coffee", False),
    ("Чай чёрный 100 пак", "215.50", "tea", False),
    ("Бананы", "99.90", "fruit", True),
    ("Порошок стиральный", "549.00", "cleaning", False),
    ("Шоколад горький", "119.90", "sweets", False),
    ("Вода 1,5 л", "39.00", "drinks", False),
)


@dataclass(frozen=True, slots=True)
class Member:
    """One invented member."""

    id: str
    name: str
    phone: str
    card: str
    tier: str
    spent: str
    points: int


@dataclass(frozen=True, slots=True)
class Basket:
    """What one customer brought to the till."""

    receipt: Receipt
    number: int


def members(count: int) -> list[Member]:
    """The first `count` members; only the first hundred have a phone, +7 900 000-00-xx."""
    return [_member(index) for index in range(count)]


def members_csv(count: int) -> str:
    """The same as the file `tillpoint central members load` reads."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["id", "name", "phone", "card", "tier", "spent", "points"])
    for one in members(count):
        writer.writerow([one.id, one.name, one.phone, one.card, one.tier, one.spent, one.points])
    return out.getvalue()


def _member(index: int) -> Member:
    name = f"{_FIRST[index % len(_FIRST)]} {_LAST[index % len(_LAST)]}."
    spent = (index * 1_733) % 14_000
    tier = "gold" if spent >= 10_000 else "silver" if spent >= 5_000 else ""
    return Member(
        id=f"m-{index:06d}",
        name=name,
        phone=f"+79000000{index:03d}" if index < PHONES_MAX else "",
        card=_with_check(f"29{index:010d}"),
        tier=tier,
        spent=f"{spent}.00",
        points=(index * 97) % 900,
    )


def _with_check(digits: str) -> str:
    """Twelve digits and their EAN-13 check digit."""
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits))
    return digits + str(-total % 10)


def next_basket(number: int, seed: int, till: str) -> Basket:
    """The basket of receipt `number`: one to five lines, some weighed."""
    dice = random.Random(seed * 1_000_003 + number)  # noqa: S311 - a shop's day, not a secret
    lines = []
    for place, (name, price, category, weighed) in enumerate(dice.sample(_GOODS, dice.randint(1, 5)), start=1):
        unit = Money.of(price, "RUB")
        quantity = Quantity(dice.randint(120, 1_900) * 1_000) if weighed else Quantity(dice.randint(1, 3) * 1_000_000)
        lines.append(
            Line(
                number=place,
                name=name,
                quantity=quantity,
                price=unit,
                total=line_total(unit, quantity),
                categories=(category,),
                product_id=name,
            )
        )
    total = Money(sum(line.total.minor for line in lines), "RUB")
    receipt = Receipt(uid=f"{till}-{seed}-{number}", kind=DocumentKind.SALE, total=total, lines=tuple(lines))
    return Basket(receipt=receipt, number=number)

"""The quote says how each line is printed, so that quantity × price is its sum."""

from __future__ import annotations

from typing import Any

from drivers.vocabulary import checkout as contract
from drivers.vocabulary import codec
from drivers.vocabulary.money import Money, Quantity
from drivers.vocabulary.receipt import DocumentKind, Line, Receipt


def seven_yoghurts() -> Receipt:
    """Seven pieces for 10.50 and a bag."""
    lines = (
        Line(
            number=1,
            name="Yoghurt",
            quantity=Quantity.parse("7"),
            price=Money.of("1.50", "RUB"),
            total=Money.of("10.50", "RUB"),
        ),
        Line(number=2, name="Bag", quantity=Quantity.ONE, price=Money(0, "RUB"), total=Money(0, "RUB")),
    )
    return Receipt(uid="u-1", kind=DocumentKind.SALE, total=Money.of("10.50", "RUB"), lines=lines)


def test_a_discount_that_does_not_divide_is_two_groups(rig: Any) -> None:
    """5 % off 10.50 is 0.53: 9.97 is 4 × 1.42 and 3 × 1.43; what loses nothing has no groups."""
    rig.desk.identify(contract.IdentifyRequest(code="2900000000018", presented=True, receipt_uid="u-1"))
    quote = rig.desk.quote(contract.QuoteRequest(receipt=seven_yoghurts()))
    yoghurt, bag = quote.lines

    assert "9.97 RUB" == str(yoghurt.total)
    assert ["4 x 1.42 RUB", "3 x 1.43 RUB"] == [f"{one.quantity} x {one.price}" for one in yoghurt.groups]
    assert yoghurt.total.minor == sum(one.total.minor for one in yoghurt.groups)
    assert () == bag.groups
    assert codec.decode(codec.encode(quote), contract.QuoteAnswer) == quote

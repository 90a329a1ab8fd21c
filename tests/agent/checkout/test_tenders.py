"""What is earned for how it is paid: told when it is announced, settled by how it really was."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from agent.loyalty import Programme, load
from drivers.vocabulary import checkout as contract
from drivers.vocabulary.customer import CertificateFact
from drivers.vocabulary.money import Money
from drivers.vocabulary.receipt import Tender, TenderKind

PROGRAMME = b"""
version = 5
title = "By card"
currency = "RUB"
zone = "Europe/Moscow"
units.bonus = { worth = 1 }

[[rules]]
id = "back"
kind = "earn_points"
unit = "bonus"
percent = 10

[[rules]]
id = "card"
kind = "multiply_points"
unit = "bonus"
factor = 2
when.tenders = ["card"]
"""


CHEAPER_BY_CARD = b"""
version = 5
title = "Cheaper by card"
currency = "RUB"
zone = "Europe/Moscow"
units.bonus = { worth = 1 }

[[rules]]
id = "card"
kind = "percent_discount"
percent = 10
when.tenders = ["card"]

[[rules]]
id = "back"
kind = "earn_points"
unit = "bonus"
percent = 10
"""


def play(rig: Any, programme: bytes) -> None:
    """This programme, and a customer at the till."""
    found = load(programme, name="p.toml")

    assert isinstance(found, Programme), found
    rig.desk.programme = found
    rig.desk.identify(contract.IdentifyRequest(code="2900000000018", presented=True, receipt_uid="t-1"))


def quote_and_pay(rig: Any, kind: TenderKind, **asked: Any) -> tuple[int, int]:
    """(points told at the quote, points given when the receipt was closed)."""
    play(rig, PROGRAMME)
    basket = replace(rig.sale("t-1", "200.00"), tenders=())
    quoted = rig.desk.quote(contract.QuoteRequest(receipt=basket, **asked))
    paid = replace(basket, tenders=(Tender(kind=kind, amount=basket.total),))
    closed = rig.desk.confirm(contract.ConfirmRequest(receipt=paid), source="api")
    return (
        sum(effect.amount for effect in quoted.decision.earned),
        sum(effect.amount for effect in closed.decision.earned),
    )


@pytest.mark.parametrize(
    ("announced", "paid", "told", "given"),
    [
        ((TenderKind.CARD,), TenderKind.CARD, 40, 40),
        ((TenderKind.CARD,), TenderKind.CASH, 40, 20),
        ((), TenderKind.CARD, 20, 40),
        ((), TenderKind.CASH, 20, 20),
    ],
)
def test_row_104_points_follow_the_real_tender(
    rig: Any, announced: tuple[TenderKind, ...], paid: TenderKind, told: int, given: int
) -> None:
    """Announced and then paid otherwise: what is given is what was really done."""
    assert (told, given) == quote_and_pay(rig, paid, announced_tenders=announced)


def test_row_49_a_certificate_in_a_quote_pays_and_is_not_earned_on(rig: Any) -> None:
    """150.00 of 200.00 by certificate: 50.00 in money earns, also when the receipt is closed."""
    shown = (CertificateFact(code="G1", balance=Money.of("150", "RUB")),)

    assert (5, 10) == quote_and_pay(rig, TenderKind.CARD, certificates=shown)


@pytest.mark.parametrize(
    ("announced", "paid", "charged", "discount", "earned", "difference"),
    [
        # What was quoted was charged: the price stands, however it was paid, and points are on the money paid.
        ((TenderKind.CARD,), TenderKind.CARD, "180", "20.00 RUB", 18, None),
        ((TenderKind.CARD,), TenderKind.CASH, "180", "20.00 RUB", 18, None),
        ((), TenderKind.CARD, "200", "0.00 RUB", 20, None),
        ((), TenderKind.CASH, "200", "0.00 RUB", 20, None),
        # Something else was charged: the receipt is taken as it is, and the difference is written down.
        ((TenderKind.CARD,), TenderKind.CASH, "200", "0.00 RUB", 20, "20.00 RUB"),
        ((), TenderKind.CARD, "180", "0.00 RUB", 18, "-20.00 RUB"),
    ],
)
def test_a_price_quoted_for_a_card_stands_when_it_was_charged(
    rig: Any,
    announced: tuple[TenderKind, ...],
    paid: TenderKind,
    charged: str,
    discount: str,
    earned: int,
    difference: str | None,
) -> None:
    """A discount for a way of paying is decided by what was announced; confirm compares the totals and never reprices."""
    play(rig, CHEAPER_BY_CARD)
    basket = replace(rig.sale("t-1", "200.00"), tenders=())
    rig.desk.quote(contract.QuoteRequest(receipt=basket, announced_tenders=announced))
    receipt = rig.paid("t-1", "200.00", str(200 - int(charged)))
    receipt = replace(receipt, tenders=(Tender(kind=paid, amount=receipt.total),))
    closed = rig.desk.confirm(contract.ConfirmRequest(receipt=receipt), source="api")

    assert f"{charged}.00 RUB" == str(receipt.total)
    assert discount == str(closed.decision.discount)
    assert earned == sum(effect.amount for effect in closed.decision.earned)
    assert difference == (None if closed.difference is None else str(closed.difference))

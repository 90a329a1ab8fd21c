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


def quote_and_pay(rig: Any, kind: TenderKind, **asked: Any) -> tuple[int, int]:
    """(points told at the quote, points given when the receipt was closed)."""
    found = load(PROGRAMME, name="p.toml")

    assert isinstance(found, Programme), found
    rig.desk.programme = found
    rig.desk.identify(contract.IdentifyRequest(code="2900000000018", presented=True, receipt_uid="t-1"))
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

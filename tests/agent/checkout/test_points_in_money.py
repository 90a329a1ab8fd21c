"""Tills that ask for points in money, that tell points in another form than the programme, or tell a sale late."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from agent.loyalty import Programme, load
from agent.snapshot import LinkState
from drivers.vocabulary import checkout as contract
from drivers.vocabulary.errors import CheckoutRefused
from drivers.vocabulary.money import Money, Quantity
from drivers.vocabulary.receipt import DocumentKind, Line, Receipt, Tender, TenderKind

PROGRAMME = """
version = 5
title = "Club"
currency = "RUB"
zone = "Europe/Moscow"
units.bonus = {{ worth = "0.30 RUB" }}

[[rules]]
kind = "percent_discount"
id = "off"
percent = 10

[[rules]]
kind = "earn_points"
id = "base"
unit = "bonus"
percent = 10

[[rules]]
kind = "spend_points"
id = "redeem"
unit = "bonus"
share = 50
redeem_as = "{way}"
"""


def rub(amount: str) -> Money:
    return Money.of(amount, "RUB")


def begin(rig: Any, way: str) -> Receipt:
    """Anna with 500 points at the till, and a basket of 200."""
    found = load(PROGRAMME.format(way=way).encode(), name="p.toml")
    assert isinstance(found, Programme), found
    rig.desk.programme = found
    rig.desk.link_changed(LinkState.ONLINE, "")
    rig.desk.identify(contract.IdentifyRequest(code="2900000000018", presented=True, receipt_uid="t-1"))
    return rig.sale("t-1", "200.00")


def quote(rig: Any, basket: Receipt, **asked: Any) -> contract.QuoteAnswer:
    return rig.desk.quote(contract.QuoteRequest(receipt=basket, **asked))


def paid(off: str, *tenders: tuple[TenderKind, str]) -> Receipt:
    """The basket as it was closed."""
    total = rub("200.00") - rub(off)
    line = Line(
        number=1, name="goods 1", quantity=Quantity.ONE, price=rub("200.00"), discount=rub(off), total=total
    )  # fmt: skip
    return Receipt(
        uid="t-1", kind=DocumentKind.SALE, total=total, lines=(line,),
        tenders=tuple(Tender(kind=kind, amount=rub(amount)) for kind, amount in tenders),
    )  # fmt: skip


def spent(decision: Any) -> list[tuple[int, str]]:
    return [(one.amount, str(one.worth)) for one in decision.spent]


@pytest.mark.parametrize("way", ["discount", "tender"])
def test_as_many_whole_points_as_fit_in_the_money(rig, way):
    answer = quote(rig, begin(rig, way), points_worth=rub("50.00"))

    assert spent(answer.decision) == [(166, "49.80 RUB")]
    assert answer.payable == rub("130.20")
    assert answer.spendable_worth == {"bonus": rub("90.00")}


def test_no_money_spends_nothing_and_leaves_nothing_to_the_panel(rig):
    basket = begin(rig, "discount")
    quote(rig, basket, points_max=True)
    answer = quote(rig, basket, points_worth=rub("0.00"))

    assert spent(answer.decision) == []
    assert rig.desk.known("m-1").held_here == {}


def test_more_money_than_may_be_is_capped(rig):
    answer = quote(rig, begin(rig, "discount"), points_worth=rub("500.00"))

    assert spent(answer.decision) == [(300, "90.00 RUB")]


FORMS = [
    pytest.param("60.00", [("cash", "140.00")], id="as a discount"),
    pytest.param("20.00", [("points", "40.00"), ("cash", "140.00")], id="as a tender"),
]


@pytest.mark.parametrize(("off", "tenders"), [(one.values[0], one.values[1]) for one in FORMS])
@pytest.mark.parametrize("way", ["discount", "tender"])
def test_the_form_in_which_a_till_tells_points_does_not_matter(rig, way, off, tenders):
    """The customer paid in money what was quoted."""
    asked = quote(rig, begin(rig, way), points_worth=rub("40.00"))
    worth = asked.decision.spent[0].worth
    off = str(rub(off) - rub("40.00") + worth).removesuffix(" RUB") if off == "60.00" else off
    told = [
        (TenderKind(kind), amount if kind == "cash" else str(worth).removesuffix(" RUB")) for kind, amount in tenders
    ]
    told = [
        (kind, str(asked.payable).removesuffix(" RUB") if kind is TenderKind.CASH else amount) for kind, amount in told
    ]
    closed = rig.desk.confirm(contract.ConfirmRequest(receipt=paid(off, *told)), source="api")

    assert closed.difference is None
    assert spent(closed.decision) == spent(asked.decision)
    assert closed.decision.discount == asked.decision.discount


@pytest.mark.parametrize("way", ["discount", "tender"])
def test_points_are_not_taken_when_money_paid_for_all(rig, way):
    """The till asked for points, never heard the answer, and took money."""
    quote(rig, begin(rig, way), points_worth=rub("40.00"))
    receipt = paid("20.00", (TenderKind.CARD, "100.00"), (TenderKind.CASH, "80.00"))
    closed = rig.desk.confirm(contract.ConfirmRequest(receipt=receipt), source="api")

    assert closed.difference is None
    assert spent(closed.decision) == []
    assert [str(one.amount) for one in closed.decision.effects if type(one).__name__ == "LineDiscount"] == ["20.00 RUB"]
    assert sum(one.amount for one in closed.decision.earned) == 60


def test_a_till_that_names_the_quote_has_applied_it(rig):
    asked = quote(rig, begin(rig, "tender"), points_worth=rub("40.00"))
    receipt = paid("20.00", (TenderKind.CASH, "180.00"))
    closed = rig.desk.confirm(contract.ConfirmRequest(receipt=receipt, decision_mark=asked.decision_mark), source="api")

    assert spent(closed.decision) == spent(asked.decision)


def test_a_late_sale_is_nobodys_but_its_own(rig):
    receipt = replace(begin(rig, "discount"), uid="t-9", closed_at=rig.clock.now())
    rig.clock.forward(hours=3)
    rig.desk.identify(contract.IdentifyRequest(code="2900000000025", presented=True))
    closed = rig.desk.confirm(contract.ConfirmRequest(receipt=receipt, late=True), source="api")
    named = rig.desk.confirm(
        contract.ConfirmRequest(receipt=replace(receipt, uid="t-10"), late=True, code="2900000000018"), source="api"
    )

    assert (closed.customer_id, named.customer_id) == (None, "m-1")
    assert rig.desk.current.customer_id == "m-2", "who stands at the till stays there"


def test_a_repetition_may_tell_its_own_time(rig):
    receipt = replace(begin(rig, "discount"), closed_at=rig.clock.now())
    first = rig.desk.confirm(contract.ConfirmRequest(receipt=receipt), source="api")
    later = replace(receipt, closed_at=rig.clock.now() + timedelta(minutes=7))
    again = rig.desk.confirm(contract.ConfirmRequest(receipt=later), source="api")

    assert (again.duplicate, again.claim_code) == (True, first.claim_code)
    with pytest.raises(CheckoutRefused, match="another content"):
        rig.desk.confirm(contract.ConfirmRequest(receipt=replace(later, number="7")), source="api")

"""Receipts of the panel's own: the cashier types the sum, and the receipt is quoted and closed like any other."""

from __future__ import annotations

import dataclasses

import pytest

from agent.acts import DropSale, Spend
from agent.checkout.desk import Desk
from agent.snapshot import SaleView, Snapshot
from drivers.vocabulary.checkout import IdentifyRequest
from drivers.vocabulary.errors import CheckoutRefused
from drivers.vocabulary.receipt import TenderKind
from tests.agent.conftest import CARDS, Rig


@pytest.fixture
def desk(rig: Rig) -> Desk:
    """A till without a till system."""
    rig.desk.rules = dataclasses.replace(rig.desk.rules, standalone=True)
    return rig.desk


def shown(desk: Desk) -> Snapshot:
    desk.shown = None
    snapshot = desk.snapshot(1)
    assert snapshot is not None
    return snapshot


def enter(desk: Desk, amount: str) -> str:
    """What is to be paid for a receipt of this sum."""
    return str(desk.quote(desk.sum_entered(amount)).payable)


def again(desk: Desk) -> str:
    """The same after something else was said; "" when nothing changed."""
    request = desk.sum_again()
    return str(desk.quote(request).payable) if request is not None else ""


def pay(desk: Desk, tender: TenderKind = TenderKind.CASH) -> dict[str, str]:
    desk.confirm(desk.sum_paid(tender), source="api")
    return desk.last_receipt


def test_a_member_earns_and_spends(desk: Desk) -> None:
    """Card, sum, the most, paid: as at any till."""
    desk.identify(IdentifyRequest(code=CARDS[0], presented=True))
    before = enter(desk, "1000")
    desk.act(Spend())
    after = again(desk)
    glance = pay(desk, TenderKind.CARD)

    assert ("950.00 RUB", "850.00 RUB", "") == (before, after, again(desk))
    assert ("850.00 RUB", "100") == (glance["total"], glance["spent"])
    assert SaleView() == shown(desk).sale


def test_nobody_gets_a_claim_code(desk: Desk) -> None:
    """Without a customer the receipt can be claimed later."""
    assert "1240.50 RUB" == enter(desk, "1240,50")
    assert "1240.50 RUB" == str(shown(desk).sale.payable)
    assert pay(desk)["claim"]


def test_a_card_shown_late_counts(desk: Desk) -> None:
    """The sum stays, the price is the member's; without the customer again it is everybody's."""
    enter(desk, "1000")
    desk.identify(IdentifyRequest(code=CARDS[0], presented=True))
    with_card = again(desk)
    desk.clear()
    without = again(desk)

    assert ("950.00 RUB", "1000.00 RUB") == (with_card, without)


def test_another_sum_goes_before(desk: Desk) -> None:
    """A typing error is typed over; it is the same receipt."""
    enter(desk, "10000")
    first = desk.sum_paid(TenderKind.CASH).receipt.uid
    enter(desk, "1000")
    second = desk.sum_paid(TenderKind.CASH).receipt

    assert (first, "1000.00 RUB") == (second.uid, str(second.total))


def test_a_dropped_sale_has_no_effect(desk: Desk) -> None:
    """Nothing is written, nothing stays held."""
    desk.identify(IdentifyRequest(code=CARDS[0], presented=True))
    desk.act(Spend())
    enter(desk, "1000")
    desk.act(DropSale())

    assert (SaleView(), 0) == (shown(desk).sale, desk.store.depth().waiting)
    with pytest.raises(CheckoutRefused, match="type the sum"):
        desk.sum_paid(TenderKind.CASH)


def test_it_is_on_disk(rig: Rig, desk: Desk) -> None:
    """A cut in power in the middle: the sum and what is to be paid are there again."""
    enter(desk, "1000")
    rules = desk.rules
    desk.close()
    opened = rig.open()
    opened.rules = rules

    assert "1000.00 RUB" == str(shown(opened).sale.payable)
    assert "1000.00 RUB" == pay(opened)["total"]


def test_paid_twice_is_once(desk: Desk) -> None:
    """The second key finds nothing to be paid."""
    enter(desk, "1000")
    pay(desk)

    with pytest.raises(CheckoutRefused):
        pay(desk)
    assert 1 == desk.store.depth().waiting


@pytest.mark.parametrize("amount", ["0", "0,00"])
def test_no_sum_is_no_receipt(desk: Desk, amount: str) -> None:
    """Nothing to be paid is a slip of the finger."""
    with pytest.raises(CheckoutRefused, match="type the sum"):
        desk.sum_entered(amount)


def test_a_forgotten_sale_ends(rig: Rig, desk: Desk) -> None:
    """Nobody paid it in a quarter of an hour."""
    enter(desk, "1000")
    rig.clock.forward(minutes=16)
    desk.tick()

    assert SaleView() == shown(desk).sale


def test_a_till_with_a_till_system_has_no_sums(rig: Rig) -> None:
    """Its receipts are made elsewhere: nothing shows, nothing is taken."""
    assert shown(rig.desk).sale is None
    with pytest.raises(CheckoutRefused, match="standalone"):
        rig.desk.sum_entered("10")

"""The twin against the door: stories the conformance suite does not tell, and both ways of paying with points."""

from __future__ import annotations

import pytest

from agent.checkout.records import Closed, read
from drivers.tills.contract import AnswerLost, HttpReply, Story, StoryLine, TwinContext
from drivers.tills.priority import PrioritySettings, PriorityTwin
from drivers.vocabulary.money import Quantity
from tests.agent.conftest import MONDAY
from tests.drivers.tills.priority.conftest import KEY, ZONE, money

UID = "5a188de4-49b8-4cb4-800e-eb6b52024999"


def story(**more) -> Story:
    return Story(
        uid=UID,
        number=7,
        at=MONDAY.astimezone(ZONE),
        customer=more.pop("customer", "2900000000018"),
        lines=(
            StoryLine(
                code="1001", name="Кофе", price=money("100"), quantity=Quantity.parse("2"), minimum_price=money("50")
            ),
            StoryLine(code="1002", name="Сыр", price=money("55.50"), quantity=Quantity.parse("1.2")),
        ),
        **more,
    )


def play(pos, one, *, lose=(), mode="nonFiscal", busy=()):
    """What the POS saw; answers to the requests in `lose` get lost, those in `busy` are "not now"."""
    twin = PriorityTwin(PrioritySettings(), TwinContext(key=KEY, zone=ZONE, currency="RUB"), mode=mode).play(one)
    asked = 0
    try:
        request = next(twin)
        while True:
            reply = HttpReply(status=503) if asked in busy else pos.raw(request.path, request.body)
            is_lost = asked in lose
            asked += 1
            request = twin.throw(AnswerLost()) if is_lost else twin.send(reply)
    except StopIteration as ended:
        return ended.value


def closed(pos):
    return read(pos.rig.desk.store, "closed", UID, Closed)


@pytest.mark.parametrize("mode", ["fiscal", "nonFiscal"])
@pytest.mark.parametrize("programme", ["pos", "tender_pos"])
def test_sale_and_part_of_it_back_with_either_way_of_paying(request, programme, mode):
    pos = request.getfixturevalue(programme)
    seen = play(pos, story(spend=60, refund=((1, Quantity.parse("1")),)), mode=mode)
    sale = closed(pos)
    [back] = sale.returned

    assert seen.failures == []
    assert (seen.discount, seen.points_paid, seen.paid) == (money("13.33"), money("60"), money("193.27"))
    assert seen.refunded is not None
    assert back.total >= seen.refunded
    assert (back.total == seen.refunded) is (mode == "nonFiscal"), "a tender is in the total"
    assert sum(tender.amount.minor for tender in back.tenders if tender.kind.value != "points") == seen.refunded.minor


def test_as_many_points_as_may_be(pos):
    seen = play(pos, story(spend=-1))

    assert (seen.points_paid, closed(pos).decision.spent[0].amount) == (money("75"), 75)


def test_an_abandoned_sale_keeps_no_points_back(pos):
    seen = play(pos, story(spend=60, abandon=True))

    assert (seen.paid, closed(pos)) == (money("0"), None)
    assert pos.rig.desk.known("m-1").held_here == {}


def test_without_any_answer_to_the_points_money_is_taken(pos):
    seen = play(pos, story(spend=60), lose=(1, 2, 3, 4))

    assert seen.failures == ["no answer to payByBonus"]
    assert (seen.points_paid, seen.paid) == (money("0"), money("253.27"))
    assert closed(pos).decision.spent == ()


def test_without_any_answer_to_the_calculation_the_sale_is_told_all_the_same(pos):
    seen = play(pos, story(spend=60), lose=(0, 1, 2, 3))

    assert (seen.discount, seen.paid) == (money("0"), money("266.60"))
    assert closed(pos).customer_id == "m-1"


def test_not_now_is_asked_again(pos):
    seen = play(pos, story(), busy=(0, 2))

    assert seen.failures == []
    assert closed(pos).receipt.total == money("253.27")


def test_coupons_go_with_every_request(pos):
    play(pos, story(coupons=("C1",)))

    assert closed(pos).receipt.coupons == ("C1",)

"""The panel's state machine on a real desk: every step is on disk, and nothing is spent or written twice."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from agent import acts
from agent.checkout.records import Hold, read_all
from agent.snapshot import LinkState, Screen
from drivers.vocabulary import checkout as contract
from drivers.vocabulary import codec
from drivers.vocabulary.customer import Customer
from drivers.vocabulary.errors import CheckoutRefused
from drivers.vocabulary.facts import CustomerEnrolled
from drivers.vocabulary.sealing import sealing_public_key
from offline_queue.reader import OutboxReader
from tests.agent.conftest import CARDS, PROGRAMME

ANNA, BORIS = "+79000000001", "+79000000002"
NOBODY = "8 900 000-00-77"
CENTRE = bytes(range(1, 33))


@pytest.fixture
def desk(rig: Any) -> Any:
    rig.desk.sealing_key = sealing_public_key(CENTRE)
    return rig.desk


def show(desk: Any, code: str, *, presented: bool = False, replaces: bool = False) -> Any:
    request = contract.IdentifyRequest(code=code, presented=presented)
    assert desk.panel_identify(request, replaces=replaces) is None
    return seen(desk).screen


def seen(desk: Any) -> Any:
    desk.snapshot(1)
    return desk.shown


def quote(rig: Any, uid: str = "r-1", price: str = "100", **more: Any) -> Any:
    return rig.desk.quote(contract.QuoteRequest(receipt=rig.sale(uid, price), **more))


def spent(answer: contract.QuoteAnswer) -> list[int]:
    return [one.amount for one in answer.decision.spent]


def enrolled(rig: Any) -> list[CustomerEnrolled]:
    reader = OutboxReader.open(rig.folder / "till.db")
    try:
        waiting = reader.batch(envelopes_max=100, bytes_max=1_000_000)
    finally:
        reader.close()
    return [codec.decode(one.body, CustomerEnrolled) for one in waiting if one.kind == "customer.enrolled"]


def test_a_shown_card_is_proof_enough(rig: Any, desk: Any) -> None:
    """Scan, F2, Enter: the next quote that says nothing of points spends the most there may be."""
    show(desk, CARDS[0], presented=True)
    desk.act(acts.AskSpending())

    # Of 500 points as many as the owner lets a till answer for without a line.
    assert (Screen.REDEEM, 100, False) == (seen(desk).screen, seen(desk).redeem.most, seen(desk).redeem.needs_proof)

    desk.act(acts.Spend())

    assert (Screen.FOUND, None, False) == (seen(desk).screen, seen(desk).wish.points, seen(desk).wish.is_in_quote)
    assert [28] == spent(quote(rig))  # 30 % of what is left after the silver discount
    assert seen(desk).wish.is_in_quote


def test_a_typed_phone_spends_nothing_without_proof(rig: Any, desk: Any) -> None:
    """A number may be somebody else's: a supervisor or the card itself has to be there."""
    show(desk, ANNA)
    desk.act(acts.AskSpending())
    with pytest.raises(CheckoutRefused) as refused:
        desk.act(acts.Spend())

    assert ("needs_proof", Screen.REDEEM, True) == (
        refused.value.code,
        seen(desk).screen,
        seen(desk).redeem.needs_proof,
    )
    assert [] == spent(quote(rig))

    desk.act(acts.Spend(points=10, supervisor=True))

    assert [10] == spent(quote(rig))


def test_the_card_shown_later_is_the_proof(rig: Any, desk: Any) -> None:
    """The same customer's card while points are asked about: the screen stays, the proof is there."""
    show(desk, ANNA)
    desk.act(acts.AskSpending())

    assert Screen.REDEEM is show(desk, CARDS[0], presented=True)
    assert not seen(desk).redeem.needs_proof

    desk.act(acts.Spend())

    assert [28] == spent(quote(rig))


def test_a_till_that_says_points_itself_is_obeyed(rig: Any, desk: Any) -> None:
    """0 is a figure; only silence leaves it to the panel."""
    show(desk, CARDS[0], presented=True)
    desk.act(acts.Spend(points=20))

    assert ([], [5], [20]) == (spent(quote(rig, points=0)), spent(quote(rig, points=5)), spent(quote(rig)))


def test_said_twice_is_said_once(rig: Any, desk: Any) -> None:
    """Enter twice, two tabs, a repeated request: one wish, one reservation, one count."""
    show(desk, CARDS[0], presented=True)
    for _ in range(3):
        desk.act(acts.Spend(points=20))
        quote(rig)

    assert [20] == [hold.points for _, hold in read_all(desk.store, "hold", Hold)]
    assert {"spend_wishes": 1} == seen(desk).counts


def test_what_a_receipt_holds_is_still_the_customers_until_it_is_closed(rig: Any, desk: Any) -> None:
    """Else the screen would say "3 points" and "spend up to 20" at once; another receipt's hold is gone from both."""
    show(desk, CARDS[0], presented=True)
    before = seen(desk).customer.balances
    desk.act(acts.Spend(points=20))
    quote(rig)

    assert [20] == [hold.points for _, hold in read_all(desk.store, "hold", Hold)]
    assert before == seen(desk).customer.balances

    quote(rig, "r-2")

    assert [before[0].available - 20] == [one.available for one in seen(desk).customer.balances]


def test_a_cut_in_power_forgets_nothing_and_spends_nothing_twice(rig: Any, desk: Any) -> None:
    """The process ends between any two steps: the same screen, the same wish; after the receipt there is none."""
    show(desk, CARDS[0], presented=True)
    desk.act(acts.AskSpending())
    rig.desk.close()
    again = rig.open()

    assert Screen.REDEEM is seen(again).screen

    again.act(acts.Spend(points=20))
    rig.desk.close()
    again = rig.open()

    assert (Screen.FOUND, 20) == (seen(again).screen, seen(again).wish.points)
    answer = quote(rig)
    assert [20] == spent(answer)
    closed = rig.desk.confirm(contract.ConfirmRequest(receipt=rig.paid("r-1", "100", "25")), source="api")
    assert [20] == [one.amount for one in closed.decision.spent]
    show(again, CARDS[0], presented=True)

    assert (None, []) == (seen(again).wish, spent(quote(rig, "r-2")))


def test_more_than_there_is_is_as_much_as_there_is(rig: Any, desk: Any) -> None:
    """Capped without an error."""
    show(desk, CARDS[0], presented=True)
    quote(rig)
    desk.act(acts.Spend(points=9_999))

    assert (None, [28]) == (seen(desk).wish.points, spent(quote(rig)))


def test_nothing_to_spend_is_said(desk: Any) -> None:
    """Boris has no points."""
    show(desk, CARDS[1], presented=True)
    with pytest.raises(CheckoutRefused) as refused:
        desk.act(acts.AskSpending())

    assert ("nothing_to_spend", Screen.FOUND) == (refused.value.code, seen(desk).screen)


def test_the_wish_is_dropped(rig: Any, desk: Any) -> None:
    """Earn only, after all."""
    show(desk, CARDS[0], presented=True)
    desk.act(acts.Spend())
    quote(rig)
    desk.act(acts.DropWish())

    assert ([], None) == (spent(quote(rig)), seen(desk).wish)
    assert [] == read_all(desk.store, "hold", Hold)


def test_a_wish_is_of_one_customer(rig: Any, desk: Any) -> None:
    """Whoever comes next spends nothing, and a receipt of somebody else neither."""
    show(desk, CARDS[0], presented=True)
    desk.act(acts.Spend())

    assert [] == spent(quote(rig, "r-9", customer_id="m-2"))

    desk.clear()
    show(desk, CARDS[0], presented=True)

    assert [] == spent(quote(rig))


def test_without_a_line_the_wish_goes_as_far_as_the_cap(rig: Any, desk: Any) -> None:
    """100 points are the till's own risk."""
    desk.link_changed(LinkState.OFFLINE, "cable")
    show(desk, CARDS[0], presented=True)
    desk.act(acts.Spend())

    assert [100] == spent(quote(rig, price="1000"))


def test_the_in_line_offer_has_the_wish_in_it(rig: Any, desk: Any) -> None:
    """A register that only prints: the points come off its open receipt."""
    from agent.checkout.observed.inside import request_of

    show(desk, CARDS[0], presented=True)
    desk.act(acts.Spend(points=20))
    document = rig.document(rig.sale("doc-1", "100"))
    request = request_of(document)
    assert request is not None
    offer = desk.offer_inside(desk.quote(request), document)

    assert {1: 2500} == offer.off  # 5 % of the level, and 20 points


def test_another_card_is_asked_about(rig: Any, desk: Any) -> None:
    """Enter replaces, Esc keeps; a reload of the page finds the question on disk."""
    show(desk, CARDS[0], presented=True)
    desk.act(acts.Spend(points=20))

    assert Screen.ASK is show(desk, CARDS[1], presented=True)

    rig.desk.close()
    again = rig.open()
    assert ("****0025", "m-1") == (seen(again).asked, seen(again).customer.id)
    again.act(acts.KeepCustomer())
    assert (Screen.FOUND, "m-1", 20) == (seen(again).screen, seen(again).customer.id, seen(again).wish.points)
    show(again, CARDS[1], presented=True)
    again.act(acts.ReplaceCustomer())
    again.act(acts.ReplaceCustomer())

    assert (Screen.FOUND, "m-2", None) == (seen(again).screen, seen(again).customer.id, seen(again).wish)


def test_said_before_it_is_not_asked_again(desk: Any) -> None:
    """The cashier typed another number and said so."""
    show(desk, ANNA)

    assert (Screen.FOUND, "m-2") == (show(desk, BORIS, replaces=True), seen(desk).customer.id)


def test_from_not_found_to_a_customer(rig: Any, desk: Any) -> None:
    """The number is not typed again; each purpose is a yes or a no of its own, with the version of its words."""
    assert Screen.NOT_FOUND is show(desk, NOBODY)
    desk.act(acts.StartJoining())
    assert (Screen.ENROL, True) == (seen(desk).screen, seen(desk).has_phone)
    assert [False, False] == [one.given for one in seen(desk).consents]
    with pytest.raises(CheckoutRefused) as refused:
        desk.act(acts.Join())
    assert "needs_consent" == refused.value.code
    desk.act(acts.Tick(purpose="loyalty", given=True))
    desk.act(acts.Join())
    desk.act(acts.Join())

    assert (Screen.FOUND, "joined", {"joined": 1}) == (seen(desk).screen, seen(desk).notice, seen(desk).counts)
    (fact,) = enrolled(rig)
    said = [(one.purpose, one.text_version, one.given) for one in fact.consents]
    assert [("loyalty", "tillpoint-1", True), ("messages", "tillpoint-1", False)] == said


def test_joining_survives_a_restart_without_the_number(rig: Any, desk: Any) -> None:
    """What was ticked is on disk; the number is nowhere and is typed again."""
    show(desk, NOBODY)
    desk.act(acts.StartJoining())
    desk.act(acts.Tick(purpose="loyalty", given=True))
    rig.desk.close()
    again = rig.open()
    again.sealing_key = sealing_public_key(CENTRE)

    assert (Screen.ENROL, False, "+7900***77") == (seen(again).screen, seen(again).has_phone, seen(again).mask)
    assert [True, False] == [one.given for one in seen(again).consents]
    with pytest.raises(CheckoutRefused) as refused:
        again.act(acts.Join())
    assert "no_phone" == refused.value.code
    again.act(acts.Join(phone=NOBODY))
    assert Screen.FOUND is seen(again).screen
    for file in rig.folder.iterdir():
        assert b"9000000077" not in file.read_bytes()


def test_who_is_a_member_already_is_found(desk: Any) -> None:
    """From IDLE with a number somebody has."""
    desk.act(acts.StartJoining())
    desk.act(acts.Tick(purpose="loyalty", given=True))
    desk.act(acts.Join(phone=ANNA))

    assert (Screen.FOUND, "already_member", {}) == (seen(desk).screen, seen(desk).notice, seen(desk).counts)


def test_a_till_without_keys_says_that_nobody_can_join(rig: Any) -> None:
    """Before the form, not after it."""
    with pytest.raises(CheckoutRefused) as refused:
        rig.desk.act(acts.StartJoining())

    assert ("cannot_seal", False, Screen.IDLE) == (refused.value.code, seen(rig.desk).may_join, seen(rig.desk).screen)


def test_a_refusal_is_a_count(rig: Any, desk: Any) -> None:
    """From IDLE, NOT_FOUND and ENROL; counted by the shop's day, with nothing about whom."""
    desk.act(acts.Refused())
    show(desk, NOBODY)
    desk.act(acts.StartJoining())
    desk.act(acts.Refused())

    assert (Screen.IDLE, {"would_not_join": 2}, "") == (seen(desk).screen, seen(desk).counts, desk.typed)

    rig.clock.at += timedelta(hours=16)

    assert {} == seen(desk).counts


def test_back_goes_one_step(desk: Any) -> None:
    """REDEEM → FOUND, ENROL → NOT_FOUND or IDLE; on FOUND nothing happens."""
    show(desk, NOBODY)
    desk.act(acts.StartJoining())
    desk.act(acts.Back())
    assert Screen.NOT_FOUND is seen(desk).screen
    desk.clear()
    desk.act(acts.StartJoining())
    desk.act(acts.Back())
    assert Screen.IDLE is seen(desk).screen
    show(desk, CARDS[0], presented=True)
    desk.act(acts.AskSpending())
    desk.act(acts.Back())
    desk.act(acts.Back())
    assert Screen.FOUND is seen(desk).screen


def test_goods_while_somebody_joins(desk: Any) -> None:
    """A scanned product does not throw the form away."""
    show(desk, NOBODY)
    desk.act(acts.StartJoining())

    assert (Screen.ENROL, "not_loyalty") == (show(desk, "4600000000008", presented=True), seen(desk).notice)


@pytest.mark.parametrize("done", [acts.Tick(purpose="loyalty", given=True), acts.Join(), acts.DropWish(), acts.Back()])
def test_an_act_from_an_older_screen_does_nothing(desk: Any, done: acts.Act) -> None:
    """The page was slow; IDLE stays IDLE."""
    desk.act(done)

    assert (Screen.IDLE, None) == (seen(desk).screen, seen(desk).customer)


def test_coupons_say_what_became_of_them(rig: Any, desk: Any) -> None:
    """Each with its own words, in the panel's language."""
    coupons = 'coupons.bread = { title = "Bread", codes = ["BREAD50"], date_until = 2026-01-31 }\n'
    rule = '[[rules]]\nkind = "amount_discount"\nid = "loaf"\namount = "50 RUB"\nwhen.coupons = ["bread"]\n'
    programme = (
        PROGRAMME.replace("version = 3", "version = 4").replace("units.bonus", coupons + "units.bonus", 1) + rule
    )
    anna = Customer(id="m-1", name="Anna P.", phone="+7900***01")
    rig.tell([anna], reflects=1, programme=programme)
    desk.rules = dataclasses.replace(desk.rules, panel_language="ru")
    desk.replica_changed()
    show(desk, CARDS[0], presented=True)
    receipt = replace(rig.sale("r-1", "100"), coupons=("BREAD50", "NO-SUCH"))
    desk.quote(contract.QuoteRequest(receipt=receipt))

    assert ("Срок купона Bread истёк 31.01.2026", "Нет такого купона: NO-SUCH") == seen(desk).quote.notes[:2]

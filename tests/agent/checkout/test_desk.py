"""The desk on real files: one effect per receipt, whatever is repeated, restarted or printed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import replace

from agent.checkout.records import Closed, Open, read_all
from agent.snapshot import LinkState, Screen
from drivers.vocabulary import checkout as contract
from drivers.vocabulary.centre import HoldGrant
from drivers.vocabulary.checkout import IdentifyState
from drivers.vocabulary.errors import CheckoutRefused
from drivers.vocabulary.money import Money
from drivers.vocabulary.receipt import DocumentKind


def rub(amount: str) -> Money:
    return Money.of(amount, "RUB")


def identify(rig: Any, code: str = "2900000000018", **more: Any) -> contract.IdentifyAnswer:
    presented = len(code) == 13
    return rig.desk.identify(contract.IdentifyRequest(code=code, presented=presented, **more))


def bodies(rig: Any) -> list[dict[str, Any]]:
    """Everything in the outbox, oldest first."""
    found = [rig.desk.store.by_mark(f"receipt:{uid}") for uid, _ in read_all(rig.desk.store, "closed", Closed)]
    envelopes = sorted((one for some in found for one in some), key=lambda one: one.sequence)
    return [{"kind": one.kind, **json.loads(one.body)} for one in envelopes]


def available(rig: Any, customer: str = "m-1") -> int:
    known = rig.desk.known(customer)
    return sum(balance.available for balance in known.balances(rig.clock.now()))


# ── Who ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("code", ["2900000000018", "89000000001", "+7 900 000-00-01", "9000000001"])
def test_card_and_phone_find_the_same_customer(rig: Any, code: str) -> None:
    """Any spelling, one customer."""
    answer = identify(rig, code)

    assert (answer.state, answer.customer.id) == (IdentifyState.FOUND, "m-1")
    assert answer.balances[0].available == 500
    assert rig.desk.snapshot(0).screen == Screen.FOUND


@pytest.mark.parametrize(
    ("code", "state", "screen"),
    [
        ("4607001234567", IdentifyState.NOT_LOYALTY, Screen.NOT_LOYALTY),
        ("0104600653105990215abc\x1d93xxxx", IdentifyState.NOT_LOYALTY, Screen.NOT_LOYALTY),
        ("89000000099", IdentifyState.NOT_FOUND, Screen.NOT_FOUND),
    ],
)
def test_what_names_nobody_says_so(rig: Any, code: str, state: IdentifyState, screen: Screen) -> None:
    """A product is never looked up as a customer."""
    assert state == identify(rig, code).state
    assert screen == rig.desk.snapshot(0).screen


def test_a_product_does_not_send_the_customer_away(rig: Any) -> None:
    """The cashier scans goods while the customer is on the screen."""
    identify(rig)
    identify(rig, "4607001234567")

    assert rig.desk.snapshot(0).customer.id == "m-1"


def test_the_screen_survives_a_restart(rig: Any) -> None:
    """What was shown is shown again."""
    identify(rig)
    rig.desk.close()
    rig.open()

    assert Screen.FOUND == rig.desk.snapshot(0).screen


def test_the_name_goes_after_a_minute_and_the_customer_after_the_trolley(rig: Any) -> None:
    """Nobody reads who it is; the receipt still counts for them, until it is clear that none will come."""
    identify(rig)
    rig.clock.forward(seconds=61)
    rig.desk.tick()
    shown = rig.desk.snapshot(0).customer

    assert ("m-1", "***", "") == (shown.id, shown.name, shown.phone)

    rig.desk.printed("receipt", rig.document(rig.sale("p-1", "200")))

    assert "m-1" == bodies(rig)[0]["customer_id"]

    identify(rig)
    rig.clock.forward(minutes=16)
    rig.desk.tick()

    assert Screen.IDLE == rig.desk.snapshot(1).screen


def test_a_message_about_a_code_goes_after_a_minute(rig: Any) -> None:
    """An unknown number does not stay on the screen."""
    identify(rig, "89000000099")
    rig.clock.forward(seconds=61)
    rig.desk.tick()

    assert Screen.IDLE == rig.desk.snapshot(0).screen


# ── Ask: quote, hold, confirm ───────────────────────────────────────────────────────────────────


def test_a_sale_with_discount_and_points(rig: Any) -> None:
    """1 000.00 less 5 % is 950.00; 30 % of that in points; 10 % of the rest earned."""
    identify(rig, receipt_uid="r-1")
    rig.desk.link_changed(LinkState.ONLINE, "")
    quote = rig.desk.quote(contract.QuoteRequest(receipt=rig.sale("r-1", "1000"), points_max=True))

    assert (rub("335.00"), rub("665.00")) == (quote.decision.discount, quote.payable)

    hold = rig.desk.hold(
        contract.HoldRequest(receipt_uid="r-1", customer_id="m-1", unit="bonus", points=285),
        HoldGrant(id="h-1", points=285),
    )
    answer = rig.desk.confirm(contract.ConfirmRequest(receipt=rig.paid("r-1", "1000", "335")), source="api")

    assert (hold.points, hold.online) == (285, True)
    assert 500 - 285 + 66 == answer.balances[0].available == available(rig)
    assert answer.difference is None
    assert [body["kind"] for body in bodies(rig)] == ["receipt.confirmed"]
    assert bodies(rig)[0]["hold"] == "h-1"
    assert read_all(rig.desk.store, "checkout", Open) == []


def test_confirm_again_answers_the_same_and_adds_nothing(rig: Any) -> None:
    """A POS that did not hear the answer asks again."""
    request = contract.ConfirmRequest(receipt=rig.paid("r-1", "100", "0"), customer_id="m-2")
    first = rig.desk.confirm(request, source="api")
    rig.desk.close()
    rig.open()
    again = rig.desk.confirm(request, source="api")

    assert replace(first, duplicate=True) == again
    assert len(bodies(rig)) == 1
    assert available(rig, "m-2") == 10


def test_another_body_under_the_same_uid_is_refused(rig: Any) -> None:
    """A mistake of the POS is named, and changes nothing."""
    rig.desk.confirm(contract.ConfirmRequest(receipt=rig.paid("r-1", "100", "0")), source="api")
    with pytest.raises(CheckoutRefused) as refused:
        rig.desk.confirm(contract.ConfirmRequest(receipt=rig.paid("r-1", "200", "0")), source="api")

    assert refused.value.code == "different_body"
    assert len(bodies(rig)) == 1


def test_confirm_stands_alone(rig: Any) -> None:
    """A till that never asked names the card with the receipt."""
    answer = rig.desk.confirm(
        contract.ConfirmRequest(receipt=rig.paid("r-9", "100", "0"), code="2900000000025"), source="api"
    )

    assert (answer.customer_id, answer.balances[0].available) == ("m-2", 10)


def test_a_total_other_than_quoted_is_taken_as_it_is(rig: Any) -> None:
    """The POS charged the full price: nothing was taken off, nothing was spent, the difference is written down."""
    identify(rig, receipt_uid="r-1")
    rig.desk.quote(contract.QuoteRequest(receipt=rig.sale("r-1", "1000"), points_max=True))
    answer = rig.desk.confirm(contract.ConfirmRequest(receipt=rig.paid("r-1", "1000", "0")), source="api")

    assert rub("0") == answer.decision.discount
    assert answer.decision.spent == ()
    assert answer.balances[0].available == 500 + 100
    assert answer.difference is not None


def test_points_are_spent_once_even_between_two_receipts(rig: Any) -> None:
    """What one receipt holds, another cannot have."""
    rig.desk.link_changed(LinkState.OFFLINE, "no line")
    identify(rig)
    rig.desk.hold(contract.HoldRequest(receipt_uid="r-1", customer_id="m-1", unit="bonus", points=80), None)
    other = rig.desk.quote(contract.QuoteRequest(receipt=rig.sale("r-2", "1000"), points_max=True))

    assert other.decision.spent[0].amount == 20


def test_offline_spending_stops_at_the_cap(rig: Any) -> None:
    """100 points of one customer until the centre has heard of them, and what this till itself has given since."""
    rig.desk.link_changed(LinkState.OFFLINE, "no line")
    spent = []
    for number in (1, 2):
        identify(rig, receipt_uid=f"r-{number}")
        quote = rig.desk.quote(
            contract.QuoteRequest(receipt=rig.sale(f"r-{number}", "1000"), points_max=True, customer_id="m-1")
        )
        spent.append(sum(effect.amount for effect in quote.decision.spent))
        off = str(50 + spent[-1])
        rig.desk.confirm(contract.ConfirmRequest(receipt=rig.paid(f"r-{number}", "1000", off)), source="api")

    assert spent == [100, 85]
    assert rig.desk.known("m-1").unreflected_spent == {"bonus": 100}

    refused = rig.desk.hold(contract.HoldRequest(receipt_uid="r-3", customer_id="m-1", unit="bonus", points=87), None)

    assert (refused.points, refused.reason) == (0, "offline_cap")


def test_the_centre_may_refuse_a_hold(rig: Any) -> None:
    """Another till was quicker."""
    answer = rig.desk.hold(
        contract.HoldRequest(receipt_uid="r-1", customer_id="m-1", unit="bonus", points=10),
        HoldGrant(id="", points=0, reason="balance"),
    )

    assert (answer.points, answer.reason) == (0, "balance")


def test_cancel_frees_what_was_held(rig: Any) -> None:
    """And tells the centre; a second cancel is not an error."""
    identify(rig, receipt_uid="r-1")
    grant = HoldGrant(id="h-7", points=50)
    rig.desk.hold(contract.HoldRequest(receipt_uid="r-1", customer_id="m-1", unit="bonus", points=50), grant)

    assert rig.desk.cancel(contract.CancelRequest(receipt_uid="r-1")).cancelled
    assert not rig.desk.cancel(contract.CancelRequest(receipt_uid="r-1")).cancelled
    assert [one.kind for one in rig.desk.store.by_mark("receipt:r-1")] == ["hold.released"]
    assert rig.desk.snapshot(0).screen == Screen.IDLE


@pytest.mark.parametrize("currency", ["KZT", "USD"])
def test_another_currency_is_refused_by_name(rig: Any, currency: str) -> None:
    """A wiring mistake, not a sale."""
    from drivers.vocabulary.receipt import Receipt

    foreign = Receipt(uid="r-1", kind=DocumentKind.SALE, total=Money(0, currency), lines=())
    with pytest.raises(CheckoutRefused, match="this till works in RUB"):
        rig.desk.quote(contract.QuoteRequest(receipt=foreign))


# ── In line ─────────────────────────────────────────────────────────────────────────────────────


def test_a_printed_receipt_earns_for_whoever_is_at_the_till(rig: Any) -> None:
    """Card first, then the print: points on what was paid, slip lines back, screen cleared."""
    identify(rig)
    lines = rig.desk.printed("receipt", rig.document(rig.sale("p-1", "200", "50")))

    assert available(rig) == 500 + 25
    assert any("+25" in line for line in lines)
    assert bodies(rig)[0]["source"] == "print:receipt"
    assert rig.desk.snapshot(0).screen == Screen.IDLE


def test_a_reprint_is_the_same_receipt(rig: Any) -> None:
    """The printer came back, the POS printed again: same slip, no second effect."""
    identify(rig)
    first = rig.desk.printed("receipt", rig.document(rig.sale("p-1", "200")))
    again = rig.desk.printed("receipt", rig.document(rig.sale("p-1", "200")))

    assert first == again
    assert len(bodies(rig)) == 1


def test_the_print_of_a_confirmed_sale_is_not_a_second_sale(rig: Any) -> None:
    """The POS asked, confirmed, and printed through us."""
    confirmed = rig.desk.confirm(
        contract.ConfirmRequest(receipt=rig.paid("r-1", "300", "0"), customer_id="m-2"), source="api"
    )
    lines = rig.desk.printed("receipt", rig.document(rig.sale("p-77", "300")))

    assert confirmed.slip == lines
    assert len(bodies(rig)) == 1


def test_the_print_closes_a_quote_and_the_confirm_after_it_is_a_duplicate(rig: Any) -> None:
    """The POS asked, printed the lower price, and confirmed last."""
    identify(rig, receipt_uid="r-1")
    quote = rig.desk.quote(contract.QuoteRequest(receipt=rig.sale("r-1", "1000")))
    rig.desk.printed("receipt", rig.document(rig.sale("p-5", "950")))
    answer = rig.desk.confirm(contract.ConfirmRequest(receipt=rig.paid("r-1", "1000", "50")), source="api")

    assert rub("950.00") == quote.payable
    assert answer.duplicate
    assert [body["receipt"]["uid"] for body in bodies(rig)] == ["r-1"]


@pytest.mark.parametrize("confirmed_first", [True, False])
def test_the_second_print_of_an_asked_sale_is_no_new_sale(rig: Any, confirmed_first: bool) -> None:
    """The power failed before the cut; the POS prints again, and again after a restart of the agent."""
    identify(rig, receipt_uid="r-1")
    rig.desk.quote(contract.QuoteRequest(receipt=rig.sale("r-1", "1000")))
    if confirmed_first:
        rig.desk.confirm(contract.ConfirmRequest(receipt=rig.paid("r-1", "1000", "50")), source="api")
    first = rig.desk.printed("receipt", rig.document(rig.sale("p-5", "950")))
    rig.desk.close()
    rig.open()
    again = rig.desk.printed("receipt", rig.document(rig.sale("p-5", "950")))

    assert first == again
    assert ["r-1"] == [body["receipt"]["uid"] for body in bodies(rig)]


def test_closed_receipts_are_forgotten_after_their_time(rig: Any) -> None:
    """And nothing of them stays behind."""
    identify(rig, receipt_uid="r-1")
    rig.desk.quote(contract.QuoteRequest(receipt=rig.sale("r-1", "1000")))
    rig.desk.printed("receipt", rig.document(rig.sale("p-5", "950")))
    rig.clock.forward(days=92)
    rig.desk.tick()

    assert [[], [], []] == [rig.desk.store.scan(name) for name in ("closed", "closed_on", "printed")]


def test_a_receipt_that_does_not_add_up_is_kept_raw(rig: Any) -> None:
    """Never guessed: the bytes and the reason go to the centre."""
    assert rig.desk.printed("receipt", rig.document(None)) == ()

    unread = rig.desk.store.by_mark("device:receipt")[0]

    assert unread.kind == "receipt.unread"
    assert json.loads(unread.body)["problems"] == ["lines make 1.00 RUB, the total says 2.00 RUB"]


@pytest.mark.parametrize("kind", [DocumentKind.REPORT, DocumentKind.KITCHEN, DocumentKind.COPY, DocumentKind.VOID])
def test_other_documents_have_no_effect(rig: Any, kind: DocumentKind) -> None:
    """A Z report is not a sale."""
    assert rig.desk.printed("receipt", rig.document(None, kind)) == ()
    assert rig.desk.store.depth().last_sequence == 0


# ── Returns ─────────────────────────────────────────────────────────────────────────────────────


def test_a_return_in_two_parts_is_the_whole(rig: Any) -> None:
    """10 earned on 100.00: 3 and 7 are taken back, then nothing is left to return."""
    rig.desk.confirm(contract.ConfirmRequest(receipt=rig.paid("r-1", "100", "0"), customer_id="m-2"), source="api")
    for uid, price in (("b-1", "33"), ("b-2", "67")):
        back = rig.sale(uid, price, kind=DocumentKind.RETURN, base_uid="r-1")
        rig.desk.refund(contract.RefundRequest(receipt=back), source="api")

    assert available(rig, "m-2") == 0

    more = rig.sale("b-3", "1", kind=DocumentKind.RETURN, base_uid="r-1")
    with pytest.raises(CheckoutRefused) as refused:
        rig.desk.refund(contract.RefundRequest(receipt=more), source="api")

    assert refused.value.code == "more_than_sold"


def test_a_return_of_an_unknown_sale_is_left_to_the_centre(rig: Any) -> None:
    """Another till sold it; repeating the return adds nothing."""
    back = contract.RefundRequest(receipt=rig.sale("b-1", "50", kind=DocumentKind.RETURN, base_uid="elsewhere"))
    first = rig.desk.refund(back, source="api")
    again = rig.desk.refund(back, source="api")

    assert first.settled_by_centre
    assert again.duplicate
    assert [body["kind"] for body in bodies(rig)] == ["receipt.refunded"]


# ── With the centre ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("reflects", [0, 1])
def test_own_entries_count_until_the_replica_contains_them(rig: Any, reflects: int) -> None:
    """In either order of news and acknowledgement the balance is the same."""
    rig.desk.confirm(contract.ConfirmRequest(receipt=rig.paid("r-1", "100", "0"), customer_id="m-2"), source="api")
    before = available(rig, "m-2")
    from drivers.vocabulary.customer import Customer, PointsLot

    lots = (PointsLot(id="r-1:base", unit="bonus", amount=10),) if reflects else ()
    anna = Customer(id="m-1", name="Anna P.")
    boris = Customer(id="m-2", name="Boris K.", lots=lots)
    rig.desk.store.settle(epoch=1, through=1, refused={})
    rig.tell([anna, boris], reflects=reflects)

    assert 10 == before == available(rig, "m-2")


def test_without_a_programme_the_sale_is_written_down(rig: Any) -> None:
    """Nothing earned, nothing lost."""
    rig.desk.programme = None
    answer = rig.desk.confirm(
        contract.ConfirmRequest(receipt=rig.paid("r-1", "100", "0"), customer_id="m-2"), source="api"
    )

    assert answer.decision.programme_version == 0
    assert len(bodies(rig)) == 1

"""The Priority API against a real desk: who, how much, points, closing, returns, and everything that may go wrong."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from agent.checkout.records import Closed, read
from drivers.tills.priority import wire
from drivers.vocabulary import checkout as contract
from tests.drivers.tills.priority.conftest import KEY, PLAIN_UID, UID, body, money

# 266.60, 5 % off makes 13.33, spread over two lines.
OFF = {1: 10.01, 2: 3.32}


def kept(pos, uid=PLAIN_UID):
    return read(pos.rig.desk.store, "closed", uid, Closed)


def confirm(pos, payments, **more):
    closed = body("confirm", payments=payments, **more)
    for position in closed["positions"]:
        position.setdefault("discardedAmount", OFF[position["index"]])
    return pos.ask(closed)


def json_slip(closed):
    """The lines of the slip as the checkout gave them."""
    return tuple(line if line.strip() else "" for line in json.loads(closed.answer)["slip"])


def cash(amount):
    return {"type": "cash", "mode": "fiscal", "amount": amount}


def bonus(amount, mode="nonFiscal"):
    return {"type": "bonus", "mode": mode, "amount": amount}


# ── Before payment ──────────────────────────────────────────────────────────────────────────────


def test_calculate_says_what_to_take_off_and_what_points_may_pay(pos):
    answer = pos.ask(body("calculate"))

    assert answer["code"] == 0
    assert {one["index"]: one["discountAmount"] for one in answer["document"]["positions"]} == OFF
    assert answer["client"] == {"availableAmount": 75.0}  # 30 % of 253.27, whole points
    assert "Customer: Anna P." in [one["text"] for one in answer["cashierInformation"]]


def test_the_phone_the_cashier_typed_is_told_back_and_no_other(pos):
    answer = pos.ask(body("calculate", client={"mobilePhone": "+7 900 000-00-01"}))

    assert answer["client"]["mobilePhone"] == "+7 900 000-00-01"
    assert (
        b"79000000001" not in pos.raw("/client", json.dumps(body("", client={"card": "2900000000018"})).encode()).body
    )


def test_an_unknown_client_is_told_and_the_sale_goes_on(pos):
    answer = pos.ask(body("calculate", client={"mobilePhone": "+79000000099"}))

    assert answer["code"] == 0
    assert answer["document"]["positions"] == []
    assert "No such customer" in answer["cashierInformation"][0]["text"]


def test_points_pay_what_was_asked_spread_over_the_lines(pos):
    pos.ask(body("calculate"))
    answer = pos.ask(body("payByBonus", payment={"mode": "nonFiscal", "amount": 60.00}))

    assert answer["code"] == 0
    assert sum(one["paidAmount"] for one in answer["document"]["positions"]) == 60.0


def test_more_than_may_be_paid_is_refused_with_the_most_and_nothing_is_kept_back(pos):
    pos.ask(body("calculate"))
    answer = pos.ask(body("payByBonus", payment={"mode": "nonFiscal", "amount": 100.00}))
    confirm(pos, [cash(253.27)])

    assert (answer["code"], "75.00" in answer["error"]) == (1, True)
    assert pos.spent() + kept(pos).decision.earned[0].amount == 0


def test_a_second_payment_by_points_gets_its_own_part(pos):
    first = pos.ask(body("payByBonus", payment={"mode": "nonFiscal", "amount": 40.00}))
    second = pos.ask(body("payByBonus", payment={"mode": "nonFiscal", "amount": 20.00}, payments=[bonus(40.00)]))
    confirm(pos, [bonus(40.00), bonus(20.00), cash(193.27)])

    assert sum(one["paidAmount"] for one in first["document"]["positions"]) == 40.0
    assert sum(one["paidAmount"] for one in second["document"]["positions"]) == 20.0
    assert kept(pos).decision.spent[0].amount == 60


def test_points_without_a_client_are_refused(pos):
    answer = pos.ask(body("payByBonus", client=None, payment={"mode": "fiscal", "amount": 10.00}))

    assert (answer["code"], answer["error"]) == (1, "No customer yet: card or phone first")


@pytest.mark.parametrize("listed", [[], [bonus(60.00)], [cash(10.00)]])
def test_a_cancelled_payment_by_points_spends_nothing(pos, listed):
    pos.ask(body("calculate"))
    pos.ask(body("payByBonus", payment={"mode": "nonFiscal", "amount": 60.00}))
    answer = pos.ask(body("cancelBonusPayment", payment={"mode": "nonFiscal", "amount": 60.00}, payments=listed))
    confirm(pos, [cash(253.27)])

    assert answer == {"code": 0}
    assert kept(pos).decision.spent == ()


def test_the_lowest_price_holds(pos):
    asked = body("calculate")
    asked["positions"][0]["minimumPrice"] = 99.99
    answer = pos.ask(asked)

    assert answer["document"]["positions"][0] == {"index": 1, "discountAmount": 0.02}


def test_coupons_of_the_receipt_and_of_its_lines_are_shown_to_the_programme(pos):
    asked = body("calculate", coupons=["C1"])
    asked["positions"][0]["coupons"] = ["P1", "C1"]
    pos.ask(asked)
    confirm(pos, [cash(253.27)], coupons=["C1"])

    assert kept(pos).receipt.coupons == ("C1",)


# ── Closing ─────────────────────────────────────────────────────────────────────────────────────


def test_a_sale_with_points_closes_as_it_was_paid(pos):
    pos.ask(body("calculate"))
    pos.ask(body("payByBonus", payment={"mode": "nonFiscal", "amount": 60.00}))
    answer = confirm(pos, [bonus(60.00), cash(193.27)])
    closed = kept(pos)

    assert answer["code"] == 0
    assert closed.receipt.total == money("193.27")
    assert (closed.receipt.cashier, closed.receipt.number, closed.receipt.shift) == ("Ольга", "123", 45)
    assert (closed.decision.spent[0].amount, closed.decision.earned[0].amount) == (60, 19)
    assert tuple(one.get("text", "") for one in answer["printingInformation"][0]) == json_slip(closed)
    assert "cashierInformation" not in answer


#: How the POS pays with points, and what is off its totals: the discount, and the points too.
READINGS = [
    pytest.param("fiscal", False, False, id="fiscal, discount beside the totals"),
    pytest.param("fiscal", True, False, id="fiscal, discount off the totals"),
    pytest.param("nonFiscal", False, False, id="beside, discount beside the totals"),
    pytest.param("nonFiscal", True, False, id="beside, discount off the totals"),
    pytest.param("nonFiscal", True, True, id="beside, discount and points off the totals"),
]


@pytest.mark.parametrize(("mode", "off_totals", "points_off"), READINGS)
@pytest.mark.parametrize("programme", ["pos", "tender_pos"])
def test_points_count_however_the_shop_and_the_programme_call_them(request, programme, mode, off_totals, points_off):
    """The programme's way (discount or tender), the POS's way (fiscal or beside) and its way to tell the totals."""
    pos = request.getfixturevalue(programme)
    pos.ask(body("calculate"))
    paid = pos.ask(body("payByBonus", payment={"mode": mode, "amount": 60.00}))
    by_points = {one["index"]: one["paidAmount"] for one in paid["document"]["positions"]}
    closed = body("confirm", payments=[bonus(60.00, mode), cash(193.27)])
    for position in closed["positions"]:
        if not off_totals:
            position["discardedAmount"] = OFF[position["index"]]
            continue
        off = OFF[position["index"]] + (by_points[position["index"]] if points_off else 0)
        position["totalAmount"] = round(position["totalAmount"] - off, 2)
    answer = pos.ask(closed)
    receipt = kept(pos).receipt

    assert answer["code"] == 0
    assert "cashierInformation" not in answer, "nothing differs"
    assert kept(pos).decision.spent[0].amount == 60
    assert receipt.total == money("253.27" if mode == "fiscal" else "193.27")
    assert pos.spent() == 60 - sum(one.amount for one in kept(pos).decision.earned)


@pytest.mark.parametrize("programme", ["pos", "tender_pos"])
def test_points_whose_answer_was_lost_are_not_taken_when_money_paid(request, programme):
    pos = request.getfixturevalue(programme)
    pos.ask(body("calculate"))
    pos.ask(body("payByBonus", payment={"mode": "fiscal", "amount": 60.00}))
    answer = confirm(pos, [cash(253.27)])

    assert "cashierInformation" not in answer
    assert kept(pos).decision.spent == ()
    assert kept(pos).decision.discount == money("13.33")
    assert kept(pos).decision.earned[0].amount == 25


def test_the_same_again_is_one_sale_and_another_content_is_refused(pos):
    first = confirm(pos, [cash(253.27)])
    again = confirm(pos, [cash(253.27)], uid=PLAIN_UID)
    later = confirm(pos, [cash(253.27)], dateTime="2026-03-02T12:04:00+0300")
    other = confirm(pos, [cash(200.00)])

    assert first["code"] == again["code"] == later["code"] == 0
    assert first["printingInformation"] == again["printingInformation"] == later["printingInformation"]
    assert (other["code"], "content" in other["error"]) == (1, True)
    assert pos.rig.desk.store.depth().last_sequence == 1


def test_a_sale_nobody_asked_about_and_nobody_made_counts(pos):
    anonymous = confirm(pos, [cash(253.27)], client=None)
    named = confirm(pos, [cash(253.27)], uid="{AAAAAAAA-0000-0000-0000-000000000000}")

    assert (anonymous["code"], kept(pos).customer_id) == (0, None)
    assert (named["code"], kept(pos, "aaaaaaaa-0000-0000-0000-000000000000").customer_id) == (0, "m-1")


def test_totals_other_than_calculated_are_told_and_never_refused(pos):
    pos.ask(body("calculate"))
    answer = confirm(pos, [cash(260.00)])

    assert answer["code"] == 0
    assert "differs" in answer["cashierInformation"][0]["text"]
    assert kept(pos).receipt.total == money("260.00")


def test_points_that_were_never_granted_here_are_pointed_out(pos):
    answer = confirm(pos, [bonus(60.00), cash(193.27)])

    assert answer["code"] == 0
    assert any("60.00" in one["text"] and "123" in one["text"] for one in answer["cashierInformation"])


def test_a_sale_out_of_a_queue_is_not_given_to_whoever_is_at_the_till_now(pos):
    pos.rig.desk.identify(contract.IdentifyRequest(code="2900000000025", presented=True))
    pos.rig.clock.forward(minutes=8)
    confirm(pos, [cash(266.60)], client=None)
    at_the_till = pos.rig.desk.current

    assert kept(pos).customer_id is None
    assert at_the_till is not None
    assert at_the_till.customer_id == "m-2"


def test_the_customer_of_the_panel_counts_when_the_pos_names_nobody(pos):
    pos.rig.desk.identify(contract.IdentifyRequest(code="2900000000025", presented=True))
    confirm(pos, [cash(266.60)], client=None)

    assert kept(pos).customer_id == "m-2"


@pytest.mark.parametrize(
    ("payments", "total", "change"),
    [
        ([cash(300.00)], "253.27", None),
        ([{"type": "creditCard", "mode": "fiscal", "amount": 253.27}], "253.27", None),
        ([{"type": "other", "mode": "fiscal", "amount": 100}, cash(153.27)], "253.27", None),
        ([cash(253.00)], "253.00", None),
        ([], "253.27", None),
    ],
)
def test_whatever_was_paid_the_receipt_adds_up(pos, payments, total, change):
    del change
    answer = confirm(pos, payments)
    receipt = kept(pos).receipt

    assert answer["code"] == 0
    if payments and payments[0]["amount"] == 300.00:
        # More cash than goods: the prices say that the discount is still to be taken off; and change.
        assert (receipt.total, receipt.change) == (money("253.27"), money("46.73"))
    else:
        assert receipt.total == money(total)


# ── Returns ─────────────────────────────────────────────────────────────────────────────────────


def refund(pos, **more):
    back = body(
        "confirm",
        type="refundReceipt",
        uid="{RRRRRRRR-0000-0000-0000-000000000000}",
        referenceUid=UID,
        payments=[cash(76.31), bonus(23.69)],
    )
    back["positions"] = [
        {**back["positions"][0], "referenceIndex": 1, "quantity": 1, "totalAmount": 105.00, "discardedAmount": 5.00}
    ]
    back["positions"][0]["price"] = 105.00
    del back["client"]
    return pos.ask({**back, **more})


def test_a_part_comes_back_with_its_points(pos):
    pos.ask(body("calculate"))
    pos.ask(body("payByBonus", payment={"mode": "nonFiscal", "amount": 60.00}))
    confirm(pos, [bonus(60.00), cash(193.27)])
    first = refund(pos)
    again = refund(pos)
    back = read(pos.rig.desk.store, "closed", "rrrrrrrr-0000-0000-0000-000000000000", Closed)

    assert first["code"] == again["code"] == 0
    assert first["printingInformation"] == again["printingInformation"]
    assert back.receipt.base_uid == PLAIN_UID
    assert back.receipt.total == money("76.31")
    assert (kept(pos).returned, pos.spent()) == ((back.receipt,), 60 - 23 - (19 - 7))


def test_more_than_was_sold_is_refused(pos):
    confirm(pos, [cash(253.27)])
    answer = refund(pos, payments=[{"type": "creditCard", "mode": "fiscal", "amount": 300.00}])

    assert answer["code"] == 1
    assert "more than" in answer["error"]


def test_a_return_of_an_unknown_sale_is_left_to_the_centre(pos):
    answer = refund(pos, referenceUid="{FFFFFFFF-0000-0000-0000-000000000000}")

    assert answer["code"] == 0


# ── Joining ─────────────────────────────────────────────────────────────────────────────────────


def form_values(**values):
    return [{"name": name, "value": value} for name, value in values.items()]


def test_somebody_joins_by_the_form(pos):
    pos.rig.desk.sealing_key = "09" + "00" * 31
    who = {"client": {"mobilePhone": "+79000000055"}, "cashier": {"code": 1, "name": "Ольга", "text": ""}}
    shown = pos.ask({"action": "describe", **who}, "/extra/client")
    names = [one["name"] for one in shown["form"]["elements"] if "name" in one]
    values = form_values(name="Вера Н.", consent_loyalty="yes", consent_messages="no")
    checked = pos.ask({"action": "check", **who, "values": values}, "/extra/client")
    done = pos.ask({"action": "execute", **who, "values": values}, "/extra/client")
    again = pos.ask({"action": "execute", **who, "values": values}, "/extra/client")

    assert names == ["name", "consent_loyalty", "consent_messages"]
    assert checked == {"code": 0}
    assert "Customer added" in done["cashierInformation"][0]["text"]
    assert "known already" in again["cashierInformation"][0]["text"]
    assert pos.ask(body("calculate", client={"mobilePhone": "+79000000055"}))["cashierInformation"][0][
        "text"
    ].startswith("Customer: Вера")


@pytest.mark.parametrize("action", ["check", "execute"])
def test_nobody_joins_without_the_consent_it_takes(pos, action):
    values = form_values(phone="+79000000055", consent_messages="yes")
    answer = pos.ask({"action": action, "values": values}, "/extra/client")

    assert (answer["code"], "without" in answer["error"]) == (1, True)


def test_a_card_alone_asks_for_the_phone(pos):
    shown = pos.ask({"action": "describe", "client": {"card": "2900000000099"}}, "/extra/client")
    refused = pos.ask({"action": "execute", "values": form_values(phone="12", consent_loyalty="yes")}, "/extra/client")

    assert shown["form"]["elements"][0]["name"] == "phone"
    assert refused["code"] == 1


# ── What may go wrong ───────────────────────────────────────────────────────────────────────────


def test_the_signature_is_over_the_raw_bytes(pos):
    spaced = json.dumps(body("calculate"), indent=3, ensure_ascii=False).encode()
    tight = json.dumps(body("calculate"), separators=(",", ":")).encode()

    assert pos.raw("/document", spaced).status == pos.raw("/document", tight).status == 200
    assert pos.raw("/document", spaced, header=wire.signature(KEY, tight)).status == 401
    assert pos.raw("/document", spaced, header=wire.signature(KEY, spaced).upper()).status == 200


@pytest.mark.parametrize("header", ["", "FrontolAuth", "FrontolAuth 00", "Basic YTpi", "FrontolAuth ключ"])
def test_a_wrong_key_changes_nothing_and_is_told_in_the_protocols_form(pos, header):
    reply = pos.raw("/document", json.dumps(body("confirm", payments=[cash(1)])).encode(), header=header)

    assert (reply.status, json.loads(reply.body)["code"]) == (401, 3)
    assert "key" in reply.trouble
    assert kept(pos) is None


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"{",
        json.dumps(body("confirm")).encode()[:-40],
        json.dumps(body("confirm"), ensure_ascii=False).encode("cp1251"),
        json.dumps(body("confirm")).encode("utf-16"),
        b"[" * 5_000,
        json.dumps(body("confirm", positions=[])).encode(),
        json.dumps(body("confirm", positions=[{"index": 1, "price": 1e400, "quantity": 1, "totalAmount": 1}])).encode(),
        json.dumps(body("confirm", positions=[{"index": 1, "price": 1e300, "quantity": 1, "totalAmount": 1}])).encode(),
        json.dumps(body("confirm", uid=None, number=None)).encode(),
        json.dumps(body("payByBonus")).encode(),
    ],
)  # fmt: skip
def test_what_nobody_understands_is_told_and_shown_to_it(pos, sent):
    reply = pos.raw("/document", sent)

    assert (reply.status, json.loads(reply.body)["code"]) == (200, 2)
    assert reply.trouble
    assert pos.rig.desk.store.depth().last_sequence == 0


@pytest.mark.parametrize(("path", "action"), [("/document", "burn"), ("/extra/client", "burn"), ("/other", "confirm")])
def test_an_unknown_request_is_named(pos, path, action):
    answer = pos.ask(body(action), path)

    assert (answer["code"], "no such request" in answer["error"]) == (1, True)


def test_a_receipt_without_a_uid_is_named_by_its_place(pos):
    answer = confirm(pos, [cash(253.27)], uid=None, client=None)

    assert answer["code"] == 0
    assert kept(pos, "priority:shop-1:1:45:123") is not None


def test_a_till_that_cannot_write_is_asked_again(pos, monkeypatch):
    def broken(request, *, source):
        raise contract_error

    from drivers.vocabulary.errors import CheckoutRefused

    contract_error = CheckoutRefused("not recorded: disk", code="not_recorded")
    monkeypatch.setattr(type(pos.rig.desk), "confirm", lambda self, request, *, source: broken(request, source=source))
    reply = pos.raw("/document", json.dumps(body("confirm", payments=[cash(266.60)])).encode())

    assert (reply.status, json.loads(reply.body)["code"]) == (503, 4)


def test_an_old_answer_is_given_again_after_the_points_have_moved(pos):
    """A replay of a signed request has the effect it had: none."""
    first = confirm(pos, [cash(253.27)])
    pos.rig.clock.forward(days=2)
    again = confirm(pos, [cash(253.27)])

    assert first == again
    assert pos.rig.clock.now() - kept(pos).closed_at == timedelta(days=2)

"""The till's payment in our hands: the discount and the lines are in the receipt, or the receipt is the till's own."""

from decimal import Decimal

import pytest

from drivers.printers.isl.fields import (
    Modifier,
    Opening,
    Payment,
    Sale,
    write_opening,
    write_payment,
    write_sale,
    write_subtotal,
)
from drivers.printers.isl.fiscal import NOT_NOW, SYNTAX, UNKNOWN_COMMAND, Carried
from drivers.printers.isl.frames import Frame, FrameReader
from drivers.printers.isl.models import MODELS
from drivers.printers.isl.offered import FirstPayment
from drivers.printers.isl.rewriting import with_amount, write_off
from drivers.vocabulary.inside import InsidePolicy, Untouched
from drivers.vocabulary.money import Money
from drivers.vocabulary.receipt import DocumentKind, TenderKind
from tests.drivers.printers.isl.inside_shop import CANCEL, CLOSE, PAY, SALE, SUBTOTAL, TEXT, Shop, instead

every_model = pytest.mark.parametrize("model", MODELS)


# ── What is on the paper ────────────────────────────────────────────────────────────────────────


@every_model
def test_the_discount_and_the_lines_are_in_the_receipt(model):
    shop = Shop(model=model)
    told = shop.sold("45.50", "54.50", amount="100.00")
    (document,) = shop.documents

    assert shop.closed.draft.total_minor == 9_000
    assert shop.closed.draft.paid == [(shop.letter(TenderKind.CASH), 9_000)]
    assert told.lstrip("0\t")[:1] in "DR"
    assert told.rstrip("\t").endswith("0")
    assert "отстъпка -10.00" in shop.paper
    assert shop.paper.index("отстъпка") < shop.paper.index("Взета") < shop.paper.index("cash 90.00")
    assert shop.fiscal.fiscal_count == 1
    assert document.receipt.total.amount == "90.00"
    assert document.receipt.adjustment.amount == "-10.00"
    assert document.quoted == shop.asked[0].receipt.uid == document.receipt.uid
    assert (document.believed.total.amount, document.believed.off_minor) == ("100.00", 1_000)
    assert [one.amount.amount for one in document.believed.tenders] == ["100.00"]
    assert shop.guard.problem == ""


def test_what_was_asked_about_is_the_receipt_before_the_discount():
    shop = Shop()
    shop.sold("45.50", "54.50", amount="200.00")
    (asked,) = shop.asked

    assert (asked.receipt.total.amount, asked.receipt.change.amount) == ("100.00", "100.00")
    assert [line.total.amount for line in asked.receipt.lines] == ["45.50", "54.50"]
    assert [one.kind for one in asked.receipt.tenders] == [TenderKind.CASH]
    assert asked.columns == shop.model.text_columns


def test_a_note_on_the_table_stays_and_its_change_grows():
    shop = Shop()

    assert shop.sold("100.00", amount="500.00") == "R41000"
    assert shop.closed.draft.paid == [("P", 50_000)]
    assert shop.documents[0].receipt.change.amount == "410.00"
    assert shop.documents[0].believed.tenders[0].amount.amount == "500.00"


@every_model
def test_a_payment_without_a_sum_is_the_rest(model):
    shop = Shop(model=model)
    shop.sold("100.00")

    assert shop.closed.draft.total_minor == 9_000
    assert shop.documents[0].receipt.tenders[0].kind is TenderKind.CASH
    assert shop.documents[0].receipt.tenders[0].amount.amount == "90.00"
    assert shop.documents[0].believed.tenders[0].amount.amount == "100.00"


@pytest.mark.parametrize("policy", ["advise", "cash_only"])
@every_model
def test_a_card_is_not_touched_but_the_lines_are_printed(policy, model):
    shop = Shop(policy, model)
    shop.sold("100.00", amount="100.00", kind=TenderKind.CARD)
    (document,) = shop.documents

    assert shop.closed.draft.total_minor == 10_000
    assert "отстъпка" not in shop.paper
    assert "Без промяна" in shop.paper
    assert document.believed is None
    assert document.quoted == document.receipt.uid


@every_model
def test_always_lowers_the_card(model):
    shop = Shop("always", model)
    shop.sold("100.00", amount="100.00", kind=TenderKind.CARD)

    assert shop.closed.draft.total_minor == 9_000
    assert [one.amount.amount for one in shop.documents[0].receipt.tenders] == ["90.00"]
    assert shop.documents[0].receipt.tenders[0].kind is TenderKind.CARD


def test_off_passes_every_byte_as_it_came():
    shop = Shop("off")
    shop.sold("100.00", amount="100.00")

    assert shop.asked == []
    assert shop.closed.draft.total_minor == 10_000
    assert shop.twin.executed == [0x30, SALE, PAY, CLOSE]


def test_nobody_at_the_till():
    """No offer: the payment goes as it came, with nothing of ours before it."""
    shop = Shop()
    shop.off = None
    shop.sold("100.00", amount="100.00")

    assert shop.twin.executed == [0x30, SALE, PAY, CLOSE]
    assert shop.documents[0].quoted == ""


def test_paid_in_parts_the_first_part_bears_the_discount():
    """What the till reckons is still due is what the device says."""
    shop = Shop()
    shop.sell("100.00")
    assert shop.pay("30.00").data == b"D7000"
    began_s = shop.now_s
    assert shop.pay("70.00", TenderKind.CARD).data == b"R0"
    assert shop.now_s == began_s  # nothing of it was kept back
    shop.close()
    (document,) = shop.documents

    assert shop.closed.draft.paid == [("P", 2_000), ("D", 7_000)]
    assert document.receipt.total.amount == "90.00"
    assert [one.amount.amount for one in document.believed.tenders] == ["30.00", "70.00"]
    assert len(shop.asked) == 1


def test_a_card_in_the_first_part_decides():
    shop = Shop()
    shop.sell("100.00")
    shop.pay("70.00", TenderKind.CARD)
    shop.pay("30.00")
    shop.close()

    assert shop.closed.draft.total_minor == 10_000
    assert shop.documents[0].believed is None


def test_a_return_is_nobodys_discount():
    shop = Shop()
    shop.answer(*write_opening(shop.model, Opening(is_return=True, base="7")))
    shop.item("100.00")
    shop.pay("100.00")
    shop.close()

    assert shop.asked == []
    assert shop.documents[0].kind is DocumentKind.RETURN


def test_a_sale_with_a_number_of_its_own_keeps_its_name():
    """The quote has another: the document names both."""
    shop = Shop(unp="DT000001-0001-0000042")
    shop.sold("100.00", amount="100.00")
    (document,) = shop.documents

    assert document.quoted == shop.asked[0].receipt.uid != document.receipt.uid


def test_percents_that_the_device_rounds_otherwise():
    """Its subtotal is believed before the discount is taken off it."""
    shop = Shop()
    shop.sell("2.40")
    shop.answer(SUBTOTAL, b"10,-7.00")
    shop.fiscal.open.draft.adjustment_minor += 1
    shop.off = 24
    shop.pay("5.00")
    shop.close()

    assert shop.closed.draft.total_minor == 224 - 24
    assert shop.documents[0].receipt.total.amount == "2.00"
    assert shop.documents[0].receipt.change.amount == "3.00"
    assert [one.receipt.total.amount for one in shop.asked] == ["2.23", "2.24"]  # the agent decides on the device's sum
    assert shop.documents[0].believed.total.amount == "2.24"


# ── Devices that cannot, or do not want to ──────────────────────────────────────────────────────


@pytest.mark.parametrize("answer", [UNKNOWN_COMMAND, SYNTAX, NOT_NOW])
@every_model
def test_a_device_that_refuses_the_subtotal_is_left_as_it_is(model, answer):
    shop = Shop(model=model)
    instead(shop, SUBTOTAL, answer)
    shop.sold("100.00", amount="100.00")

    assert shop.closed.draft.total_minor == 10_000
    assert "Без промяна" in shop.paper
    assert shop.documents[0].receipt.total.amount == "100.00"
    assert shop.documents[0].believed is None


def test_a_device_that_refuses_the_discount_alone():
    shop = Shop()
    carry_out = shop.fiscal.carry_out
    instead(shop, SUBTOTAL, lambda data: carry_out(SUBTOTAL, data) if data == b"00" else SYNTAX)
    shop.sold("100.00", amount="100.00")

    assert shop.closed.draft.total_minor == 10_000
    assert "Без промяна" in shop.paper


def test_a_device_that_says_yes_and_takes_nothing():
    """The mark before the sum is not the one it knows: the subtotal tells."""
    shop = Shop()
    carry_out = shop.fiscal.carry_out
    instead(shop, SUBTOTAL, lambda _: carry_out(SUBTOTAL, b"00"))
    shop.sold("100.00", amount="100.00")
    (document,) = shop.documents

    assert shop.closed.draft.total_minor == 10_000
    assert "Без промяна" in shop.paper
    assert document.receipt.total.amount == "100.00"
    assert document.receipt.adjustment is None
    assert document.believed is None


def test_a_device_that_takes_another_sum():
    """It reads the sum as a percent: the receipt is what the device has, and no longer the one that was quoted."""
    shop = Shop()
    carry_out = shop.fiscal.carry_out
    instead(shop, SUBTOTAL, lambda data: carry_out(SUBTOTAL, data.replace(b";", b",")))
    shop.sell("50.00")
    shop.pay("50.00")
    shop.close()
    (document,) = shop.documents

    assert shop.closed.draft.paid == [("P", 4_500)]
    assert document.receipt.total.amount == "45.00"
    assert (document.quoted, document.believed) == ("", None)
    assert document.receipt.uid != shop.asked[0].receipt.uid


def test_a_device_that_took_another_sum_is_not_asked_again():
    """Ten off five hundred became ten percent: once is a misfortune, each receipt of the day would be a loss."""
    shop = Shop()
    carry_out = shop.fiscal.carry_out
    instead(shop, SUBTOTAL, lambda data: carry_out(SUBTOTAL, data.replace(b";", b",")))
    shop.sold("500.00", amount="500.00")
    assert shop.closed.draft.total_minor == 45_000
    shop.connect()
    shop.sold("500.00", amount="500.00")

    assert shop.closed.draft.total_minor == 50_000
    assert shop.paper.count("отстъпка") == 1
    assert "Без промяна" in shop.paper
    assert shop.documents[1].believed is None


def test_a_sale_that_went_on_while_the_agent_is_mute():
    """The discount of the first attempt stays; the quote was about fewer items and is not this receipt's."""
    shop = Shop()
    shop.sell("100.00")
    instead(shop, PAY, NOT_NOW, times=1)
    shop.pay("100.00")
    shop.item("20.00")
    shop.off = None
    shop.pay("120.00")
    shop.close()
    (document,) = shop.documents

    assert shop.closed.draft.paid == [("P", 11_000)]
    assert document.receipt.total.amount == "110.00"
    assert (document.quoted, document.believed) == ("", None)


@pytest.mark.parametrize("code", [SUBTOTAL, TEXT])
def test_somebody_ends_the_receipt_at_the_device(code):
    """The payment goes as it came, and the receipt is told as ended."""
    shop = Shop("always")
    shop.sell("100.00")

    def ended(_):
        shop.fiscal.open = None
        return Carried()

    instead(shop, code, ended, times=1)
    shop.pay("100.00", TenderKind.CARD)
    (document,) = shop.documents

    assert (document.kind, document.receipt) == (DocumentKind.OTHER, None)
    assert shop.twin.executed[-2:] == [code, PAY]
    assert b"100.00" in shop.to_device[-20:]


def test_lines_that_are_refused_cost_no_discount():
    shop = Shop()
    instead(shop, TEXT, NOT_NOW)
    shop.sold("100.00", amount="100.00")

    assert shop.closed.draft.total_minor == 9_000
    assert shop.twin.executed.count(TEXT) == 1


def test_a_sale_we_did_not_see_whole_is_not_touched():
    """An item passed while nobody listened: the device's subtotal is not ours, and nothing is promised on the paper."""
    shop = Shop()
    shop.sell("100.00")
    shop.fiscal.carry_out(SALE, write_sale(shop.model, Sale(name="Чай", price=Decimal("50.00"))))
    shop.pay("150.00")
    shop.close()

    assert shop.closed.draft.total_minor == 15_000
    assert "Без промяна" not in shop.paper
    assert shop.documents[0].receipt is None


def test_a_sale_that_we_do_not_understand_is_not_touched():
    shop = Shop()
    shop.sell("100.00")
    instead(shop, SALE, Carried(), times=1)
    shop.answer(SALE, b"something new")
    shop.pay("100.00")
    shop.close()

    assert shop.asked == []
    assert shop.closed.draft.total_minor == 10_000


def test_paper_runs_out_under_our_lines():
    """The payment tells the till, and its next one carries the discount once."""
    shop = Shop()
    shop.sell("100.00")
    carry_out = shop.fiscal.carry_out

    def last_line(data):
        shop.twin.be_rude("paper_out")
        return carry_out(TEXT, data)

    instead(shop, TEXT, last_line, times=1)
    refused = shop.pay("100.00")
    assert refused.status[2] & 1
    shop.twin.be_rude("paper_out", times=0)
    assert shop.pay("100.00").data == b"R0"
    shop.close()

    assert shop.closed.draft.total_minor == 9_000
    assert shop.paper.count("отстъпка") == 1
    assert len(shop.documents) == 1


# ── A payment that is not the last word ─────────────────────────────────────────────────────────


def test_a_refused_payment_and_the_next_have_one_discount():
    shop = Shop()
    shop.sell("100.00")
    instead(shop, PAY, NOT_NOW, times=1)
    shop.pay("100.00")
    assert shop.pay("100.00").data == b"R0"
    shop.close()

    assert shop.closed.draft.total_minor == 9_000
    assert shop.paper.count("отстъпка") == shop.paper.count("Взета") == 1
    assert len(shop.documents) == 1
    assert [one.receipt.total.amount for one in shop.asked] == ["100.00", "100.00"]


@pytest.mark.parametrize(("off", "total"), [(1_500, 8_500), (400, 9_600), (0, 10_000)])
def test_another_offer_after_a_refused_payment_makes_the_difference(off, total):
    shop = Shop()
    shop.sell("100.00")
    instead(shop, PAY, NOT_NOW, times=1)
    shop.pay("100.00")
    shop.off = off
    shop.pay("100.00")
    shop.close()

    assert shop.closed.draft.total_minor == total
    assert shop.documents[0].receipt.total.minor == total
    assert (shop.documents[0].believed is not None) == (off > 0)


def test_cash_was_refused_and_a_card_pays():
    """What was taken off for cash is put on again: the card may have been charged with the whole sum."""
    shop = Shop()
    shop.sell("100.00")
    instead(shop, PAY, NOT_NOW, times=1)
    shop.pay("100.00")
    shop.pay("100.00", TenderKind.CARD)
    shop.close()

    assert shop.closed.draft.total_minor == 10_000
    assert shop.documents[0].believed is None


def test_cash_was_refused_and_a_card_pays_while_the_agent_has_no_word():
    """The discount for cash goes back all the same: nobody lowers what a card was charged with."""
    shop = Shop()
    shop.sell("100.00")
    instead(shop, PAY, NOT_NOW, times=1)
    shop.pay("100.00")
    assert shop.fiscal.open.draft.total_minor == 9_000
    shop.off = None
    shop.pay("100.00", TenderKind.CARD)
    shop.close()

    assert shop.closed.draft.total_minor == 10_000
    assert shop.closed.draft.paid == [(shop.letter(TenderKind.CARD), 10_000)]
    assert shop.documents[0].believed is None


def test_a_card_is_not_lowered_while_the_agent_is_mute():
    """No time to give the discount back: the device hears the till's own sum and says what it thinks of it."""
    shop = Shop()
    shop.sell("100.00")
    instead(shop, PAY, NOT_NOW, times=1)
    shop.pay("100.00")
    shop.thinks_s = 99
    shop.pay("100.00", TenderKind.CARD)
    sent = [frame.data for frame in FrameReader(shop.model.frame, is_host=True).feed(bytes(shop.to_device))
            if isinstance(frame, Frame) and frame.command == PAY]  # fmt: skip

    assert sent[-1] == shop.payment("100.00", TenderKind.CARD)


@every_model
def test_a_cancelled_sale_drops_its_quote(model):
    shop = Shop(model=model)
    shop.sell("100.00")
    instead(shop, PAY, NOT_NOW, times=1)
    shop.pay("100.00")
    shop.answer(shop.model.cancel_command)

    assert shop.model.cancel_command in (CANCEL, 0x82)
    assert shop.dropped == [shop.asked[0].receipt.uid]
    assert shop.documents[0].kind is DocumentKind.VOID


def test_the_next_sale_knows_nothing_of_this_one():
    shop = Shop()
    shop.sold("100.00", amount="100.00")
    shop.off = 0
    shop.sold("50.00", amount="50.00")

    assert [one.receipt.total.amount for one in shop.documents] == ["90.00", "50.00"]
    assert shop.documents[1].believed is None
    assert shop.documents[0].quoted != shop.documents[1].quoted


# ── Sums and layouts ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("model", "data", "expected"),
    [
        ("datecs-p", b"\tP100.00", b"\tP90.00"),
        ("datecs-p", b"\t100.00", b"\t90.00"),
        ("datecs-p", b"thank you\ngood bye\tP+100.00", b"thank you\ngood bye\tP90.00"),
        ("datecs-x", b"0\t100.00\t\t", b"0\t90.00\t\t"),
        ("datecs-x", b"0\t100.00", b"0\t90.00"),
        ("eltrade", b"\tL100", b"\tL90.00"),
    ],
)
def test_only_the_sum_of_a_payment_changes(model, data, expected):
    assert with_amount(MODELS[model], data, Money(9_000, "EUR")) == expected


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("datecs-p", b"10;-1.50"),
        ("datecs-c", b"10;-1.50"),
        ("datecs-x", b"1\t0\t4\t1.50\t"),
        ("daisy", b"10$-1.50"),
        ("eltrade", b"10;-1.50"),
        ("incotex", b"10;-1.50"),
    ],
)
def test_each_maker_spells_the_discount_its_way(model, expected):
    assert write_off(MODELS[model], Money(150, "EUR")) == expected


@pytest.mark.parametrize(
    ("letter", "amount", "off", "policy", "expected"),
    [
        ("P", "100", 1_000, "cash_only", None),
        ("P", "10", 1_000, "cash_only", Untouched.DEVICE),  # nothing would be left of it
        ("P", "9", 1_000, "always", Untouched.DEVICE),
        ("P", "100", 10_000, "always", Untouched.DEVICE),
        ("P", "500", 10_000, "always", Untouched.DEVICE),
        ("P", "100", 0, "always", Untouched.NOTHING),
        ("P", "100", 1_000, "advise", Untouched.POLICY),
        ("D", "100", 1_000, "cash_only", Untouched.ELECTRONIC),
        ("D", "50", 1_000, "cash_only", Untouched.ELECTRONIC),
        ("D", "120", 1_000, "always", Untouched.DEVICE),
        ("N", "100", 1_000, "always", Untouched.STORED_VALUE),
        ("m", "100", 1_000, "always", Untouched.STORED_VALUE),
        ("", None, 1_000, "cash_only", None),
        ("6", "100", 1_000, "always", Untouched.DEVICE),
    ],
)
def test_why_a_payment_is_not_touched(letter, amount, off, policy, expected):
    tenders = {**MODELS["datecs-p"].tenders, "6": TenderKind.CASH}
    amount = None if amount is None else Decimal(amount)
    first = FirstPayment(
        payment=Payment(letter=letter, amount=amount), tenders=tenders, total=Money(10_000, "EUR")
    )  # fmt: skip

    assert first.why_untouched(InsidePolicy(policy), off) is expected


def test_points_of_a_pinpad_are_not_lowered():
    shop = Shop("always", "datecs-x")
    shop.sell("100.00")
    shop.answer(PAY, write_payment(shop.model, Payment(letter="12", amount=Decimal(100))))
    shop.close()

    assert shop.closed.draft.paid == [("12", 10_000)]


def test_a_discount_of_the_till_itself_stays():
    shop = Shop()
    shop.sell("100.00")
    shop.answer(SUBTOTAL, write_subtotal(shop.model, Modifier(value=Decimal(-5), is_percent=False)))
    shop.pay("95.00")
    shop.close()

    assert shop.closed.draft.total_minor == 8_500
    assert shop.documents[0].receipt.adjustment.amount == "-15.00"
    assert shop.documents[0].believed.total.amount == "95.00"

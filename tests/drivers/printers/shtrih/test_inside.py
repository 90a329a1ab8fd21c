"""The till's close in our hands: the discount and the lines are in the receipt, and nothing is lost whatever happens."""

from __future__ import annotations

import pytest

from drivers.guard import FLOOR_S_MAX
from drivers.printers.shtrih.link import Lost
from tests.drivers.printers.shtrih import inside_shop
from tests.drivers.printers.shtrih.inside_shop import NO_TAXES, Shop


@pytest.fixture(autouse=True, params=[1, 2])
def protocol(request, monkeypatch):
    """Everything over both protocols."""
    monkeypatch.setattr(inside_shop, "PROTOCOL", request.param)
    return request.param


def test_the_discount_and_the_lines_are_in_the_receipt():
    shop = Shop()
    shop.sell(4_550, 5_450)
    answer = shop.close(cash=10_000)
    (document,) = shop.documents

    assert (answer.error, answer.number("change")) == (0, 0)
    assert shop.stored().total == 9_000
    assert "СКИДКА Скидка по карте =10.00" in shop.paper
    assert shop.paper.index("Скидка дана") < shop.paper.index("ИТОГ =90.00")
    assert "CASH =90.00" in shop.paper
    assert document.receipt.total.amount == "90.00"
    assert document.receipt.adjustment.amount == "-10.00"
    assert document.quoted == shop.asked[0].receipt.uid == document.receipt.uid
    assert (document.believed.total.amount, document.believed.off_minor) == ("100.00", 1_000)
    assert [tender.amount.amount for tender in document.believed.tenders] == ["100.00"]
    assert shop.guard.problem == ""


def test_what_was_asked_about_is_the_receipt_before_the_discount():
    shop = Shop()
    shop.sell(4_550, 5_450)
    shop.close(cash=20_000)
    (asked,) = shop.asked

    assert asked.receipt.total.amount == "100.00"
    assert asked.receipt.change.amount == "100.00"
    assert [line.total.amount for line in asked.receipt.lines] == ["45.50", "54.50"]


def test_a_note_on_the_table_stays_and_its_change_grows():
    shop = Shop()
    shop.sell(10_000)
    answer = shop.close(cash=50_000)

    assert answer.number("change") == 41_000
    assert "CASH =500.00" in shop.paper
    assert shop.documents[0].receipt.change.amount == "410.00"


@pytest.mark.parametrize("policy", ["advise", "cash_only"])
def test_a_card_is_not_touched_but_the_lines_are_printed(policy):
    shop = Shop(policy)
    shop.sell(10_000)
    answer = shop.close(card=10_000)
    (document,) = shop.documents

    assert answer.error == 0
    assert shop.stored().total == 10_000
    assert "СКИДКА" not in shop.paper
    assert "Без скидки" in shop.paper
    assert document.believed is None
    assert document.quoted == document.receipt.uid


def test_always_lowers_the_card():
    shop = Shop("always")
    shop.sell(10_000)
    assert shop.close(card=10_000).error == 0

    assert shop.stored().total == 9_000
    assert "ELECTRONIC =90.00" in shop.paper


def test_off_passes_every_byte_as_it_came():
    shop = Shop("off")
    shop.sell(10_000)
    shop.close(cash=10_000)

    assert shop.asked == []
    assert shop.stored().total == 10_000


def test_the_newer_close_gets_the_newer_discount():
    shop = Shop()
    shop.ask("memory_status")
    shop.sell_v2(4_550, 5_450)
    answer = shop.close_v2(payment1=10_000)

    assert answer.error == 0
    assert shop.stored().total == 9_000
    assert b"\xff\x4b" in shop.to_device
    assert answer.number("document") == shop.stored().number
    assert shop.documents[0].receipt.uid.startswith("f-")
    assert shop.documents[0].quoted.startswith("s-")


@pytest.mark.parametrize(
    ("unknown", "expected"), [({0xFF4B}, 9_000), ({0x86}, 9_000), ({0xFF4B, 0x86}, 10_000), ({0x89}, 10_000)]
)
def test_a_register_that_does_not_know_the_command(unknown, expected):
    """One way not known, the other is taken; none known, the receipt is as the till wanted it."""
    for version in (1, 2):
        shop = Shop()
        shop.register.refuses = dict.fromkeys(unknown, 0x37)
        if version == 1:
            shop.sell(10_000)
            assert shop.close(cash=10_000).error == 0
        else:
            shop.sell_v2(10_000)
            assert shop.close_v2(payment1=10_000).error == 0
        assert shop.stored().total == expected
        assert ("Скидка дана" if expected == 9_000 else "Без скидки") in shop.paper
        assert (shop.documents[0].believed is not None) == (expected == 9_000)


def test_a_close_with_sums_of_its_own_is_not_touched():
    """A percentage of the till, or taxes it worked out, belong to the sum it knows."""
    shop = Shop()
    shop.sell(10_000)
    assert shop.close(cash=10_000, percent=500).error == 0
    assert shop.stored().total == 9_500

    shop = Shop()
    shop.sell_v2(10_000)
    assert shop.close_v2(payment1=10_000, taxes=(1_667).to_bytes(5, "little") + bytes(25)).error == 0
    assert shop.stored().total == 10_000


def test_the_discount_is_off_the_taxes_of_what_it_is_off():
    """One group of taxes on the positions it is for: the register takes it off that turnover; several, off none."""
    for groups, expected in (((2, 2), 2), ((2, 3), 2), ((3, 2), 3)):
        shop = Shop(off={1: 1_000})
        seen = []
        real = shop.register._do_discount
        shop.register._do_discount = lambda values, seen=seen, real=real: (seen.append(values["tax1"]), real(values))[1]
        shop.ask("open_receipt", type=0)
        for group in groups:
            taxes = NO_TAXES | {"tax1": group}
            shop.ask("sale", quantity=1000, price=5_000, department=1, text="Хлеб", **taxes)
        assert shop.close(cash=10_000).error == 0
        assert seen == [expected]
    shop = Shop(off={1: 500, 2: 500})
    seen = []
    real = shop.register._do_discount
    shop.register._do_discount = lambda values: (seen.append(values["tax1"]), real(values))[1]
    shop.ask("open_receipt", type=0)
    for group in (1, 2):
        shop.ask(
            "sale", quantity=1000, price=5_000, department=1, text="Хлеб", **(NO_TAXES | {"tax1": group})
        )  # fmt: skip
    assert shop.close(cash=10_000).error == 0
    assert seen == [0]


def test_a_close_that_was_refused_and_comes_again_has_one_discount():
    shop = Shop()
    shop.sell(10_000)
    shop.register.refuses = {0x85: 0x6B}
    assert shop.close(cash=10_000).error == 0x6B
    shop.register.refuses = {}
    assert shop.close(cash=10_000).error == 0

    assert shop.stored().total == 9_000
    assert shop.paper.count("СКИДКА") == 1
    assert len(shop.documents) == 1


def test_a_receipt_that_goes_on_after_a_refused_close_gets_the_difference():
    shop = Shop()
    shop.sell(10_000)
    assert shop.close(cash=5_000).error  # the till lets too little through; nothing was taken off
    shop.off = 1_500
    shop.ask("sale", quantity=1000, price=5_000, department=1, text="Чай", **NO_TAXES)
    assert shop.close(cash=15_000).error == 0

    assert shop.stored().total == 13_500


def test_a_smaller_offer_gives_back_what_was_too_much():
    shop = Shop()
    shop.sell(10_000)
    shop.register.refuses = {0x85: 0x6B}
    assert shop.close(cash=10_000).error == 0x6B
    shop.register.refuses = {}
    shop.off = 400
    assert shop.close(cash=10_000).error == 0

    assert shop.stored().total == 9_600
    assert "НАДБАВКА" in shop.paper


def test_a_card_after_a_refused_close_in_cash_is_not_touched():
    """The discount that was taken off for cash goes back: what the card was charged is what is fiscalised."""
    shop = Shop()
    shop.sell(10_000)
    shop.register.refuses = {0x85: 0x6B}
    assert shop.close(cash=10_000).error == 0x6B
    shop.register.refuses = {}
    assert shop.close(card=10_000).error == 0

    assert shop.stored().total == 10_000
    assert "ELECTRONIC =100.00" in shop.paper
    assert shop.documents[0].believed is None


def test_a_card_is_not_lowered_when_the_agent_is_silent_the_second_time():
    """The register refuses what does not fit, as it would; the till learns it, and nobody's card is short."""
    shop = Shop()
    shop.sell(10_000)
    shop.register.refuses = {0x85: 0x6B}
    assert shop.close(cash=10_000).error == 0x6B
    shop.register.refuses = {}
    shop.silent = True
    assert shop.close(card=10_000).error == 0x4D
    assert shop.register.receipt is not None
    shop.silent = False
    assert shop.close(card=10_000).error == 0

    assert shop.stored().total == 10_000


def test_a_receipt_closed_past_us_leaves_nothing_to_the_next():
    """The cashier saw the lower sum and typed it in: that close passes, and the next receipt begins from nothing."""
    shop = Shop()
    shop.sell(10_000)
    shop.register.refuses = {0x85: 0x6B}
    assert shop.close(cash=10_000).error == 0x6B
    shop.register.refuses = {}
    assert shop.close(cash=9_000).error == 0
    assert len(shop.asked) == 1
    shop.ask("sale", quantity=1000, price=5_000, department=1, text="Чай", **NO_TAXES)
    assert shop.close(cash=5_000).error == 0

    assert [one.total for one in shop.register.memory.documents.values() if one.kind == 3] == [9_000, 4_000]
    assert [line for line in shop.twin.paper if "CASH" in line] == ["CASH =90.00", "CASH =40.00"]


def test_a_cancelled_receipt_drops_its_quote():
    shop = Shop()
    shop.sell(10_000)
    shop.register.refuses = {0x85: 0x6B}
    assert shop.close(cash=10_000).error
    assert shop.ask("cancel_receipt").error == 0

    assert shop.dropped == [shop.asked[0].receipt.uid]


def test_an_agent_that_says_nothing_costs_no_receipt():
    shop = Shop(silent=True)
    shop.sell(10_000)
    began_s = shop.now_s
    assert shop.close(cash=10_000).error == 0

    assert shop.now_s - began_s < FLOOR_S_MAX
    assert shop.stored().total == 10_000
    assert len(shop.documents) == 1


def test_a_receipt_we_did_not_see_whole_is_not_touched():
    """The agent was started in the middle of a receipt: the subtotal does not meet ours."""
    shop = Shop()
    first = Shop("off", twin=shop.twin)
    first.sell(10_000)
    shop.now_s = first.now_s + 5
    shop.ask("sale", quantity=1000, price=5_000, department=1, text="Чай", **NO_TAXES)
    assert shop.close(cash=15_000).error == 0

    assert shop.stored().total == 15_000


def _sell(shop, version):
    if version == 1:
        shop.sell(10_000)
    else:
        shop.ask("memory_status")
        shop.sell_v2(10_000)


def _close_as_a_till_does(shop, version):
    """Close; when that was not heard, ask how the register is, and close again if the receipt is still open."""
    for _ in range(5):
        answer = shop.close(cash=10_000) if version == 1 else shop.close_v2(payment1=10_000)
        if not isinstance(answer, Lost):
            return answer
        status = shop.ask("short_status")
        if not isinstance(status, Lost) and status.number("mode") & 0x0F != 8:
            return status
    raise AssertionError("the till gave up")


def _sizes(discount, version):
    shop = Shop(discount)
    _sell(shop, version)
    before = dict(shop.passed)
    _close_as_a_till_does(shop, version)
    return {wire: range(before[wire], shop.passed[wire]) for wire in before}


@pytest.mark.parametrize(("discount", "version"), [("cash_only", 1), ("cash_only", 2), ("off", 2)])
@pytest.mark.parametrize("wire", ["to_device", "from_device", "to_till", "from_till"])
def test_any_byte_of_the_close_may_be_lost(wire, discount, version):
    """One fiscal document, at most one discount, and what we make of it is what the register has."""
    places = _sizes(discount, version)[wire]
    assert places
    for place in places:
        shop = Shop(discount)
        _sell(shop, version)
        shop.lost = {wire: place}
        _close_as_a_till_does(shop, version)
        shop.ask("short_status")
        receipts = [one for one in shop.register.memory.documents.values() if one.kind == 3]

        assert len(receipts) == 1, place
        assert shop.paper.count("СКИДКА") <= 1, place
        assert receipts[0].total in {9_000, 10_000}, place
        known = [one.receipt for one in shop.documents if one.receipt is not None]
        assert [one.total.minor for one in known] == [receipts[0].total], place
        assert shop.guard.problem == "", place

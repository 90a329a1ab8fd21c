"""A register that takes no discount: its receipt is cancelled and sold anew, and never left by half."""

from __future__ import annotations

import itertools

import pytest

from drivers.ffd import tlv
from drivers.ffd.tlv import Tag
from drivers.guard import FLOOR_WITHHELD_S_MAX
from drivers.printers.shtrih.link import Lost
from drivers.printers.shtrih.resale import Resale
from tests.drivers.printers.shtrih import inside_shop
from tests.drivers.printers.shtrih.inside_shop import Shop

COMPUTE = 0xFF_FFFF_FFFF
CANCELLED = "ЧЕК АННУЛИРОВАН"


@pytest.fixture(autouse=True, params=[1, 2])
def protocol(request, monkeypatch):
    """Everything over both protocols."""
    monkeypatch.setattr(inside_shop, "PROTOCOL", request.param)
    return request.param


def make(discount="cash_only", **more):
    return Shop(discount, rude=["no_discount"], sell_anew=True, **more)


def item(shop, price, *, quantity=1_000_000, total=None, name="Хлеб", **more):
    values = {"type": 1, "tax_sum": COMPUTE, "tax": 1, "department": 1, "method": 4, "subject": 1} | more
    sum_ = price * quantity // 1_000_000 if total is None else total
    return shop.ask("item_v2", quantity=quantity, price=price, sum=sum_, name=name.encode("cp1251"), **values)


def sell(shop):
    """Two positions with a tag, a text and a tag of the document, as a till of today sells."""
    shop.ask("memory_status")
    shop.ask("open_receipt", type=0)
    item(shop, 4_550)
    shop.ask("item_tlv", tlv=b"\xad\x04\x02\x00pc")
    shop.ask("print_line", flags=2, text="За стойкой Анна")
    item(shop, 5_450, name="Сыр")
    shop.ask("document_tlv", tlv=b"\xf0\x03\x03\x00a@b")
    shop.ask("drawer", drawer=0)


def sums(stored):
    lines = [one for one in tlv.decode(stored.content) if one.tag == Tag.ITEM]
    return [
        tuple(int.from_bytes(part.value, "little") for part in line.inner if part.tag in (Tag.PRICE, Tag.SUM))
        for line in lines
    ]


def receipts(shop):
    return [one for one in shop.register.memory.documents.values() if one.kind == 3]


def test_the_receipt_is_sold_anew_at_lower_sums():
    shop = make()
    sell(shop)
    answer = shop.close_v2(payment1=20_000)
    (document,) = shop.documents

    assert (answer.error, answer.number("change")) == (0, 11_000)
    assert [one.total for one in receipts(shop)] == [9_000]
    assert sums(shop.stored()) == [(3_550, 3_550), (5_450, 5_450)]
    after = shop.paper.split(CANCELLED)[1]
    assert after.index("За стойкой Анна") < after.index("Сыр") < after.index("Скидка дана") < after.index("ИТОГ =90.00")
    assert b"a@b" in shop.stored().content
    assert document.receipt.total.amount == "90.00"
    assert [line.total.amount for line in document.receipt.lines] == ["35.50", "54.50"]
    assert document.receipt.uid.startswith("f-")
    assert document.quoted == shop.asked[0].receipt.uid
    assert (document.believed.total.amount, document.believed.off_minor) == ("100.00", 1_000)
    assert shop.guard.problem == ""


def test_the_till_goes_on_as_if_nothing_had_been():
    """Three receipts, one after the other; the till's numbers are its own."""
    shop = make()
    for count in (1, 2, 3):
        sell(shop)
        assert shop.close_v2(payment1=10_000).error == 0
        assert shop.ask("short_status").number("mode") & 0x0F == 2
        assert len(receipts(shop)) == count

    assert [one.total for one in receipts(shop)] == [9_000] * 3
    assert [one.receipt.total.minor for one in shop.documents] == [9_000] * 3
    assert shop.guard.problem == ""


def test_the_shop_did_not_allow_it():
    shop = Shop(rude=["no_discount"])
    sell(shop)
    assert shop.close_v2(payment1=10_000).error == 0

    assert shop.stored().total == 10_000
    assert CANCELLED not in shop.paper
    assert "Без скидки" in shop.paper
    assert "Скидка не дана: отказ кассы" in shop.paper
    assert shop.documents[0].believed is None


@pytest.mark.parametrize("rude", [(), ("no_discount",)])
def test_a_receipt_belongs_to_the_operator_who_opened_it(rude):
    """Requests of ours carry the password of the till's own."""
    shop = Shop(rude=rude, sell_anew=True)
    shop.password = 1
    sell(shop)
    assert shop.close_v2(payment1=10_000).error == 0

    assert shop.stored().total == 9_000


def test_where_nothing_was_promised_nothing_is_said():
    for shop, card in ((make(off=0), 0), (make(), 10_000)):
        sell(shop)
        assert shop.close_v2(payment1=10_000 - card, payment2=card).error == 0
        assert "Скидка не дана" not in shop.paper


@pytest.mark.parametrize("code", [0x01, 0x35, 0x36, 0x37, 0x40])
def test_every_word_for_no_discount_is_understood(code):
    shop = make()
    shop.register.refuses = dict.fromkeys((0x86, 0xFF4B), code)
    sell(shop)
    assert shop.close_v2(payment1=10_000).error == 0
    assert shop.stored().total == 9_000


def test_a_price_that_does_not_multiply_becomes_two_positions():
    """Three for 100.00 with 10.00 off: no price in kopecks times three is 90.01."""
    shop = make(off={1: 999})
    shop.ask("open_receipt", type=0)
    item(shop, 3_333, quantity=3_000_000, total=10_000)
    item(shop, 1_000, quantity=1_000_000)
    assert shop.close_v2(payment1=11_000).error == 0

    assert shop.stored().total == 10_001
    assert sum(total for _, total in sums(shop.stored())) == 10_001
    assert shop.documents[0].believed.off_minor == 999


def test_many_pieces_are_split_and_add_up():
    shop = make(off={1: 1})
    shop.ask("open_receipt", type=0)
    item(shop, 10, quantity=300_000_000)
    assert shop.close_v2(payment1=3_000).error == 0

    assert sums(shop.stored()) in ([(10, 2_999)], [(9, 9), (10, 2_990)])
    assert shop.stored().total == 2_999


def test_weighed_goods_with_a_tag_get_some_kopecks_less_off():
    """47.8 kg at 21.99: the nearest price above that makes a sum, and what was really taken off is what is told."""
    shop = make(off={1: 12})
    shop.ask("open_receipt", type=0)
    item(shop, 2_199, quantity=47_800_000, total=105_112)
    item(shop, 5_000)
    assert shop.close_v2(payment1=110_112).error == 0
    (document,) = shop.documents

    (price, total), _ = sums(shop.stored())
    assert abs(price * 478 // 10 - total) <= 1
    assert shop.stored().total == 110_112 - (document.believed.off_minor if document.believed else 0)


def test_the_older_words_are_sold_anew_too():
    shop = make()
    shop.sell(4_550, 5_450)
    answer = shop.close(cash=10_000)

    assert (answer.error, shop.stored().total) == (0, 9_000)
    assert "СКИДКА" not in shop.paper
    assert [line.total.amount for line in shop.documents[0].receipt.lines] == ["35.50", "54.50"]


def test_a_position_with_discounts_of_its_own():
    shop = make()
    shop.ask("open_receipt", type=0)
    shop.ask(
        "item_discounts", type=1, quantity=2_000, price=5_000, discount=500, surcharge=0, department=1, tax=0,
        barcode=0, text="Хлеб".encode("cp1251"),
    )  # fmt: skip
    assert shop.close_v2(payment1=9_500).error == 0
    assert shop.stored().total == 8_500


@pytest.mark.parametrize("policy", ["advise", "cash_only"])
def test_what_a_card_paid_is_not_sold_anew(policy):
    shop = make(policy)
    sell(shop)
    assert shop.close_v2(payment2=10_000).error == 0

    assert shop.stored().total == 10_000
    assert CANCELLED not in shop.paper


def test_always_lowers_the_card():
    shop = make("always")
    sell(shop)
    assert shop.close_v2(payment2=10_000).error == 0

    assert "ELECTRONIC =90.00" in shop.paper


@pytest.mark.parametrize(
    "odd",
    [
        lambda shop: shop.ask("bind_mark", size=1, code=b"x"),
        lambda shop: shop.ask("check_mark", status=1, mode=0, code_size=1, tlv_size=0, data=b"x"),
        lambda shop: item(shop, 1_000, method=1),
        lambda shop: shop.ask("cut", type=1),
    ],
)
def test_what_cannot_be_said_again_is_left_alone(odd):
    """Marked goods, an advance, what we do not know: nothing is cancelled, and the till has its receipt."""
    shop = make(off={1: 500, 3: 100})
    sell(shop)
    shop.register._do_bind_mark = lambda _: {"codes": b""}
    shop.register._do_check_mark = lambda _: {"local": 0, "reason": 0, "type": 0, "more": b""}
    assert not odd(shop).error
    total = shop.register.receipt.total
    assert shop.close_v2(payment1=total).error == 0

    assert CANCELLED not in shop.paper
    assert shop.stored().total == total


def test_a_receipt_that_cannot_be_cancelled_is_closed_as_the_till_has_it():
    shop = make()
    sell(shop)
    shop.register.refuses[0x88] = 0x4F
    assert shop.close_v2(payment1=10_000).error == 0

    assert [one.total for one in receipts(shop)] == [10_000]
    assert "Без скидки" in shop.paper
    assert shop.documents[0].believed is None


class Fails:
    """The register fails with `error` from its n-th sale on, counted from now, `times` times."""

    def __init__(self, shop, error, *, at=1, times=1, name="item_v2"):
        self.real = getattr(shop.register, f"_do_{name}")
        self.error, self.at, self.left, self.count = error, at, times, 0
        setattr(shop.register, f"_do_{name}", self)

    def __call__(self, values):
        self.count += 1
        if self.count >= self.at and self.left:
            self.left -= 1
            return self.error
        return self.real(values)


@pytest.mark.parametrize("at", [1, 2])
def test_a_lower_sum_that_is_refused_brings_the_tills_own_receipt_back(at):
    shop = make()
    sell(shop)
    Fails(shop, 0x33, at=at)
    assert shop.close_v2(payment1=10_000).error == 0

    assert [one.total for one in receipts(shop)] == [10_000]
    assert sums(shop.stored()) == [(4_550, 4_550), (5_450, 5_450)]
    assert shop.documents[0].believed is None
    assert shop.documents[0].receipt.total.amount == "100.00"
    assert "Без скидки" in shop.paper.split(CANCELLED)[-1]


def test_a_receipt_that_cannot_be_sold_at_all_is_cancelled_and_the_till_hears_why():
    shop = make()
    sell(shop)
    Fails(shop, 0x33, at=2, times=2)
    answer = shop.close_v2(payment1=10_000)

    assert answer.error == 0x33
    assert shop.register.receipt is None
    assert receipts(shop) == []
    assert shop.dropped == [shop.asked[0].receipt.uid]
    assert shop.guard.problem == ""


def gone(shop):
    """A till whose receipt was cancelled and could not be sold again."""
    sell(shop)
    Fails(shop, 0x33, at=2, times=2)
    assert shop.close_v2(payment1=10_000).error == 0x33


def test_what_is_sold_after_that_opens_no_receipt_that_lacks_the_rest():
    shop = make()
    gone(shop)

    assert item(shop, 5_000).error == 0x55
    assert shop.register.receipt is None
    assert shop.close_v2(payment1=15_000).error == 0x55
    assert receipts(shop) == []


def test_the_till_cancels_and_sells_again():
    shop = make()
    gone(shop)
    assert shop.ask("cancel_receipt").error == 0
    sell(shop)
    assert shop.close_v2(payment1=10_000).error == 0

    assert [one.total for one in receipts(shop)] == [9_000]


def test_the_till_begins_a_new_receipt_at_once():
    shop = make()
    gone(shop)
    sell(shop)
    assert shop.close_v2(payment1=10_000).error == 0

    assert [one.total for one in receipts(shop)] == [9_000]


def test_paper_that_ends_in_the_middle():
    """The register cancels nothing without paper: it may not be closed until it was cancelled."""
    shop = make()
    sell(shop)
    real = shop.register._do_item_v2

    def out_of_paper(values):
        shop.twin.be_rude("paper_out")
        shop.register._do_item_v2 = real
        return 0x6B

    shop.register._do_item_v2 = out_of_paper
    assert shop.close_v2(payment1=10_000).error == 0x6B
    assert shop.close_v2(payment1=10_000).error == 0x6B
    shop.twin.be_rude("paper_out", on=False)
    assert shop.ask("continue_print").error == 0
    assert shop.close_v2(payment1=10_000).error == 0x55
    assert shop.register.receipt is None
    assert receipts(shop) == []
    assert shop.ask("cancel_receipt").error == 0
    sell(shop)
    assert shop.close_v2(payment1=10_000).error == 0

    assert [one.total for one in receipts(shop)] == [9_000]


def test_a_register_that_falls_silent_in_the_middle_is_cleared_before_the_next_close():
    """Nobody answers the till; when the register is back, half a receipt is not closed with all of the money."""
    shop = make()
    sell(shop)
    real = shop.register._do_item_v2

    def silent(values):
        shop.register._do_item_v2 = real
        shop.twin.be_rude("silence")
        return real(values)

    shop.register._do_item_v2 = silent
    assert isinstance(shop.close_v2(payment1=10_000), Lost)
    shop.twin.be_rude("silence", on=False)
    shop.now_s += 60
    shop.connect()  # the till comes back on a new line
    assert shop.register.receipt is not None
    shop.ask("short_status")
    assert shop.close_v2(payment1=10_000).error == 0x55
    assert receipts(shop) == []
    sell(shop)
    assert shop.close_v2(payment1=10_000).error == 0

    assert [one.total for one in receipts(shop)] == [9_000]


def test_a_close_that_is_refused_and_comes_again_is_not_sold_a_third_time():
    shop = make()
    sell(shop)
    shop.register.refuses[0xFF45] = 0x6B
    assert shop.close_v2(payment1=10_000).error == 0x6B
    del shop.register.refuses[0xFF45]
    assert shop.close_v2(payment1=10_000).error == 0
    first, second = shop.asked

    assert shop.paper.count(CANCELLED) == 1
    assert [one.total for one in receipts(shop)] == [9_000]
    assert first.receipt.total == second.receipt.total
    assert [line.total for line in first.receipt.lines] == [line.total for line in second.receipt.lines]
    assert first.receipt.uid == second.receipt.uid


def test_a_card_after_that_gets_the_tills_own_receipt():
    shop = make()
    sell(shop)
    shop.register.refuses[0xFF45] = 0x6B
    assert shop.close_v2(payment1=10_000).error == 0x6B
    del shop.register.refuses[0xFF45]
    assert shop.close_v2(payment2=10_000).error == 0

    assert [one.total for one in receipts(shop)] == [10_000]
    assert shop.documents[0].believed is None


def test_a_basket_that_goes_on_after_that_is_sold_anew_as_a_whole():
    shop = make()
    sell(shop)
    shop.register.refuses[0xFF45] = 0x6B
    assert shop.close_v2(payment1=10_000).error == 0x6B
    del shop.register.refuses[0xFF45]
    item(shop, 2_000, name="Чай")
    shop.off = {1: 1_000, 3: 500}
    assert shop.close_v2(payment1=12_000).error == 0
    document = shop.documents[-1]

    assert [one.total for one in receipts(shop)] == [10_500]
    assert [line.total.minor for line in document.receipt.lines] == [3_550, 5_450, 1_500]
    assert (document.believed.total.minor, document.believed.off_minor) == (12_000, 1_500)


def _settle(shop):
    """What a till does: close; not heard, it asks how the register is, and closes again what is open."""
    for _ in range(6):
        answer = shop.close_v2(payment1=10_000)
        if not isinstance(answer, Lost):
            return answer
        status = shop.ask("short_status")
        if not isinstance(status, Lost) and status.number("mode") & 0x0F != 8:
            return status
    raise AssertionError("the till gave up")


def _sizes():
    shop = make()
    sell(shop)
    before = dict(shop.passed)
    assert shop.close_v2(payment1=10_000).error == 0
    return {wire: range(before[wire], shop.passed[wire]) for wire in before}


@pytest.mark.parametrize("part", range(4))
@pytest.mark.parametrize("wire", ["to_device", "from_device", "to_till", "from_till"])
def test_any_byte_may_be_lost(wire, part):
    """At the end one fiscal document whose sum is the receipt we know; or none, and the till was told."""
    places = _sizes()[wire]
    assert places
    for place in places[part::4]:
        shop = make()
        sell(shop)
        shop.lost = {wire: place}
        _settle(shop)
        shop.ask("short_status")
        found = receipts(shop)
        known = [one.receipt for one in shop.documents if one.receipt is not None]

        assert len(found) <= 1, place
        assert [one.total for one in found] in ([9_000], [10_000], []), place
        assert [one.total.minor for one in known] == [one.total for one in found], place
        assert shop.guard.problem == "", place
        if not found:  # the till sells it again
            assert shop.register.receipt is None, place
            shop.lost = {}
            shop.ask("cancel_receipt")
            sell(shop)
            assert shop.close_v2(payment1=10_000).error == 0, place
            assert [one.total for one in receipts(shop)] == [9_000], place


def test_a_mistake_of_ours_in_the_middle_leaves_no_half_receipt(monkeypatch):
    """The guard takes over: what is there is cancelled, and the till hears that no receipt is open."""
    shop = make()
    sell(shop)
    hear, count = Resale.hear, itertools.count()

    def broken(self, command, outcome):
        if next(count) == 3:
            raise RuntimeError("a mistake")
        hear(self, command, outcome)

    monkeypatch.setattr(Resale, "hear", broken)
    answer = shop.close_v2(payment1=10_000)

    assert answer.error == 0x55
    assert shop.register.receipt is None
    assert receipts(shop) == []
    assert "RuntimeError" in shop.guard.problem
    assert shop.close_v2(payment1=10_000).error == 0x55  # raw now, and the register says so itself


def test_a_resale_that_takes_too_long_is_cancelled():
    """Each request is answered after 1.5 s: there is no time for two dozen, and half a receipt is none."""
    shop = make()
    sell(shop)
    for _ in range(24):
        item(shop, 1_000)
    feed, began_s = shop.twin.feed, shop.now_s

    def slow(data, now_s):
        back = feed(data, now_s)
        if len(back) > 1 and shop.register.paper[-1] != "ЧЕК АННУЛИРОВАН" and CANCELLED in shop.paper:
            shop.now_s += 1.5
        return back

    shop.twin.feed = slow
    answer = shop.close_v2(payment1=34_000)
    shop.twin.feed = feed

    assert answer.error == 0x55
    assert shop.now_s - began_s < FLOOR_WITHHELD_S_MAX
    assert receipts(shop) == []
    assert shop.register.receipt is None
    assert shop.guard.problem == ""

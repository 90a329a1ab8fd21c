"""The till's close in our hands: the discount and the lines are in the receipt, and nothing is lost whatever happens."""

from __future__ import annotations

import pytest

from drivers.contract import AskOffer, DocumentEnds, ReceiptDropped, ToDevice, ToHost
from drivers.guard import FLOOR_S_MAX, GuardedConversation
from drivers.printers.shtrih import ShtrihSettings
from drivers.printers.shtrih.commands import decode_answer, named
from drivers.printers.shtrih.driver import conversation
from drivers.printers.shtrih.link import Answered, Link1, Lost
from drivers.printers.shtrih.simulator import VirtualRegister
from drivers.vocabulary.inside import InsideOffer

NO_TAXES = {"tax1": 0, "tax2": 0, "tax3": 0, "tax4": 0}
LINES = ("Начислено 10", "Код 7K4M22", "№ € " + "длинная строка " * 5)


class Shop:
    """A till with its own link, the guarded conversation, and the register; time goes on by itself."""

    def __init__(self, discount="cash_only", *, off=1_000, rude=(), twin=None, silent=False):
        settings = ShtrihSettings(discount=discount)
        names = iter([f"s-{n}" for n in range(99)]).__next__
        self.guard = GuardedConversation(lambda: conversation(settings, device="till", new_uid=names))
        self.twin = twin or VirtualRegister(rude=rude, byte_timeout_s=0.05)
        self.till = Link1()
        self.now_s = 100.0
        self.off, self.silent = off, silent
        self.asked, self.documents, self.dropped = [], [], []
        self.to_device = bytearray()
        self.passed = dict.fromkeys(("to_device", "from_device", "to_till", "from_till"), 0)
        self.lost = {}

    @property
    def register(self):
        return self.twin.register

    @property
    def paper(self):
        return "\n".join(self.twin.paper)

    def ask(self, name, /, **values):
        command = named(name)
        self.till.ask(command, command.encode(password=30, **values), self.now_s)
        for _ in range(12_000):
            if self.till.outcome is not None:
                break
            self.now_s += 0.01
            self._carry(self.guard.tick(self.now_s))
            self.till.tick(self.now_s)
            if data := self.till.outgoing():
                self._carry(self.guard.from_host(self._through("from_till", data), self.now_s))
        if isinstance(self.till.outcome, Lost):
            return self.till.outcome
        if data := self.till.outgoing():  # its ACK
            self._carry(self.guard.from_host(self._through("from_till", data), self.now_s))
        assert isinstance(self.till.outcome, Answered)
        return decode_answer(command, self.till.outcome.body)

    def _through(self, wire, data):
        """The bytes that get through: the one that is to be lost on this wire is not among them."""
        at, self.passed[wire] = self.passed[wire], self.passed[wire] + len(data)
        lost = self.lost.get(wire, -1) - at
        return data[:lost] + data[lost + 1 :] if 0 <= lost < len(data) else data

    def _carry(self, steps):
        for step in steps:
            if isinstance(step, ToDevice):
                self.to_device += step.data
                back = self.twin.feed(self._through("to_device", step.data), self.now_s)
                back = self._through("from_device", back)
                if back:
                    self._carry(self.guard.from_device(back, self.now_s))
            elif isinstance(step, ToHost):
                self.till.feed(self._through("to_till", step.data), self.now_s)
            elif isinstance(step, AskOffer):
                self.asked.append(step.document)
                if not self.silent:
                    self._carry(self.guard.offered(self.offer(step.document), self.now_s))
            elif isinstance(step, ReceiptDropped):
                self.dropped.append(step.quoted)
            elif isinstance(step, DocumentEnds):
                self.documents.append(step.document)

    def offer(self, document):
        off = {1: self.off} if self.off else {}
        return InsideOffer(
            quoted=document.receipt.uid, off=off, lines=("Скидка дана", *LINES), lines_untouched=("Без скидки", *LINES)
        )

    def sell(self, *prices):
        self.ask("open_receipt", type=0)
        for price in prices:
            self.ask("sale", quantity=1000, price=price, department=1, text="Хлеб", **NO_TAXES)

    def sell_v2(self, *prices):
        for price in prices:
            answer = self.ask(
                "item_v2",
                type=1,
                quantity=1_000_000,
                price=price,
                sum=price,
                tax_sum=0xFF_FFFF_FFFF,
                tax=1,
                department=1,
                method=4,
                subject=1,
                name="Хлеб".encode("cp1251"),
            )
            assert not answer.error

    def close(self, cash=0, card=0, percent=0):
        return self.ask(
            "close_receipt",
            payment1=cash,
            payment2=card,
            payment3=0,
            payment4=0,
            percent=percent,
            text="",
            **NO_TAXES,
        )

    def close_v2(self, taxes=bytes(30), **paid):
        payments = {f"payment{number}": 0 for number in range(1, 17)} | paid
        return self.ask("close_receipt_v2", **payments, rounding=0, taxes=taxes, tax_system=1, text=b"")

    def stored(self):
        return self.register.memory.documents[self.register.memory.last]


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


def _close_as_a_till_does(shop):
    """Close; when that was not heard, ask how the register is, and close again if the receipt is still open."""
    for _ in range(5):
        answer = shop.close(cash=10_000)
        if not isinstance(answer, Lost):
            return answer
        status = shop.ask("short_status")
        if not isinstance(status, Lost) and status.number("mode") & 0x0F != 8:
            return status
    raise AssertionError("the till gave up")


def _sizes():
    shop = Shop()
    shop.sell(10_000)
    before = dict(shop.passed)
    shop.close(cash=10_000)
    return {wire: range(before[wire], shop.passed[wire]) for wire in before}


@pytest.mark.parametrize("wire", ["to_device", "from_device", "to_till", "from_till"])
def test_any_byte_of_the_close_may_be_lost(wire):
    """One fiscal document, at most one discount, and what we make of it is what the register has."""
    places = _sizes()[wire]
    assert places
    for place in places:
        shop = Shop()
        shop.sell(10_000)
        shop.lost = {wire: place}
        _close_as_a_till_does(shop)
        shop.ask("short_status")
        receipts = [one for one in shop.register.memory.documents.values() if one.kind == 3]

        assert len(receipts) == 1, place
        assert shop.paper.count("СКИДКА") <= 1, place
        assert receipts[0].total in {9_000, 10_000}, place
        known = [one.receipt for one in shop.documents if one.receipt is not None]
        assert [one.total.minor for one in known] == [receipts[0].total], place
        assert shop.guard.problem == "", place

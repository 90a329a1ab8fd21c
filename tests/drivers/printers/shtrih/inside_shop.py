"""A till with its own link, the guarded conversation and the twin, time as data; the wires can lose a byte."""

import itertools

from drivers.contract import AskOffer, DocumentEnds, ReceiptDropped, ToDevice, ToHost
from drivers.guard import GuardedConversation
from drivers.printers.shtrih import ShtrihSettings
from drivers.printers.shtrih.commands import decode_answer, named
from drivers.printers.shtrih.driver import conversation
from drivers.printers.shtrih.link import Answered, Lost, make_link
from drivers.printers.shtrih.simulator import VirtualRegister
from drivers.vocabulary.inside import InsideOffer

_SHOPS = itertools.count()
PROTOCOL = 1  # of a shop that names none
NO_TAXES = {"tax1": 0, "tax2": 0, "tax3": 0, "tax4": 0}
LINES = ("Начислено 10", "Код 7K4M22", "№ € " + "длинная строка " * 5)


class Shop:
    """A till with its own link, the guarded conversation, and the register; time goes on by itself."""

    def __init__(
        self, discount="cash_only", *, off=1_000, rude=(), twin=None, silent=False, protocol=None, sell_anew=False
    ):
        self.settings = ShtrihSettings(discount=discount, sell_anew=sell_anew)
        self.device = f"till-{next(_SHOPS)}"  # what is known of a register is kept by its name
        self.twin = twin or VirtualRegister(rude=rude, byte_timeout_s=0.05)
        self.protocol = protocol or PROTOCOL
        self.till = make_link(self.protocol)
        self.now_s = 100.0
        self.password = 30
        self.connect()
        self.off, self.silent = off, silent
        self.asked, self.documents, self.dropped = [], [], []
        self.to_device = bytearray()
        self.passed = dict.fromkeys(("to_device", "from_device", "to_till", "from_till"), 0)
        self.lost = {}

    def connect(self):
        """A visit of the till begins."""
        names = iter([f"s-{n}" for n in range(99)]).__next__
        self.guard = GuardedConversation(lambda: conversation(self.settings, device=self.device, new_uid=names))

    @property
    def register(self):
        return self.twin.register

    @property
    def paper(self):
        return "\n".join(self.twin.paper)

    def ask(self, name, /, **values):
        command = named(name)
        self.till.ask(command, command.encode(password=self.password, **values), self.now_s)
        for _ in range(12_000):
            if self.till.outcome is not None:
                break
            self.now_s += 0.01
            self._carry(self.guard.tick(self.now_s))
            self.till.tick(self.now_s)
            if data := self.till.outgoing():
                self._carry(self.guard.from_host(self._through("from_till", data), self.now_s))
        else:
            raise AssertionError(f"{name}: the till waits for ever")
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
                    self._carry(self.guard.offered(step.document, self.offer(step.document), self.now_s))
            elif isinstance(step, ReceiptDropped):
                self.dropped.append(step.quoted)
            elif isinstance(step, DocumentEnds):
                self.documents.append(step.document)

    def offer(self, document):
        off = self.off if isinstance(self.off, dict) else {1: self.off} if self.off else {}
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

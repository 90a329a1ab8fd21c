"""A till, the guarded conversation and the twin, time as data; the wires can lose a byte."""

from decimal import Decimal

from drivers.contract import AskOffer, DocumentEnds, ReceiptDropped, ToDevice, ToHost
from drivers.guard import GuardedConversation
from drivers.printers.isl.fields import Opening, Payment, Sale, write_opening, write_payment, write_sale
from drivers.printers.isl.inside import InsideReceipt
from drivers.printers.isl.link import Answered, HostLink
from drivers.printers.isl.models import model_named
from drivers.printers.isl.proxy import IslConversation
from drivers.printers.isl.receipts import Desk
from drivers.printers.isl.settings import IslSettings
from drivers.printers.isl.simulator import IslTwin
from drivers.vocabulary.inside import InsideOffer, InsidePolicy
from drivers.vocabulary.receipt import TenderKind

LINES = ("Натрупани 10", "Код 7K4M22")
STEP_S = 0.02
OPEN, SALE, SUBTOTAL, PAY, TEXT, CLOSE, CANCEL, STATUS = 0x30, 0x31, 0x33, 0x35, 0x36, 0x38, 0x3C, 0x4A


class Shop:
    """A till with its own link, the guarded conversation, and the device; time goes on by itself."""

    def __init__(self, discount="cash_only", model="datecs-p", *, off=1_000, lines=LINES, thinks_s=0.0, unp="", **twin):
        self.model = model_named(model)
        self.twin = IslTwin(IslSettings(model=model), **twin)
        names = iter(f"i-{n}" for n in range(999)).__next__
        self.desk = Desk(model=self.model, device="printer", currency="EUR", new_uid=names)
        self.policy = InsidePolicy(discount)
        self.till = HostLink(self.model)
        self.now_s = 100.0
        self.off, self.lines, self.thinks_s, self.unp = off, lines, thinks_s, unp
        self.asked, self.documents, self.dropped, self.waiting = [], [], [], []
        self.to_device, self.to_till, self.silences = bytearray(), bytearray(), []
        self.passed = dict.fromkeys(("to_device", "from_device", "to_till", "from_till"), 0)
        self.lost = {}
        self.outcome = None
        self.connect()

    def connect(self):
        """The till's line is new; what is under way on either side is forgotten."""
        inside = None
        if self.policy is not InsidePolicy.OFF:
            inside = InsideReceipt(self.desk, model=self.model, policy=self.policy, currency="EUR")
        self.guard = GuardedConversation(lambda: IslConversation(model=self.model, desk=self.desk, inside=inside))

    @property
    def fiscal(self):
        return self.twin.till

    @property
    def paper(self):
        return "\n".join(line for piece in self.fiscal.paper for line in piece)

    @property
    def closed(self):
        return self.fiscal.journal[-1]

    def ask(self, code, data=b""):
        """One command of the till, as `HostLink` asks it; its outcome."""
        self.till.ask(code, data, self.now_s)
        self.outcome = None
        heard_s = self.now_s
        while self.outcome is None:
            if sent := self.till.outgoing():
                self.carry(self.guard.from_host(self.through("from_till", sent), self.now_s))
            if self.outcome is not None:
                break
            before = len(self.to_till)
            self.pass_time(STEP_S)
            self.outcome = self.outcome or self.till.tick(self.now_s)
            if len(self.to_till) > before:
                self.silences.append(self.now_s - heard_s)
                heard_s = self.now_s
            assert self.now_s < 10_000, "the till waits for ever"
        return self.outcome

    def pass_time(self, seconds):
        self.now_s += seconds
        self.carry(self.guard.tick(self.now_s))
        if said := self.twin.tick(self.now_s):
            self.carry(self.guard.from_device(self.through("from_device", said), self.now_s))
        for document, due_s in self.waiting[:1]:
            if self.now_s >= due_s:
                self.waiting.pop(0)
                self.carry(self.guard.offered(document, self.offer(document), self.now_s))

    def answer(self, code, data=b""):
        """One command of the till that is answered."""
        outcome = self.ask(code, data)
        assert isinstance(outcome, Answered), outcome
        return outcome.frame

    def through(self, wire, data):
        """The bytes that get through: the one that is to be lost on this wire is not among them."""
        at, self.passed[wire] = self.passed[wire], self.passed[wire] + len(data)
        lost = self.lost.get(wire, -1) - at
        return data[:lost] + data[lost + 1 :] if 0 <= lost < len(data) else data

    def carry(self, steps):
        for step in steps:
            if isinstance(step, ToDevice):
                self.to_device += step.data
                back = self.twin.feed(self.through("to_device", step.data), self.now_s)
                if back := self.through("from_device", back):
                    self.carry(self.guard.from_device(back, self.now_s))
            elif isinstance(step, ToHost):
                self.to_till += step.data
                self.outcome = self.till.feed(self.through("to_till", step.data), self.now_s) or self.outcome
            elif isinstance(step, AskOffer):
                self.asked.append(step.document)
                self.waiting.append((step.document, self.now_s + self.thinks_s))
            elif isinstance(step, ReceiptDropped):
                self.dropped.append(step.quoted)
            elif isinstance(step, DocumentEnds):
                self.documents.append(step.document)

    def offer(self, document):
        if self.off is None:
            return None
        off = {1: self.off} if self.off else {}
        return InsideOffer(
            quoted=document.receipt.uid,
            off=off,
            lines=("Взета", *self.lines),
            lines_untouched=("Без промяна", *self.lines),
        )

    # ── what a till does ────────────────────────────────────────────────────────────────────────

    def sell(self, *prices):
        self.answer(*write_opening(self.model, Opening(unp=self.unp)))
        for price in prices:
            self.item(price)

    def item(self, price):
        self.answer(SALE, write_sale(self.model, Sale(name="Хляб", price=Decimal(price))))

    def letter(self, kind):
        return next(letter for letter, one in self.model.tenders.items() if one is kind)

    def payment(self, amount=None, kind=TenderKind.CASH):
        amount = None if amount is None else Decimal(amount)
        return write_payment(self.model, Payment(letter=self.letter(kind) if amount else "", amount=amount))

    def pay(self, amount=None, kind=TenderKind.CASH):
        return self.answer(PAY, self.payment(amount, kind))

    def close(self):
        return self.answer(CLOSE)

    def sold(self, *prices, amount=None, kind=TenderKind.CASH):
        """A whole receipt; the device's answer to its payment, as text."""
        self.sell(*prices)
        paid = self.pay(amount, kind)
        self.close()
        return paid.data.decode("cp1251")


def instead(shop, code, carried, *, times=99):
    """The device answers otherwise to a command, so many times."""
    carry_out, left = shop.fiscal.carry_out, [times]

    def other(asked, data):
        if asked == code and left[0]:
            left[0] -= 1
            return carried(data) if callable(carried) else carried
        return carry_out(asked, data)

    shop.fiscal.carry_out = other

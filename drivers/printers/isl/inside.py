"""The till's first payment of an open sale, kept back while the discount is taken off and our lines are printed.

One command of the till (35h) waits in our hands. The till hears SYN meanwhile, as it does from a device that prints;
the device is asked for the subtotal, given the discount with a subtotal (33h), asked again, given the lines (36h), and
then the till's payment, its sum rewritten. Pure: bytes and times in, orders out.

Numbers. A device compares a number with the last one only. Ours begin 16 after the till's and stay below 80, so that
none of them is the number of the till's command before, of the one that waits, or of the one that follows.

What can go wrong goes wrong towards the till: a discount that is refused, or whose sums do not meet, is left out, and
the payment goes on as the till sent it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from drivers.contract import AskOffer, Deliver, FloorStep, GiveFloor, Say, Step, TakeFloor, Tell
from drivers.vocabulary.events import Document
from drivers.vocabulary.inside import InsideOffer, InsidePolicy
from drivers.vocabulary.money import Money

from .ending import endings
from .fields import read_payment
from .frames import SOH, SYN, Frame, FrameReader, encode
from .link import HostLink, Outcome, Unanswered
from .models import Model
from .offered import FirstPayment
from .receipts import Desk
from .rewriting import is_refusal, read_subtotal_answer, with_amount, write_line, write_off, write_question
from .turn import Ask, Turn

LINES_MAX: Final = 40  # inside a receipt; a till waits while they are printed
SYN_EVERY_S: Final = 0.03  # a device says it every 60 ms, a till waits for 500
OURS_S_MAX: Final = 4.0  # from the till's payment to its delivery, whatever our own commands come to
OUR_NUMBERS_AFTER: Final = 16

Order = Step | FloorStep


class InsideReceipt:
    """Carries a decision into the receipt that is open.

    Args:
        desk: the receipt as it is sold.
        model: the row.
        policy: what may be done.
        currency: of every amount.
    """

    def __init__(self, desk: Desk, *, model: Model, policy: InsidePolicy, currency: str) -> None:
        self._desk = desk
        self._model = model
        self._policy = policy
        self._currency = currency
        self._turn: Turn | None = None

    @property
    def has_floor(self) -> bool:
        """Whether a payment of the till is in our hands."""
        return self._turn is not None

    # ── The till pays ───────────────────────────────────────────────────────────────────────────

    def begin(self, request: Frame, raw: bytes, rest: bytes, now_s: float) -> Sequence[Order]:
        """A payment has come whole, as `raw`, and `rest` behind it; () when it is none of ours and passes as it is."""
        offered = self._desk.offered
        if offered is None:
            return ()
        if offered.last == request:  # said again: the device must not see the sum of the till under this number
            return (TakeFloor(), Deliver(offered.delivered), GiveFloor(rest))
        payment = read_payment(self._model, request.data)
        document = self._desk.preview(payment) if payment is not None else None
        if payment is None or document is None or document.receipt is None:
            return ()
        shape = self._model.frame
        self._turn = Turn(
            request=request,
            raw=raw,
            payment=payment,
            link=HostLink(self._model, sequence=shape.later_sequence(request.sequence, OUR_NUMBERS_AFTER)),
            offered=offered,
            until_s=now_s + OURS_S_MAX,
            syn_at_s=now_s + SYN_EVERY_S,
            reader=FrameReader(shape, is_host=True),
            about=document,
            total_minor=document.receipt.total.minor,
        )
        return (TakeFloor(), Tell(bytes((SYN,))), AskOffer(document), *self.from_host(rest))

    def offered(self, asked: Document, offer: InsideOffer | None, now_s: float) -> Sequence[Order]:
        """The agent's word on it; one on what was asked before came too late for that one."""
        turn = self._turn
        if turn is None or turn.is_offered or asked is not turn.about:
            return ()
        turn.offer, turn.is_offered = offer, True
        if offer is None:
            if not self._may_lower(turn) and not self._desk.has_misread:
                turn.wanted = -turn.offered.off_minor  # it was for cash that the device refused, and a card pays now
                turn.todo.append((Ask.SUBTOTAL, write_question(self._model)))
        else:
            turn.offered.quoted = offer.quoted
            turn.offered.total_minor, turn.offered.promised_minor = turn.total_minor, offer.off_total
            allowed = self._payment(turn).why_untouched(self._policy, offer.off_total) is None
            turn.wanted = (offer.off_total if allowed else 0) - turn.offered.off_minor
            if self._desk.has_misread:  # neither off nor back on: it would be another sum again
                turn.wanted = 0
            if turn.base is not None:
                self._plan(turn)
            elif turn.wanted or self._lines(turn):
                # It tells whether we have seen every item, and that nothing was paid yet.
                turn.todo.append((Ask.SUBTOTAL, write_question(self._model)))
        return self._next(turn, now_s)

    def _may_lower(self, turn: Turn) -> bool:
        """Whether what the device has taken off may be off this payment."""
        off = turn.offered.off_minor
        return not off or self._payment(turn).why_untouched(self._policy, off) is None

    def _payment(self, turn: Turn) -> FirstPayment:
        total_minor = self._desk.total_minor + turn.offered.off_minor
        return FirstPayment(payment=turn.payment, tenders=self._model.tenders, total=Money(total_minor, self._currency))

    def _lines(self, turn: Turn) -> tuple[str, ...]:
        if turn.offer is None or turn.offered.is_printed:
            return ()
        lines = turn.offer.lines if turn.offered.off_minor + turn.wanted else turn.offer.lines_untouched
        return lines[:LINES_MAX]

    # ── Our own commands ────────────────────────────────────────────────────────────────────────

    def from_device(self, data: bytes, now_s: float) -> Sequence[Order]:
        """What the device says while we have the floor."""
        turn = self._turn
        return () if turn is None else self._go_on(turn, turn.link.feed(data, now_s), now_s)

    def tick(self, now_s: float) -> Sequence[Order]:
        """Time passed."""
        turn = self._turn
        if turn is None:
            return ()
        if now_s >= turn.until_s:
            return self._deliver(turn)
        orders: list[Order] = []
        if now_s >= turn.syn_at_s:
            turn.syn_at_s = now_s + SYN_EVERY_S
            orders.append(Tell(bytes((SYN,))))
        return [*orders, *self._go_on(turn, turn.link.tick(now_s), now_s)]

    def _go_on(self, turn: Turn, outcome: Outcome | None, now_s: float) -> Sequence[Order]:
        if outcome is None or turn.asked is None:
            return self._spoken(turn)
        asked, turn.asked = turn.asked, None
        if isinstance(outcome, Unanswered):
            self._unheard(turn, asked)
            return self._next(turn, now_s)
        # Only what the link took for an answer counts: the desk must not know of a discount that we do not know of.
        ended = endings(self._desk.answered(outcome.request, outcome.frame))
        self._hear(turn, asked, outcome.frame)
        if self._desk.offered is not turn.offered:
            turn.todo.clear()  # somebody ended the receipt at the device
        elif not turn.is_offered:
            return [*ended, *self._ask_again(turn)]
        return [*ended, *self._next(turn, now_s)]

    def _ask_again(self, turn: Turn) -> Sequence[Order]:
        """The device's total is another one than the agent was asked about."""
        document = self._desk.preview(turn.payment)
        if document is None or document.receipt is None:
            return self._deliver(turn)
        turn.about, turn.total_minor = document, document.receipt.total.minor
        return (AskOffer(document),)

    def _hear(self, turn: Turn, asked: Ask, answer: Frame) -> None:
        is_refused = is_refusal(self._model, answer)
        if asked is Ask.SUBTOTAL:
            subtotal = None if is_refused else read_subtotal_answer(self._model, answer.data, self._currency)
            if turn.base is None:
                self._begin_with(turn, subtotal)
            else:
                self._check(turn, turn.base, subtotal)
        elif asked is Ask.DISCOUNT:
            # Makers differ in what they understand and say nothing of it: the subtotal tells what was taken.
            turn.todo.append((Ask.SUBTOTAL, write_question(self._model)))
            turn.offered.unsure_minor = 0
            self._took(turn, 0 if is_refused else turn.wanted)
        elif asked is Ask.LINE and is_refused:
            turn.todo.clear()  # no paper, or not inside a receipt on this device: the payment says so to the till

    def _unheard(self, turn: Turn, asked: Ask) -> None:
        """Nothing was heard of a command of ours: the payment goes at once, unless money hangs on it."""
        turn.todo.clear()
        if asked is Ask.DISCOUNT:
            turn.todo += ((Ask.STATUS, b""), (Ask.SUBTOTAL, write_question(self._model)))

    def _begin_with(self, turn: Turn, subtotal: int | None) -> None:
        if subtotal is None:  # it does not say, or was paid already
            turn.wanted = 0
            self._print(turn)
            return
        unsure, turn.offered.unsure_minor = turn.offered.unsure_minor, 0
        if unsure and subtotal == self._desk.total_minor - unsure:  # taken before a line broke
            self._desk.believe(subtotal, at_most=abs(unsure))
            turn.offered.off_minor += unsure
            turn.wanted -= unsure
        if not self._desk.believe(subtotal):  # an item passed before anybody listened: nothing of ours is right
            turn.wanted = 0
            return
        turn.base = subtotal
        if self._desk.total_minor + turn.offered.off_minor == turn.total_minor:
            self._plan(turn)
        else:
            turn.is_offered = False  # it rounds a percent otherwise, or an item was answered meanwhile

    def _plan(self, turn: Turn) -> None:
        if turn.wanted:
            turn.todo.append((Ask.DISCOUNT, write_off(self._model, Money(turn.wanted, self._currency))))
        else:
            self._print(turn)

    def _check(self, turn: Turn, base: int, subtotal: int | None) -> None:
        """The subtotal after the discount."""
        if subtotal is not None:
            self._took(turn, base - subtotal - turn.taken)
            self._desk.has_misread |= turn.taken not in (0, turn.wanted)
            self._desk.believe(subtotal, at_most=base)
            turn.offered.unsure_minor = 0
        if not turn.offered.unsure_minor:
            turn.wanted = 0
            self._print(turn)

    def _took(self, turn: Turn, minor: int) -> None:
        turn.taken += minor
        turn.offered.off_minor += minor

    def _print(self, turn: Turn) -> None:
        lines = self._lines(turn)
        turn.todo += ((Ask.LINE, write_line(self._model, line)) for line in lines)
        turn.offered.is_printed |= bool(lines)

    def _next(self, turn: Turn, now_s: float) -> Sequence[Order]:
        """The next command of ours, or at last the till's."""
        if not turn.todo:
            return self._deliver(turn)
        turn.asked, data = turn.todo.popleft()
        if turn.asked is Ask.DISCOUNT:
            turn.offered.unsure_minor = turn.wanted
        turn.link.ask(abs(turn.asked.value), data, now_s)
        return self._spoken(turn)

    def _spoken(self, turn: Turn) -> Sequence[Order]:
        data = turn.link.outgoing()
        return (Say(data),) if data else ()

    # ── The payment ─────────────────────────────────────────────────────────────────────────────

    def _deliver(self, turn: Turn) -> Sequence[Order]:
        offered, raw = turn.offered, turn.raw
        payment = self._payment(turn)
        offered.sent = (turn.payment.letter, payment.minor)
        left = payment.left(offered.off_minor)
        if left != payment.minor and self._desk.offered is offered and self._may_lower(turn):
            data = with_amount(self._model, turn.request.data, Money(left, self._currency))
            frame = Frame(sequence=turn.request.sequence, command=turn.request.command, data=data)
            raw = encode(frame, self._model.frame)
        offered.last, offered.delivered = turn.request, raw
        self._turn = None
        return (Deliver(raw), GiveFloor(bytes(turn.heard)))

    # ── The till meanwhile ──────────────────────────────────────────────────────────────────────

    def from_host(self, data: bytes) -> Sequence[Order]:
        """What the till says meanwhile: its payment once more, or another command, having given this one up."""
        orders: list[Order] = []
        for at in range(len(data)):
            turn = self._turn
            if turn is None:
                break
            if data[at] == SOH:
                turn.heard.clear()
            turn.heard += data[at : at + 1]
            for item in turn.reader.feed(data[at : at + 1]):
                if item == turn.request:
                    turn.heard.clear()
                    orders.append(Tell(bytes((SYN,))))
                elif isinstance(item, Frame):
                    turn.heard += data[at + 1 :]
                    orders += self._deliver(turn)
                elif data[at] != SOH:
                    turn.heard.clear()  # damaged: the till will say it again
        return orders

    def host_gone(self) -> Sequence[Order]:
        """The till closed its connection: what it sent is delivered."""
        return () if self._turn is None else self._deliver(self._turn)

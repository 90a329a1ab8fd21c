"""The till's close of an open receipt, kept back while the discount is taken off and the loyalty lines are printed.

One request of the till is carried out in our hands: the till gets its ACK at once and waits for the answer, as it waits
for every close; the register is asked for the subtotal, given the discount as one on the receipt (86h before 85h and
8Eh, FF4Bh before FF45h, the other when it does not know the one), the lines, and then the close with its payments
rewritten. Pure: bytes and times in, orders out. Protocol 1 only: the numbers of protocol 2 count requests, and ours
among them would leave the till behind.

What can go wrong goes wrong towards the till: a discount that is refused, or whose sums do not meet, is left out, and
the close goes on as the till sent it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from drivers.contract import AskOffer, Deliver, DocumentEnds, FloorStep, GiveFloor, Say, Step, TakeFloor, Tell
from drivers.vocabulary.inside import (
    InsideOffer,
    InsidePolicy,
    Untouched,
    WhatTillBelieves,
    payments_left,
    why_untouched,
)

from .basket import Basket
from .commands import TEXT_SIZE, Answer, Command, decode_answer, named
from .frames import ACK, ENQ, Control, Decoder, Frame, Item, encode
from .layout import CODEC, Value
from .link import Answered, Link1, Lost, Outcome

CASH: Final = 1
FIXED: Final = frozenset({14, 15, 16})  # advance, credit, counter-provision: numbers of FF45h
LINES_MAX: Final = 40  # inside a receipt; a till waits while they are printed
OUR_TIMEOUT_S: Final = 1.0  # for the answer to one of ours, before the register is asked for it again
OURS_S_MAX: Final = 3.0  # from the till's close to its delivery, whatever our own requests come to
ACK_WAIT_S: Final = 2.0  # for the till's ACK of the answer to its close
TITLE: Final = "Скидка по карте"  # printed by the register beside the sum
_UNKNOWN: Final = 0x37  # "not supported in this implementation"
_NO_TAXES: Final[dict[str, Value]] = {"tax1": 0, "tax2": 0, "tax3": 0, "tax4": 0}
_COMPUTED: Final = frozenset({b"\0" * 5, b"\xff" * 5})  # a tax sum that the register works out

Order = Step | FloorStep


@dataclass(slots=True)
class Applied:
    """What was taken off the receipt that is open, in all."""

    quoted: str = ""
    off: int = 0
    is_printed: bool = False


@dataclass(slots=True)
class _Turn:
    """One close of the till.

    Attributes:
        todo: our own requests, in order.
        wanted: minor units still to take off, negative to give back.
        tried: the sum the register was last asked to take off.
        asked: our own request that is out, by name.
        answer: what the till was told, framed, until it says that it has it.
    """

    command: Command
    values: dict[str, Value]
    body: bytes
    todo: deque[tuple[str, dict[str, Value]]] = field(default_factory=deque)
    offer: InsideOffer | None = None
    wanted: int = 0
    tried: int = 0
    asked: str = ""
    original: bytes = b""
    is_offered: bool = False
    is_closing: bool = False
    answer: bytes = b""
    till_decoder: Decoder = field(default_factory=Decoder)
    until_s: float = 0.0
    is_sent: bool = False


class InsideReceipt:
    """Carries a decision into the receipt that is open.

    Args:
        basket: the receipt as it is sold; told of what we do to it.
        policy: what may be done.
        password: of our own requests.
    """

    def __init__(self, basket: Basket, *, policy: InsidePolicy, password: int) -> None:
        self._basket = basket
        self._policy = policy
        self._password = password
        self._link = Link1()
        self._turn: _Turn | None = None
        self._applied = Applied()
        self._unknown: set[str] = set()

    @property
    def has_floor(self) -> bool:
        """Whether a close of the till is in our hands."""
        return self._turn is not None

    def forget(self) -> str:
        """The receipt is over or cancelled; uid of the quote that was carried into it, "" for none."""
        quoted, self._applied = self._applied.quoted, Applied()
        return quoted

    # ── The till closes ─────────────────────────────────────────────────────────────────────────

    def begin(self, command: Command, values: dict[str, Value], body: bytes, now_s: float) -> Sequence[Order]:
        """A close has come whole; () when it is none of ours and passes as it is."""
        document = self._basket.preview(values)
        if self._policy is InsidePolicy.OFF or document is None or document.receipt is None:
            return ()
        self._turn = _Turn(command, values, body, original=body, until_s=now_s + OURS_S_MAX)
        return (TakeFloor(), Tell(bytes([ACK])), AskOffer(document))

    def offered(self, offer: InsideOffer | None, now_s: float) -> Sequence[Order]:
        """The agent's word on it."""
        turn = self._turn
        if turn is None or turn.is_offered:
            return ()
        turn.offer, turn.is_offered = offer, True
        if offer is not None:
            self._plan(turn, offer)
        return self._next(turn, now_s)

    def _plan(self, turn: _Turn, offer: InsideOffer) -> None:
        """Which requests of ours go before the close."""
        off = offer.off_total
        # What was taken off before a refused close goes back when it is paid in another way now.
        turn.wanted = (off if self._may_touch(turn, off) is None else 0) - self._applied.off
        if turn.wanted:
            # The subtotal makes the discount one on the receipt, and tells whether we have seen every position.
            turn.todo.append(("subtotal", {}))
        else:
            self._plan_lines(turn)

    def _plan_lines(self, turn: _Turn) -> None:
        offer = turn.offer
        if offer is None or self._applied.is_printed:
            return
        lines = offer.lines if self._applied.off else offer.lines_untouched
        for line in lines[:LINES_MAX]:
            text = line.encode(CODEC, "replace").replace(b"\0", b" ")[:TEXT_SIZE].decode(CODEC)
            turn.todo.append(("print_line", {"flags": 0x02, "text": text or " "}))
        self._applied.is_printed = bool(lines)

    def _may_touch(self, turn: _Turn, off: int) -> Untouched | None:
        values = turn.values
        taxes = values.get("taxes", b"")
        sums = {taxes[at : at + 5] for at in range(0, 30, 5)} if isinstance(taxes, bytes) else set()
        if _number(values, "percent") or not sums <= _COMPUTED | {b""}:
            return Untouched.DEVICE  # the till works its discount or its taxes out from the sum it knows
        due = self._basket.due(values) + self._applied.off
        tenders = self._basket.tenders(values)
        if sum(one.amount.minor for one in tenders) < due:
            return Untouched.DEVICE  # the register will refuse it as it is
        return why_untouched(self._policy, tenders, total_minor=due, off_minor=off)

    # ── The register ────────────────────────────────────────────────────────────────────────────

    def from_device(self, data: bytes, now_s: float) -> Sequence[Order]:
        """What the register says while we have the floor."""
        self._link.feed(data, now_s)
        return self._go_on(now_s)

    def tick(self, now_s: float) -> Sequence[Order]:
        """Time passed."""
        turn = self._turn
        if turn is None:
            return ()
        if turn.answer:
            return self._give() if now_s >= turn.until_s else ()
        if not turn.is_closing and now_s >= turn.until_s:
            turn.todo.clear()
            turn.is_offered = True
            return self._next(turn, now_s)
        self._link.tick(now_s)
        return self._go_on(now_s)

    def _go_on(self, now_s: float) -> Sequence[Order]:
        turn = self._turn
        outcome = self._link.outcome
        if turn is None or not turn.asked or outcome is None or turn.answer:
            return self._spoken(turn)
        asked, turn.asked = turn.asked, ""
        if turn.is_closing:
            return [*self._spoken(turn), *self._closed(turn, outcome, now_s)]
        steps = [*self._spoken(turn)]
        self._hear(turn, asked, outcome)
        return [*steps, *self._next(turn, now_s)]

    def _hear(self, turn: _Turn, asked: str, outcome: Outcome) -> None:
        """The answer to a request of ours."""
        answer = decode_answer(named(asked), outcome.body) if isinstance(outcome, Answered) else None
        error = answer.error if answer is not None else -1
        if asked == "subtotal":
            self._hear_subtotal(turn, answer)
        elif asked == "print_line":
            if error:
                turn.todo.clear()  # no paper, or not inside a receipt on this model: the close says so to the till
        elif not error:
            self._took(turn, turn.wanted)
        elif error == _UNKNOWN:
            self._unknown.add(asked)
            turn.tried = 0
            self._plan_discount(turn)
        elif isinstance(outcome, Lost) and outcome.may_have_happened:
            turn.todo.appendleft(("subtotal", {}))  # whether it was carried out is in the subtotal
        else:
            self._plan_lines(turn)

    def _hear_subtotal(self, turn: _Turn, answer: Answer | None) -> None:
        subtotal = answer.number("subtotal") if answer is not None and not answer.error else -1
        expected = self._basket.subtotal
        if turn.offer is not None and subtotal == expected - turn.wanted and turn.wanted and turn.tried == turn.wanted:
            self._took(turn, turn.wanted)
        elif subtotal == expected:
            self._plan_discount(turn)
        else:
            self._plan_lines(turn)

    def _plan_discount(self, turn: _Turn) -> None:
        """The discount in the words this register knows; the lines when it knows none, or was asked already."""
        classic, modern = ("discount", "surcharge"), ("receipt_discount", "receipt_discount")
        ways = (modern, classic) if turn.command.name == "close_receipt_v2" else (classic, modern)
        names = [way[0] if turn.wanted > 0 else way[1] for way in ways]
        name = next((one for one in names if one not in self._unknown), None)
        if name is None or turn.tried == turn.wanted:
            self._plan_lines(turn)
            return
        sum_ = abs(turn.wanted)
        if name == "receipt_discount":
            off, more = (sum_, 0) if turn.wanted > 0 else (0, sum_)
            values: dict[str, Value] = {"discount": off, "surcharge": more, "tax": 0, "text": TITLE}
        else:
            values = {"sum": sum_, "text": TITLE, **_NO_TAXES}
        turn.todo.append((name, values))

    def _took(self, turn: _Turn, off: int) -> None:
        """The register carried the discount out."""
        assert turn.offer is not None
        self._applied.off += off
        self._applied.quoted = turn.offer.quoted
        self._basket.take_off_receipt(off)
        turn.wanted = 0
        self._plan_lines(turn)

    # ── The close ───────────────────────────────────────────────────────────────────────────────

    def _next(self, turn: _Turn, now_s: float) -> Sequence[Order]:
        """The next request of ours, or at last the till's."""
        if turn.todo:
            name, values = turn.todo.popleft()
            command = replace(named(name), timeout_s=OUR_TIMEOUT_S)
            if name in ("discount", "surcharge", "receipt_discount"):
                turn.tried = turn.wanted
            turn.asked = name
            self._link.ask(command, command.encode(password=self._password, **values), now_s)
            return self._spoken(turn)
        turn.is_closing, turn.asked = True, turn.command.name
        believed = None
        if self._applied.off:
            believed = self._believed(turn)
            # A discount that should not be there and could not be put back: the register says what it thinks of the
            # till's own sums, and a card that was charged is never lowered behind its back.
            if self._may_touch(turn, self._applied.off) is None:
                turn.values = self._paid(turn)
                turn.body = turn.command.encode(**turn.values)
        offered = turn.offer.quoted if turn.offer is not None else ""
        self._basket.note_offer(self._applied.quoted or offered, believed)
        self._link.ask(turn.command, turn.body, now_s)
        return self._spoken(turn)

    def _believed(self, turn: _Turn) -> WhatTillBelieves:
        due = self._basket.due(turn.values) + self._applied.off
        return WhatTillBelieves(
            total=self._basket.money(due), tenders=self._basket.tenders(turn.values), off_minor=self._applied.off
        )

    def _paid(self, turn: _Turn) -> dict[str, Value]:
        """The till's close with what is left to pay."""
        values = turn.values
        payments = {number: _number(values, f"payment{number}") for number in range(1, 17)}
        total = self._basket.due(values) + self._applied.off
        left = payments_left(payments, cash=CASH, fixed=FIXED, total=total, off=self._applied.off)
        return values | {f"payment{number}": minor for number, minor in left.items() if f"payment{number}" in values}

    def _spoken(self, turn: _Turn | None) -> list[Order]:
        data = self._link.outgoing()
        if not data or turn is None:
            return []
        is_request = turn.is_closing and len(data) > 1  # an ENQ alone delivers nothing
        turn.is_sent |= is_request
        return [Deliver(data) if is_request else Say(data)]

    def _closed(self, turn: _Turn, outcome: Outcome, now_s: float) -> Sequence[Order]:
        if isinstance(outcome, Lost):
            # The till waits in vain, asks how the register is, and learns what became of its close.
            self._turn = None
            self._basket.close_lost(turn.values)
            return [GiveFloor()] if turn.is_sent else [Deliver(encode(turn.body)), GiveFloor()]
        turn.answer, turn.until_s = encode(outcome.body), now_s + ACK_WAIT_S
        answer = decode_answer(turn.command, outcome.body)
        steps: list[Order] = [Tell(turn.answer)]
        document = self._basket.done(answer, turn.values, turn.body)
        if document is not None:
            steps.append(DocumentEnds(document=document, render=nothing))
        if not answer.error:
            self._applied = Applied()
        return steps

    # ── The till meanwhile ──────────────────────────────────────────────────────────────────────

    def from_host(self, data: bytes) -> Sequence[Order]:
        """What the till says meanwhile."""
        turn = self._turn
        steps: list[Order] = []
        for at in range(len(data) if turn is not None else 0):
            assert turn is not None
            for item in turn.till_decoder.feed(data[at : at + 1]):
                if turn.answer and isinstance(item, Control) and item.code == ACK:
                    return [*steps, *self._give(data[at + 1 :])]
                steps += self._till_says(turn, item)
            if turn.answer and not turn.till_decoder.is_between:
                return [*steps, *self._give(data[at:])]  # it goes on without a word: it has the answer
        return steps

    def _till_says(self, turn: _Turn, item: Item) -> Sequence[Order]:
        """It is impatient, or did not understand the answer."""
        if isinstance(item, Control) and item.code == ENQ:
            return (Tell(bytes([ACK]) + turn.answer),)  # "an answer is being prepared", and the answer if there is one
        if isinstance(item, Frame) and item.body == turn.original:
            return (Tell(bytes([ACK])),)  # sent again because our ACK was not heard
        return ()

    def _give(self, rest: bytes = b"") -> Sequence[Order]:
        self._turn = None
        return (GiveFloor(rest),)


def _number(values: dict[str, Value], name: str) -> int:
    value = values.get(name, 0)
    return value if isinstance(value, int) else 0


def nothing(lines: Sequence[str]) -> bytes:  # noqa: ARG001 - the contract's signature
    """No lines: the receipt is closed, and a frame of ours here would meet the till's next one (see README.md)."""
    return b""

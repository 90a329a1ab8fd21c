"""The till's close of an open receipt, kept back while the discount is taken off and the loyalty lines are printed.

One request of the till is carried out in our hands, and the till waits for its answer as it waits for every close. The
register is asked for the subtotal, given the discount as one on the receipt (86h before 85h and 8Eh, FF4Bh before
FF45h, the other when it does not take the one) or, where it takes neither and the settings allow it, its receipt is
cancelled and sold anew at lower sums (resale.py); then come the lines, and the close with its payments rewritten. Pure:
bytes and times in, orders out. On protocol 2 our requests move the register's numbers on: from then on the till's are
translated (numbering.py).

What can go wrong goes wrong towards the till: a discount that is refused, or whose sums do not meet, is left out, and
the close goes on as the till sent it. Only a receipt that was cancelled and could not be sold again is not closed: the
till hears the register's own error.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from drivers.contract import AskOffer, DocumentEnds, ReceiptDropped, TakeFloor, Withhold
from drivers.vocabulary.events import Document
from drivers.vocabulary.inside import InsideOffer, InsidePolicy

from .basket import CLOSES, RECEIPT_CLOSED, Basket
from .commands import Answer, Command, decode_answer, named
from .floor import Floor, Order
from .frames import NUMBER_MODULUS, Frame, Frame2
from .layout import Value
from .link import Lost, Outcome
from .offering import Offering
from .positions import SELLS
from .resale import Fate, Resale
from .standing import CANCEL, Applied, Standing, Turn
from .taking_off import DISCOUNTS, believed, paid

OUR_TIMEOUT_S: Final = 1.0  # for the answer to one of ours, before the register is asked for it again
OURS_S_MAX: Final = 3.0  # from the till's close to its delivery, whatever our own requests come to
RESALE_TIMEOUT_S: Final = 3.0  # for the answer to one request of a receipt that is sold anew: it may print at once
RESALE_S_MAX: Final = 10.0  # for all of them
HURRY_S_MAX: Final = 5.0  # to cancel what was sold anew by half


class InsideReceipt(Offering):
    """Carries a decision into the receipt that is open.

    Args:
        basket: the receipt as it is sold; told of what we do to it.
        policy: what may be done.
        standing: of this register.
        sells_anew: whether a receipt may be cancelled and sold anew.
    """

    def __init__(self, basket: Basket, *, policy: InsidePolicy, standing: Standing, sells_anew: bool) -> None:
        super().__init__(basket, policy=policy, standing=standing, sells_anew=sells_anew)
        self._turn: Turn | None = None
        self.told_number: int | None = None  # protocol 2: of the till's last request in our hands, if it was answered

    @property
    def has_floor(self) -> bool:
        """Whether a request of the till is in our hands."""
        return self._turn is not None

    # ── What passes ─────────────────────────────────────────────────────────────────────────────

    def saw(self, command: Command, values: dict[str, Value], answer: Answer, body: bytes) -> str:
        """The register answered the till; uid of the quote that is of no use any more, "" for none."""
        is_done, name = not answer.error, command.name
        self.standing.heard(name, is_done=is_done)
        if not is_done:
            return ""
        self._passed.saw(command, values, body)
        if name in CLOSES or name == CANCEL:
            self._passed.clear()
        if name not in CLOSES and name not in (CANCEL, "open_receipt"):
            return ""
        quoted, self._applied = self._applied.quoted, Applied()
        return "" if name in CLOSES else quoted

    def saw_unknown(self, code: int) -> None:
        """The till sent something that is in no table of ours."""
        self._passed.saw_unknown(code)

    # ── The till closes ─────────────────────────────────────────────────────────────────────────

    def may_take(self, head: bytes) -> bool:
        """Whether a request that begins so, by one byte or two, may be one for our hands."""
        return any(
            one.opcode.startswith(head) or head.startswith(one.opcode)
            for one in (_STOPPABLE if not self.standing.is_whole else _CLOSES if self._basket.is_open else ())
        )

    def begin(
        self, command: Command, values: dict[str, Value], request: Frame | Frame2, *, last: int | None, now_s: float
    ) -> Sequence[Order]:
        """A request has come whole; () when it is none of ours and passes as it is.

        `last` is the number that the register answered the till last, protocol 2.
        """
        is_stopped = self.standing.stops(command.name)
        till_number = request.number if isinstance(request, Frame2) else None
        is_next = till_number is None or (last is not None and till_number == (last + 1) % NUMBER_MODULUS)
        document = None
        if not is_stopped:
            if self._policy is InsidePolicy.OFF or command.name not in CLOSES or not is_next:
                return ()
            document = self._basket.preview(values)
            if document is None or document.receipt is None:
                return ()
        floor = Floor(request, offset=self.standing.offset, is_next=is_next)
        turn = self._turn = Turn(
            command=command, values=values, body=request.body, floor=floor, until_s=now_s + OURS_S_MAX, about=document
        )
        taken: list[Order] = [TakeFloor(), *floor.begin()]
        if document is not None:
            return (*taken, AskOffer(document))
        return (*taken, *self._stop(turn, now_s))

    def offered(self, asked: Document, offer: InsideOffer | None, now_s: float) -> Sequence[Order]:
        """The agent's word on it; one on what was asked before is for nobody."""
        turn = self._turn
        if turn is None or turn.is_offered or asked is not turn.about:
            return ()
        turn.offer, turn.is_offered = offer, True
        if offer is not None:
            self._plan(turn, offer)
        return self._next(turn, now_s)

    # ── The register ────────────────────────────────────────────────────────────────────────────

    def from_device(self, data: bytes, now_s: float) -> Sequence[Order]:
        """What the register says while we have the floor."""
        if self._turn is None:
            return ()
        self._turn.floor.feed(data, now_s)
        return self._go_on(self._turn, now_s)

    def tick(self, now_s: float) -> Sequence[Order]:
        """Time passed."""
        turn = self._turn
        if turn is None:
            return ()
        if turn.floor.is_told:
            return self._give() if now_s >= turn.floor.told_until_s else ()
        if not turn.is_closing and now_s >= turn.until_s:
            return self._time_is_up(turn, now_s)
        turn.floor.tick(now_s)
        return self._go_on(turn, now_s)

    def _time_is_up(self, turn: Turn, now_s: float) -> Sequence[Order]:
        if turn.about is None:
            return self._give()  # what is there could not be cleared away: the next request of the till tries again
        if turn.resale is None or turn.resale.fate is not None:
            turn.todo.clear()
            turn.is_offered = True
            return self._next(turn, now_s)
        if turn.is_hurried:
            turn.resale.fate = Fate.HALF
        else:
            turn.is_hurried, turn.until_s = True, now_s + HURRY_S_MAX
            turn.resale.hurry()
        return self._next(turn, now_s)

    def _go_on(self, turn: Turn, now_s: float) -> Sequence[Order]:
        heard, steps = turn.floor.heard(), turn.floor.spoken()
        if heard is None:
            return steps
        asked, outcome = heard
        if turn.is_closing:
            return [*steps, *self._closed(turn, outcome, now_s)]
        if turn.about is None:
            return [*steps, *self._cleared(turn, asked, outcome, now_s)]
        if turn.resale is not None and turn.resale.fate is None:
            turn.resale.hear(asked, outcome)
        else:
            self._hear(turn, asked.name, outcome)
        return [*steps, *self._next(turn, now_s)]

    # ── A receipt sold anew ─────────────────────────────────────────────────────────────────────

    def _sell_anew(self, turn: Turn, resale: Resale, now_s: float) -> Sequence[Order]:
        """The next request of a receipt that is sold anew."""
        if not self.standing.is_half:
            self.standing.is_half = True
            turn.until_s = now_s + RESALE_S_MAX
        command, body = resale.request(turn.password)
        turn.floor.ask(command, body, now_s, timeout_s=RESALE_TIMEOUT_S)
        # Should we fail here, there shall be no receipt, and the till shall know it.
        gone = turn.floor.till.framed(turn.command.encode_answer(RECEIPT_CLOSED))
        clear = turn.floor.framed(named(CANCEL).encode(password=turn.password))
        return [Withhold(gone, clear), *turn.floor.spoken()]

    def _sold_anew(self, turn: Turn, resale: Resale, fate: Fate, now_s: float) -> Sequence[Order]:
        """It is over; the close follows, or the till hears why there is none."""
        turn.resale = None
        if fate in (Fate.GONE, Fate.HALF):
            return self._no_receipt(turn, resale, fate, now_s)
        self.standing.is_half = False
        turn.until_s = max(turn.until_s, now_s + OURS_S_MAX)
        if fate is Fate.KEPT:
            self._applied.is_stubborn = True
        else:
            assert turn.offer is not None
            is_lower = fate is Fate.SOLD
            self._applied = Applied(
                quoted=turn.offer.quoted,
                off=self._basket.loyalty,
                aimed=sum(turn.target.values()) if is_lower else 0,
                is_stubborn=not is_lower and bool(turn.target),
            )
        self._plan_lines(turn)
        return self._next(turn, now_s)

    def _no_receipt(self, turn: Turn, resale: Resale, fate: Fate, now_s: float) -> Sequence[Order]:
        quoted = turn.offer.quoted if turn.offer is not None else ""
        dropped = [ReceiptDropped(quoted)] if quoted else []
        self._basket.lose()
        self._passed.clear()
        self._applied = Applied()
        self.standing.is_half, self.standing.is_gone = fate is Fate.HALF, fate is Fate.GONE
        error = resale.error or (RECEIPT_CLOSED if fate is Fate.GONE else 0)
        if not error:  # nobody knows: the till waits in vain, and asks how the register is
            return [*dropped, *self._give()]
        return [*dropped, *self._tell(turn, turn.command.encode_answer(error), now_s)]

    # ── A request that must not reach the register ──────────────────────────────────────────────

    def _stop(self, turn: Turn, now_s: float) -> Sequence[Order]:
        """What is left of a receipt is cancelled first; then the till hears that none is open."""
        none = turn.command.encode_answer(RECEIPT_CLOSED)
        withhold = Withhold(turn.floor.till.framed(none), b"")
        if self.standing.is_half:
            command = named(CANCEL)
            turn.floor.ask(command, command.encode(password=turn.password), now_s, timeout_s=OUR_TIMEOUT_S)
            return [withhold, *turn.floor.spoken()]
        if turn.command.name == CANCEL:  # what the till means is gone already
            self.standing.is_gone = False
            none = turn.command.encode_answer(operator=self.standing.operator)
        return [withhold, *self._tell(turn, none, now_s)]

    def _cleared(self, turn: Turn, asked: Command, outcome: Outcome, now_s: float) -> Sequence[Order]:
        if isinstance(outcome, Lost):
            return self._give()
        error = decode_answer(asked, outcome.body).error
        if not error or error == RECEIPT_CLOSED:
            self.standing.is_half, self.standing.is_gone = False, True
            error = RECEIPT_CLOSED
        return self._tell(turn, turn.command.encode_answer(error), now_s)

    # ── The close ───────────────────────────────────────────────────────────────────────────────

    def _next(self, turn: Turn, now_s: float) -> Sequence[Order]:
        """The next request of ours, or at last the till's."""
        resale = turn.resale
        if resale is not None:
            fate = resale.fate
            if fate is None and self.standing.is_half and now_s >= turn.until_s:
                return self._time_is_up(turn, now_s)
            return (
                self._sell_anew(turn, resale, now_s)
                if fate is None
                else self._sold_anew(turn, resale, fate, now_s)
            )  # fmt: skip
        if turn.todo:
            name, values = turn.todo.popleft()
            if name in DISCOUNTS:
                turn.asked_off = turn.wanted
            command = named(name)
            body = command.encode(password=turn.password, **values)
            turn.floor.ask(command, body, now_s, timeout_s=OUR_TIMEOUT_S)
            return turn.floor.spoken()
        self._close(turn, now_s)
        return turn.floor.spoken()

    def _close(self, turn: Turn, now_s: float) -> None:
        turn.is_closing = True
        off, till_side = self._applied.off, None
        if off:
            till_side = believed(self._basket, turn.values, off)
            # A discount that should not be there and could not be put back: the register says what it thinks of the
            # till's own sums, and a card that was charged is never lowered behind its back.
            if self._may_touch(turn, off):
                turn.values = paid(self._basket, turn.values, off)
                turn.body = turn.command.encode(**turn.values)
        offered = turn.offer.quoted if turn.offer is not None else ""
        self._basket.note_offer(self._applied.quoted or offered, till_side)
        turn.floor.ask(turn.command, turn.body, now_s, timeout_s=turn.command.timeout_s, is_delivery=True)

    def _closed(self, turn: Turn, outcome: Outcome, now_s: float) -> Sequence[Order]:
        if isinstance(outcome, Lost):
            # The till waits in vain, asks how the register is, and learns what became of its close.
            self._basket.close_lost(turn.values)
            return [*turn.floor.deliver_at_last(turn.body), *self._give()]
        answer = decode_answer(turn.command, outcome.body)
        document = self._basket.done(answer, turn.values, turn.body)
        ended = [DocumentEnds(document=document, render=nothing)] if document is not None else []
        if not answer.error:
            self._applied = Applied()
            self._passed.clear()
        told = self._tell(turn, outcome.body, now_s)
        return [told[0], *ended, *told[1:]]

    # ── The till meanwhile ──────────────────────────────────────────────────────────────────────

    def from_host(self, data: bytes) -> Sequence[Order]:
        """What the till says meanwhile."""
        turn = self._turn
        if turn is None:
            return ()
        steps, rest = turn.floor.hear(data)
        return steps if rest is None else [*steps, *self._give(rest)]

    def _tell(self, turn: Turn, body: bytes, now_s: float) -> Sequence[Order]:
        """The answer to the till's request."""
        told = turn.floor.tell(body, now_s)
        return [told] if turn.floor.till.is_thankful else [told, *self._give()]

    def _give(self, rest: bytes = b"") -> Sequence[Order]:
        turn, self._turn = self._turn, None
        if turn is None:
            return ()
        self.told_number = turn.floor.number if turn.floor.is_told else None
        offset = turn.floor.offset
        self.standing.offset = self.standing.offset if offset is None else offset
        return turn.floor.give(rest)


_CLOSES: Final = tuple(named(name) for name in sorted(CLOSES))
_STOPPABLE: Final = (*_CLOSES, named(CANCEL), *(named(name) for name in sorted(SELLS)))


def nothing(lines: Sequence[str]) -> bytes:  # noqa: ARG001 - the contract's signature
    """No lines: the receipt is closed, and a frame of ours here would meet the till's next one (see README.md)."""
    return b""

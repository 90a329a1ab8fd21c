"""What an offer comes to in the requests of a register, and what is heard of them; inside.py asks them.

The subtotal is asked first: it makes the discount one on the receipt, and tells whether we have seen every position. A
discount whose answer was lost is looked for in the subtotal, never given again blindly.
"""

from __future__ import annotations

from typing import Final

from drivers.vocabulary.inside import InsideOffer, InsidePolicy

from .basket import Basket
from .commands import TEXT_SIZE, Answer, decode_answer, named
from .layout import CODEC
from .link import Answered, Lost, Outcome
from .passed import PassedReceipt, lowered
from .resale import Resale
from .standing import Applied, Standing, Turn
from .taking_off import NOT_GIVEN, NOT_TAKEN, UNKNOWN, may_touch, values_of, ways

LINES_MAX: Final = 40  # inside a receipt; a till waits while they are printed


class Offering:
    """Plans one turn after the other.

    Args:
        basket: the receipt as it is sold; told of what we do to it.
        policy: what may be done.
        standing: of this register.
        sells_anew: whether a receipt may be cancelled and sold anew.
    """

    def __init__(self, basket: Basket, *, policy: InsidePolicy, standing: Standing, sells_anew: bool) -> None:
        self._basket = basket
        self._policy = policy
        self._sells_anew = sells_anew
        self._applied = Applied()
        self._unknown: set[str] = set()
        self._passed = PassedReceipt()
        self.standing = standing

    def _plan(self, turn: Turn, offer: InsideOffer) -> None:
        """Which requests of ours go before the close."""
        off = offer.off_total
        # What was taken off before a refused close goes back when it is paid in another way now.
        turn.target = dict(offer.off) if self._may_touch(turn, off) else {}
        turn.wanted = sum(turn.target.values()) - self._applied.aimed
        if turn.wanted:
            # The subtotal makes the discount one on the receipt, and tells whether we have seen every position.
            turn.todo.append(("subtotal", {}))
        else:
            self._plan_lines(turn)

    def _plan_lines(self, turn: Turn) -> None:
        offer = turn.offer
        if offer is None or self._applied.is_printed:
            return
        lines = offer.lines if self._applied.off else offer.lines_untouched
        if lines and not self._applied.off and any(turn.target.values()):
            lines = (NOT_GIVEN, *lines)  # what the panel promised does not come: cashier and customer see it here
        for line in lines[:LINES_MAX]:
            text = line.encode(CODEC, "replace").replace(b"\0", b" ")[:TEXT_SIZE].decode(CODEC)
            turn.todo.append(("print_line", {"flags": 0x02, "text": text or " "}))
        self._applied.is_printed = bool(lines)

    def _may_touch(self, turn: Turn, off: int) -> bool:
        return may_touch(self._basket, turn.values, self._policy, applied=self._applied.off, off=off) is None

    def _hear(self, turn: Turn, asked: str, outcome: Outcome) -> None:
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
        elif error in NOT_TAKEN:
            turn.tried.add(asked)
            turn.asked_off = 0
            self._unknown |= {asked} if error == UNKNOWN else set()
            self._plan_discount(turn)
        elif isinstance(outcome, Lost) and outcome.may_have_happened:
            turn.todo.appendleft(("subtotal", {}))  # whether it was carried out is in the subtotal
        else:
            self._plan_lines(turn)

    def _hear_subtotal(self, turn: Turn, answer: Answer | None) -> None:
        subtotal = answer.number("subtotal") if answer is not None and not answer.error else -1
        expected = self._basket.subtotal
        if answer is not None and not answer.error:
            self.standing.operator = answer.number("operator")
        if subtotal == expected - turn.wanted and turn.wanted and turn.asked_off == turn.wanted:
            self._took(turn, turn.wanted)
        elif subtotal == expected:
            self._plan_discount(turn)
        else:
            self._plan_lines(turn)

    def _plan_discount(self, turn: Turn) -> None:
        """The discount in the words this register knows, or a receipt sold anew where it knows none."""
        known = ways(turn.command.name, turn.wanted)
        name = next((one for one in known if one not in self._unknown | turn.tried), None)
        if turn.asked_off == turn.wanted:
            self._plan_lines(turn)  # it was asked, and it was not carried out
        elif name is None:
            self._plan_resale(turn)
        else:
            if not self._applied.off:
                self._applied.taxes = self._basket.taxes_of(turn.target)
            turn.todo.append((name, values_of(name, turn.wanted, self._applied.taxes)))

    def _plan_resale(self, turn: Turn) -> None:
        passed = self._passed
        if not self._sells_anew or self._applied.is_stubborn or passed.problem or not passed.requests:
            self._plan_lines(turn)
            return
        try:
            requests = lowered(passed.requests, turn.target)
        except ValueError:
            self._plan_lines(turn)
            return
        turn.resale = Resale(
            self._basket, lowered=requests if any(turn.target.values()) else (), original=passed.requests
        )

    def _took(self, turn: Turn, off: int) -> None:
        """The register carried the discount out."""
        assert turn.offer is not None
        self._applied.off += off
        self._applied.aimed += off
        self._applied.quoted = turn.offer.quoted
        self._basket.take_off_receipt(off)
        turn.wanted = 0
        self._plan_lines(turn)

"""An open receipt cancelled and sold anew at lower sums, request by request; pure, and owed to whoever asks them.

For registers that take no discount. What stops on the way is never left as it is: refused, or not heard and not to be
found out, the half receipt is cancelled and the till's own positions are sold once more, as they were; if that stops
too, it is cancelled and the till is told. Whether a request whose answer was lost was carried out is asked of the
subtotal, and of the mode where nothing was sold yet.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from enum import Enum
from typing import Final

from drivers.vocabulary.errors import RemoteProtocolError

from .basket import RECEIPT_CLOSED, Basket
from .commands import Answer, Command, decode_answer, named
from .link import Answered, Outcome
from .passed import Passed
from .status import Mode

TRIES_MAX: Final = 2  # of one request that was not carried out


class Fate(Enum):
    """What became of the receipt."""

    KEPT = "kept"  # it could not be cancelled and is open as the till sold it
    SOLD = "sold"  # sold at the lower sums
    RESTORED = "restored"  # sold as the till had sold it
    GONE = "gone"  # cancelled; no receipt is open
    HALF = "half"  # nobody knows: it must be cancelled before anything else


class _Step(Enum):
    CANCEL = "cancel"
    MODE_AFTER_CANCEL = "mode after a cancel that was not heard"
    SELL = "sell"
    MODE_AFTER_OPENING = "mode after an opening that was not heard"
    SUBTOTAL = "subtotal after a position that was not heard"
    LAST_SUBTOTAL = "subtotal at the end"


_COMMANDS: Final = {
    _Step.CANCEL: "cancel_receipt",
    _Step.MODE_AFTER_CANCEL: "short_status",
    _Step.MODE_AFTER_OPENING: "short_status",
    _Step.SUBTOTAL: "subtotal",
    _Step.LAST_SUBTOTAL: "subtotal",
}


class Resale:
    """One receipt; `request` is what to ask next, `hear` takes what came of it.

    Args:
        basket: told of everything that the register carries out.
        lowered: the requests that sell at the lower sums; () when it shall be sold as the till has it.
        original: the till's own.

    Attributes:
        fate: None while it goes on.
        error: of the register, where it refused something.
    """

    def __init__(self, basket: Basket, *, lowered: Sequence[Passed], original: Sequence[Passed]) -> None:
        self._basket = basket
        self._before = basket.put_aside()
        self._plans: deque[tuple[Fate, Sequence[Passed]]] = deque()
        if lowered:
            self._plans.append((Fate.SOLD, lowered))
        self._plans.append((Fate.RESTORED, original))
        self._wanted: tuple[Fate, Sequence[Passed]] = (Fate.GONE, ())
        self._step = _Step.CANCEL
        self._at = self._tries = 0
        self._has_cancelled = False
        self.fate: Fate | None = None
        self.error = 0

    def request(self, password: int) -> tuple[Command, bytes]:
        """What to ask the register now."""
        if self._step is _Step.SELL:
            passed = self._wanted[1][self._at]
            return passed.command, passed.body
        command = named(_COMMANDS[self._step])
        return command, command.encode(password=password)

    def hear(self, command: Command, outcome: Outcome) -> None:
        """What came of it."""
        answer = None
        if isinstance(outcome, Answered):
            try:
                answer = decode_answer(command, outcome.body)
            except RemoteProtocolError:
                answer = None
        if self._step is _Step.CANCEL:
            self._hear_cancel(answer)
        elif self._step is _Step.MODE_AFTER_CANCEL:
            self._hear_mode(answer)
        elif self._step is _Step.SELL:
            self._hear_sale(answer, may_have_happened=isinstance(outcome, Answered) or outcome.may_have_happened)
        else:
            self._hear_whether(answer)

    def hurry(self) -> None:
        """There is no more time: what is there is cancelled."""
        self._plans.clear()
        if not self._has_cancelled:
            self.fate = Fate.HALF  # whether the till's own receipt is still open is not known
        else:
            self._cancel()

    # ── cancelling ──────────────────────────────────────────────────────────────────────────────

    def _cancel(self) -> None:
        self._step = _Step.CANCEL

    def _hear_cancel(self, answer: Answer | None) -> None:
        if answer is None:
            self._step = _Step.MODE_AFTER_CANCEL
        elif not answer.error or (answer.error == RECEIPT_CLOSED and self._has_cancelled):
            self._cancelled()
        else:
            self._not_cancelled(answer.error)

    def _hear_mode(self, answer: Answer | None) -> None:
        if answer is None or answer.error:
            self.fate = Fate.HALF
        elif answer.number("mode") & 0x0F == Mode.DOCUMENT_OPEN:
            self._not_cancelled(0)
        else:
            self._cancelled()

    def _not_cancelled(self, error: int) -> None:
        self.error = self.error or error
        self.fate = Fate.HALF if self._has_cancelled else Fate.KEPT

    def _cancelled(self) -> None:
        self._has_cancelled = True
        self._basket.lose()
        if not self._plans:
            self.fate = Fate.GONE
            return
        self._wanted = self._plans.popleft()
        self._step, self._at, self._tries = _Step.SELL, 0, 0

    # ── selling ─────────────────────────────────────────────────────────────────────────────────

    def _hear_sale(self, answer: Answer | None, *, may_have_happened: bool) -> None:
        passed = self._wanted[1][self._at]
        if answer is not None and not answer.error:
            self._sold()
        elif answer is not None:
            self._fail(answer.error)
        elif passed.is_print:
            self._go_on()
        elif not may_have_happened:
            self._again()
        elif passed.command.name == "open_receipt":
            self._step = _Step.MODE_AFTER_OPENING
        elif passed.worth:
            self._step = _Step.SUBTOTAL
        else:
            self._fail(0)

    def _hear_whether(self, answer: Answer | None) -> None:
        """Was the request whose answer was lost carried out; and at the end, is the sum what we reckon."""
        if answer is None:
            self._fail(0)
        elif self._step is _Step.MODE_AFTER_OPENING:
            is_open = not answer.error and answer.number("mode") & 0x0F == Mode.DOCUMENT_OPEN
            self._sold() if is_open else self._again()
        elif self._step is _Step.LAST_SUBTOTAL:
            if answer.error or answer.number("subtotal") != self._basket.subtotal:
                self._fail(answer.error)
            else:
                self._finish()
        else:
            self._compare(answer)

    def _compare(self, answer: Answer) -> None:
        is_none_open = answer.error == RECEIPT_CLOSED and not self._basket.is_open
        subtotal = 0 if is_none_open else answer.number("subtotal") if not answer.error else -1
        if subtotal == self._basket.subtotal + self._wanted[1][self._at].worth:
            self._sold()
        elif subtotal == self._basket.subtotal:
            self._again()
        else:
            self._fail(0)

    def _sold(self) -> None:
        passed = self._wanted[1][self._at]
        self._basket.done(Answer(command=passed.command, error=0, values={}), dict(passed.values), passed.body)
        self._go_on()

    def _go_on(self) -> None:
        self._at, self._tries = self._at + 1, 0
        self._step = _Step.SELL if self._at < len(self._wanted[1]) else _Step.LAST_SUBTOTAL

    def _again(self) -> None:
        self._tries += 1
        self._step = _Step.SELL
        if self._tries >= TRIES_MAX:
            self._fail(0)

    def _fail(self, error: int) -> None:
        self.error = self.error or error
        self._cancel()

    def _finish(self) -> None:
        if self._before is not None:
            self._basket.sold_anew(self._before)
        self.fate = self._wanted[0]

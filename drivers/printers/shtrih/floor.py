"""A request of the till in our hands, as far as the wires go: our questions, the till's answer, the numbers; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from drivers.contract import Deliver, FloorStep, GiveFloor, Say, Step, Tell

from .commands import Command
from .frames import NUMBER_MODULUS, Frame, Frame2, encode, encode2
from .link import Link1, Link2, Outcome
from .till_side import till_side

ACK_WAIT_S: Final = 35.0  # for the till's ACK: a register keeps an answer for ever, and a till asks again after 30 s

Order = Step | FloorStep


class Floor:
    """One request.

    Args:
        request: of the till.
        offset: protocol 2, the register's numbers less the till's, so far.
        is_next: whether the number is the one the register takes next, as far as is known.

    Attributes:
        asked: our question that is out.
        is_told: the till has been told the answer.
        told_until_s: how long it is waited for that it says so.
    """

    def __init__(self, request: Frame | Frame2, *, offset: int, is_next: bool) -> None:
        self._link: Link1 | Link2 = Link1()
        self.till = till_side(request)
        self.number = request.number if isinstance(request, Frame2) else None
        if self.number is not None:
            before = (self.number - 1 + offset) % NUMBER_MODULUS
            self._link = Link2(before if is_next else None)
            self._link.number = before
        self.asked: Command | None = None
        self.is_told = False
        self.told_until_s = 0.0
        self._is_delivery = self._is_delivered = False

    def begin(self) -> list[Order]:
        """What the till hears at once."""
        return [Tell(self.till.taken)] if self.till.taken else []

    # ── The register ────────────────────────────────────────────────────────────────────────────

    def ask(self, command: Command, body: bytes, now_s: float, *, timeout_s: float, is_delivery: bool = False) -> None:
        """Ask the register; `is_delivery` for the till's own request."""
        self.asked, self._is_delivery = command, is_delivery
        self._link.ask(replace(command, timeout_s=timeout_s), body, now_s)

    def feed(self, data: bytes, now_s: float) -> None:
        """What the register says."""
        self._link.feed(data, now_s)

    def tick(self, now_s: float) -> None:
        """Time passed."""
        self._link.tick(now_s)

    def heard(self) -> tuple[Command, Outcome] | None:
        """What came of our question, once."""
        asked, outcome = self.asked, self._link.outcome
        if asked is None or outcome is None or self.is_told:
            return None
        self.asked = None
        return asked, outcome

    def spoken(self) -> list[Order]:
        """What goes to the register now."""
        data = self._link.outgoing()
        if not data:
            return []
        is_request = self._is_delivery and self._link.has_sent  # an ENQ or a ping alone delivers nothing
        self._is_delivered |= is_request
        return [Deliver(data) if is_request else Say(data)]

    def deliver_at_last(self, body: bytes) -> list[Order]:
        """The till's request, where it could not even be begun; nothing where it is out."""
        if self._is_delivered:
            return []
        delivered = Deliver(self.framed(body))
        if isinstance(self._link, Link2):
            self._link.number = (self._link.number + 1) % NUMBER_MODULUS
        return [delivered]

    def framed(self, body: bytes) -> bytes:
        """A request that nobody waits for."""
        if isinstance(self._link, Link1):
            return encode(body)
        return encode2(self._link.number + 1, body)

    # ── The till ────────────────────────────────────────────────────────────────────────────────

    def hear(self, data: bytes) -> tuple[list[Order], bytes | None]:
        """What the till says meanwhile; and what it says beyond, once it has the answer."""
        told, rest = self.till.hear(data)
        return [Tell(told)] if told else [], rest

    def tell(self, body: bytes, now_s: float) -> Order:
        """The answer to the till's request."""
        self.is_told, self.told_until_s = True, now_s + ACK_WAIT_S
        return Tell(self.till.answer(body))

    def give(self, rest: bytes = b"") -> Sequence[Order]:
        """The two speak with each other again."""
        return (GiveFloor(rest),)

    @property
    def offset(self) -> int | None:
        """The register's numbers less the till's from here on; None on protocol 1."""
        if self.number is None or isinstance(self._link, Link1):
            return None
        return (self._link.number - self.number) % NUMBER_MODULUS

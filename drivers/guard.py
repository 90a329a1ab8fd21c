"""Keeps the promise of an in-line driver whatever its conversation does: the till's bytes pass, all and in order.

The guard counts. Every byte that went into the conversation must come out on the other side, unchanged; loyalty lines
are added by the mover of the bytes, never by the conversation. When a conversation raises, changes a byte, or keeps
bytes back for too long, the guard hands on what is owed and everything after it raw, and says why.

A conversation that changes an open receipt takes the floor for one request of the till. The guard keeps that request
until it was delivered, watches how long that takes, and delivers it itself when the conversation fails; or, where that
would do harm, says what the conversation left to be said for this case.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from drivers.contract import (
    Deliver,
    FloorStep,
    GiveFloor,
    InlineConversation,
    Say,
    Step,
    TakeFloor,
    Tell,
    ToDevice,
    ToHost,
    Translate,
    Withhold,
)
from drivers.vocabulary.events import Document
from drivers.vocabulary.inside import InsideOffer

__all__ = ["FLOOR_S_MAX", "FLOOR_WITHHELD_S_MAX", "HELD_BYTES_MAX", "HELD_S_MAX", "GuardedConversation"]

HELD_BYTES_MAX = 65_536  # the longest counted block a printer's command may announce
HELD_S_MAX = 1.0  # a till asks for the status within a second or two; nothing may be kept back for longer
FLOOR_S_MAX = 5.0  # from the till's request to its delivery: a discount, a few lines on paper; a till waits for longer
FLOOR_WITHHELD_S_MAX = 20.0  # a receipt sold anew, line by line; tills wait some 30 s for a close


class _Owed:
    """Bytes that went in on one side and have not come out on the other."""

    __slots__ = ("data", "since_s")

    def __init__(self) -> None:
        self.data = bytearray()
        self.since_s = 0.0

    def add(self, data: bytes, now_s: float) -> None:
        if not self.data:
            self.since_s = now_s
        self.data += data

    def settle(self, data: bytes, now_s: float) -> bool:
        """Whether `data` is what is owed next; if so it is not owed any more."""
        if not self.data.startswith(data):
            return False
        del self.data[: len(data)]
        self.since_s = now_s
        return True

    def all(self) -> bytes:
        data = bytes(self.data)
        self.data.clear()
        return data


class _Floor:
    """What is owed while the conversation speaks to both sides itself."""

    __slots__ = ("instead", "is_delivered", "request", "since_s")

    def __init__(self, request: bytes, now_s: float) -> None:
        self.request = request
        self.instead: Withhold | None = None
        self.is_delivered = False
        self.since_s = now_s

    @property
    def s_max(self) -> float:
        return FLOOR_S_MAX if self.instead is None else FLOOR_WITHHELD_S_MAX


class GuardedConversation:
    """An in-line conversation that cannot lose, change or keep the till's bytes; never raises.

    Args:
        factory: makes the driver's conversation; when even that fails, the bytes pass raw from the beginning.

    Attributes:
        problem: why the bytes now pass without being understood, or "".
    """

    def __init__(self, factory: Callable[[], InlineConversation]) -> None:
        self._to_device = _Owed()
        self._to_host = _Owed()
        self._floor: _Floor | None = None
        self.problem = ""
        try:
            self._conversation = factory()
        except Exception as error:  # noqa: BLE001 - a driver that cannot start must not cost the shop its printer
            self._give_up(f"it did not start: {type(error).__name__}: {error}")

    @property
    def holds_bytes(self) -> bool:
        """Whether the conversation keeps bytes back, to see what follows them, or has the floor: time matters."""
        return bool(self._to_device.data or self._to_host.data) or self._floor is not None

    def from_host(self, data: bytes, now_s: float) -> Sequence[Step]:
        """See `InlineConversation`."""
        if self._floor is None:
            self._to_device.add(data, now_s)
        return self._ask(lambda: self._conversation.from_host(data, now_s), now_s)

    def from_device(self, data: bytes, now_s: float) -> Sequence[Step]:
        """See `InlineConversation`."""
        if self._floor is None:
            self._to_host.add(data, now_s)
        return self._ask(lambda: self._conversation.from_device(data, now_s), now_s)

    def tick(self, now_s: float) -> Sequence[Step]:
        """See `InlineConversation`; also ends the patience with bytes that are kept back."""
        steps = self._ask(lambda: self._conversation.tick(now_s), now_s)
        floor = self._floor
        if floor is not None and not floor.is_delivered and now_s - floor.since_s > floor.s_max:
            return [*steps, *self._give_up(f"it kept a request of the till for more than {floor.s_max:g} s")]
        for owed in (self._to_device, self._to_host):
            if owed.data and now_s - owed.since_s > HELD_S_MAX:
                return [*steps, *self._give_up(f"it kept bytes back for more than {HELD_S_MAX:g} s")]
        return steps

    def offered(self, asked: Document, offer: InsideOffer | None, now_s: float) -> Sequence[Step]:
        """See `InsideConversation`; nothing for one that cannot be offered anything."""
        taken = getattr(self._conversation, "offered", None)
        return self._ask(lambda: () if taken is None else taken(asked, offer, now_s), now_s)

    def host_gone(self, now_s: float) -> Sequence[Step]:
        """See `InlineConversation`; afterwards nothing is owed to the device."""
        steps = self._ask(lambda: self._conversation.host_gone(now_s), now_s)
        if self._to_device.data:
            return [*steps, ToDevice(self._to_device.all())]
        return steps

    def _ask(self, question: Callable[[], Sequence[Step | FloorStep]], now_s: float) -> Sequence[Step]:
        if self.problem:
            return self._raw()
        try:
            ordered = question()
        except Exception as error:  # noqa: BLE001 - whatever a conversation does wrong, the till's bytes must pass
            return self._give_up(f"it failed with {type(error).__name__}: {error}")
        steps: list[Step] = []
        for order in ordered:
            step = self._allow(order, now_s)
            if isinstance(step, str):
                return [*steps, *self._give_up(step)]
            if step is not None:
                steps.append(step)
        if max(len(self._to_device.data), len(self._to_host.data)) > HELD_BYTES_MAX:
            return [*steps, *self._give_up(f"it kept back more than {HELD_BYTES_MAX} bytes")]
        return steps

    def _allow(self, order: Step | FloorStep, now_s: float) -> Step | str | None:
        """The step as the mover of the bytes carries it out, None when it is ours alone, or why it is not allowed."""
        if isinstance(order, ToDevice | ToHost | Translate):
            return self._settle(order, now_s)
        if isinstance(order, TakeFloor) and self._floor is not None:
            return "it took the floor twice"
        if isinstance(order, TakeFloor):
            self._floor = _Floor(self._to_device.all(), now_s)
            self._to_host.all()
            return None
        if isinstance(order, GiveFloor | Say | Tell | Deliver | Withhold):
            return self._on_the_floor(order, now_s) if self._floor else "it spoke without having the floor"
        return order

    def _settle(self, order: ToDevice | ToHost | Translate, now_s: float) -> Step | str:
        """Bytes that go on: those that are owed, or what they are in the other side's numbers."""
        if not isinstance(order, Translate):
            owed = self._to_device if isinstance(order, ToDevice) else self._to_host
            return order if owed.settle(order.data, now_s) else "it gave out bytes that did not come in"
        owed = self._to_device if order.is_to_device else self._to_host
        if not owed.settle(order.owed, now_s):
            return "it gave out bytes that did not come in"
        return ToDevice(order.data) if order.is_to_device else ToHost(order.data)

    def _on_the_floor(self, order: GiveFloor | Say | Tell | Deliver | Withhold, now_s: float) -> Step | str | None:
        floor = self._floor
        assert floor is not None
        if isinstance(order, GiveFloor):
            self._to_device.add(order.rest, now_s)
            if not floor.is_delivered and floor.instead is None:
                return "it gave the floor back with a request of the till undelivered"
            self._floor = None
            return None
        if isinstance(order, Withhold):
            floor.instead = order
            return None
        floor.is_delivered |= isinstance(order, Deliver)
        return ToHost(order.data) if isinstance(order, Tell) else ToDevice(order.data)

    def _give_up(self, reason: str) -> list[Step]:
        self.problem = f"the driver gave up on this connection, {reason}; the bytes pass without being read"
        return self._raw()

    def _raw(self) -> list[Step]:
        steps: list[Step] = []
        floor, self._floor = self._floor, None
        if floor is not None and not floor.is_delivered:
            instead = floor.instead
            steps += (
                [ToDevice(floor.request)] if instead is None else [ToHost(instead.to_host), ToDevice(instead.to_device)]
            )
        if self._to_device.data:
            steps.append(ToDevice(self._to_device.all()))
        if self._to_host.data:
            steps.append(ToHost(self._to_host.all()))
        return steps

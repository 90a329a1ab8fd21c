"""Joins polled devices to the till: their documents go to the till thread, loyalty lines to whoever prints them.

Nothing here decides anything; it runs on the devices' threads and on those of the doors.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import Any, Final

from agent.checkout.observed import pulled as desk_pulled
from agent.till import Till
from drivers.contract import SlipComposer
from drivers.polled import Memory, Pulled

__all__ = ["SlipRoutes", "TillTaker"]

log = logging.getLogger(__name__)

ANSWER_S: Final = 10.0  # nobody waits at a counter for a document that is read back; a slow disk may take its time
LOG_EVERY: Final = 100  # documents of a long reading


class SlipRoutes:
    """Whose loyalty lines come out of another printer than their own, as `slips_of` in the settings says."""

    def __init__(self) -> None:
        self._elsewhere: set[str] = set()

    def add(self, devices: Iterable[str]) -> None:
        """The lines of these in-line devices are printed elsewhere; before anything starts."""
        self._elsewhere |= set(devices)

    def around(self, device: str, compose: SlipComposer) -> SlipComposer:
        """The same composer for an in-line device, whose lines may be another printer's to print."""

        def routed(document: Any, *, timeout_s: float) -> Sequence[str]:
            lines = compose(document, timeout_s=timeout_s)
            return () if device in self._elsewhere else lines

        return routed


class TillTaker:
    """Keeps the documents of one device in the till's store; see `drivers.polled.DocumentTaker`.

    Args:
        begin_after: the number to begin after in a memory that this till has not seen; None is its newest.
        prints_own: the loyalty lines of a fresh receipt come out of the device itself.
    """

    def __init__(self, till: Till, device: str, *, begin_after: int | None, prints_own: bool) -> None:
        self._till = till
        self._device = device
        self._prints_own = prints_own
        self._begin_after = begin_after
        self._place: tuple[str, int] | None = None

    def place(self, memory: Memory) -> int:
        """As the contract says; the store is asked once for each memory."""
        if self._place is None or self._place[0] != memory.name:
            device, begin_after = self._device, self._begin_after
            number = self._till.run_on_till(
                lambda desk: desk_pulled.place(desk, device, memory, begin_after=begin_after), timeout_s=ANSWER_S
            )
            self._place = memory.name, number
            log.info("pull.begin device=%s memory=%s after=%d last=%d", device, memory.name, number, memory.last)
        return self._place[1]

    def take(self, pulled: Pulled) -> Sequence[str]:
        """As the contract says."""
        device = self._device
        lines = self._till.run_on_till(lambda desk: desk_pulled.pulled(desk, device, pulled), timeout_s=ANSWER_S)
        self._place = pulled.memory, pulled.number
        if pulled.number == pulled.last or pulled.number % LOG_EVERY == 0:
            log.info("pull.taken device=%s number=%d last=%d", device, pulled.number, pulled.last)
        return lines if pulled.is_fresh and self._prints_own else ()

"""Joins polled devices to the till: their documents go to the till thread, loyalty lines to whoever prints them.

Nothing here decides anything; it runs on the devices' threads and on those of the doors.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any, Final

from agent.checkout import pulled as desk_pulled
from agent.till import Till
from drivers.contract import SlipComposer
from drivers.polled import Memory, Pulled

__all__ = ["SlipRoutes", "TillTaker"]

log = logging.getLogger(__name__)

ANSWER_S: Final = 10.0  # nobody waits at a counter for a document that is read back; a slow disk may take its time
LOG_EVERY: Final = 100  # documents of a long reading

PrintSoon = Callable[[Sequence[str]], bool]
"""Prints a slip a little later; False when it cannot take it."""


class SlipRoutes:
    """Which printers print the loyalty lines of whose receipts, as `slips_of` in the settings says."""

    def __init__(self) -> None:
        self._printers: dict[str, list[tuple[str, PrintSoon]]] = {}

    def add(self, printer: str, sources: Sequence[str], print_soon: PrintSoon) -> None:
        """A printer that prints for these sources: names of devices, or "api"."""
        for source in sources:
            self._printers.setdefault(source, []).append((printer, print_soon))

    def prints(self, source: str, printer: str = "") -> bool:
        """Whether somebody prints for this source; with a name, whether that printer does."""
        return any(printer in ("", name) for name, _ in self._printers.get(source, ()))

    def send(self, source: str, lines: Sequence[str], *, but: str = "") -> None:
        """Give lines to every printer that prints for this source, `but` not to this one; never waits."""
        if not lines:
            return
        for name, print_soon in self._printers.get(source, ()):
            if name != but and not print_soon(lines):
                log.warning("slip.dropped printer=%s reason=too many wait", name)

    def around(self, device: str, compose: SlipComposer) -> SlipComposer:
        """The same composer for an in-line device, whose lines may be another printer's to print."""

        def routed(document: Any, *, timeout_s: float) -> Sequence[str]:
            lines = compose(document, timeout_s=timeout_s)
            if not self.prints(device):
                return lines
            self.send(device, lines)
            return ()

        return routed


class TillTaker:
    """Keeps the documents of one device in the till's store; see `drivers.polled.DocumentTaker`.

    Args:
        begin_after: the number to begin after in a memory that this till has not seen; None is its newest.
    """

    def __init__(self, till: Till, device: str, routes: SlipRoutes, *, begin_after: int | None) -> None:
        self._till = till
        self._device = device
        self._routes = routes
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
        if not pulled.is_fresh:
            return ()
        self._routes.send(device, lines, but=device)
        return lines if self._routes.prints(device, device) else ()

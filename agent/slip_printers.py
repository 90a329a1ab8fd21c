"""Printers of our own: which closed receipts they print a slip for, each once, and again when asked; never waits.

`slips_of` of a device says whose receipts: "api", or the devices they were read from. Called on the till thread.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from typing import Final, Protocol

from agent.slips.own import own_note, own_slip
from drivers.vocabulary.receipt import Receipt
from drivers.vocabulary.slips import Slip

__all__ = ["ClosedSlip", "PrintsSlips", "SlipPrinters"]

FRESH: Final = timedelta(minutes=15)  # of a receipt read out of a memory later: its customer has left
REMEMBERED: Final = 50  # a receipt that is confirmed and then seen printed is one receipt; hours apart it is a reprint


class PrintsSlips(Protocol):
    """A printer's thread (`drivers.slips.SlipWorker`)."""

    def print(self, slip: Slip) -> None:
        """Take a slip; must not wait."""
        ...

    @property
    def trouble(self) -> str:
        """Why it is not printed at once, or ""."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedSlip:
    """What a slip is made of: the receipt, its lines as composed, and the shop's language and time zone."""

    receipt: Receipt
    lines: tuple[str, ...]
    closed_at: datetime
    language: str
    zone: tzinfo


@dataclass(slots=True)
class _Printer:
    """One printer, and what it has printed lately."""

    sources: frozenset[str]
    worker: PrintsSlips
    columns: int
    printed: deque[str] = field(default_factory=lambda: deque(maxlen=REMEMBERED))


class SlipPrinters:
    """All printers of our own of one till.

    Args:
        header: the shop's own lines at the top of a slip.
    """

    def __init__(self, header: Sequence[str] = ()) -> None:
        self._header = tuple(header)
        self._printers: list[_Printer] = []

    def add(self, sources: Sequence[str], worker: PrintsSlips, *, columns: int) -> None:
        """A printer, and whose receipts it prints slips for ("api" when nobody is named); before the till starts."""
        self._printers.append(_Printer(frozenset(sources or ("api",)), worker, columns))

    def closed(self, source: str, slip: ClosedSlip, now: datetime) -> None:
        """A receipt was closed, or a print of it was seen; `source` as in the journal: ``api``, ``print:NAME``."""
        if not slip.lines or now - (slip.receipt.closed_at or slip.closed_at) > FRESH:
            return
        name = source.partition(":")[2] or source
        for printer in self._printers:
            if name in printer.sources and slip.receipt.uid not in printer.printed:
                self._print(printer, slip)

    def again(self, slip: ClosedSlip) -> tuple[bool, str]:
        """Print it once more, on every printer: (whether there is one, why it does not come at once or "")."""
        for printer in self._printers:
            self._print(printer, slip)
        return bool(self._printers), next((one.worker.trouble for one in self._printers if one.worker.trouble), "")

    def note(self, name: str, lines: tuple[str, ...]) -> None:
        """A few lines that belong to no receipt, on every printer."""
        for printer in self._printers:
            printer.worker.print(own_note(name, lines, header=self._header, columns=printer.columns))

    def _print(self, printer: _Printer, slip: ClosedSlip) -> None:
        printer.printed.append(slip.receipt.uid)
        printer.worker.print(
            own_slip(
                slip.receipt,
                slip.lines,
                closed_at=slip.closed_at,
                header=self._header,
                language=slip.language,
                zone=slip.zone,
                columns=printer.columns,
            )
        )

"""What a driver promises when the agent is the master: it asks one device, over pipes it opens, and is answered.

Two ways of a device (`way` in the settings) need it:

* ``pull``: closed documents are read out of the device's memory, in order, each once; its state is asked beside;
* ``host``: only its state is asked.

In both the agent may print slips on it. A driver offers them with one field of its row, `Driver.polling`; it writes no
thread, no retry and no place: `drivers.polling` does that for every driver. It waits (that is what a master does), on
a thread of its own.

A till may use the same device over another of its ports at the same time. So a driver says `is_busy` whenever a
receipt is open or something prints, reads one document at a time, and leaves the device as it found it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from drivers.transport.contract import Transport
from drivers.vocabulary.events import Document

__all__ = ["Condition", "DocumentTaker", "Memory", "PolledDevice", "PolledKind", "Polling", "Pulled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """How a device is.

    Attributes:
        code: our code (``E301`` out of paper, ``E302`` cover open, ``E310`` shift over 24 hours …), "" for all is well.
        sentence: what the cashier should do, "" for nothing.
        maker_code: what it was read from, as the maker writes it.
        is_busy: a receipt is open, something prints, or somebody reads: it must not be asked for documents now.
    """

    code: str = ""
    sentence: str = ""
    maker_code: str = ""
    is_busy: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Where a device keeps its closed documents.

    Attributes:
        name: of the memory itself (its factory number): in another one the numbers begin anew.
        first: the oldest number that can still be asked for.
        last: the newest number, 0 in an empty memory.
    """

    name: str
    first: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulled:
    """One closed document.

    Attributes:
        memory: `Memory.name`.
        last: the newest number there was; `number` of `last` is the progress.
        is_fresh: it was closed moments ago, while the agent was looking; whoever stands at the till may have bought it.
    """

    memory: str
    number: int
    last: int
    document: Document
    is_fresh: bool = False


class PolledDevice(Protocol):
    """One device, asked by one thread.

    Every method may wait, each for a limited time, and may raise:

    * TransportError: no answer. The object is thrown away and made anew over new pipes.
    * DeviceRefused: the device said no; asked again at the next poll, with its sentence on the panel meanwhile.
    * ProtocolError: the answer makes no sense; asked again over new pipes, some times.
    """

    def condition(self) -> Condition:
        """How it is; harmless at any time, also inside a receipt of the till."""
        ...

    def memory(self) -> Memory:
        """Which documents there are; called for devices that are pulled only."""
        ...

    def document(self, number: int) -> Document | None:
        """One closed document, None for a number that was never given or is not kept any more.

        Its receipt is called the same each time. A receipt that cannot be read comes as a document of its kind without
        a receipt and with `problems`; what is no receipt comes as a report or other.
        """
        ...

    def print_slip(self, lines: Sequence[str]) -> None:
        """Print text and cut, between receipts only; a line whose answer was lost is not printed again."""
        ...


class PolledKind(Protocol):
    """Builds a polled device from the driver's own settings."""

    def __call__(
        self,
        settings: Any,
        *,
        device: str,
        connect: Callable[[], Transport],
        wait: Callable[[float], object],
        clock: Callable[[], float],
    ) -> PolledDevice:
        """Ask nothing yet.

        Args:
            settings: the driver's own table, or None for its defaults.
            device: the name in the settings file.
            connect: opens a pipe to the device and gives it, or raises a TransportError; the caller keeps count and
                closes what it gave. Most drivers call it once; one whose protocol ends a connection with each answer
                (HTTP) calls it again.
            wait: waits so many seconds, less when the agent stops.
            clock: seconds that only grow.
        """
        ...


def _is_good(settings: Any) -> str:  # noqa: ARG001 - the shape of `Polling.refusal`
    return ""


def _unknown(settings: Any) -> int:  # noqa: ARG001 - the shape of `Polling.columns`
    return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Polling:
    """The field `polling` of a driver's row.

    Attributes:
        device: builds the polled device.
        refusal: why a device with these settings cannot be pulled, "" when it can; opens nothing.
        columns: characters in a line of its paper, 0 when that is not known.
    """

    device: PolledKind
    refusal: Callable[[Any], str] = _is_good
    columns: Callable[[Any], int] = _unknown


class DocumentTaker(Protocol):
    """Who keeps the documents and the place; the agent, or a test.

    Both methods raise CheckoutRefused when they cannot keep anything now: the worker asks again with the same document.
    """

    def place(self, memory: Memory) -> int:
        """The number after which to go on; what it answers the first time is kept like any place."""
        ...

    def take(self, pulled: Pulled) -> Sequence[str]:
        """Keep a document and its number, once however often it is called; the lines to print on this device, or ()."""
        ...

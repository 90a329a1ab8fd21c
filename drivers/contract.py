"""What a driver promises: a conversation without I/O, a settings type, and a row in the registry.

A driver never opens a port. It is given bytes and a time and gives back bytes and events; who moves the bytes
(`drivers.worker`, `drivers.inline`, `drivers.slips`) is not its business. These shapes exist today:

* a **reader** (scanner, card reader) only listens: bytes in, events out;
* an **in-line** driver sits between a till and its printer: bytes from both sides in, an ordered list of steps out;
* a **slips** driver prints slips of our own on a printer of our own.

Beside its shape a driver may be **polled** (`drivers.polled`): the agent is the master, asks the device for its closed
documents and its state, and prints slips. A driver that offers it sets `polling` in its row; settings then choose with
``way = "pull"`` or ``way = "host"``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from msgspec import Struct

from drivers.polled import Polling
from drivers.sharing import SharedReader
from drivers.support import Support
from drivers.vocabulary.events import Document, Event
from drivers.vocabulary.inside import InsideOffer
from drivers.vocabulary.slips import Slip

__all__ = [
    "AskOffer",
    "Deliver",
    "DocumentEnds",
    "Driver",
    "DriverKind",
    "FloorStep",
    "GiveFloor",
    "InlineConversation",
    "InsideAdviser",
    "InsideConversation",
    "ReaderConversation",
    "ReceiptDropped",
    "Say",
    "Scene",
    "SlipComposer",
    "SlipConversation",
    "SlipTrouble",
    "Step",
    "TakeFloor",
    "Tell",
    "ToDevice",
    "ToHost",
    "Translate",
    "Twin",
    "Withhold",
]


class ReaderConversation(Protocol):
    """Listens to one device."""

    def feed(self, data: bytes, now_s: float) -> Sequence[Event]:
        """Take bytes in any slicing; never raises for what a device may send."""
        ...

    def tick(self, now_s: float) -> Sequence[Event]:
        """Time passed without bytes: a code without a suffix ends by silence."""
        ...

    def outgoing(self) -> bytes:
        """Bytes the device must be sent, once; b"" for none."""
        ...


@dataclass(frozen=True, slots=True)
class ToDevice:
    """Send these bytes on to the printer."""

    data: bytes


@dataclass(frozen=True, slots=True)
class ToHost:
    """Send these bytes on to the till."""

    data: bytes


@dataclass(frozen=True, slots=True)
class DocumentEnds:
    """A document is complete and its end (the cut) is in the steps that follow.

    Whoever moves the bytes asks what to add before going on, and sends `render(lines)` to the device;
    without an answer in time it goes on at once, so that the till never waits for us.
    """

    document: Document
    render: Callable[[Sequence[str]], bytes]


@dataclass(frozen=True, slots=True)
class TakeFloor:
    """From here on the conversation speaks to both sides itself, for one request of the till that it keeps back.

    Until `GiveFloor`, what the till sends is not owed to the device nor what the device sends to the till. The
    request itself is owed as long as it was not delivered: should the conversation fail, it goes on as it came.
    """


@dataclass(frozen=True, slots=True)
class Say:
    """Bytes of our own to the device; only with the floor."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Tell:
    """Bytes of our own to the till; only with the floor."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Deliver:
    """The till's request to the device, with its payments rewritten perhaps; only with the floor."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Withhold:
    """From here on the till's request would do harm at the device; only with the floor.

    It stood on a receipt that is not there as the till knows it any more. Should the conversation fail before it has
    delivered something better, `to_device` goes out in place of the request, and `to_host` is what the till hears.
    """

    to_host: bytes
    to_device: bytes


@dataclass(frozen=True, slots=True)
class Translate:
    """Bytes that came in, `owed`, go on as `data`: where frames are numbered, ours have moved the numbers."""

    owed: bytes
    data: bytes
    is_to_device: bool


@dataclass(frozen=True, slots=True)
class GiveFloor:
    """The till and the device speak with each other again; `rest` is what the till has sent for the device already."""

    rest: bytes = b""


@dataclass(frozen=True, slots=True)
class AskOffer:
    """What may be taken off the open receipt? The answer comes to `InsideConversation.offered`; bytes flow on.

    The answer names this very `document` again, so that one which comes late is not taken for an answer to the next.
    """

    document: Document


@dataclass(frozen=True, slots=True)
class ReceiptDropped:
    """The till cancelled a receipt that was promised something: the quote is of no use any more."""

    quoted: str


Step = ToDevice | ToHost | DocumentEnds | AskOffer | ReceiptDropped
#: What a conversation may order beside: the guard turns these into `Step`.
FloorStep = TakeFloor | GiveFloor | Say | Tell | Deliver | Withhold | Translate


class InlineConversation(Protocol):
    """Sits between a till (host) and its printer (device); whatever it does not understand passes unchanged."""

    def from_host(self, data: bytes, now_s: float) -> Sequence[Step | FloorStep]:
        """Bytes the till sent; the ToDevice steps together are exactly these bytes, loyalty lines aside."""
        ...

    def from_device(self, data: bytes, now_s: float) -> Sequence[Step | FloorStep]:
        """Bytes the printer answered; the ToHost steps together are exactly these bytes."""
        ...

    def tick(self, now_s: float) -> Sequence[Step | FloorStep]:
        """Time passed without bytes: a document without a cut ends by silence."""
        ...

    def host_gone(self, now_s: float) -> Sequence[Step | FloorStep]:
        """The till closed its connection: a document without a cut ends here."""
        ...


class InsideConversation(InlineConversation, Protocol):
    """An in-line conversation that can change an open receipt: it may order `AskOffer` and take the floor."""

    def offered(self, asked: Document, offer: InsideOffer | None, now_s: float) -> Sequence[Step | FloorStep]:
        """The agent's word on the receipt that was `asked` about; None when there was none in time.

        One on a receipt that nobody waits for any more is dropped.
        """
        ...


class InsideAdviser(Protocol):
    """Given a receipt that is open, what may be taken off it and printed into it."""

    def offer(self, document: Document, *, timeout_s: float) -> InsideOffer | None:
        """Decide; None when nobody is at the till, or not within `timeout_s`."""
        ...

    def dropped(self, quoted: str) -> None:
        """The receipt of this quote was cancelled; never waits."""
        ...


class SlipComposer(Protocol):
    """Given a finished document, the loyalty lines to print with it."""

    def __call__(self, document: Document, *, timeout_s: float) -> Sequence[str]:
        """The lines, or () when there are none or they are not ready within `timeout_s`.

        It is given each document once and must keep it even when it answers too late to print: nobody else is told.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SlipTrouble:
    """What a slip printer says is wrong with it.

    Attributes:
        code: our code (``E301``).
        sentence: what the cashier should do.
        stops: whether nothing is printed meanwhile; paper that is nearly out stops nothing.
    """

    code: str
    sentence: str
    stops: bool


class SlipConversation(Protocol):
    """Prints slips of our own on a printer that stands in nobody's line; one for each connection."""

    @property
    def columns(self) -> int:
        """How many characters a line has: whoever composes a slip lays it out for that."""
        ...

    def ask(self) -> bytes:
        """The request how the printer is; b"" when it cannot say."""
        ...

    def feed(self, data: bytes, now_s: float) -> None:
        """Take what the printer answers, in any slicing; never raises for what a device may send."""
        ...

    @property
    def is_told(self) -> bool:
        """Whether the printer has answered everything that was asked."""
        ...

    @property
    def trouble(self) -> SlipTrouble | None:
        """The gravest trouble known, None when there is none."""
        ...

    def render(self, slip: Slip) -> bytes:
        """The slip as bytes, cut included; whole, whatever the printer was set to before."""
        ...

    def lacks(self, text: str) -> str:
        """The letters of a text that would come out as question marks, each once; "" when all can be printed."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One thing a twin does in the conformance suite, and what the driver must make of it.

    Attributes:
        from_host: what a till sends through an in-line driver; it must reach the device byte for byte.
        from_device: what a reader sends by itself.
        codes: the codes that must be scanned, in order.
        documents: how many documents must be seen to end.
        slip: what a slip printer is given to print.
        paper: what must then stand on its paper, line by line.
    """

    name: str
    from_host: bytes = b""
    from_device: bytes = b""
    codes: tuple[str, ...] = ()
    documents: int = 0
    slip: Slip | None = None
    paper: tuple[str, ...] = ()


class Twin(Protocol):
    """The simulated device, on the device's side of the wire; it opens no port either.

    One that keeps `drivers.twins.ShownTwin` as well can be started with ``tillpoint simulate``.
    """

    def feed(self, data: bytes, now_s: float) -> bytes:
        """Bytes the device was sent; what it answers, b"" for nothing."""
        ...

    def script(self) -> Sequence[Scene]:
        """Scenes the conformance suite plays, each on its own and one after the other."""
        ...


class DriverKind(Protocol):
    """Builds a conversation from the driver's own settings; two devices of one kind share nothing."""

    def __call__(self, settings: Any, *, device: str) -> ReaderConversation | InlineConversation | SlipConversation:
        """`device` is the name in the settings file; it is carried by every event."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Driver:
    """One row of the registry, and what an entry point of group ``tillpoint.drivers`` resolves to.

    Attributes:
        name: how settings name it (``escpos``).
        title: for people.
        shape: "reader", "inline" or "slips".
        settings_type: its own table in the settings file; checked without making a connection.
        conversation: builds the sans-I/O conversation.
        twin: builds the simulated device (a `Twin`) from the same settings, or from none: ``twin(settings, **rude)``;
            None when there is no twin, and the conformance suite says so.
        warm_up: imports what the first document would otherwise wait for; called once, when the agent idles.
        polling: builds the device as one that the agent asks; None when the protocol has no such thing.
        visitors_max: in line on TCP, connections of tills at once; above 1 each is carried on threads of its own
            (`drivers.visits`), as a server wants it.
        sharing: builds the conversation of a scanner that is shared with the POS, from the settings and the judge:
            ``sharing(settings, judge, device=…)``; None when the device has nothing to share.
        inline_refusal: why a device with these settings cannot stand in line, and what to write instead; "" when it
            can. None where all can.
        support: its row in the support matrix of till systems, for a device whose protocol POS programs speak with a
            server of their own; None for every other device.
    """

    name: str
    title: str
    shape: str
    settings_type: type[Struct]
    conversation: DriverKind
    twin: Callable[..., Any] | None = None
    warm_up: Callable[[], None] | None = None
    polling: Polling | None = None
    visitors_max: int = 1
    sharing: Callable[..., SharedReader] | None = None
    inline_refusal: Callable[[Any], str] | None = None
    support: Support | None = None

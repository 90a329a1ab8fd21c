"""What a driver promises: a conversation without I/O, a settings type, and a row in the registry.

A driver never opens a port. It is given bytes and a time and gives back bytes and events; who moves the bytes
(`drivers.worker`, `drivers.inline`) is not its business. Two shapes exist today:

* a **reader** (scanner, card reader) only listens: bytes in, events out;
* an **in-line** driver sits between a till and its printer: bytes from both sides in, an ordered list of steps out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from msgspec import Struct

from drivers.vocabulary.events import Document, Event

__all__ = [
    "DocumentEnds",
    "Driver",
    "DriverKind",
    "InlineConversation",
    "ReaderConversation",
    "Scene",
    "SlipComposer",
    "Step",
    "ToDevice",
    "ToHost",
    "Twin",
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


Step = ToDevice | ToHost | DocumentEnds


class InlineConversation(Protocol):
    """Sits between a till (host) and its printer (device); whatever it does not understand passes unchanged."""

    def from_host(self, data: bytes, now_s: float) -> Sequence[Step]:
        """Bytes the till sent; the ToDevice steps together are exactly these bytes, loyalty lines aside."""
        ...

    def from_device(self, data: bytes, now_s: float) -> Sequence[Step]:
        """Bytes the printer answered; the ToHost steps together are exactly these bytes."""
        ...

    def tick(self, now_s: float) -> Sequence[Step]:
        """Time passed without bytes: a document without a cut ends by silence."""
        ...

    def host_gone(self, now_s: float) -> Sequence[Step]:
        """The till closed its connection: a document without a cut ends here."""
        ...


class SlipComposer(Protocol):
    """Given a finished document, the loyalty lines to print with it."""

    def __call__(self, document: Document, *, timeout_s: float) -> Sequence[str]:
        """The lines, or () when there are none or they are not ready within `timeout_s`.

        It is given each document once and must keep it even when it answers too late to print: nobody else is told.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One thing a twin does in the conformance suite, and what the driver must make of it.

    Attributes:
        from_host: what a till sends through an in-line driver; it must reach the device byte for byte.
        from_device: what a reader sends by itself.
        codes: the codes that must be scanned, in order.
        documents: how many documents must be seen to end.
    """

    name: str
    from_host: bytes = b""
    from_device: bytes = b""
    codes: tuple[str, ...] = ()
    documents: int = 0


class Twin(Protocol):
    """The simulated device, on the device's side of the wire; it opens no port either."""

    def feed(self, data: bytes, now_s: float) -> bytes:
        """Bytes the device was sent; what it answers, b"" for nothing."""
        ...

    def script(self) -> Sequence[Scene]:
        """Scenes the conformance suite plays, each on its own and one after the other."""
        ...


class DriverKind(Protocol):
    """Builds a conversation from the driver's own settings; two devices of one kind share nothing."""

    def __call__(self, settings: Any, *, device: str) -> ReaderConversation | InlineConversation:
        """`device` is the name in the settings file; it is carried by every event."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Driver:
    """One row of the registry, and what an entry point of group ``tillpoint.drivers`` resolves to.

    Attributes:
        name: how settings name it (``escpos``).
        title: for people.
        shape: "reader" or "inline".
        settings_type: its own table in the settings file; checked without making a connection.
        conversation: builds the sans-I/O conversation.
        twin: builds the simulated device (a `Twin`) from the same settings, or from none: ``twin(settings, **rude)``;
            None when there is no twin, and the conformance suite says so.
        warm_up: imports what the first document would otherwise wait for; called once, when the agent idles.
    """

    name: str
    title: str
    shape: str
    settings_type: type[Struct]
    conversation: DriverKind
    twin: Callable[..., Any] | None = None
    warm_up: Callable[[], None] | None = None

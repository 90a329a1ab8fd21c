"""What a till system's room offers: a door it calls, files it writes, a twin that plays its side, and what it can do.

A room does no I/O of its own. Its door is given a whole request and gives a whole answer; its twin is a generator
that yields requests and is sent answers. Who carries them (the agent's doors, the central server, `tillpoint simulate
till`, a test that loses every third answer) is no business of the room's.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Any, Final, Protocol

from msgspec import Struct

from drivers.support import Support
from drivers.tills.ledgers import Ledgers
from drivers.tills.loads import Loads
from drivers.tills.reports import Reported, Reports, ReportTwin
from drivers.vocabulary.checkout import Checkout
from drivers.vocabulary.money import Money, Quantity

if TYPE_CHECKING:
    from drivers.tills.clouds import CloudReader

__all__ = [
    "AnswerLost",
    "DoorContext",
    "HttpReply",
    "HttpRequest",
    "Outcome",
    "PosTwin",
    "Story",
    "StoryLine",
    "Support",
    "TillDoor",
    "TillSystem",
    "TwinContext",
]

JSON: Final = "application/json; charset=utf-8"


# ── A door ──────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """One whole HTTP request.

    Attributes:
        path: below the door's own address, beginning with "/".
        root: that address on its host, "" where the door stands at the root; for an answer that names it.
        query: the last value of each name.
        headers: names in small letters.
        body: as it came, so that a signature over the raw bytes can be checked.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    root: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpReply:
    """One whole HTTP answer.

    Attributes:
        trouble: what store IT should know of this answer (a wrong key, a body nobody understands), "" for nothing.
        later: names the delivery when the request is to be kept and done after this answer (`drivers.tills.clouds`,
            at the centre only); "" when all is done.
        reported: documents that the POS has closed, told by this request: kept before the answer is given, each once
            however often it is told, and counted as those of a report are. At the agent only.
        unkept: the answer instead, when they cannot be kept now; None is `TillDoor.unavailable`.
        code_to: an E.164 phone to which `code` is to be sent before this answer; "" for none. At the centre only.
    """

    status: int = 200
    body: bytes = b""
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    trouble: str = ""
    later: str = ""
    reported: Sequence[Reported] = ()
    unkept: HttpReply | None = None
    code_to: str = field(default="", repr=False)
    code: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorContext:
    """What a door knows of its place.

    Attributes:
        name: the name in the settings file.
        key: the secret that this POS must show, in the way of its protocol; never "".
        token: the secret that we show to its cloud, "" for none.
        zone: of the shop: times without one are in it.
        currency: three letters: amounts without one are in it.
        region: two letters; how a phone number without a country code is read.
    """

    name: str
    key: str = field(repr=False)
    zone: tzinfo
    currency: str
    region: str = "RU"
    token: str = field(default="", repr=False)


class TillDoor(Protocol):
    """Answers one till system's requests out of the checkout contract; may be called on several threads at once.

    Neither method raises for anything the other side sent. A refusal of the checkout (`CheckoutRefused`) is told in
    the protocol's own form, so that the POS shows it and goes on.
    """

    def answer(self, request: HttpRequest, checkout: Checkout, *, now: datetime, timeout_s: float) -> HttpReply:
        """Answer one request.

        Args:
            request: as it came.
            checkout: the till, or the centre in a till's place.
            now: with a zone; for requests that tell no time of their own.
            timeout_s: how long all calls of `checkout` together may take.
        """
        ...

    def unavailable(self, sentence: str) -> HttpReply:
        """The answer when the agent cannot answer now, in the form this POS takes best."""
        ...


# ── A twin ──────────────────────────────────────────────────────────────────────────────────────


class AnswerLost(Exception):  # noqa: N818 - what happened on the wire
    """Thrown into a twin where an answer was awaited: the request may have arrived. It does what its POS would do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryLine:
    """A line of a story: `quantity` pieces or kilograms of one article at a price for one."""

    code: str
    name: str
    price: Money
    quantity: Quantity
    barcode: str = ""
    minimum_price: Money | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What happens at a POS: one sale, and perhaps a return of a part of it.

    Attributes:
        number: of the receipt; with shop, till and shift it makes the uid where the protocol has none.
        customer: a phone or a card as typed or scanned; "" for nobody.
        spend: how many points to spend; -1 for as many as may be, 0 for none.
        refund: (place of the line from 1, how many of it come back); empty for no return.
        abandon: the sale is cancelled before it is paid.
    """

    uid: str
    number: int
    at: datetime
    lines: Sequence[StoryLine]
    customer: str = ""
    spend: int = 0
    coupons: Sequence[str] = ()
    certificate: str = ""
    refund: Sequence[tuple[int, Quantity]] = ()
    abandon: bool = False


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What the POS saw of a story.

    Attributes:
        discount: taken off all lines by loyalty, points not among it where they are a tender.
        points_paid: money paid with points, as a discount or as a tender.
        paid: what the customer paid in money.
        refunded: what was given back in money.
        balance: points as last told to the POS, None when it was told nothing.
        slip: lines to print.
        messages: what the cashier was shown.
        failures: refusals in the protocol's own words.
    """

    discount: Money
    points_paid: Money
    paid: Money
    refunded: Money | None = None
    balance: int | None = None
    slip: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class TwinContext:
    """What a POS was told when it was set up: the key, and where it stands."""

    key: str
    zone: tzinfo
    currency: str
    shop: str = "shop-1"
    till: str = "1"


class PosTwin(Protocol):
    """The POS's side of a protocol, as far as loyalty goes."""

    def play(self, story: Story) -> Generator[HttpRequest, HttpReply, Outcome]:
        """Play a story: yields each request, is sent its answer or thrown `AnswerLost`, returns what the POS saw.

        After a lost answer it does what the real POS does (repeats, goes on without, asks again), and says so.
        """
        ...


# ── The room's row ──────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class TillSystem:
    """One till system; registered by entry point (group ``tillpoint.tills``).

    Attributes:
        name: the folder's name.
        title: as its maker writes it.
        settings_type: the room's own table.
        support: its row in the support matrix.
        door: builds what answers its requests, None for a system that never calls the agent.
        at_centre: its requests come from a cloud and are answered by the central server.
        default_port: where its POS expects a server that it cannot be told another place of; 0 for none.
        twin: builds the POS's side.
        reader: builds what reads closed receipts out of its cloud (a `CloudReader`), at the centre only.
        keep_s: for how long a quote at the centre keeps points and coupons: until its customers have usually paid.
        refusal: why these settings cannot be used, "" when they can; opens nothing.
        reports: how the files are read in which it tells its closed documents, None for a system without such files.
        report_twin: builds the POS's side of those files.
        app_twin: builds the side of an app of ours on its terminal, which asks the agent's local API itself; the key is
            that API's token.
        push_twin: builds the side that tells the door closed documents after the fact, where `twin` is another one.
        loads: how files are written that give it cards and tiers, None for a system without such files.
        ledger: how the database is read in which it keeps its closed documents, None for a system without one.
    """

    name: str
    title: str
    settings_type: type[Struct]
    support: Support
    door: Callable[[Any, DoorContext], TillDoor] | None = None
    at_centre: bool = False
    default_port: int = 0
    twin: Callable[[Any, TwinContext], PosTwin] | None = None
    reader: Callable[[Any, DoorContext], CloudReader] | None = None
    keep_s: int = 900
    refusal: Callable[[Any], str] = lambda _settings: ""
    reports: Reports | None = None
    report_twin: Callable[[Any, TwinContext], ReportTwin] | None = None
    app_twin: Callable[[Any, TwinContext], PosTwin] | None = None
    push_twin: Callable[[Any, TwinContext], PosTwin] | None = None
    loads: Loads | None = None
    ledger: Ledgers | None = None

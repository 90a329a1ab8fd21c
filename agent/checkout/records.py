"""What this till remembers about receipts, as documents in till.db: open ones, closed ones, own ledger entries.

Collections and keys:
    checkout/<uid>              a receipt in progress (Open)
    closed/<uid>                a receipt that was confirmed or refunded here (Closed)
    entry/<customer>/<place>    what a closed receipt did to a customer (Entry), until the replica reflects it
    hold/<customer>/<uid>       points reserved on this till (Hold)
    lease/<customer>/<id>       points in this till's hand (LeaseKept)
    lease_wanted/<customer>     who was here, and might be again when the line is down (Wanted)
    value_lease/<kind>/<hash of the thing>/<id>  a coupon or money of a certificate in this till's hand (ValueKept)
    value_promise/<uid>/<id>    what a receipt in progress was promised under such a lease (ValuePromise)
    time/values                 when the centre last said what is in this till's hand of those (CentreTime)
    time/centre                 the centre's clock against this machine's uptime (CentreTime)
    desk/current                the customer at the till now (Current)
    desk/last                   what the last closed receipt did, for a glance (a plain table of texts)
    printed/<print uid>         which closed receipt a print was (its uid as bytes)
    closed_on/<day>/<uid>       closed receipts by day, for pruning (the uid as bytes)
    coupon/<serial>             how often a coupon was used on this till (CouponUses); kept, or it could be used again
    issued/<serial>             a coupon this till has given for a later purchase (CouponFact)
    newcomer/<name>             somebody who became a customer here (Newcomer), until the replica knows
    card_alias/<hash>           a new card that was given here (the customer as bytes), until the replica knows it
    newcomer_alias/<hash>       by which keyed hash a newcomer is found (the name as bytes)
    other_name/<customer>/<name> a name this till gave to a customer whom the centre knew already (empty)
    guest/<customer>            somebody the centre named and the replica does not know yet (Guest)
    guest_alias/<hash>          by which keyed hash a guest is found (the customer as bytes)
    qr/<hash of the code>       a signed code of an app that named somebody here (QrSeen), until it expires
    print/<uid>                 a receipt confirmed over the API whose print has not been seen yet (AwaitingPrint)
    pace/customer/<customer>    when a customer bought here lately, and at whom (Pace); pace/till is everybody (a day)
    panel_day/<day>             what was done at the panel on a day (PanelDay)
    recent/<hash>/<customer>    who told a number here lately, by a keyed hash of its last digits (Recent)
    pulled/<device>             up to which closed document a device was read (PulledPlace)
    pulled/<till system>        since when a till system's reports are counted (PulledPlace)
    pulled/<till system>/<counter>  up to which document its reports were read (PulledPlace)
    pulled/<till system>:unread/<digest>  a document of its door that could not be counted (PulledPlace)
    unnamed/<uid>               a closed receipt that names somebody only the centre may know (Unnamed)
    numbered/<number>/<day>/<uid>   closed receipts by their number, where reports are read (empty)
"""

from __future__ import annotations

from typing import Final, TypeVar

from msgspec import Struct

from agent.loyalty import RefundEffect
from drivers.vocabulary import codec
from drivers.vocabulary.customer import CouponFact, Customer, PointsLot
from drivers.vocabulary.decision import Decision
from drivers.vocabulary.leases import Place, SignedLease
from drivers.vocabulary.money import Money
from drivers.vocabulary.receipt import AwareTime, Receipt
from drivers.vocabulary.value_leases import SignedValueLease
from offline_queue.transaction import SCAN_ROWS_MAX, Documents, Transaction

__all__ = [
    "AwaitingPrint",
    "ByHand",
    "CentreTime",
    "Closed",
    "CodeKept",
    "CouponUses",
    "Current",
    "Entry",
    "Guest",
    "Hold",
    "LeaseKept",
    "LimitKept",
    "Newcomer",
    "Offered",
    "Open",
    "Pace",
    "PanelDay",
    "Picked",
    "PulledPlace",
    "QrSeen",
    "Recent",
    "Unnamed",
    "ValueKept",
    "ValuePromise",
    "Visit",
    "Wanted",
    "Wish",
    "entry_key",
    "read",
    "read_all",
    "write",
]

T = TypeVar("T")


class _Record(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A document; fields are only ever added."""


class Hold(_Record, frozen=True, kw_only=True, omit_defaults=True):
    """Points promised to one receipt.

    Attributes:
        id: the centre's name for what it keeps; "" when only this till knows of the promise.
        granted: how many of the points the centre keeps; the others are in this till's own hand. None is all of them.
    """

    receipt_uid: str
    customer_id: str
    unit: str
    points: int
    expires_at: AwareTime
    id: str = ""
    granted: int | None = None

    @property
    def by_centre(self) -> int:
        """How many of the points the centre keeps."""
        if not self.id:
            return 0
        return self.points if self.granted is None else self.granted


class Open(_Record, frozen=True, kw_only=True, omit_defaults=True):
    """A receipt in progress: who, and what was last quoted.

    Attributes:
        partner: whose card was shown, when it was not ours.
        certificate_hold: the centre's name for money it keeps of a certificate, or "".
        certificates_held: minor units the centre keeps of certificates for this receipt, by their names.
        coupons_refused: why coupons are not to be had for this receipt, by serial, as the centre said.
    """

    uid: str
    touched_at: AwareTime
    customer_id: str | None = None
    presented: bool = False
    partner: str = ""
    certificate_hold: str = ""
    certificates_held: dict[str, int] = {}
    coupons_refused: dict[str, str] = {}
    receipt: Receipt | None = None
    decision: Decision | None = None
    mark: str = ""


class Closed(_Record, frozen=True, kw_only=True, omit_defaults=True):
    """A receipt that is closed, with what it did: enough to answer again and to take it back.

    Attributes:
        digest: of the request that closed it; another body under the same uid is refused.
        answer: the answer that was given, as JSON.
        print_uid: the uid its print had, when the till named it otherwise.
        slip: the lines for the customer, for a printer of any width.
        returned: receipts that took parts of it back.
    """

    uid: str
    digest: str
    source: str
    closed_at: AwareTime
    receipt: Receipt
    decision: Decision
    answer: str
    customer_id: str | None = None
    slip: tuple[str, ...] = ()
    print_uid: str = ""
    returned: tuple[Receipt, ...] = ()


class Entry(_Record, frozen=True, kw_only=True, omit_defaults=True):
    """What one envelope of this till did to one customer: points, spending, and the facts that rules ask for.

    Attributes:
        secured: of the points spent, how many a hold or a lease answered for.
        sold: of a sale: the decision that moved counters, coupons, membership and purchases; None of a return.
        at: when it was closed.
        undone: of a return: what of its sale it took back.
    """

    epoch: int
    sequence: int
    spent_points: dict[str, int] = {}
    secured: dict[str, int] = {}
    lots: tuple[PointsLot, ...] = ()
    spent_money: Money | None = None
    sold: Decision | None = None
    at: AwareTime | None = None
    undone: RefundEffect | None = None


class Wish(_Record, frozen=True, kw_only=True, omit_defaults=True):
    """What the customer at the till wants to spend; `points` None is the most there may be.

    Attributes:
        proof: how it was shown that the points are theirs: "card" (card or app code), "code" or "supervisor".
    """

    unit: str
    proof: str
    points: int | None = None


class Offered(_Record, frozen=True, kw_only=True, omit_defaults=True):
    """Another customer whose card was shown while one is at the till; `is_told`: the centre hears that they are one."""

    customer_id: str
    mask: str
    presented: bool = False
    partner: str = ""
    is_told: bool = False


class Visit(_Record, frozen=True, kw_only=True, omit_defaults=True):
    """A receipt of a customer that was closed here; `presented`: a card or an app was shown."""

    at: AwareTime
    cashier: str = ""
    presented: bool = False


class Pace(_Record, frozen=True, kw_only=True, omit_defaults=True):
    """Receipts one after another, the newest last."""

    visits: tuple[Visit, ...] = ()


class LimitKept(_Record, frozen=True, kw_only=True, omit_defaults=True):
    """A limit against misuse that the customer at the till met, and what was answered."""

    limit: str
    count: int
    level: str
    answer: str = ""
    supervisor: bool = False


class Recent(_Record, frozen=True, kw_only=True, omit_defaults=True):
    """When a customer last told a number here."""

    at: AwareTime


class Picked(_Record, frozen=True, kw_only=True, omit_defaults=True):
    """One of the customers a cashier chooses from."""

    customer_id: str
    at: AwareTime


class CodeKept(_Record, frozen=True, kw_only=True, omit_defaults=True):
    """A one-time code that was asked for, never the code itself.

    Attributes:
        id: its name at the centre.
        state: "asking", "sent", "checking" or "failed"; asking and checking end with the process (`boot`).
        reason: why there is none, or why it is not the code.
        points: how many are spent when the one that is being checked is right; None is the most there may be.
    """

    id: str
    state: str
    boot: str
    reason: str = ""
    mask: str = ""
    digits: int = 4
    tries_left: int = 3
    expires_at: AwareTime | None = None
    again_at: AwareTime | None = None
    points: int | None = None


class Current(_Record, frozen=True, kw_only=True, omit_defaults=True):
    """What the panel shows: the customer at the till, or what became of the last code.

    Attributes:
        step: "" or what the cashier is about to say: "redeem", "ask", "enrol", "limit", "pick",
            "case", "reissue", "withdrawn".
        ticked: on "enrol": the purposes the person agreed to.
        code: the one-time code under way.
        proven: such a code was right: the points are the customer's.
        limit: against misuse, that this customer met.
        picks: on "pick": whom the cashier chooses from.
        vouched: a supervisor answers for giving a new card.
        number: on "withdrawn": what the customer is told.
    """

    screen: str
    touched_at: AwareTime
    customer_id: str | None = None
    presented: bool = False
    mask: str = ""
    partner: str = ""
    step: str = ""
    wish: Wish | None = None
    offered: Offered | None = None
    ticked: tuple[str, ...] = ()
    code: CodeKept | None = None
    proven: bool = False
    limit: LimitKept | None = None
    picks: tuple[Picked, ...] = ()
    vouched: bool = False
    number: str = ""


class ByHand(_Record, frozen=True, kw_only=True, omit_defaults=True):
    """A receipt whose sum the cashier typed, where no till system makes one; `wish` is what its quote counts with."""

    uid: str
    total: Money
    touched_at: AwareTime
    wish: Wish | None = None


class PanelDay(_Record, frozen=True, kw_only=True, omit_defaults=True):
    """What was done at the panel on one day: how many joined, how many would not, how often points were asked for."""

    counts: dict[str, int] = {}


class QrSeen(_Record, frozen=True, kw_only=True, omit_defaults=True):
    """A signed code that was shown here: whom it named, and until when it must be remembered."""

    customer_id: str
    until: AwareTime


class CouponUses(_Record, frozen=True, kw_only=True, omit_defaults=True):
    """How often a coupon was used here, and when last.

    Attributes:
        epoch: with `sequence`, the place of the envelope that last changed it: what the centre says counts once it
            has seen that envelope.
    """

    used: int
    used_at: AwareTime
    epoch: int = 0
    sequence: int = 0


class Newcomer(_Record, frozen=True, kw_only=True, omit_defaults=True):
    """A customer as this till made one: masked; by which keyed hashes it is found."""

    customer: Customer
    aliases: tuple[str, ...]
    enrolled_at: AwareTime


class Guest(_Record, frozen=True, kw_only=True, omit_defaults=True):
    """A customer as the centre named one, and the till's own envelope that is counted in already."""

    customer: Customer
    aliases: tuple[str, ...]
    epoch: int
    reflects: int
    seen_at: AwareTime


class LeaseKept(_Record, frozen=True, kw_only=True, omit_defaults=True):
    """Points in this till's hand; `signed` is the centre's word, None for points this till has given and keeps."""

    id: str
    unit: str
    points: int
    expires_at: AwareTime
    spent: int = 0
    signed: SignedLease | None = None

    @property
    def left(self) -> int:
        """What may still be spent under it."""
        return max(0, self.points - self.spent)


class ValueKept(_Record, frozen=True, kw_only=True, omit_defaults=True):
    """A coupon, or money of a certificate, in this till's hand.

    Attributes:
        used: of its amount, by receipts closed here.
        wrong_pins: told here since the last right one.
        over: the envelope after which it is the till's no more; kept until the centre has it, so that an answer that
            was made before brings nothing back.
    """

    signed: SignedValueLease
    used: int = 0
    wrong_pins: int = 0
    over: Place | None = None

    @property
    def left(self) -> int:
        """What may still be used under it."""
        return 0 if self.over is not None else max(0, self.signed.lease.amount - self.used)


class ValuePromise(_Record, frozen=True, kw_only=True, omit_defaults=True):
    """What a receipt in progress was promised under a lease.

    Attributes:
        key: of the lease among the documents.
        amount: under the lease; 0 when what the centre keeps for the receipt is enough.
        by_centre: minor units of the certificate that the centre keeps for this receipt.
    """

    receipt_uid: str
    key: str
    amount: int
    by_centre: int = 0


class Wanted(_Record, frozen=True, kw_only=True, omit_defaults=True):
    """When a customer was last here."""

    at: AwareTime


class CentreTime(_Record, frozen=True, kw_only=True, omit_defaults=True):
    """What the centre's clock said, and how long this machine had been running then.

    Attributes:
        stamp: of the answer that said it; the next report shows it again.
    """

    server_time: AwareTime
    uptime_s: float
    machine_boot: str
    stamp: str = ""


class AwaitingPrint(_Record, frozen=True, kw_only=True, omit_defaults=True):
    """A receipt confirmed over the API; its print adds slip lines and is not a second sale."""

    uid: str
    total: Money
    closed_at: AwareTime


class Unnamed(_Record, frozen=True, kw_only=True, omit_defaults=True):
    """Whom a receipt names that was closed without a line: the keyed hashes of what was shown, and when."""

    aliases: tuple[str, ...]
    at: AwareTime


class PulledPlace(_Record, frozen=True, kw_only=True, omit_defaults=True):
    """The last closed document that was taken from a device or a report, and the newest there was then.

    Attributes:
        memory: the memory they are in: in another one the numbers begin anew.
        gaps: of a report: first and last of the transactions that are missing before `last`.
        newest_at: of a report: when the newest of its documents was closed.
    """

    memory: str
    number: int
    last: int
    at: AwareTime
    gaps: tuple[tuple[int, int], ...] = ()
    newest_at: AwareTime | None = None


_PLACES: Final = {
    "checkout": Open,
    "closed": Closed,
    "entry": Entry,
    "hold": Hold,
    "coupon": CouponUses,
    "issued": CouponFact,
    "desk": Current,
    "print": AwaitingPrint,
    "pulled": PulledPlace,
    "lease": LeaseKept,
    "lease_wanted": Wanted,
    "time": CentreTime,
    "value_lease": ValueKept,
    "value_promise": ValuePromise,
    "newcomer": Newcomer,
    "guest": Guest,
    "pace": Pace,
    "recent": Recent,
    "panel_day": PanelDay,
    "by_hand": ByHand,
    "qr": QrSeen,
    "unnamed": Unnamed,
}


def entry_key(customer_id: str, epoch: int, sequence: int) -> str:
    """Key of an own entry; entries of one customer sort in the order they happened."""
    return f"{customer_id}/{epoch:06d}-{sequence:015d}"


def read(documents: Documents, collection: str, key: str, wanted: type[T]) -> T | None:
    """One document, or None."""
    data = documents.get(collection, key)
    return None if data is None else codec.decode(data, wanted)


def read_all(documents: Documents, collection: str, wanted: type[T], prefix: str = "") -> list[tuple[str, T]]:
    """Every document under a prefix, in key order, however many there are."""
    found: list[tuple[str, T]] = []
    while len(rows := documents.scan(collection, prefix, after=found[-1][0] if found else "")) == SCAN_ROWS_MAX:
        found += [(key, codec.decode(data, wanted)) for key, data in rows]
    return [*found, *((key, codec.decode(data, wanted)) for key, data in rows)]


def write(tx: Transaction, collection: str, key: str, value: Struct) -> None:
    """Put one document; the type must be the collection's own."""
    if type(value) is not _PLACES[collection]:
        raise TypeError(f"{collection} keeps {_PLACES[collection].__name__}, not {type(value).__name__}")
    tx.put(collection, key, codec.encode(value))

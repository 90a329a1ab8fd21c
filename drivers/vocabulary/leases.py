"""Leases: a part of a customer's points that the centre gives into one till's hand, to be spent there without a line.

What is under a lease can be spent nowhere else until the till has said that it is done with it. Its end in time stops
the spending at the till; it frees nothing at the centre, because the till may have spent and not yet told.
"""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta, Struct

from drivers.vocabulary.customer import PointsUnit
from drivers.vocabulary.receipt import AwareTime, ReceiptUid
from drivers.vocabulary.signed import Signature

__all__ = [
    "EPOCHS_MAX",
    "HOLDS_MAX",
    "LEASE",
    "LEASES_MAX",
    "Lease",
    "LeaseAnswer",
    "LeaseReport",
    "LeaseWanted",
    "Place",
    "SignedLease",
    "kept_lease",
]

LEASE: Final = b"tillpoint lease 1"  # the purpose of a lease's signature
EPOCHS_MAX: Final = 100  # a till is enrolled again a few times in its life
HOLDS_MAX: Final = 1_000  # receipts in progress at once
LEASES_MAX: Final = 500  # of one till at once: the customers it saw last

LeaseId = Annotated[str, Meta(min_length=1, max_length=200)]


class Lease(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one till may spend of one customer's points of one unit.

    Attributes:
        points: in all, under this id; a later word of the same id may be more and never is less.
        sequence: grows with each word of the same id.
        expires_at: by the centre's clock; from then on the till spends nothing under it.
    """

    id: LeaseId
    till: str
    customer_id: str
    unit: PointsUnit
    points: Annotated[int, Meta(ge=0)]
    sequence: Annotated[int, Meta(ge=1)]
    granted_at: AwareTime
    expires_at: AwareTime


class SignedLease(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A lease with the centre's signatures over its canonical JSON, so that nobody makes one in the till's files."""

    lease: Lease
    signatures: Annotated[tuple[Signature, ...], Meta(max_length=4)] = ()


class LeaseWanted(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose points the till would like to be able to spend without a line."""

    customer_id: Annotated[str, Meta(min_length=1, max_length=64)]
    unit: PointsUnit


class Place(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A place in a till's chain of envelopes; sequence 0 is before the first."""

    epoch: Annotated[int, Meta(ge=1)]
    sequence: Annotated[int, Meta(ge=0)]


class LeaseReport(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``POST /v1/tills/{till}/leases``: what the till has, how far it is, and what it would like.

    Attributes:
        acknowledged: the last envelope the centre has acknowledged; one that knows less was restored from a back-up.
        last: the last envelope there is.
        earlier: the last acknowledged one of each earlier epoch that the till still keeps envelopes of.
        held: every lease the till still may spend under.
        holds: uids of the receipts for which it knows of a hold; another one whose time is over was never heard of.
        wanted: new ones, or more under those it has.
    """

    acknowledged: Place
    last: Place
    earlier: Annotated[tuple[Place, ...], Meta(max_length=EPOCHS_MAX)] = ()
    held: Annotated[tuple[SignedLease, ...], Meta(max_length=LEASES_MAX)] = ()
    holds: Annotated[tuple[ReceiptUid, ...], Meta(max_length=HOLDS_MAX)] = ()
    wanted: Annotated[tuple[LeaseWanted, ...], Meta(max_length=LEASES_MAX)] = ()


class LeaseAnswer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the till has from now on.

    Attributes:
        leases: new ones, and new words of old ones.
        recalled: ids the till is to give up: somebody wants these points elsewhere.
        send_from: the envelope to send again from: the centre was restored and lacks what it had acknowledged.
    """

    leases: tuple[SignedLease, ...]
    recalled: tuple[str, ...]
    server_time: AwareTime
    send_from: Place | None = None


def kept_lease(receipt_uid: str, unit: str, rule: str) -> str:
    """Name of the lease under which a till keeps what a receipt of its own has earned."""
    return f"kept:{receipt_uid}:{unit}:{rule}"

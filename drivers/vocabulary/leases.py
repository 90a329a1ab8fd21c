"""Leases: a part of a customer's points that the centre gives into one till's hand, to be spent there without a line.

What is under a lease can be spent nowhere else until the till has said that it is done with it. Its end in time stops
the spending at the till; it frees nothing at the centre, because the till may have spent and not yet told.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Annotated, Final

from msgspec import Meta, Struct

from drivers.vocabulary.customer import PointsUnit
from drivers.vocabulary.receipt import AwareTime, ReceiptUid
from drivers.vocabulary.signed import Signature

__all__ = [
    "EPOCHS_MAX",
    "HELD_MAX",
    "HOLDS_MAX",
    "LEASE",
    "LEASES_MAX",
    "HeldHold",
    "Lease",
    "LeaseAnswer",
    "LeaseReport",
    "LeaseWanted",
    "Place",
    "SignedLease",
    "held_digest",
    "kept_lease",
]

LEASE: Final = b"tillpoint lease 1"  # the purpose of a lease's signature
EPOCHS_MAX: Final = 100  # a till is enrolled again a few times in its life
HOLDS_MAX: Final = 1_000  # receipts in progress at once
LEASES_MAX: Final = 500  # of one till at once: the customers it saw last
HELD_MAX: Final = 2 * LEASES_MAX  # a till gives up what is beyond, but not under a receipt in progress

LeaseId = Annotated[str, Meta(min_length=1, max_length=200)]


class Lease(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one till may spend of one customer's points of one unit.

    Attributes:
        points: in all, under this id; a later word of the same id may be more and never is less.
        sequence: grows with each word of the same id.
        granted_at: when this word was given, by the centre's clock.
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


class HeldHold(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Points that the centre keeps for a receipt in progress, as the till knows of them.

    Attributes:
        id: the centre's name for the hold, as its grant told it.
    """

    receipt_uid: ReceiptUid
    id: Annotated[str, Meta(min_length=1, max_length=200)]
    customer_id: Annotated[str, Meta(min_length=1, max_length=64)]
    unit: PointsUnit
    points: Annotated[int, Meta(ge=0)]


class Place(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A place in a till's chain of envelopes; sequence 0 is before the first.

    Attributes:
        hash: of the envelope there, where a till says what was acknowledged: another one with this number is not it. ""
            is not told.
    """

    epoch: Annotated[int, Meta(ge=1)]
    sequence: Annotated[int, Meta(ge=0)]
    hash: Annotated[str, Meta(pattern="^([0-9a-f]{64})?$")] = ""


class LeaseReport(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``POST /v1/tills/{till}/leases``: what the till has, how far it is, and what it would like.

    A till reports when it has nothing to send: all it wrote through `last` was acknowledged before.

    Attributes:
        acknowledged: the last envelope the centre has acknowledged; one that knows less was restored from a back-up.
            With another hash than the centre's this till was cloned: the epoch is quarantined, and answered 409 `fork`.
        last: the last envelope there is.
        earlier: the last acknowledged one of each earlier epoch that the till still keeps envelopes of, but for what it
            has sealed again in a later one.
        stamp: that of the last answer the till has kept; "" before the first. It tells a report that was long on its
            way from a new one.
        digest: `held_digest` of every lease the till still may spend under.
        held: these leases, when the answer before asked for them; None leaves it at the digest.
        holds: the holds it knows of; another one whose time was over when the till last heard an answer never was.
        wanted: new leases, or more under those it has.
    """

    acknowledged: Place
    last: Place
    earlier: Annotated[tuple[Place, ...], Meta(max_length=EPOCHS_MAX)] = ()
    stamp: Annotated[str, Meta(max_length=100)] = ""
    digest: Annotated[str, Meta(max_length=64)] = ""
    held: Annotated[tuple[SignedLease, ...], Meta(max_length=HELD_MAX)] | None = None
    holds: Annotated[tuple[HeldHold, ...], Meta(max_length=HOLDS_MAX)] = ()
    wanted: Annotated[tuple[LeaseWanted, ...], Meta(max_length=LEASES_MAX)] = ()


class LeaseAnswer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the till has from now on.

    Attributes:
        leases: new ones, and new words of old ones.
        recalled: ids the till is to give up: somebody wants these points elsewhere, or they are no leases any more.
        send_from: the envelope to send again from: the centre was restored and lacks what it had acknowledged. In an
            earlier epoch a clone may have taken the numbers since: that is answered 409 `fork`, and the till seals
            again what is not there.
        stamp: shown again with the next report; what it means is the centre's own business.
        again: the till is to report once more, at once, and with every lease it holds.
    """

    leases: tuple[SignedLease, ...]
    recalled: tuple[str, ...]
    server_time: AwareTime
    send_from: Place | None = None
    stamp: Annotated[str, Meta(max_length=100)] = ""
    again: bool = False


def held_digest(held: Iterable[tuple[str, int]]) -> str:
    """What tells one set of leases from another: SHA-256, in hex, of a line ``<id> <sequence>`` for each, sorted.

    Each line ends with a line feed; ids are UTF-8 and sorted by their bytes.
    """
    lines = sorted(f"{name} {sequence}\n".encode() for name, sequence in held)
    return hashlib.sha256(b"".join(lines)).hexdigest()


def kept_lease(receipt_uid: str, unit: str, rule: str) -> str:
    """Name of the lease under which a till keeps what a receipt of its own has earned."""
    return f"kept:{receipt_uid}:{unit}:{rule}"

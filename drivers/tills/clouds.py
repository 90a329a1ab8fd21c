"""What a room offers whose requests come from a cloud, beside its door: work after the answer, a reader of the cloud.

The central server carries these. As everywhere in the rooms, nobody here does I/O: a door names the delivery that is to
be kept, a reader yields requests and is sent answers.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from drivers.tills.contract import HttpReply, HttpRequest, TillDoor
from drivers.vocabulary.checkout import Checkout, ConfirmRequest, RefundRequest

__all__ = ["CentreCheckout", "CloudReader", "CloudRequest", "QueuedDoor", "ReadBatch", "ReadReceipt", "Worked"]


@runtime_checkable
class CentreCheckout(Checkout, Protocol):
    """The checkout of the centre, which knows more than a till."""

    def carry_over(self, quoted: str, uid: str, *, timeout_s: float) -> bool:
        """Give the quote of one uid, and what is kept for it, to another; for a POS that names a receipt at its end.

        Returns:
            False when there is no such quote, or the other uid has one or is closed.
        """
        ...

    def person_of(self, external: str, *, timeout_s: float) -> str | None:
        """Which customer this cloud means by a name of its own."""
        ...

    def remember_person(self, external: str, customer_id: str, *, timeout_s: float) -> None:
        """From now on this name of theirs means that customer."""
        ...

    def knows(self, uid: str, *, timeout_s: float) -> bool:
        """Whether a receipt of this uid had its effect already."""
        ...


# ── Answered at once, done afterwards ───────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Worked:
    """What became of a delivery that was kept.

    Attributes:
        refused: why it will never be done, for a person; "" when it was done.
        again: why it is to be tried again later, "" when not.
    """

    refused: str = ""
    again: str = ""


class QueuedDoor(TillDoor, Protocol):
    """A door whose `answer` may name a delivery (`HttpReply.later`): the request is kept on disk before the answer.

    The same delivery with the same body is kept once; with another body it is refused by the host.
    """

    def work(self, request: HttpRequest, checkout: Checkout, *, now: datetime, timeout_s: float) -> Worked:
        """Do what a kept request asks for; it may be called again for the same one. Never raises for bad data."""
        ...


# ── A cloud that is read ────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudRequest:
    """One request to a cloud.

    Attributes:
        url: whole, https.
        weight: what it costs of the cloud's budget.
    """

    url: str
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    weight: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadReceipt:
    """One closed receipt found in a cloud.

    Attributes:
        confirm: a sale, or None.
        refund: a return, or None.
        other_uids: under which it may be known already; then it is passed over.
        base_uids: under which the sale of a return may be known; the first that is counts, else the return's own.
        person: the cloud's own name for the customer, "" for nobody.
    """

    confirm: ConfirmRequest | None = None
    refund: RefundRequest | None = None
    other_uids: tuple[str, ...] = ()
    base_uids: tuple[str, ...] = ()
    person: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadBatch:
    """What one visit to a cloud brought.

    Attributes:
        cursor: where the next visit begins; kept after every receipt of this one was taken.
        more: True when the next visit is to follow at once.
        pause_s: the cloud wants to be left alone for so long.
        trouble: why nothing was read, for a person; the cursor is then as it was.
        unread: documents that nobody could read, in words for a person.
    """

    receipts: tuple[ReadReceipt, ...] = ()
    cursor: str = ""
    more: bool = False
    pause_s: float = 0.0
    trouble: str = ""
    unread: tuple[str, ...] = ()


class CloudReader(Protocol):
    """Reads closed receipts out of a cloud, from a cursor on.

    Attributes:
        every_s: how often it is asked.
        budget: (weight, seconds): no more than so much weight within so many seconds.
    """

    @property
    def every_s(self) -> float:
        """How often the cloud is asked."""
        ...

    @property
    def budget(self) -> tuple[int, float]:
        """No more than so much weight of requests within so many seconds."""
        ...

    def read(self, cursor: str, *, now: datetime) -> Generator[CloudRequest, HttpReply, ReadBatch]:
        """One visit: yields requests one after another, is sent each answer, returns what it brought.

        An answer that never came is sent as a reply of status 0.
        """
        ...

"""Customers whom the centre named when the replica did not know them, kept until the feed brings them; a cache."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from agent.checkout.records import Guest, read_all, write
from drivers.vocabulary import codec
from drivers.vocabulary.centre import LookupAnswer, LookupWanted
from drivers.vocabulary.checkout import IdentifyRequest
from drivers.vocabulary.customer import Customer

if TYPE_CHECKING:
    from agent.checkout.state import DeskState

__all__ = ["GUESTS_MAX", "KEPT", "Asked", "AskedLate", "forget_guests", "keep_guest"]

GUESTS_MAX: Final = 100  # the feed brings each within seconds; this many only where it does not
KEPT: Final = timedelta(days=7)  # a till whose replica is loaded over a slow line has them meanwhile


class Asked(Struct, frozen=True, kw_only=True):
    """A code for which the centre is asked.

    Attributes:
        turn: what the desk had come to when it was shown; when it went on since, nobody is to be attached.
    """

    request: IdentifyRequest
    wanted: LookupWanted
    turn: int


class AskedLate(Struct, frozen=True, kw_only=True):
    """A closed receipt whose customer the centre is asked for; nobody waits for the answer."""

    receipt_uid: str
    wanted: LookupWanted
    turn: int = -1


def keep_guest(desk: DeskState, answer: LookupAnswer) -> None:
    """Write down whom the centre named; an answer about nobody changes nothing."""
    aliases: dict[str, list[str]] = {}
    customers: dict[str, Customer] = {}
    for change in answer.changes:
        body = change.document
        if body is not None and change.collection == "alias":
            aliases.setdefault(codec.decode(body, str), []).append(change.key)
        elif body is not None and change.collection == "customer":
            customers[change.key] = codec.decode(body, Customer)
    if not customers:
        return
    with desk.store.transaction() as tx:
        for customer_id, customer in customers.items():
            guest = Guest(
                customer=customer,
                aliases=tuple(aliases.get(customer_id, ())),
                epoch=answer.epoch,
                reflects=answer.reflects,
                seen_at=desk.clock.now(),
            )
            write(tx, "guest", customer_id, guest)
            for name in guest.aliases:
                tx.put("guest_alias", name, customer_id.encode())


def forget_guests(desk: DeskState) -> None:
    """Forget whom the replica knows by now, who was here long ago, and all above the limit."""
    guests = read_all(desk.store, "guest", Guest)
    if not guests:
        return
    replica, now = desk.knowledge.replica, desk.clock.now()
    newest = sorted(guests, key=lambda one: one[1].seen_at, reverse=True)
    gone = [
        (customer_id, guest)
        for place, (customer_id, guest) in enumerate(newest)
        if place >= GUESTS_MAX
        or now - guest.seen_at > KEPT
        or (
            replica.get("customer", customer_id) is not None
            and all(replica.get("alias", name) is not None for name in guest.aliases)
        )
    ]
    if not gone:
        return
    with desk.store.transaction() as tx:
        for customer_id, guest in gone:
            tx.delete("guest", customer_id)
            for name in guest.aliases:
                tx.delete("guest_alias", name)

"""The last four digits of a phone among customers seen here lately: a filter to choose from by sight, and no proof.

A till keeps no digit: what it keeps is a keyed hash of the four, under a key made of the tenant's for this and nothing
else, and only of people who told their number here. Ten thousand guesses undo such a hash for whoever has the key, so
it is a courtesy to the queue and never a way to spend.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from agent.checkout.records import Current, Picked, Recent, read, read_all, write
from agent.snapshot import PickView, Screen
from drivers.vocabulary.customer import Identifier, IdentifierKind

if TYPE_CHECKING:
    from agent.checkout.state import DeskState

__all__ = ["DIGITS", "choices", "forget_recent", "is_last_digits", "pick_view", "remember"]

DIGITS: Final = 4
ROWS_MAX: Final = 3  # what a person compares at a glance
CUSTOMERS_MAX: Final = 1_000  # of these nine in ten have four digits of their own
KEPT: Final = timedelta(days=90)
FRESH: Final = timedelta(hours=1)  # who was here an hour ago is not written down again

_LAST: Final = re.compile(rf"[0-9]{{{DIGITS}}}")


def is_last_digits(code: str) -> bool:
    """Whether that is all that was typed."""
    return _LAST.fullmatch(code.strip()) is not None


def remember(desk: DeskState, identifier: Identifier, customer_id: str, now: datetime) -> None:
    """A customer told their number here."""
    if identifier.kind is not IdentifierKind.PHONE or identifier.presented or not desk.knowledge.tenant_keys:
        return
    key = f"{_hash(desk, identifier.value[-DIGITS:])}/{customer_id}"
    before = read(desk.store, "recent", key, Recent)
    if before is not None and now - before.at < FRESH:
        return
    with desk.store.transaction() as tx:
        write(tx, "recent", key, Recent(at=now))


def choices(desk: DeskState, digits: str, now: datetime) -> Current | None:
    """The screen to choose on, newest first; None when nobody lately had these digits."""
    if not desk.knowledge.tenant_keys:
        return None
    prefix = f"{_hash(desk, digits)}/"
    found = [
        (one.at, key.removeprefix(prefix))
        for key, one in read_all(desk.store, "recent", Recent, prefix=prefix)
        if now - one.at <= KEPT
    ]
    rows: list[Picked] = []
    met: set[str] = set()
    for at, name in sorted(found, reverse=True):
        customer_id = desk.knowledge.resolve(name)
        known = desk.known(customer_id)
        if known is None or known.customer.blocked or customer_id in met:
            continue
        met.add(customer_id)
        rows.append(Picked(customer_id=customer_id, at=at))
    if not rows:
        return None
    return Current(screen=Screen.IDLE.value, touched_at=now, step="pick", picks=tuple(rows[:ROWS_MAX]))


def pick_view(desk: DeskState) -> tuple[PickView, ...]:
    """The rows, masked; gone from the screen with everything else when nobody touches it."""
    current = desk.current
    if current is None or current.step != "pick":
        return ()
    rows = []
    for one in current.picks:
        known = desk.known(one.customer_id)
        if known is not None:
            rows.append(
                PickView(
                    name=known.customer.name, phone=known.customer.phone, seen_at=one.at.isoformat(timespec="seconds")
                )
            )
    return tuple(rows)


def forget_recent(desk: DeskState, now: datetime) -> list[str]:
    """Keys of those who were here long ago, and of all above the limit."""
    newest = sorted(read_all(desk.store, "recent", Recent), key=lambda one: one[1].at, reverse=True)
    return [key for place, (key, one) in enumerate(newest) if place >= CUSTOMERS_MAX or now - one.at > KEPT]


def _hash(desk: DeskState, digits: str) -> str:
    own = hmac.digest(desk.knowledge.tenant_keys[0], b"recent-digits", hashlib.sha256)
    return hmac.digest(own, f"{desk.name.till}\n{digits}".encode(), hashlib.sha256)[:8].hex()

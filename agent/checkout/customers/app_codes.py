"""Signed codes of a customer's app: checked here without a network, and noticed when the same one comes again.

A code is remembered by what names it until it expires. While its customer is at the till it may be shown as often as
one likes; afterwards it was used, and the customer shows a fresh one. Another till cannot know of it.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

from agent.checkout.codes.recogniser import CodeKind, Recognised
from agent.checkout.records import QrSeen, read, read_all, write
from agent.checkout.state import DeskState
from drivers.vocabulary.card_qr import SKEW_S, CardQr, QrState, qr_state
from drivers.vocabulary.customer import Identifier

__all__ = ["checked", "forget_codes", "remember"]


def checked(desk: DeskState, recognised: Recognised, *, presented: bool) -> Recognised:
    """A SIGNED code as what it turns out to be: CUSTOMER, EXPIRED, REPEATED or UNKNOWN; anything else as it is."""
    code = recognised.signed
    if recognised.kind is not CodeKind.SIGNED or code is None:
        return recognised
    state = qr_state(code, desk.clock.now().timestamp(), desk.rules.qr_keys)
    if state is QrState.FOREIGN:
        return Recognised(kind=CodeKind.UNKNOWN)
    if state is not QrState.GOOD:
        return Recognised(kind=CodeKind.EXPIRED)
    if _was_used(desk, code):
        return Recognised(kind=CodeKind.REPEATED)
    identifier = Identifier(kind=code.kind, value=code.value, presented=presented)
    return Recognised(kind=CodeKind.CUSTOMER, identifier=identifier, pattern="signed app code", signed=code)


def remember(desk: DeskState, recognised: Recognised, customer_id: str) -> None:
    """This code has named this customer here; once is enough."""
    code = recognised.signed
    if code is None or read(desk.store, "qr", _key(code), QrSeen) is not None:
        return
    until = datetime.fromtimestamp(code.until_s + SKEW_S, UTC)
    with desk.store.transaction() as tx:
        write(tx, "qr", _key(code), QrSeen(customer_id=customer_id, until=until))


def forget_codes(desk: DeskState, now: datetime) -> None:
    """Codes that have expired need no remembering."""
    old = [key for key, seen in read_all(desk.store, "qr", QrSeen) if seen.until < now]
    if old:
        with desk.store.transaction() as tx:
            for key in old:
                tx.delete("qr", key)


def _was_used(desk: DeskState, code: CardQr) -> bool:
    seen = read(desk.store, "qr", _key(code), QrSeen)
    if seen is None:
        return False
    here = desk.current.customer_id if desk.current is not None else None
    return here is None or desk.knowledge.resolve(here) != desk.knowledge.resolve(seen.customer_id)


def _key(code: CardQr) -> str:
    return hashlib.sha256(code.statement).hexdigest()[:32]

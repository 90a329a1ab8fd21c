"""Receipts that name a customer whom only the centre knows, closed when it could not be asked: theirs once it answers.

The receipt counts at once, as nobody's. What is kept is the keyed hash of what was shown, never the number itself; when
the centre names somebody by it, the receipt is attached to them as if they had come back with it.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Final

from agent.checkout import attaching
from agent.checkout.customers import app_codes
from agent.checkout.customers.guests import Asked, AskedLate, keep_guest
from agent.checkout.records import Closed, Unnamed, read, read_all
from agent.checkout.state import DeskState
from agent.snapshot import LinkState
from drivers.vocabulary import checkout as contract
from drivers.vocabulary.centre import LookupAnswer, LookupWanted
from drivers.vocabulary.customer import keyed_hash
from drivers.vocabulary.errors import CheckoutRefused

__all__ = ["answered", "want", "want_late", "wanted_of"]

log = logging.getLogger(__name__)

KEPT_MAX: Final = 500  # a till sells some hundred receipts on a day without a line
AGAIN: Final = timedelta(seconds=10)  # after a question that was not answered


def wanted_of(desk: DeskState, request: contract.ConfirmRequest) -> tuple[str, ...]:
    """By which keyed hashes the centre may know whom a confirm names; () when this till knows, or nobody is named."""
    if request.code is None or request.customer_id is not None:
        return ()
    recognised = app_codes.checked(desk, desk.recogniser.recognise(request.code, presented=False), presented=False)
    if recognised.identifier is None or desk.knowledge.find(recognised.identifier) is not None:
        return ()
    return tuple(keyed_hash(key, recognised.identifier) for key in desk.knowledge.tenant_keys)


def want(desk: DeskState, request: contract.ConfirmRequest, hashes: tuple[str, ...]) -> Asked | None:
    """Whom to ask the centre for before this confirm is done, by what `wanted_of` gave; None when that is of no use."""
    if not hashes or request.code is None or desk.link is not LinkState.ONLINE:
        return None
    if read(desk.store, "closed", request.receipt.uid, Closed) is not None:
        return None
    asked = contract.IdentifyRequest(code=request.code, receipt_uid=request.receipt.uid)
    return Asked(request=asked, wanted=LookupWanted(aliases=hashes), turn=desk.turn)


def want_late(desk: DeskState) -> AskedLate | None:
    """The oldest receipt to ask for; None for none, without a line, and shortly after one that was not answered."""
    now = desk.clock.now()
    if desk.link is not LinkState.ONLINE or (desk.unnamed_at is not None and now - desk.unnamed_at < AGAIN):
        return None
    kept = sorted(read_all(desk.store, "unnamed", Unnamed), key=lambda one: one[1].at)
    over = [uid for place, (uid, one) in enumerate(reversed(kept)) if place >= KEPT_MAX or now - one.at > _lasts(desk)]
    if over:
        with desk.store.transaction() as tx:
            for uid in over:
                tx.delete("unnamed", uid)
    left = [(uid, one) for uid, one in kept if uid not in over]
    if not left:
        return None
    desk.unnamed_at = now
    return AskedLate(receipt_uid=left[0][0], wanted=LookupWanted(aliases=left[0][1].aliases))


def answered(desk: DeskState, asked: AskedLate, answer: LookupAnswer | None) -> None:
    """The centre's word: the receipt is somebody's now, or nobody's for good; without one it is asked again."""
    if answer is None:
        return
    desk.unnamed_at = None  # the line is good: the next one is asked for at once
    keep_guest(desk, answer)
    customer_id = desk.knowledge.named(asked.wanted.aliases)
    if customer_id is not None:
        try:
            attaching.attach_receipt(desk, contract.AttachRequest(receipt=asked.receipt_uid, customer_id=customer_id))
        except CheckoutRefused as refused:
            log.info("receipt.unattached receipt=%s reason=%s", asked.receipt_uid, refused.code)
    with desk.store.transaction() as tx:
        tx.delete("unnamed", asked.receipt_uid)


def _lasts(desk: DeskState) -> timedelta:
    return desk.rules.attach_within

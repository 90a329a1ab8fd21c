"""What a cashier does for a customer besides a sale: a new card for a lost one, a double, a consent taken back.

Each is one fact for the centre, written at once and sent when there is a line. Here only the new card works at once:
which cards were the customer's before, a till does not know, so they are blocked when the centre has heard of it.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from agent.checkout import writing
from agent.checkout.customers import spend_proofs
from agent.checkout.panel.counts import count
from agent.checkout.records import Current, write
from agent.clock import uuid7
from agent.slips.text import date_text, words
from agent.snapshot import CaseView
from drivers.vocabulary import codec, facts
from drivers.vocabulary.claims import claim_code
from drivers.vocabulary.customer import IdentifierKind, keyed_hash
from drivers.vocabulary.errors import CheckoutRefused
from drivers.vocabulary.joining import CardContact, card_context
from drivers.vocabulary.sealing import RANDOM_BYTES, seal

if TYPE_CHECKING:
    from agent.checkout.state import DeskState

__all__ = ["STEPS", "case_view", "lost_card", "new_card", "open_case", "same_person", "settle_cards", "withdraw"]

#: Steps of the panel that are told in `Snapshot.case`: what is wanted, a new card awaited, the number to tell.
STEPS: Final = ("case", "reissue", "withdrawn")


def case_view(desk: DeskState) -> CaseView | None:
    """What the panel shows of it."""
    current = desk.current
    if current is None or current.step not in STEPS:
        return None
    return CaseView(
        needs_supervisor=current.step == "reissue" and not _is_vouched(current),
        number=current.number,
        may_withdraw_offers=any(not one.required for one in desk.rules.consents),
    )


def open_case(desk: DeskState) -> None:
    """What else does the customer want?"""
    if _customer(desk) is not None and desk.current is not None and not desk.current.step:
        _set(desk, replace(desk.current, step="case"))


# ── A lost card ─────────────────────────────────────────────────────────────────────────────────


def lost_card(desk: DeskState, *, supervisor: bool) -> None:
    """The card is lost: who asks has to be the customer, or a supervisor answers for it; then a new one is scanned."""
    current = desk.current
    if current is None or _customer(desk) is None or current.step not in STEPS:
        return
    if not desk.sealing_key:
        raise CheckoutRefused("no card can be given yet: this till has not met the centre", code="cannot_seal")
    _set(desk, replace(current, step="reissue", vouched=current.vouched or supervisor))


def new_card(desk: DeskState, code: str) -> bool:
    """A card was scanned while a new one is awaited; False when none is, and the scan means what it always means."""
    current, customer_id = desk.current, _customer(desk)
    if current is None or customer_id is None or current.step != "reissue":
        return False
    if not _is_vouched(current):
        desk.notice = "needs_supervisor"
        return True
    recognised = desk.recogniser.recognise(code, presented=True)
    card = recognised.identifier
    if card is None or card.kind is not IdentifierKind.CARD or recognised.partner:
        desk.notice = "card_unfit"
        return True
    if desk.knowledge.find(card) is not None:
        desk.notice = "card_taken"
        return True
    hashes = [keyed_hash(key, card) for key in desk.knowledge.tenant_keys]
    fact = facts.CardReissued(
        customer_id=customer_id,
        alias=hashes[0],
        card=seal(
            codec.encode(CardContact(card=card.value)),
            public=desk.sealing_key,
            context=card_context(till=desk.name.till, customer_id=customer_id, alias=hashes[0]),
            random=desk.clock.random_bytes(RANDOM_BYTES),
        ),
    )
    with desk.store.transaction() as tx:
        writing.append(desk, tx, fact, [f"customer:{customer_id}"])
        for name in hashes:
            tx.put("card_alias", name, customer_id.encode())
    count(desk, "cards_given")
    _set(desk, replace(current, step="", vouched=False, mask=card.mask))
    desk.notice = "card_given"
    return True


def settle_cards(desk: DeskState) -> None:
    """Let go of the cards that the centre has told of; its word goes first in any case."""
    known = [key for key, _ in desk.store.scan("card_alias") if desk.knowledge.replica.get("alias", key) is not None]
    if known:
        with desk.store.transaction() as tx:
            for key in known:
                tx.delete("card_alias", key)


# ── One person, two customers ───────────────────────────────────────────────────────────────────


def same_person(desk: DeskState) -> None:
    """The customer at the till and the one whose card was shown are one person; said once, merged by nobody here."""
    current = desk.current
    if current is None or current.customer_id is None or current.offered is None:
        return
    if not current.offered.is_told:
        fact = facts.DuplicateSeen(customer_id=current.customer_id, other_id=current.offered.customer_id)
        with desk.store.transaction() as tx:
            writing.append(desk, tx, fact, [f"customer:{current.customer_id}"])
        count(desk, "duplicates")
        _set(desk, replace(current, offered=replace(current.offered, is_told=True)))
    desk.notice = "duplicate_noted"


# ── Consents taken back ─────────────────────────────────────────────────────────────────────────


def withdraw(desk: DeskState, *, everything: bool) -> None:
    """The customer takes back what nobody has to agree to, or everything; the number is told, and printed if so set."""
    current, customer_id = desk.current, _customer(desk)
    if current is None or customer_id is None or current.step != "case":
        return
    purposes = tuple(one.purpose for one in desk.rules.consents if everything or not one.required)
    if not purposes:
        raise CheckoutRefused(
            "there is nothing this shop asks for that could be taken back", code="nothing_to_withdraw"
        )
    now = desk.clock.now()
    number = claim_code(desk.name.till, uuid7(now, desk.clock.random_bytes(10)))
    fact = facts.ConsentWithdrawn(customer_id=customer_id, purposes=purposes, number=number, at=now)
    with desk.store.transaction() as tx:
        writing.append(desk, tx, fact, [f"customer:{customer_id}", f"claim:{number}"])
    count(desk, "withdrawals")
    _set(desk, replace(current, step="withdrawn", number=number))
    _print(desk, number, now)


def _print(desk: DeskState, number: str, now: datetime) -> None:
    if desk.slips is None:
        return
    style = desk.rules.slip
    say = words(style.language)
    lines = [say["withdrawn"], f"{say['claim']}\t{number}", date_text(now, style.zone, style.language)]
    mark = [say["training"]] if style.is_training else []
    desk.slips.note(number, (*mark, *lines, *mark))


def _is_vouched(current: Current) -> bool:
    return current.vouched or spend_proofs.is_proven(current)


def _customer(desk: DeskState) -> str | None:
    return desk.current.customer_id if desk.current is not None else None


def _set(desk: DeskState, current: Current) -> None:
    current = replace(current, touched_at=desk.clock.now())
    with desk.store.transaction() as tx:
        write(tx, "desk", "current", current)
    desk.current = current
    desk.notice = ""

"""Who is at the till: whom a code names here, whom the centre is asked for, and who becomes the customer."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from agent.checkout.codes.recogniser import Recognised
from agent.checkout.customers import app_codes, limits, recent, unnamed
from agent.checkout.customers.guests import Asked, keep_guest
from agent.checkout.customers.knowledge import Known
from agent.checkout.records import Current, Open, read, write
from agent.checkout.state import DeskState
from agent.slips.text import words
from agent.snapshot import LinkState, Screen
from drivers.vocabulary import checkout as contract
from drivers.vocabulary.centre import LookupAnswer, LookupWanted
from drivers.vocabulary.customer import keyed_hash

__all__ = [
    "asking_takes_long",
    "attach",
    "identify",
    "identify_asked",
    "identify_or_want",
    "keep_answer",
    "look_up",
    "show",
]


def identify(desk: DeskState, request: contract.IdentifyRequest) -> contract.IdentifyAnswer:
    """Recognise a code and look the customer up; what was found becomes the customer at the till."""
    if request.customer_id is not None:
        return _by_id(desk, request.customer_id, request.receipt_uid)
    return _answer(desk, request, *look_up(desk, request))


def identify_or_want(desk: DeskState, request: contract.IdentifyRequest) -> contract.IdentifyAnswer | Asked:
    """The same, or whom to ask the centre for before anybody is told that there is no such customer."""
    desk.turn += 1
    if request.customer_id is not None:
        return _by_id(desk, request.customer_id, request.receipt_uid)
    recognised, known = look_up(desk, request)
    keys = desk.knowledge.tenant_keys
    if known is not None or recognised.identifier is None or desk.link is not LinkState.ONLINE or not keys:
        return _answer(desk, request, recognised, known)
    desk.asking = desk.turn
    hashes = tuple(keyed_hash(key, recognised.identifier) for key in keys)
    return Asked(request=request, wanted=LookupWanted(aliases=hashes), turn=desk.turn)


def identify_asked(
    desk: DeskState, asked: Asked, answer: LookupAnswer | None, *, is_awaited: bool
) -> contract.IdentifyAnswer | None:
    """The centre's word is here; None when nobody awaits it and the till has gone on to somebody else."""
    keep_answer(desk, asked, answer)
    return identify(desk, asked.request) if is_awaited or asked.turn == desk.turn else None


def keep_answer(desk: DeskState, asked: Asked, answer: LookupAnswer | None) -> None:
    """What the centre said is written down, and nothing is waited for any more."""
    if desk.asking == asked.turn:
        desk.asking = 0
        if desk.notice == words(desk.rules.slip.language)["asking_centre"]:
            desk.notice = ""
    if answer is not None:
        keep_guest(desk, answer)


def asking_takes_long(desk: DeskState, turn: int) -> None:
    """Tell the cashier what is waited for."""
    if desk.asking == turn:
        desk.notice = words(desk.rules.slip.language)["asking_centre"]


def _by_id(desk: DeskState, customer_id: str, receipt_uid: str | None) -> contract.IdentifyAnswer:
    """A customer that the till already knows by id; nothing was shown, so nothing is proven."""
    now = desk.clock.now()
    known = desk.known(customer_id)
    if known is None:
        return contract.IdentifyAnswer(state=contract.IdentifyState.NOT_FOUND)
    if known.customer.blocked:
        return contract.IdentifyAnswer(state=contract.IdentifyState.BLOCKED, mask=known.customer.phone)
    mask = known.customer.phone or known.customer.name
    attach(desk, customer_id, presented=False, mask=mask, partner="", receipt_uid=receipt_uid, now=now)
    return _found(known, mask, now)


def look_up(desk: DeskState, request: contract.IdentifyRequest) -> tuple[Recognised, Known | None]:
    """What the code is, and whom it names here; nothing changes, but that a signed code is remembered."""
    recognised = desk.recogniser.recognise(request.code, presented=request.presented)
    recognised = app_codes.checked(desk, recognised, presented=request.presented)
    customer_id = None if recognised.identifier is None else desk.knowledge.find(recognised.identifier)
    known = None if customer_id is None else desk.known(customer_id)
    if known is not None and not known.customer.blocked:
        app_codes.remember(desk, recognised, known.customer.id)
    return recognised, known


def _answer(
    desk: DeskState, request: contract.IdentifyRequest, recognised: Recognised, known: Known | None
) -> contract.IdentifyAnswer:
    now = desk.clock.now()
    if recognised.identifier is None:
        return unnamed.told(desk, request, recognised) or show(
            desk, Screen.NOT_LOYALTY, contract.IdentifyState.NOT_LOYALTY, recognised.product, now
        )
    mask = recognised.identifier.mask
    if unnamed.is_foreign(desk, recognised):
        return unnamed.not_taking_part(desk, mask)
    title = desk.partner_title(recognised.partner)
    if known is None and recognised.partner:
        return _partner_card(desk, recognised.partner, title, mask, receipt_uid=request.receipt_uid, now=now)
    if known is None:
        return show(desk, Screen.NOT_FOUND, contract.IdentifyState.NOT_FOUND, mask, now)
    if known.customer.blocked:
        return show(desk, Screen.BLOCKED, contract.IdentifyState.BLOCKED, mask, now)
    presented = recognised.identifier.presented
    partner = recognised.partner if title else ""
    attach(
        desk,
        known.customer.id,
        presented=presented,
        mask=mask,
        partner=partner,
        receipt_uid=request.receipt_uid,
        now=now,
    )
    recent.remember(desk, recognised.identifier, known.customer.id, now)
    return _found(known, mask, now, partner=title)


def _found(known: Known, mask: str, now: datetime, *, partner: str = "") -> contract.IdentifyAnswer:
    return contract.IdentifyAnswer(
        state=contract.IdentifyState.FOUND,
        mask=mask,
        # A birthday is for rules and for nobody's eyes.
        customer=replace(known.customer, birthday=""),
        balances=known.balances(now),
        seen_at=datetime.fromisoformat(known.seen_at),
        partner=partner,
    )


def show(
    desk: DeskState,
    screen: Screen,
    state: contract.IdentifyState,
    mask: str,
    now: datetime,
) -> contract.IdentifyAnswer:
    """A code that names nobody: a customer who is already at the till stays, and so does somebody who is joining."""
    if desk.current is None or (desk.current.customer_id is None and not desk.current.step):
        _set_current(desk, Current(screen=screen.value, touched_at=now, mask=mask))
    else:
        desk.notice = screen.value
    return contract.IdentifyAnswer(state=state, mask=mask)


def _partner_card(
    desk: DeskState, partner: str, title: str, mask: str, *, receipt_uid: str | None, now: datetime
) -> contract.IdentifyAnswer:
    """The card of a partner and of nobody we know: it counts for this receipt, or does not take part here."""
    if not title:
        return unnamed.not_taking_part(desk, mask)
    before = desk.current or Current(screen=Screen.IDLE.value, touched_at=now)
    if before.customer_id is None:
        before = replace(before, screen=Screen.IDLE.value, mask="")
    opened = None
    if receipt_uid is not None:
        started = read(desk.store, "checkout", receipt_uid, Open) or Open(uid=receipt_uid, touched_at=now)
        opened = replace(started, partner=partner, touched_at=now)
    _set_current(desk, replace(before, partner=partner, touched_at=now), opened)
    desk.notice = words(desk.rules.slip.language)["partner_card"].format(partner=title)
    return contract.IdentifyAnswer(state=contract.IdentifyState.PARTNER, mask=mask, partner=title)


def attach(
    desk: DeskState,
    customer_id: str,
    *,
    presented: bool,
    mask: str,
    partner: str,
    receipt_uid: str | None,
    now: datetime,
) -> None:
    """This is the customer at the till, and of the receipt that is named.

    Whoever is there already and shows the card now stays where the panel is, with what was wished for.
    """
    before = desk.current if desk.current is not None and desk.current.customer_id == customer_id else None
    if not partner and desk.current is not None and desk.current.customer_id is None:
        # A partner's card was shown first, and then our own: both count.
        partner = desk.current.partner
    step = before.step if before is not None and before.step in {"redeem", "limit"} else ""
    limit = before.limit if before is not None else limits.limit_of(desk, customer_id, presented=presented, now=now)
    if limit is not None and before is None:
        step = "limit"
    current = Current(
        screen=Screen.FOUND.value,
        touched_at=now,
        customer_id=customer_id,
        presented=presented or (before is not None and before.presented),
        mask=mask,
        partner=partner or (before.partner if before is not None else ""),
        step=step,
        limit=limit,
        wish=before.wish if before is not None else None,
        code=before.code if before is not None else None,
        proven=before is not None and before.proven,
    )
    opened = None
    if receipt_uid is not None:
        started = read(desk.store, "checkout", receipt_uid, Open) or Open(uid=receipt_uid, touched_at=now)
        opened = replace(
            started,
            customer_id=customer_id,
            presented=presented,
            partner=partner or started.partner,
            touched_at=now,
        )
    desk.notice = ""
    _set_current(desk, current, opened)


def _set_current(desk: DeskState, current: Current, opened: Open | None = None) -> None:
    with desk.store.transaction() as tx:
        write(tx, "desk", "current", current)
        if opened is not None:
            write(tx, "checkout", opened.uid, opened)
    desk.current = current

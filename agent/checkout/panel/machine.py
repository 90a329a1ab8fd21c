"""The panel's state machine: what a cashier's key does, kept on disk with the customer; any page shows the same.

Screens: IDLE → FOUND | NOT_FOUND | BLOCKED | NOT_LOYALTY by a code; from FOUND REDEEM (how many points) and ASK
(another card was shown); from those without a customer ENROL. Each act checks what it needs and refuses in a sentence
with a code; an act that comes twice, or from a page that shows an older screen, does nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace

from agent import acts
from agent.checkout.customers import cases, identifying, limits, recent, spend_proofs
from agent.checkout.customers.guests import Asked
from agent.checkout.customers.spend_proofs import CodeAnswer, CodeQuestion
from agent.checkout.panel import by_hand, wishes
from agent.checkout.panel.counts import count
from agent.checkout.records import Current, Offered, Wish, write
from agent.snapshot import Screen
from drivers.vocabulary import checkout as contract
from drivers.vocabulary.errors import CheckoutRefused
from drivers.vocabulary.joining import ConsentChannel, ConsentGiven

if TYPE_CHECKING:
    from agent.checkout.desk import Desk

__all__ = ["act", "code_answered", "identify"]

# ── A code ──────────────────────────────────────────────────────────────────────────────────────


def identify(desk: Desk, request: contract.IdentifyRequest, *, replaces: bool, may_ask: bool) -> Asked | None:
    """A code scanned or typed at the panel; whom to ask the centre for, when only it can know.

    Args:
        desk: changed.
        request: the code.
        replaces: the cashier has said already that it may be another customer.
        may_ask: False once the centre was asked.
    """
    desk.typed = ""
    if request.presented and cases.new_card(desk, request.code):
        return None
    if not request.presented and recent.is_last_digits(request.code):
        _choose(desk, request.code.strip())
        return None
    other = None if replaces else _other(desk, request)
    if other is not None:
        desk.turn += 1
        _put(desk, step="ask", offered=other)
        return None
    if may_ask:
        found = desk.identify_or_want(request)
        if isinstance(found, Asked):
            return found
    else:
        found = desk.identify(request)
    if found.state is contract.IdentifyState.NOT_FOUND and not request.presented:
        desk.typed = request.code
    return None


def _choose(desk: Desk, digits: str) -> None:
    """Who told a number with these digits here lately."""
    desk.turn += 1
    found = recent.choices(desk, digits, desk.clock.now())
    if found is not None and (desk.current is None or desk.current.customer_id is None):
        _set(desk, found)
    else:
        desk.notice = "no_recent"


def _pick(desk: Desk, done: acts.Pick) -> None:
    current = desk.current
    if current is None or current.step != "pick" or done.row > len(current.picks):
        return
    customer_id = current.picks[done.row - 1].customer_id
    known = desk.known(customer_id)
    if known is None or known.customer.blocked:
        raise CheckoutRefused("the customer is not known here any more; type the whole number", code="unknown_customer")
    desk.turn += 1
    mask = known.customer.phone or known.customer.name
    now = desk.clock.now()
    identifying.attach(desk, customer_id, presented=False, mask=mask, partner="", receipt_uid=None, now=now)


def _other(desk: Desk, request: contract.IdentifyRequest) -> Offered | None:
    """Who the code is, when it is another customer than the one at the till, and one that may be taken."""
    if desk.current is None or desk.current.customer_id is None:
        return None
    recognised, known = identifying.look_up(desk, request)
    if known is None or recognised.identifier is None or known.customer.blocked:
        return None
    if known.customer.id == desk.knowledge.resolve(desk.current.customer_id):
        return None
    partner = recognised.partner if desk.partner_title(recognised.partner) else ""
    return Offered(
        customer_id=known.customer.id,
        mask=recognised.identifier.mask,
        presented=recognised.identifier.presented,
        partner=partner,
    )


# ── A key ───────────────────────────────────────────────────────────────────────────────────────


def act(desk: Desk, done: acts.Act) -> CodeQuestion | None:
    """The cashier did this; what the centre is to be asked beside, if anything. Raises CheckoutRefused."""
    does: Callable[[Desk, Any], CodeQuestion | None] = _DOES[type(done)]
    return does(desk, done)


def code_answered(desk: Desk, asked: CodeQuestion, answer: CodeAnswer | None) -> None:
    """The centre's word on a one-time code; a right one spends what the cashier asked for, once."""
    points = spend_proofs.answered(desk, asked, answer)
    if points is not False:
        _spend(desk, acts.Spend(points=points))


def _ask_code(desk: Desk, _: acts.AskCode) -> CodeQuestion | None:
    return spend_proofs.ask_code(desk)


def _try_code(desk: Desk, done: acts.TryCode) -> CodeQuestion | None:
    return spend_proofs.try_code(desk, done.code, done.points)


def _ask_spending(desk: Desk, _: acts.AskSpending) -> None:
    if desk.current is None or desk.current.customer_id is None or desk.current.step == "ask":
        return
    if limits.stands(desk.current):
        raise CheckoutRefused("a supervisor has to answer for this customer", code="needs_supervisor")
    _unit, most, has_receipt = wishes.spendable(desk)
    if not most:
        raise CheckoutRefused(
            "this receipt takes no points" if has_receipt else "there are no points to spend", code="nothing_to_spend"
        )
    _put(desk, step="redeem")


def _spend(desk: Desk, done: acts.Spend) -> None:
    current = desk.current
    if current is None or current.customer_id is None:
        raise CheckoutRefused("nobody is at the till whose points could be spent", code="no_customer")
    if limits.stands(current):
        raise CheckoutRefused("a supervisor has to answer for this customer", code="needs_supervisor")
    if not (spend_proofs.is_proven(current) or done.supervisor):
        raise CheckoutRefused("show the card or the app, or let a supervisor answer for it", code="needs_proof")
    unit, most, has_receipt = wishes.spendable(desk)
    if not most:
        raise CheckoutRefused("there are no points to spend", code="nothing_to_spend")
    # More than there is is no mistake: it is as much as there is.
    points = None if done.points is None or (done.points >= most and has_receipt) else min(done.points, most)
    others = wishes.PROOF_CODE if current.proven else wishes.PROOF_SUPERVISOR
    proof = wishes.PROOF_CARD if current.presented else others
    wish = Wish(unit=unit, proof=proof, points=points)
    if wish != current.wish:
        count(desk, "spend_wishes")
    _put(desk, step="", wish=wish)


def _answer_limit(desk: Desk, done: acts.AnswerLimit) -> None:
    current = desk.current
    if current is None or current.limit is None:
        return
    if current.limit.level == limits.HARD and not done.supervisor:
        raise CheckoutRefused("a supervisor has to answer for this customer", code="needs_supervisor")
    if not (done.answer or done.supervisor):
        raise CheckoutRefused("say why this customer is here so often", code="needs_reason", field="answer")
    count(desk, "limits_answered")
    _set(desk, replace(limits.answered(current, answer=done.answer, supervisor=done.supervisor), step=""))


def _drop_wish(desk: Desk, _: acts.DropWish) -> None:
    _put(desk, step="", wish=None)


def _start_joining(desk: Desk, _: acts.StartJoining) -> None:
    if desk.current is not None and desk.current.customer_id is not None:
        return
    if not desk.may_join:
        raise CheckoutRefused("nobody can join at this till yet: it has not met the centre", code="cannot_seal")
    if desk.current is None:
        _set(desk, Current(screen=Screen.IDLE.value, touched_at=desk.clock.now(), step="enrol"))
    elif desk.current.step != "enrol":
        _put(desk, step="enrol", ticked=())


def _tick(desk: Desk, done: acts.Tick) -> None:
    if desk.current is None or desk.current.step != "enrol":
        return
    known = {one.purpose for one in desk.rules.consents}
    others = tuple(one for one in desk.current.ticked if one != done.purpose)
    _put(desk, ticked=(*others, done.purpose) if done.given and done.purpose in known else others)


def _join(desk: Desk, done: acts.Join) -> None:
    current = desk.current
    if current is None or current.step != "enrol":
        return
    missing = [one.purpose for one in desk.rules.consents if one.required and one.purpose not in current.ticked]
    if missing:
        raise CheckoutRefused(f"without a yes to {missing[0]!r} nobody joins", code="needs_consent")
    phone = done.phone or desk.typed
    if not phone:
        raise CheckoutRefused("type the phone number", code="no_phone", field="phone")
    consents = tuple(
        ConsentGiven(
            purpose=one.purpose,
            text_version=one.version,
            channel=ConsentChannel.CASHIER,
            given=one.purpose in current.ticked,
        )
        for one in desk.rules.consents
    )
    answer = desk.enrol(contract.EnrolCustomerRequest(phone=phone, consents=consents))
    desk.typed = ""
    if answer.state is contract.EnrolState.ENROLLED:
        count(desk, "joined")
    desk.notice = {contract.EnrolState.ENROLLED: "joined", contract.EnrolState.KNOWN: "already_member"}.get(
        answer.state, ""
    )


def _refused(desk: Desk, _: acts.Refused) -> None:
    if desk.current is not None and desk.current.customer_id is not None:
        return
    count(desk, "would_not_join")
    desk.clear()
    desk.notice = "refusal_noted"


def _replace(desk: Desk, _: acts.ReplaceCustomer) -> None:
    offered = desk.current.offered if desk.current is not None else None
    if offered is None:
        return
    if desk.known(offered.customer_id) is None:
        raise CheckoutRefused("the customer is not known here any more; show the card again", code="unknown_customer")
    desk.turn += 1
    identifying.attach(
        desk,
        offered.customer_id,
        presented=offered.presented,
        mask=offered.mask,
        partner=offered.partner,
        receipt_uid=None,
        now=desk.clock.now(),
    )


def _back(desk: Desk, _: acts.Act) -> None:
    current = desk.current
    if current is None or not current.step:
        return
    if current.step in {"enrol", "pick"} and current.screen == Screen.IDLE.value and not current.partner:
        desk.clear()
        return
    _put(desk, step="", offered=None, ticked=(), vouched=False, number="")
    if limits.stands(desk.current):
        desk.notice = "limit_stands"


# ── Keeping ─────────────────────────────────────────────────────────────────────────────────────


def _put(desk: Desk, **changed: object) -> None:
    """The current customer, or verdict, with these fields changed."""
    if desk.current is not None:
        _set(desk, replace(desk.current, touched_at=desk.clock.now(), **changed))


def _set(desk: Desk, current: Current) -> None:
    with desk.store.transaction() as tx:
        write(tx, "desk", "current", current)
    desk.current = current
    desk.notice = ""


_DOES: Final[dict[type, Callable[..., CodeQuestion | None]]] = {
    acts.AnswerLimit: _answer_limit,
    acts.AskCode: _ask_code,
    acts.OpenCase: lambda desk, _: cases.open_case(desk),
    acts.LostCard: lambda desk, done: cases.lost_card(desk, supervisor=done.supervisor),
    acts.SamePerson: lambda desk, _: cases.same_person(desk),
    acts.Withdraw: lambda desk, done: cases.withdraw(desk, everything=done.everything),
    acts.Pick: _pick,
    acts.TryCode: _try_code,
    acts.AskSpending: _ask_spending,
    acts.Spend: _spend,
    acts.DropWish: _drop_wish,
    acts.StartJoining: _start_joining,
    acts.Tick: _tick,
    acts.Join: _join,
    acts.Refused: _refused,
    acts.ReplaceCustomer: _replace,
    acts.KeepCustomer: _back,
    acts.DropSale: lambda desk, _: by_hand.drop(desk),
    acts.Back: _back,
}

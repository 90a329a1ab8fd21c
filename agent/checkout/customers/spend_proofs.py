"""A one-time code as the proof that points are the customer's: what the panel asks for, what the centre's word does.

The till asks beside its own thread and never waits; another proof is good meanwhile. What is known of a code is kept
with the customer at the till, on disk: after a restart a code that was sent may still be typed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from agent.checkout.panel import wishes
from agent.checkout.records import CodeKept, Current, write
from agent.clock import uuid7
from agent.snapshot import CodeState, CodeView, LinkState
from drivers.vocabulary.errors import CheckoutRefused
from drivers.vocabulary.spend_codes import CodeSent, CodeTried, CodeVerdict, CodeWanted

if TYPE_CHECKING:
    from agent.checkout.state import DeskState

__all__ = ["CodeAnswer", "CodeQuestion", "answered", "ask_code", "can_ask", "code_view", "is_proven", "try_code"]

CodeQuestion = CodeWanted | CodeTried
CodeAnswer = CodeSent | CodeVerdict

NO_LINE: Final = "no_line"
#: What a centre says that cannot send codes at all; asked again after so long, for it may have learnt it.
NEVER: Final = frozenset({"no_sender", "no_such_route", "method_not_allowed"})
NEVER_FOR_S: Final = 3600.0
#: What becomes no better by asking again for this customer.
OVER: Final = frozenset({"no_phone", "no_mobile", "blocked", "unknown_customer"})


@dataclass(frozen=True, slots=True)
class _Place:
    """The customer at the till, who is on the screen where points are spent."""

    current: Current
    customer_id: str


def is_proven(current: Current | None) -> bool:
    """Whether it was shown that the points are this customer's."""
    return current is not None and (current.presented or current.proven)


def can_ask(desk: DeskState) -> bool:
    """Whether a code can be asked for: else the panel offers the other proofs only."""
    current = desk.current
    if not desk.rules.codes or desk.link is not LinkState.ONLINE or current is None or is_proven(current):
        return False
    if desk.codes_none_until_s > desk.clock.uptime_s():
        return False
    return current.code is None or current.code.reason not in OVER


def code_view(desk: DeskState) -> CodeView | None:
    """What the panel shows of the code under way."""
    code = desk.current.code if desk.current is not None else None
    if code is None:
        return None
    state = CodeState(code.state)
    if state in {CodeState.ASKING, CodeState.CHECKING} and code.boot != desk.clock.boot_id:
        state = CodeState.SENT if state is CodeState.CHECKING else CodeState.FAILED
    elif state is CodeState.SENT and code.expires_at is not None and desk.clock.now() >= code.expires_at:
        state = CodeState.FAILED
    return CodeView(
        state=state,
        reason=code.reason or ("expired" if state is CodeState.FAILED else ""),
        mask=code.mask,
        digits=code.digits,
        tries_left=code.tries_left,
        again_at=code.again_at.isoformat(timespec="seconds") if code.again_at is not None else "",
    )


def ask_code(desk: DeskState) -> CodeQuestion | None:
    """The cashier asks for a code; the question for the centre, or None when one is under way or was just sent."""
    place = _place(desk)
    if place is None or is_proven(place.current):
        return None
    if not can_ask(desk):
        raise CheckoutRefused("no code can be sent now; show the card, or ask a supervisor", code="no_code")
    seen = code_view(desk)
    now = desk.clock.now()
    before = place.current.code
    if seen is not None and before is not None:
        if seen.state in {CodeState.ASKING, CodeState.CHECKING}:
            return None
        if before.again_at is not None and now < before.again_at and seen.reason != NO_LINE:
            return None
    name = uuid7(now, desk.clock.random_bytes(10))
    _keep(desk, CodeKept(id=name, state=CodeState.ASKING.value, boot=desk.clock.boot_id))
    return CodeWanted(id=name, customer_id=place.customer_id, language=desk.rules.slip.language)


def try_code(desk: DeskState, typed: str, points: int | None) -> CodeQuestion | None:
    """The customer read a code out; the question for the centre. `points` is how many are spent when it is right."""
    place, seen = _place(desk), code_view(desk)
    if place is None or seen is None or place.current.code is None:
        raise CheckoutRefused("no code was sent to this customer", code="no_code")
    if seen.state is CodeState.CHECKING:
        return None
    if seen.state is not CodeState.SENT:
        raise CheckoutRefused("this code is not good any more; send another one", code="code_over")
    if not wishes.spendable(desk)[1]:
        raise CheckoutRefused("there are no points to spend", code="nothing_to_spend")
    kept = replace(place.current.code, state=CodeState.CHECKING.value, boot=desk.clock.boot_id, points=points)
    _keep(desk, replace(kept, reason=""))
    return CodeTried(id=kept.id, customer_id=place.customer_id, code=typed)


def answered(desk: DeskState, asked: CodeQuestion, answer: CodeAnswer | None) -> int | bool | None:
    """The centre's word is here, None when it could not be had; whether points are to be spent now, and how many.

    Returns:
        False: nothing more to do. None or a number: it was right while the cashier waited; spend as many.
    """
    current = desk.current
    if current is None or current.code is None or current.code.id != asked.id:
        return False  # the customer has gone, or another code is under way
    code = current.code
    if isinstance(asked, CodeWanted):
        _keep(desk, _sent(desk, code, answer if isinstance(answer, CodeSent) else None))
        return False
    verdict = answer if isinstance(answer, CodeVerdict) else CodeVerdict(reason=NO_LINE, tries_left=code.tries_left)
    if not verdict.is_right:
        is_over = verdict.reason in {"expired", "no_tries", "unknown"}
        state = CodeState.FAILED if is_over else CodeState.SENT
        _keep(desk, replace(code, state=state.value, reason=verdict.reason, tries_left=verdict.tries_left))
        return False
    _set(desk, replace(current, code=None, proven=True))
    return code.points if current.step == "redeem" else False


def _sent(desk: DeskState, code: CodeKept, sent: CodeSent | None) -> CodeKept:
    now = desk.clock.now()
    if sent is None:
        return replace(code, state=CodeState.FAILED.value, reason=NO_LINE)
    if sent.reason in NEVER:
        desk.codes_none_until_s = desk.clock.uptime_s() + NEVER_FOR_S
    again_at = now + timedelta(seconds=sent.again_s) if sent.again_s else None
    if sent.reason:
        return replace(code, state=CodeState.FAILED.value, reason=sent.reason, again_at=again_at)
    return replace(
        code,
        state=CodeState.SENT.value,
        mask=sent.mask,
        digits=sent.digits,
        expires_at=now + timedelta(seconds=sent.expires_s),
        again_at=again_at,
    )


def _place(desk: DeskState) -> _Place | None:
    current = desk.current
    if current is None or current.customer_id is None or current.step != "redeem":
        return None
    return _Place(current, current.customer_id)


def _keep(desk: DeskState, code: CodeKept) -> None:
    if desk.current is not None:
        _set(desk, replace(desk.current, code=code, touched_at=desk.clock.now()))


def _set(desk: DeskState, current: Current) -> None:
    with desk.store.transaction() as tx:
        write(tx, "desk", "current", current)
    desk.current = current
    desk.notice = ""

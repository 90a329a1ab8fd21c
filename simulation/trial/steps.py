"""What a POS is asked to do in a trial, and what is judged of it; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from simulation.trial.front import Exchange, Fate

__all__ = ["STEPS", "Step", "Verdict", "faults_of_any"]

OK: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a step came to so far.

    Attributes:
        is_done: the POS has done what was asked.
        faults: what it did wrong, each with what to do instead.
    """

    is_done: bool = False
    faults: tuple[str, ...] = ()


def _pass(_seen: Sequence[Exchange], _asked: Exchange) -> Fate:
    return Fate.PASS


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing to do at the POS.

    Attributes:
        title: in a few words.
        ask: what to do, for whoever stands at the POS.
        judge: what the calls since the step began show.
        fate: what becomes of a call.
        has_line: whether the centre can be reached.
    """

    title: str
    ask: str
    judge: Callable[[Sequence[Exchange]], Verdict]
    fate: Callable[[Sequence[Exchange], Exchange], Fate] = _pass
    has_line: bool = True


# ── What is wrong in any step ───────────────────────────────────────────────────────────────────


def faults_of_any(seen: Sequence[Exchange]) -> tuple[str, ...]:
    """Calls that the agent refused, receipts under two names, bodies that changed under one."""
    return tuple(dict.fromkeys([*_refused(seen), *_two_names(seen)]))


def _refused(seen: Sequence[Exchange]) -> Iterator[str]:
    for one in seen:
        if one.status < 400 or one.status == 503:
            continue
        code, field_, message = (str(one.answer.get(key, "")) for key in ("code", "field", "message"))
        where = f" at {field_}" if field_ else ""
        yield f"{one.path} was answered {one.status} {code}{where}: {message}"


def _two_names(seen: Sequence[Exchange]) -> Iterator[str]:
    """The same goods confirmed under another uid right after an answer was lost."""
    lost: Exchange | None = None
    for one in seen:
        if one.call != "confirm":
            continue
        if lost is not None and one.uid != lost.uid and _content(one) == _content(lost):
            yield (
                f"after a lost answer receipt {lost.uid} was confirmed again as {one.uid}; "
                "a receipt keeps its uid for ever, and the same call is repeated"
            )
            lost = None
        if one.fate is not Fate.PASS:
            lost = one
        elif lost is not None and one.uid == lost.uid:
            lost = None


def _content(one: Exchange) -> object:
    receipt = one.body.get("receipt")
    return (receipt.get("total"), receipt.get("lines")) if isinstance(receipt, dict) else None


# ── Steps ───────────────────────────────────────────────────────────────────────────────────────


def _closed(seen: Sequence[Exchange], call: str = "confirm") -> list[Exchange]:
    return [one for one in seen if one.call == call and one.status == OK and one.fate is Fate.PASS]


def _nobody(seen: Sequence[Exchange]) -> Verdict:
    done = _closed(seen)
    named = [one for one in done if one.answer.get("customer_id")]
    faults = ["the sale was somebody's; cancel what was begun, and sell to nobody"] if named else []
    return Verdict(is_done=bool(done) and not named, faults=tuple(faults))


def _member(seen: Sequence[Exchange]) -> Verdict:
    return _sold(seen, wants_points=False)


def _points(seen: Sequence[Exchange]) -> Verdict:
    return _sold(seen, wants_points=True)


def _sold(seen: Sequence[Exchange], *, wants_points: bool) -> Verdict:
    """A sale to a member at the price that was quoted."""
    faults: list[str] = []
    is_done = False
    for one in _closed(seen):
        if not one.answer.get("customer_id"):
            faults.append(f"receipt {one.uid} is nobody's: identify with receipt_uid, or name customer_id in confirm")
        elif not any(each.call == "quote" and each.uid == one.uid and each.status == OK for each in seen):
            faults.append(f"receipt {one.uid} was confirmed and never quoted; ask what it costs before it is paid")
        elif one.answer.get("difference"):
            faults.append(
                f"receipt {one.uid} was charged {one.answer['difference']} more (or less) than quoted; "
                "take lines[].discount off each line and charge `payable`"
            )
        elif wants_points and not _spent(one):
            faults.append(f"no points were spent on receipt {one.uid}; send points or points_max with the quote")
        else:
            is_done = True
    return Verdict(is_done=is_done, faults=tuple(faults))


def _spent(one: Exchange) -> bool:
    decision = one.answer.get("decision")
    effects = decision.get("effects", ()) if isinstance(decision, dict) else ()
    return any(each.get("effect") == "points_spent" and each.get("amount") for each in effects)


def _lose_first(call: str) -> Callable[[Sequence[Exchange], Exchange], Fate]:
    def fate(seen: Sequence[Exchange], asked: Exchange) -> Fate:
        was_lost = any(one.call == call and one.fate is Fate.LOSE for one in seen)
        return Fate.LOSE if asked.call == call and not was_lost else Fate.PASS

    return fate


def _repeated(call: str) -> Callable[[Sequence[Exchange]], Verdict]:
    def judge(seen: Sequence[Exchange]) -> Verdict:
        lost = next((one for one in seen if one.call == call and one.fate is Fate.LOSE), None)
        if lost is None:
            return Verdict()
        again = [one for one in _closed(seen, call) if one.uid == lost.uid]
        differ = [one for one in seen if one.uid == lost.uid and one.answer.get("code") == "different_body"]
        faults = (
            [f"receipt {lost.uid} was sent again with another content; repeat the very same body"] if differ else []
        )
        return Verdict(is_done=bool(again), faults=tuple(faults))

    return judge


REFUSALS: Final = 3  # calls until the agent is "back"


def _refuse_some(seen: Sequence[Exchange], asked: Exchange) -> Fate:
    del asked
    return Fate.REFUSE if sum(one.fate is Fate.REFUSE for one in seen) < REFUSALS else Fate.PASS


def _caught_up(seen: Sequence[Exchange]) -> Verdict:
    refused = {one.uid for one in seen if one.fate is Fate.REFUSE and one.call == "confirm"}
    return Verdict(is_done=any(one.uid in refused or not refused for one in _closed(seen)))


def _cancelled(seen: Sequence[Exchange]) -> Verdict:
    quoted = {one.uid for one in seen if one.call == "quote" and one.status == OK}
    done = any(one.call == "cancel" and one.status == OK and one.uid in quoted for one in seen)
    sold = [one.uid for one in _closed(seen) if one.uid in quoted]
    faults = [f"receipt {uid} was confirmed, and it was to be cancelled" for uid in sold]
    return Verdict(is_done=done, faults=tuple(faults))


def _taken_back(seen: Sequence[Exchange]) -> Verdict:
    faults: list[str] = []
    is_done = False
    for one in _closed(seen, "refund"):
        if one.answer.get("settled_by_centre"):
            faults.append(
                f"return {one.uid} names no sale that is known here; put the sale's uid into receipt.base_uid"
            )
        else:
            is_done = True
    return Verdict(is_done=is_done, faults=tuple(faults))


STEPS: Final = (
    Step(title="a sale to nobody", ask="Sell two articles to a customer without a card.", judge=_nobody),
    Step(
        title="a sale to a member",
        ask="Sell for about 1 000 to the member +7 900 000-00-00 (card 2900000000001). 5 % comes off.",
        judge=_member,
    ),
    Step(title="points", ask="Sell for about 1 000 to the same member and spend 50 points.", judge=_points),
    Step(
        title="the answer to confirm is lost",
        ask="Sell once more to the member. The first answer to confirm will not come: the POS repeats the same call.",
        judge=_repeated("confirm"),
        fate=_lose_first("confirm"),
    ),
    Step(
        title="the answer to a quote is lost",
        ask="Sell once more to the member. The first answer to the quote will not come: the POS asks again.",
        judge=_repeated("quote"),
        fate=_lose_first("quote"),
    ),
    Step(
        title="the agent is away",
        ask=(
            f"Sell to anybody. The first {REFUSALS} calls find no agent: the sale goes on at once without loyalty, "
            "and the POS sends confirm as soon as the agent is there again."
        ),
        judge=_caught_up,
        fate=_refuse_some,
    ),
    Step(
        title="no line to the centre",
        ask="The line is cut now. Sell to the member once more: nothing should be different.",
        judge=_member,
        has_line=False,
    ),
    Step(
        title="a sale that is given up", ask="Begin a sale to the member, quote it, and give it up.", judge=_cancelled
    ),
    Step(title="a part comes back", ask="Take back one article of the member's last sale.", judge=_taken_back),
)

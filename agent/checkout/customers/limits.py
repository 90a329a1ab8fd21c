"""Limits against misuse of cards, from what this till has seen itself: they hold without a line, and stop no sale.

Soft: the cashier is asked why; without an answer the receipt counts all the same, and the centre is told that there
was none. Hard: a supervisor answers for it, or the receipt is nobody's and its claim code lets a person settle it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from agent.checkout.records import Current, LimitKept, Pace, Visit, read, read_all, write
from agent.snapshot import LimitView
from drivers.vocabulary.facts import LimitMet

if TYPE_CHECKING:
    from agent.checkout.state import DeskState
    from drivers.vocabulary.receipt import Receipt
    from offline_queue.transaction import Transaction

__all__ = [
    "ANSWERS",
    "HARD",
    "SOFT",
    "LimitRules",
    "answered",
    "forget_old",
    "limit_of",
    "limit_view",
    "met",
    "note_visit",
    "stands",
]

SOFT: Final = "soft"
HARD: Final = "hard"
#: What a cashier may say; the panel has words for each.
ANSWERS: Final = ("several", "family", "other")

TILL: Final = "till"
HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(hours=24)
KEPT: Final = timedelta(days=30)  # how far back a customer's usual cashier is looked for
VISITS_MAX: Final = 60  # of one customer; more are misuse in any case
TILL_VISITS_MAX: Final = 300  # an hour of the busiest till
OTHERS_LEAST: Final = 0.2  # where fewer receipts are other cashiers', there is one cashier and nothing to see


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitRules:
    """How many is too many; 0 is no limit.

    Attributes:
        card_hour: receipts of one customer at this till in an hour, this one included.
        card_day: the same in 24 hours.
        card_day_hard: likewise, and a supervisor is asked for.
        cashier_share: percent of a customer's receipts that one cashier made, from `cashier_share_from` receipts on,
            where others work at this till too.
        till_typed: receipts of customers in an hour who only told a number, at this till.
        cashier_typed: the same, by one cashier.
    """

    card_hour: int = 0
    card_day: int = 0
    card_day_hard: int = 0
    cashier_share: int = 0
    cashier_share_from: int = 5
    till_typed: int = 0
    cashier_typed: int = 0


def limit_of(desk: DeskState, customer_id: str, *, presented: bool, now: datetime) -> LimitKept | None:
    """The limit that this customer's receipt would meet now; hard before soft."""
    rules = desk.rules.limits
    theirs = _pace(desk, f"customer/{customer_id}").visits
    if rules.card_day_hard and _since(theirs, now - DAY) + 1 > rules.card_day_hard:
        return LimitKept(limit="card_day", count=_since(theirs, now - DAY) + 1, level=HARD)
    found = _of_customer(rules, theirs, now)
    if found is None and not presented:
        found = _of_typed(rules, _pace(desk, TILL).visits, now)
    if found is None and rules.cashier_share:
        found = _of_cashier(rules, theirs, _pace(desk, TILL).visits, now)
    return found


def _of_customer(rules: LimitRules, theirs: Sequence[Visit], now: datetime) -> LimitKept | None:
    for name, most, age in (("card_hour", rules.card_hour, HOUR), ("card_day", rules.card_day, DAY)):
        count = _since(theirs, now - age) + 1
        if most and count > most:
            return LimitKept(limit=name, count=count, level=SOFT)
    return None


def _of_typed(rules: LimitRules, here: Sequence[Visit], now: datetime) -> LimitKept | None:
    typed = [one for one in here if one.at > now - HOUR and not one.presented]
    if rules.till_typed and len(typed) + 1 > rules.till_typed:
        return LimitKept(limit="till_typed", count=len(typed) + 1, level=SOFT)
    last = here[-1].cashier if here else ""
    by_one = sum(one.cashier == last for one in typed) + 1
    if rules.cashier_typed and last and by_one > rules.cashier_typed:
        return LimitKept(limit="cashier_typed", count=by_one, level=SOFT)
    return None


def _of_cashier(rules: LimitRules, theirs: Sequence[Visit], here: Sequence[Visit], now: datetime) -> LimitKept | None:
    named = [one.cashier for one in theirs if one.cashier and one.at > now - KEPT]
    if len(named) < rules.cashier_share_from:
        return None
    cashier, count = Counter(named).most_common(1)[0]
    all_named = [one.cashier for one in here if one.cashier]
    others = sum(one != cashier for one in all_named)
    has_others = bool(all_named) and others >= OTHERS_LEAST * len(all_named)
    if has_others and here[-1].cashier == cashier and 100 * count >= rules.cashier_share * len(named):
        return LimitKept(limit="cashier_share", count=count, level=SOFT)
    return None


def stands(current: Current | None) -> bool:
    """Whether a hard limit keeps the customer at the till from counting: no supervisor has answered for it."""
    limit = current.limit if current is not None else None
    return limit is not None and limit.level == HARD and not limit.supervisor


def limit_view(current: Current | None) -> LimitView | None:
    """What the panel shows."""
    limit = current.limit if current is not None else None
    if limit is None:
        return None
    return LimitView(
        limit=limit.limit,
        count=limit.count,
        is_hard=limit.level == HARD,
        is_answered=bool(limit.answer) or limit.supervisor,
    )


def met(desk: DeskState, receipt: Receipt, customer_id: str | None) -> LimitMet | None:
    """What the centre is told with a receipt that is closed now; `customer_id` None is one a hard limit kept away."""
    current = desk.current
    if current is None or current.limit is None or current.customer_id is None:
        return None
    if customer_id not in {None, current.customer_id}:
        return None
    limit = current.limit
    return LimitMet(
        customer_id=current.customer_id,
        receipt_uid=receipt.uid,
        limit=limit.limit,
        count=limit.count,
        level="hard" if limit.level == HARD else "soft",
        answer=limit.answer,
        supervisor=limit.supervisor,
        cashier=receipt.cashier,
    )


def note_visit(
    desk: DeskState, tx: Transaction, customer_id: str, *, cashier: str, presented: bool, now: datetime
) -> None:
    """One more receipt of a customer, inside the caller's transaction."""
    visit = Visit(at=now, cashier=cashier, presented=presented)
    for key, most, kept in ((f"customer/{customer_id}", VISITS_MAX, KEPT), (TILL, TILL_VISITS_MAX, DAY)):
        before = [one for one in _pace(desk, key).visits if one.at > now - kept]
        write(tx, "pace", key, Pace(visits=(*before, visit)[-most:]))


def forget_old(desk: DeskState, now: datetime) -> list[str]:
    """Customers who were not here for long; keys of their documents."""
    return [key for key, pace in read_all(desk.store, "pace", Pace) if all(one.at <= now - KEPT for one in pace.visits)]


def answered(current: Current, *, answer: str, supervisor: bool) -> Current:
    """The same with an answer; a hard limit takes a supervisor's only."""
    limit = current.limit
    if limit is None:
        return current
    return replace(current, limit=replace(limit, answer=answer, supervisor=supervisor))


def _pace(desk: DeskState, key: str) -> Pace:
    return read(desk.store, "pace", key, Pace) or Pace()


def _since(visits: Sequence[Visit], moment: datetime) -> int:
    return sum(one.at > moment for one in visits)

"""The plain lines of cases about counters, limits, personal offers, partners, referral and donation.

    counter month_spent: money month          offer favourite          partner azs
    more: 5 % off | counter month_spent from 5000 below 9000
    staff: 30 % off | limit staff_day most 1000
    mine: 20 % off | offer favourite | offered
    bring: thanks friends 50 and 100 bonus on purchase 1
    help: donates bonus to Shelter | step 10

and of the customer: "counter month_spent 3200 until 2026-12-01 00:00", "offer favourite for milk, tea until …".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from agent.loyalty import Programme, RefundEffect
from drivers.vocabulary.customer import CounterFact, OfferFact
from drivers.vocabulary.decision import Counted, Decision, GiftDue, GiftKind, PointsDonated, PointsGranted
from drivers.vocabulary.money import Money

Points = Callable[[int, str], str]


def declared(file: dict[str, Any], line: str) -> bool:
    """A line that declares a counter, an offer or a partner; False when it is none of them."""
    word, _, rest = line.partition(" ")
    if word == "counter":
        name, of, period = rest.replace(":", "").split()
        file.setdefault("counters", {})[name] = {"of": of, "period": period}
    elif word in ("offer", "partner"):
        name, _, title = rest.partition(" ")
        file.setdefault(f"{word}s", {})[name] = {"title": title} if title else {}
    else:
        return False
    return True


def phrase(text: str) -> dict[str, Any] | None:
    """A referral or a donation; None when it is neither."""
    if found := re.fullmatch(r"thanks friends ([\d.]+) and ([\d.]+) (\w+)(?: on purchase (\d+))?", text):
        purchase = {"purchase": int(found[4])} if found[4] else {}
        return {"kind": "referral", "points": found[1], "friend_points": found[2], "unit": found[3], **purchase}
    if found := re.fullmatch(r"donates (\w+) to (.+)", text):
        return {"kind": "donate_points", "unit": found[1], "fund": found[2]}
    return None


def modified(rule: dict[str, Any], word: str, rest: str) -> bool:
    """A condition or a limit; False when it is none of these."""
    when = rule["when"]
    if word == "counter":
        name, *words = rest.split()
        values = dict(zip(words[::2], words[1::2], strict=True))
        when.setdefault("counters", []).append({"counter": name, **values})
    elif word == "limit":
        name, *words = rest.split()
        rule["limit"] = {"counter": name, **({"most": words[1]} if words else {})}
    elif word == "offer":
        when["offers"] = [rest]
    elif word == "offered":
        rule["lines"]["offered"] = True
    elif word == "partner":
        when["partners"] = [rest]
    elif word == "gives":
        rule["gives"] = rest
    elif word == "most":
        rule["most"] = rest
    else:
        return False
    return True


def known(named: dict[str, Any], text: str, programme: Programme, zone: ZoneInfo) -> bool:
    """A counter or an offer of the customer; False when it is neither."""
    if found := re.fullmatch(r"counter (\S+) ([\d.]+)(?: until ([\d-]+ [\d:]+))?", text):
        counter = programme.compiled.personal.counters.known[found[1]]
        value = Money.of(found[2], programme.currency).minor if counter.in_money else int(found[2])
        until = _local(found[3], zone)
        named["counters"] = {**named.get("counters", {}), found[1]: CounterFact(value=value, until=until)}
        return True
    at = r"offer (\S+)(?: for (.+?))?(?: from ([\d-]+ [\d:]+))?(?: until ([\d-]+ [\d:]+))?(?: priority (\d+))?"
    if found := re.fullmatch(at, text):
        fact = OfferFact(
            offer=found[1],
            products=tuple(found[2].split(", ")) if found[2] else (),
            valid_from=_local(found[3], zone),
            valid_until=_local(found[4], zone),
            priority=int(found[5] or 0),
        )
        named["offers"] = (*named.get("offers", ()), fact)
        return True
    return False


def _local(text: str | None, zone: ZoneInfo) -> datetime | None:
    return datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=zone) if text else None


def told_personal(decision: Decision, programme: Programme, points: Points) -> list[str]:
    """What the friend gets, what was donated, services and tickets, and what was counted."""
    zone = ZoneInfo(programme.file.zone)
    said: list[str] = []
    for effect in decision.effects:
        if isinstance(effect, PointsGranted):
            end = f" until {effect.expires_at.astimezone(zone):%Y-%m-%d %H:%M}" if effect.expires_at else ""
            said.append(f"grants {points(effect.amount, effect.unit)} to {effect.customer}{end}")
        elif isinstance(effect, PointsDonated):
            said.append(f"donates {points(effect.amount, effect.unit)} to {effect.fund}")
        elif isinstance(effect, Counted):
            end = f" until {effect.until.astimezone(zone):%Y-%m-%d %H:%M}" if effect.until else ""
            said.append(f"counts {effect.counter} {_amount(programme, effect)}{end}")
    return said


def _amount(programme: Programme, effect: Counted) -> str:
    counter = programme.compiled.personal.counters.known[effect.counter]
    return Money(effect.amount, programme.currency).amount if counter.in_money else str(effect.amount)


def gift_word(effect: GiftDue) -> str:
    """What is handed out, when it is no goods."""
    return "" if effect.kind is GiftKind.PRODUCT else f"{effect.kind.value} "


def told_return(effect: RefundEffect, programme: Programme, points: Points) -> list[str]:
    """What a return undoes beside points."""
    parts = [f"takes back {points(one.amount, one.unit)} of {one.customer}" for one in effect.granted_taken_back]
    parts += [f"uncounts {one.counter} {_amount(programme, one)}" for one in effect.counted_back]
    parts += [f"makes coupon {code} good again" for code in effect.coupons_back]
    parts += [f"takes coupon {code} away" for code in effect.coupons_void]
    parts += [f"takes {one.days} days" for one in effect.memberships_back]
    return parts + [f"refills {one.code} {one.amount.amount}" for one in effect.certificates]

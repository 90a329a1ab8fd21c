"""What else a sale did, as lines: discounts by rule, coupons, gifts, memberships, certificates, counters, next tier."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta, tzinfo
from typing import Any, Final

from msgspec import Struct

from agent.slips.names import SlipNames
from agent.slips.text import BARCODE, WRAPPED, date_text, form, group_digits, mask_code, money_text, points_text, words
from drivers.vocabulary.decision import (
    POINTS_RULE,
    CertificateUsed,
    CouponIssued,
    CouponUsed,
    Decision,
    GiftDue,
    LineDiscount,
    MembershipGranted,
    PointsGranted,
)
from drivers.vocabulary.money import Money

__all__ = ["happenings", "taken_off"]

_MOMENT: Final = timedelta(microseconds=1)  # "over from midnight on" is "through the day before"


class _Told(Struct, frozen=True, kw_only=True):
    """What every line needs."""

    say: dict[str, str]
    language: str
    names: SlipNames
    zone: tzinfo


def taken_off(decision: Decision, names: SlipNames, language: str) -> list[str]:
    """Each rule that took money off, by its name, with the amount."""
    off: dict[str, Money] = {}
    for effect in decision.effects:
        if isinstance(effect, LineDiscount) and effect.rule != POINTS_RULE and effect.amount:
            before = off.get(effect.rule)
            off[effect.rule] = effect.amount if before is None else before + effect.amount
    return [f"{names.rule(rule)}\t-{money_text(amount, language)}" for rule, amount in off.items()]


def happenings(decision: Decision, names: SlipNames, language: str, zone: tzinfo, counted: dict[str, int]) -> list[str]:
    """Everything that is neither points of the customer nor a discount, in the order in which the engine did it.

    `counted` is what each counter holds now; a counter is printed when this sale moved it.
    """
    told = _Told(say=words(language), language=language, names=names, zone=zone)
    lines: list[str] = []
    for effect in decision.effects:
        write = _WRITERS.get(type(effect))
        if write is not None:
            lines += write(told, effect)
    lines += _counters(told, decision, counted)
    return lines + _next_tier(told, decision)


def _coupon_used(told: _Told, effect: CouponUsed) -> list[str]:
    return [WRAPPED + told.say["coupon_used"].format(title=told.names.coupons.get(effect.coupon, effect.coupon))]


def _coupon_issued(told: _Told, effect: CouponIssued) -> list[str]:
    """Title, what it does, when, and the code in full: a till's text carries no bar code, so the cashier types it."""
    title = told.names.coupons.get(effect.coupon, effect.coupon)
    lines = [WRAPPED + told.say["coupon_issued"].format(title=title)]
    lines += [WRAPPED + sentence for sentence in told.names.conditions.get(effect.coupon, ())]
    since = date_text(effect.valid_from, told.zone, told.language) if effect.valid_from is not None else ""
    until = date_text(effect.valid_until - _MOMENT, told.zone, told.language) if effect.valid_until is not None else ""
    word = {(True, True): "coupon_from_until", (True, False): "coupon_from", (False, True): "coupon_until"}
    key = word.get((bool(since), bool(until)))
    if key is not None:
        lines.append(WRAPPED + told.say[key].format(since=since, until=until))
    return [*lines, WRAPPED + told.say["coupon_code"].format(code=effect.code), BARCODE + effect.code]


def _gift(told: _Told, effect: GiftDue) -> list[str]:
    kind = effect.kind.value
    count = form(told.say[f"count_{kind}"], effect.count, told.language).format(
        count=group_digits(effect.count, told.language)
    )
    return [f"{told.say[f'gift_{kind}'].format(gift=effect.gift)}\t{count}"]


def _membership(told: _Told, effect: MembershipGranted) -> list[str]:
    return [told.say["membership"].format(date=date_text(effect.until - _MOMENT, told.zone, told.language))]


def _certificate(told: _Told, effect: CertificateUsed) -> list[str]:
    label = told.say["certificate"].format(code=mask_code(effect.code))
    lines = [f"{label}\t-{money_text(effect.amount, told.language)}"]
    if effect.left:
        lines.append(f"{told.say['certificate_left']}\t{money_text(effect.left, told.language)}")
    if effect.burned:
        lines.append(f"{told.say['certificate_burned']}\t{money_text(effect.burned, told.language)}")
    return lines


def _friend(told: _Told, effect: PointsGranted) -> list[str]:
    if not effect.amount:
        return []
    exponent = told.names.unit(effect.unit).exponent
    whole = effect.amount // 10**exponent
    points = points_text(effect.amount, exponent, told.language)
    return [WRAPPED + form(told.say["friend"], whole, told.language).format(points=points)]


def _counters(told: _Told, decision: Decision, counted: dict[str, int]) -> list[str]:
    """Counters the programme has a name for, with what they hold now."""
    lines = []
    for name, value in counted.items():
        counter = told.names.counters.get(name)
        if counter is None:
            continue
        shown = group_digits(value, told.language)
        if counter.in_money:
            shown = money_text(decision.total.with_minor(value), told.language)
        lines.append(f"{counter.title}\t{shown}")
    return lines


def _next_tier(told: _Told, decision: Decision) -> list[str]:
    """How far the next level is: the one hint that still helps when the receipt is closed."""
    for hint in decision.hints:
        if hint.code != "to_tier":
            continue
        have, need, missing = (
            money_text(Money.parse(hint.values[word]), told.language) for word in ("have", "need", "missing")
        )
        said = told.say["to_tier"].format(tier=hint.values.get("tier", ""), have=have, need=need)
        return [WRAPPED + said, f"{told.say['missing']}\t{missing}"]
    return []


_WRITERS: Final[dict[type, Callable[[_Told, Any], list[str]]]] = {
    CouponUsed: _coupon_used,
    CouponIssued: _coupon_issued,
    GiftDue: _gift,
    MembershipGranted: _membership,
    CertificateUsed: _certificate,
    PointsGranted: _friend,
}

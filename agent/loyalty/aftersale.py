"""After the sale: gifts for money spent, coupons for the next purchase, surprises, memberships bought."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Final

from agent.loyalty.days import local_time, midnight_after
from agent.loyalty.gates import Selector
from agent.loyalty.rules import DonatePoints, Gift, IssueCoupon, MembershipSale, Referral, Rule
from agent.loyalty.sale import Rejection, Sale
from drivers.vocabulary.decision import CouponIssued, GiftDue, GiftKind, MembershipGranted

__all__ = ["AFTER_SALE", "UNGROUPED", "AfterStep", "apply_after_sale", "build_after"]

AFTER_SALE: Final = (Gift, IssueCoupon, MembershipSale)
#: Every rule of these acts by itself.
UNGROUPED: Final = (*AFTER_SALE, Referral, DonatePoints)

CODE_LETTERS: Final = 16  # 80 bits: nobody guesses one, and it prints as a short Code 128
_DRAW_BYTES: Final = 8
_GIFT_SAID: Final = {
    GiftKind.PRODUCT: "gift_due",
    GiftKind.SERVICE: "service_due",
    GiftKind.TICKET: "ticket_due",
}

AfterEffect = GiftDue | CouponIssued | MembershipGranted


@dataclass(frozen=True, slots=True)
class AfterStep:
    """A compiled rule; `act` gives its effect for the lines it means, or why there is none."""

    id: str
    where: Selector
    wants_customer: bool
    act: Callable[[Sale, tuple[int, ...]], AfterEffect | Rejection]


def apply_after_sale(sale: Sale, steps: Sequence[AfterStep]) -> list[AfterEffect]:
    """What each rule gives, in order."""
    given: list[AfterEffect] = []
    for step in steps:
        if step.wants_customer and sale.customer is None:
            sale.rejected(step.id, Rejection("no_customer"))
            continue
        lines = step.where.lines(sale, sale.after)
        effect = lines if isinstance(lines, Rejection) else step.act(sale, lines)
        if isinstance(effect, Rejection):
            sale.rejected(step.id, effect)
        else:
            given.append(effect)
            _say(sale, step.id, effect)
    return given


def _say(sale: Sale, rule: str, effect: AfterEffect) -> None:
    if isinstance(effect, GiftDue):
        sale.applied(rule, _GIFT_SAID[effect.kind], gift=effect.gift, count=str(effect.count))
    elif isinstance(effect, CouponIssued):
        sale.applied(rule, "coupon_issued", serial=effect.code)
    else:
        sale.applied(rule, "membership_granted", until=effect.until.date().isoformat())


def build_after(rule: Rule, where: Selector, zone: tzinfo) -> AfterStep | None:
    """The step of a rule that acts after the sale; None for any other."""
    if isinstance(rule, Gift):
        return AfterStep(rule.id, where, wants_customer=False, act=_gift(rule))
    if isinstance(rule, IssueCoupon):
        return AfterStep(rule.id, where, wants_customer=rule.draw is not None, act=_issue(rule, zone))
    if isinstance(rule, MembershipSale):
        return AfterStep(rule.id, where, wants_customer=True, act=_membership(rule, zone))
    return None


def _gift(rule: Gift) -> Callable[[Sale, tuple[int, ...]], AfterEffect | Rejection]:
    """One for every full amount of what these goods cost in the end, or one for the receipt."""

    def act(sale: Sale, lines: tuple[int, ...]) -> AfterEffect | Rejection:
        count = 1
        if rule.per is not None:
            have = sum(sale.left[i] for i in lines)
            count = have // rule.per.minor
            if not count:
                return Rejection("gift_not_yet", {"missing": str(sale.money(rule.per.minor - have))})
        if rule.most is not None:
            count = min(count, rule.most)
        return GiftDue(rule=rule.id, gift=rule.gift, count=count * rule.count, kind=rule.gives)

    return act


def _issue(rule: IssueCoupon, zone: tzinfo) -> Callable[[Sale, tuple[int, ...]], AfterEffect | Rejection]:
    """A coupon for a later purchase; a drawn one is of the customer and the day, so that asking again is the same."""
    draw = rule.draw

    def act(sale: Sale, _lines: tuple[int, ...]) -> AfterEffect | Rejection:
        if draw is None:
            digest = hashlib.sha256(f"coupon|{sale.uid}|{rule.id}".encode()).digest()
        else:
            who = sale.customer.id if sale.customer is not None else ""
            digest = hmac.digest(draw.key.encode(), f"draw|{rule.id}|{who}|{sale.day}".encode(), hashlib.sha256)
            # 2^64 is not a multiple of every `one_in`; the unevenness is below one in 10^16.
            if int.from_bytes(digest[:_DRAW_BYTES]) % draw.one_in:
                return Rejection("not_drawn")
            digest = digest[_DRAW_BYTES:]
        code = base64.b32encode(digest).decode()[:CODE_LETTERS]
        if sale.customer is not None and any(held.code == code for held in sale.customer.coupons):
            # Drawn on an earlier receipt of the day: it is theirs already, and no return of this one takes it away.
            return Rejection("coupon_held")
        start = midnight_after(sale.day, rule.active_after_days, zone) if rule.active_after_days else None
        end = None if rule.expires_after_days is None else midnight_after(sale.day, rule.expires_after_days + 1, zone)
        return CouponIssued(code=code, coupon=rule.coupon, rule=rule.id, valid_from=start, valid_until=end)

    return act


def _membership(rule: MembershipSale, zone: tzinfo) -> Callable[[Sale, tuple[int, ...]], AfterEffect | Rejection]:
    """So many days for each piece bought, from today or from where the running membership ends."""

    def act(sale: Sale, lines: tuple[int, ...]) -> AfterEffect | Rejection:
        bought = [i for i in lines if sale.memberships >> i & 1]
        pieces = sum(sale.quantities[i] for i in bought) // 1_000_000
        if not pieces:
            return Rejection("no_membership_bought")
        day = sale.day
        until = sale.customer.membership_until if sale.customer is not None else None
        if until is not None and until > sale.instant:
            local = local_time(until, zone)
            # Memberships end at a midnight, so the next one begins with the day that begins there.
            day = local.date() if local is not None else day
        end: datetime | None = midnight_after(day, rule.days * pieces, zone)
        if end is None:
            return Rejection("time_out_of_range")
        return MembershipGranted(rule=rule.id, days=rule.days * pieces, until=end, before=until)

    return act
